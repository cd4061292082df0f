/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step from root to an account is made to fail, or to do nothing and say that it was done: the
 * program is never executed, and the reason names the step.
 *
 * A filter of system calls, in a process of its own for each case, gives the answer in the place of
 * the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"

#include "guardian/start.h"
#include "testing.h"

#define NOBODY 65534

struct row {
    long call;
    int error;          /* its answer; 0: "done", and nothing was */
    const char *reason; /* NULL: it is executed */
};

static const struct row rows[] = {
    {-1, 0, NULL},
    {SYS_setgroups, EPERM, "setgroups: Operation not permitted"},
    {SYS_setgroups, ENOMEM, "setgroups: Cannot allocate memory"},
    {SYS_setresgid, EPERM, "setgid: Operation not permitted"},
    {SYS_setresuid, EPERM, "setuid: Operation not permitted"},
    {SYS_setresuid, EAGAIN, "setuid: Resource temporarily unavailable"},
    {SYS_setgroups, 0, "setgroups had no effect: Operation not permitted"},
    {SYS_setresgid, 0, "setgid had no effect: Operation not permitted"},
    {SYS_setresuid, 0, "setuid had no effect: Operation not permitted"},
    {SYS_setuid, 0, "giving up root: Operation not permitted"},
    {SYS_setgid, 0, "giving up root: Operation not permitted"},
    {SYS_capget, EINVAL, "giving up root: Operation not permitted"},
    {SYS_getgroups, EPERM, "setgroups had no effect: Operation not permitted"},
    {SYS_getresuid, EPERM, "setuid had no effect: Operation not permitted"},
    {SYS_getresgid, EPERM, "setgid had no effect: Operation not permitted"},
    {SYS_prctl, EINVAL, "no_new_privs: Invalid argument"},
    {SYS_prctl, 0, "no_new_privs had no effect: Operation not permitted"},
    {SYS_close_range, ENOSYS, "closing descriptors: Function not implemented"},
};

/* Answers `call` in the kernel's place. */
static bool deceive(long call, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static gid_t groups[] = {NOBODY};
static gid_t scratch[1];

static struct account other_account(void)
{
    return (struct account){.name = (char[]){"nobody"},
                            .home = (char[]){"/"},
                            .uid = NOBODY,
                            .gid = NOBODY,
                            .groups = groups,
                            .scratch = scratch,
                            .group_count = 1};
}

/* Executes `line` as an account; its first word on standard output, or why it was not. */
static void start_line(const struct account *account, const char *line, bool may_gain,
                       char answer[512])
{
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)line, NULL};
    char *envp[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};
    const struct program program = {.path = "/bin/sh", .argv = argv, .envp = envp};
    const struct rlimit nofile = {.rlim_cur = 256, .rlim_max = 256};
    struct start start = {.program = &program,
                          .account = account,
                          .directory = "/",
                          .may_gain = may_gain,
                          .file_fd = -1,
                          .born_in = -1};
    struct starter starter;
    struct process process;
    struct err err = {0};
    int ends[2];
    ssize_t length;

    memset(answer, 0, 512);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    start.stdin_fd = fcntl(open("/dev/null", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
    start.output_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    starter_init(&starter, &nofile, false);
    if (start_process(&starter, &start, &process, &err) != RC_OK) {
        (void)snprintf(answer, 512, "%s", err.message);
    } else {
        (void)waitpid(process.pid, NULL, 0);
        length = read(ends[0], answer, 511);
        (void)length;
    }
    starter_release(&starter);
}

/* In a process of its own, for a filter stays for ever. Its answer. */
static void start_deceived(const struct row *row, char answer[512])
{
    const struct account account = other_account();
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        char text[512] = "the filter was not taken";

        if (row->call < 0 || deceive(row->call, row->error))
            start_line(&account, "echo executed", false, text);
        _exit(write(ends[1], text, strlen(text)) < 0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(ends[1]);
    memset(answer, 0, 512);
    assert_true(read(ends[0], answer, 511) >= 0);
    (void)close(ends[0]);
}

static void executes_nothing_when_a_step_fails(void **state)
{
    char answer[512];

    (void)state;
    if (geteuid() != 0) {
        print_message("only root can test this\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start_deceived(&rows[i], answer);
        if (strcmp(answer, rows[i].reason ? rows[i].reason : "executed\n") != 0)
            fail_msg("row %zu, call %ld with %d: %s", i, rows[i].call, rows[i].error, answer);
    }
}

static void keeps_an_account_from_new_privileges(void **state)
{
    static const char line[] = "grep NoNewPrivs /proc/self/status";
    struct account account = other_account();
    char answer[512];

    (void)state;
    if (geteuid() != 0) {
        account.own = true;
        account.uid = geteuid();
    }
    start_line(&account, line, false, answer);
    assert_string_equal(answer, "NoNewPrivs:\t1\n");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
        return; /* we have them no more ourselves */
    start_line(&account, line, true, answer);
    assert_string_equal(answer, "NoNewPrivs:\t0\n");
    account = (struct account){.name = account.name, .home = account.home, .own = true};
    if (geteuid() == 0) {
        start_line(&account, line, false, answer);
        assert_string_equal(answer, "NoNewPrivs:\t0\n");
    }
}

static void leaves_nothing_of_root(void **state)
{
    const struct account account = other_account();
    char answer[512];

    (void)state;
    if (geteuid() != 0) {
        print_message("only root can test this\n");
        skip();
    }
    start_line(&account,
               "sed -n 's/\\t/ /g; /^\\(Uid\\|Gid\\|Groups\\|Cap[IPEA]\\)/p' /proc/self/status; "
               "umask; ulimit -n; ls /proc/self/fd | wc -l",
               false, answer);
    assert_string_equal(answer, "Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\n"
                                "Groups: 65534 \nCapInh: 0000000000000000\n"
                                "CapPrm: 0000000000000000\nCapEff: 0000000000000000\n"
                                "CapAmb: 0000000000000000\n0022\n256\n4\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executes_nothing_when_a_step_fails),
        cmocka_unit_test(keeps_an_account_from_new_privileges),
        cmocka_unit_test(leaves_nothing_of_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
