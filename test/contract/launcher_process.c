/* SPDX-License-Identifier: Apache-2.0 */
/* What a run finds when it begins, how it can end, and what is left of it: nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#include "adapters/directory/outputs.h"
#include "launcher_fixture.h"
#include "launcher_suite.h"
#include "testing.h"

static struct fixture fixture;

static int open_fixture(void **state)
{
    (void)state;
    fixture_open(&fixture, true);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static const struct heard *run(const struct launch *launch)
{
    fixture_start(&fixture, launch);
    return fixture_expect(&fixture, LAUNCH_FINISHED, launch->run.job);
}

/* What the run wrote, as a text that the caller frees. */
static char *read_output(const struct launch *launch)
{
    char *text = xcalloc(1, 65536);
    struct outputs *outputs;
    struct output_piece piece = {.data = text, .capacity = 65535};

    assert_int_equal(directory_outputs_open(fixture.directory, &outputs, NULL), RC_OK);
    (void)!outputs_read(outputs, &launch->run, &piece, NULL); /* a run may write nothing */
    outputs_free(outputs);
    return text;
}

static char *output_of(const struct launch *launch)
{
    const struct heard *heard = run(launch);

    if (heard->event.result.status != RUN_SUCCEEDED)
        print_message("reason: %s\n", heard->reason);
    assert_int_equal(heard->event.result.status, RUN_SUCCEEDED);
    return read_output(launch);
}

/* A text in which each @ is the data directory; the caller frees it. */
static char *expand(const char *text)
{
    struct buf buf;

    buf_init(&buf, 65536);
    for (; *text; text++) {
        if (*text == '@')
            assert_int_equal(buf_puts(&buf, fixture.directory), RC_OK);
        else
            assert_int_equal(buf_putc(&buf, *text), RC_OK);
    }
    return buf_take(&buf);
}

static const char *home(void)
{
    return geteuid() == 0 ? "/root"
                          : getenv("HOME"); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static pid_t read_pid(const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s", fixture.directory, name);
    char text[32] = "";
    int fd = -1;

    for (int i = 0; i < 1000 && !strchr(text, '\n'); i++) {
        fixture_pass(&fixture, 10 * MILLISECOND);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
            text[0] = '\0';
        close(fd);
    }
    assert_true(strtol(text, NULL, 10) > 1);
    return (pid_t)strtol(text, NULL, 10);
}

static bool is_alive(pid_t pid)
{
    AUTO_FREE char *path = xasprintf("/proc/%d/stat", (int)pid);
    char text[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *state;

    if (fd < 0)
        return false;
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    state = strrchr(text, ')');
    return state && state[2] != 'Z' && state[2] != 'X';
}

/* ---- what it finds ------------------------------------------------------------------------- */

static void finds_crons_environment_and_its_own(void **state)
{
    struct pair pairs[] = {
        {"CRONJOB_JOB_ID", "1"},    {"PATH", "/bin"}, {"LOGNAME", "mallory"},
        {"USER", "mallory"},        {"EMPTY", ""},    {"TEXT", "a b=c\n\x01\xff"},
        {"CRONJOB_JOB_ID", "twice"}};
    struct launch launch = launch_of(&fixture, 1, NULL);
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *expected =
        xasprintf("HOME=%s\nLOGNAME=%s\nUSER=%s\nSHELL=/bin/sh\nPATH=/bin\nCRONJOB_JOB_ID=twice\n"
                  "EMPTY=\nTEXT=a b=c\n\x01\xff\n",
                  home(), launch.account, launch.account);

    (void)state;
    launch_use_file(&launch, "/usr/bin/env", false);
    launch.env = (struct pairs){pairs, ARRAY_SIZE(pairs)};
    text = output_of(&launch);
    close(launch.file.fd);
    assert_string_equal(text, expected);
}

static void finds_three_descriptors(void **state)
{
    struct launch launch = launch_of(
        &fixture, 1, "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\(.....\\).*/\\1 \\2/p'");
    AUTO_FREE char *text = NULL;

    (void)state;
    text = output_of(&launch);
    /* stdout is sed's pipe; 3 is the directory that ls reads. */
    assert_string_equal(text, "0 /dev/\n1 pipe:\n2 pipe:\n3 /proc\n");
}

static void finds_clean_attributes(void **state)
{
    struct launch launch = launch_of(
        &fixture, 1,
        "umask; ulimit -c; pwd; sed -n 's/^Sig\\(Blk\\|Ign\\):\\s*/\\1 /p' /proc/self/status; "
        "test $$ = $(cut -d' ' -f6 /proc/$$/stat) && echo leads; cat /proc/self/oom_score_adj; "
        "ulimit -n");
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *expected = NULL;

    (void)state;
    expected = xasprintf("0022\n0\n%s\nBlk 0000000000000000\nIgn 0000000000000000\nleads\n0\n777\n",
                         access(home(), X_OK) == 0 ? home() : "/");
    text = output_of(&launch);
    text[MIN(strlen(text), strlen(expected))] = 0;
    assert_string_equal(text, expected);
}

static void reads_what_it_is_given(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "cat; echo; cat");
    struct launch empty = launch_of(&fixture, 2, "cat; echo nothing");
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *nothing = NULL;

    (void)state;
    launch.stdin_text = "first\nsecond";
    text = output_of(&launch);
    assert_string_equal(text, "first\nsecond\n");
    nothing = output_of(&empty);
    assert_string_equal(nothing, "nothing\n");
}

static void passes_arguments_to_a_command_line(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "echo \"$0|$1|$2|$#\"");
    const char *args[] = {"a b", "; exit 1"};
    AUTO_FREE char *text = NULL;

    (void)state;
    launch.args = (struct strings){args, 2};
    text = output_of(&launch);
    assert_string_equal(text, "/bin/sh|a b|; exit 1|2\n");
}

static void uses_the_shell_that_the_job_names(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "echo \"$0 $BASH_VERSION\" | cut -c1-10");
    struct pair shell = {"SHELL", "/bin/bash"};
    AUTO_FREE char *text = NULL;

    (void)state;
    launch.env = (struct pairs){&shell, 1};
    text = output_of(&launch);
    assert_string_equal(text, "/bin/bash \n");
}

static void runs_as_another_account(void **state)
{
    struct launch launch = launch_of(&fixture, 1,
                                     "id -un; id -u; id -G; pwd; echo $HOME $USER; "
                                     "sed -n 's/^CapEff:\\s*//p' /proc/self/status; "
                                     "sed -n 's/^[UG]id:\\s*//p' /proc/self/status");
    AUTO_FREE char *text = NULL;

    (void)state;
    if (geteuid() != 0) {
        print_message("only root can test this\n");
        skip();
    }
    launch.account = "nobody";
    text = output_of(&launch);
    assert_string_equal(text, "nobody\n65534\n65534\n/\n/nonexistent nobody\n0000000000000000\n"
                              "65534\t65534\t65534\t65534\n65534\t65534\t65534\t65534\n");
}

/* ---- how it fails to begin ----------------------------------------------------------------- */

struct refusal {
    const char *account, *directory, *reason;
};

static void says_what_was_wrong(void **state)
{
    const struct refusal refusals[] = {
        {"no-such-account", "", "account 'no-such-account' does not exist"},
        {NULL, "/nonexistent", "working directory /nonexistent: No such file or directory"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct launch launch = launch_of(&fixture, i + 1, "exit 0");
        const struct heard *heard;

        launch.account = refusals[i].account ? refusals[i].account : launch.account;
        launch.working_directory = refusals[i].directory;
        heard = run(&launch);
        assert_int_equal(heard->event.result.status, RUN_FAILED);
        assert_string_equal(heard->reason, refusals[i].reason);
    }
}

static void refuses_arguments_that_the_kernel_does_not_take(void **state)
{
    struct launch launch = launch_of(&fixture, 1, NULL);
    AUTO_FREE char *big = xmalloc(200001);
    const char *args[] = {big};

    (void)state;
    memset(big, 'x', 200000);
    big[200000] = '\0';
    launch_use_file(&launch, "/bin/true", false);
    launch.args = (struct strings){args, 1};
    assert_string_equal(run(&launch)->reason, "exec: Argument list too long");
    close(launch.file.fd);
}

/* ---- how it ends --------------------------------------------------------------------------- */

static void tells_the_signal_and_the_use(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "kill -SEGV $$");
    struct launch busy =
        launch_of(&fixture, 2, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
    const struct heard *heard;

    (void)state;
    heard = run(&launch);
    assert_int_equal(heard->event.result.status, RUN_FAILED);
    assert_int_equal(heard->event.result.signal, SIGSEGV);
    assert_int_equal(heard->event.result.exit_code, -1);
    heard = run(&busy);
    assert_true(heard->event.result.cpu > 10 * MILLISECOND);
    assert_true(heard->event.result.cpu < 10 * SECOND);
    assert_true(heard->event.result.max_rss > 500000);
}

static void kills_what_ignores_term(void **state)
{
    AUTO_FREE char *command = expand("trap '' TERM; echo $$ >@/pid; while :; do sleep 0.1; done");
    struct launch launch = launch_of(&fixture, 1, command);
    const struct heard *heard;

    (void)state;
    launch.timeout = 300 * MILLISECOND;
    launch.kill_grace = 300 * MILLISECOND;
    heard = run(&launch);
    assert_int_equal(heard->event.result.status, RUN_TIMED_OUT);
    assert_int_equal(heard->event.result.signal, SIGKILL);
    assert_string_equal(heard->reason, "ran longer than its timeout of 300ms");
    assert_true(heard->event.result.finished_at - heard->event.result.started_at >=
                600 * MILLISECOND);
    assert_false(is_alive(read_pid("pid")));
}

static void leaves_nothing_behind(void **state)
{
    AUTO_FREE char *command =
        expand("setsid sh -c 'trap \"\" TERM; echo $$ >@/first; while :; do sleep 0.1; done' & "
               "(setsid sh -c 'echo $$ >@/second; exec sleep 1000' &) ; "
               "sh -c 'echo $$ >@/third; exec sleep 1000' & sleep 0.3; exit 7");
    struct launch launch = launch_of(&fixture, 1, command);
    const struct heard *heard;
    char id[RUN_ID_TEXT];
    struct pair marker = {"CRONJOB_RUN_ID", run_id_format(&launch.run, id)};

    (void)state;
    launch.env = (struct pairs){&marker, 1};
    launch.kill_grace = 200 * MILLISECOND;
    heard = run(&launch);
    assert_int_equal(heard->event.result.exit_code, 7);
    assert_int_equal(heard->event.result.status, RUN_FAILED);
    assert_false(is_alive(read_pid("first")));
    assert_false(is_alive(read_pid("second")));
    assert_false(is_alive(read_pid("third")));
}

/* Whatever ignores TERM, or left the session; there is no grace. */
static void a_fence_kills_the_whole_tree(void **state)
{
    AUTO_FREE char *command = expand(
        "trap '' TERM; echo $$ >@/main; setsid sh -c 'trap \"\" TERM HUP; echo $$ >@/escaped; "
        "while :; do sleep 0.1; done' & while :; do sleep 0.1; done");
    struct launch launch = launch_of(&fixture, 1, command);
    const struct heard *heard;
    char id[RUN_ID_TEXT];
    struct pair marker = {"CRONJOB_RUN_ID", run_id_format(&launch.run, id)};
    pid_t main_pid, escaped;

    (void)state;
    launch.env = (struct pairs){&marker, 1};
    launch.kill_grace = HOUR;
    launch.fenced = true;
    launcher_set_lease(fixture.launcher, clock_mono(fixture.clock) + 2 * SECOND);
    fixture_start(&fixture, &launch);
    main_pid = read_pid("main");
    escaped = read_pid("escaped");
    assert_true(is_alive(main_pid) && is_alive(escaped));
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.status, RUN_LOST);
    assert_string_equal(heard->reason, LAUNCH_FENCED);
    assert_false(is_alive(main_pid) || is_alive(escaped));
}

static void does_not_wait_for_who_holds_the_output(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "sleep 1000 & echo done");
    const struct heard *heard;
    AUTO_FREE char *text = NULL;

    (void)state;
    heard = run(&launch);
    assert_int_equal(heard->event.result.status, RUN_SUCCEEDED);
    text = read_output(&launch);
    assert_string_equal(text, "done\n");
}

static void a_successor_kills_what_was_left(void **state)
{
    AUTO_FREE char *command =
        expand("echo $$ >@/main; setsid sh -c 'trap \"\" TERM HUP; echo $$ >@/escaped; "
               "while :; do sleep 0.1; done' & wait");
    struct launch launch = launch_of(&fixture, 1, command);
    char id[RUN_ID_TEXT];
    struct pair marker = {"CRONJOB_RUN_ID", run_id_format(&launch.run, id)};
    pid_t main_pid, escaped;

    (void)state;
    launch.env = (struct pairs){&marker, 1};
    fixture_start(&fixture, &launch);
    main_pid = read_pid("main");
    escaped = read_pid("escaped");
    assert_true(is_alive(main_pid) && is_alive(escaped));
    fixture_forget(&fixture);
    fixture_kill_guardian(&fixture);
    (void)fixture_expect(&fixture, LAUNCH_DISCONNECTED, 0);
    (void)fixture_expect(&fixture, LAUNCH_CONNECTED, 0);
    assert_false(is_alive(main_pid));
    assert_false(is_alive(escaped));
}

static void enforces_limits_or_goes_on(void **state)
{
    struct launch launch =
        launch_of(&fixture, 1, "head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null");
    struct launch tasks =
        launch_of(&fixture, 2, "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait");
    const struct heard *heard;

    (void)state;
    launch.limits.memory = 20 * 1024 * 1024;
    launch.limits.nice = 5;
    tasks.limits.tasks = 4;
    tasks.limits.cpu = 0.5;
    heard = run(&launch);
    if (heard->event.result.status == RUN_SUCCEEDED)
        print_message("this machine does not limit memory\n");
    else
        assert_string_equal(heard->reason, "out of memory: the job's limit was reached");
    (void)run(&tasks);
}

static void the_guardian_goes_when_nobody_needs_it(void **state)
{
    struct pollfd poller = {.events = POLLIN};
    int pid = fixture_guardian_pid(&fixture);
    AUTO_FREE char *path = xasprintf("/proc/%d", pid);

    (void)state;
    launcher_free(fixture.launcher);
    fixture.launcher = NULL;
    for (int i = 0; i < 500 && access(path, F_OK) == 0 && is_alive(pid); i++)
        (void)poll(&poller, 0, 10);
    assert_false(is_alive(pid));
}

static void starts_many_at_once(void **state)
{
    enum { MANY = 300 };
    const struct heard *heard;

    (void)state;
    for (int i = 1; i <= MANY; i++) {
        struct launch launch = launch_of(&fixture, (job_id)i, NULL);

        launch_use_file(&launch, "/bin/true", false);
        fixture_start(&fixture, &launch);
        close(launch.file.fd);
    }
    heard = fixture_wait(&fixture, LAUNCH_FINISHED, 0, MANY, 60 * SECOND);
    assert_non_null(heard);
    for (int i = 1; i <= MANY; i++)
        assert_int_equal(fixture_expect(&fixture, LAUNCH_FINISHED, (job_id)i)->event.result.status,
                         RUN_SUCCEEDED);
}

int run_guardian_process_suite(void)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CLAUSE(finds_crons_environment_and_its_own),
        CLAUSE(finds_three_descriptors),
        CLAUSE(finds_clean_attributes),
        CLAUSE(reads_what_it_is_given),
        CLAUSE(passes_arguments_to_a_command_line),
        CLAUSE(uses_the_shell_that_the_job_names),
        CLAUSE(runs_as_another_account),
        CLAUSE(says_what_was_wrong),
        CLAUSE(refuses_arguments_that_the_kernel_does_not_take),
        CLAUSE(tells_the_signal_and_the_use),
        CLAUSE(kills_what_ignores_term),
        CLAUSE(leaves_nothing_behind),
        CLAUSE(a_fence_kills_the_whole_tree),
        CLAUSE(does_not_wait_for_who_holds_the_output),
        CLAUSE(a_successor_kills_what_was_left),
        CLAUSE(enforces_limits_or_goes_on),
        CLAUSE(the_guardian_goes_when_nobody_needs_it),
        CLAUSE(starts_many_at_once),
    };
#undef CLAUSE

    return cmocka_run_group_tests_name("guardian process", tests, NULL, NULL);
}
