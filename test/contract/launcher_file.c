/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts and binaries, executed by their descriptors. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#include "ports/guardian_protocol.h"

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

/* A file in the data directory; the caller frees its path. */
static char *write_file(const char *name, const void *data, size_t length)
{
    char *path = xasprintf("%s/%s", fixture.directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(write(fd, data, length), length);
    assert_return_code(fchmod(fd, 0555), errno);
    close(fd);
    return path;
}

static char *write_script(const char *name, const char *text)
{
    return write_file(name, text, strlen(text));
}

static struct launch launch_file(job_id job, const char *path, bool is_script)
{
    struct launch launch = launch_of(&fixture, job, NULL);

    launch_use_file(&launch, path, is_script);
    return launch;
}

/* Hands it over, and closes our descriptor at once. */
static void start(const struct launch *launch)
{
    fixture_start(&fixture, launch);
    close(launch->file.fd);
}

static char *output_of(const struct launch *launch)
{
    const struct heard *heard = fixture_expect(&fixture, LAUNCH_FINISHED, launch->run.job);
    char *text = xcalloc(1, 65536);
    struct output_piece piece = {.data = text, .capacity = 65535};
    struct outputs *outputs;

    assert_string_equal(heard->reason, "");
    assert_int_equal(heard->event.result.status, RUN_SUCCEEDED);
    assert_int_equal(directory_outputs_open(fixture.directory, &outputs, NULL), RC_OK);
    (void)!outputs_read(outputs, &launch->run, &piece, NULL); /* a run may write nothing */
    outputs_free(outputs);
    return text;
}

static void gives_a_script_to_its_interpreter(void **state)
{
    AUTO_FREE char *path = write_script("s", "#!/bin/sh -e\necho \"$0|$1|$2|$#|$A\"\n"
                                             "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> "
                                             "\\(.\\).*/\\1 \\2/p'\n");
    struct launch launch = launch_file(1, path, true);
    const char *args[] = {"a b", "-x"};
    struct pair pair = {"A", "value"};
    AUTO_FREE char *text = NULL;

    (void)state;
    launch.args = (struct strings){args, 2};
    launch.env = (struct pairs){&pair, 1};
    start(&launch);
    text = output_of(&launch);
    /* 3 is the script, 4 the directory that ls reads. */
    assert_string_equal(text, "/dev/fd/3|a b|-x|2|value\n0 /\n1 p\n2 p\n3 /\n4 /\n");
}

static void runs_python(void **state)
{
    AUTO_FREE char *path =
        write_script("p", "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:])\n");
    struct launch launch = launch_file(1, path, true);
    const char *args[] = {"x"};
    AUTO_FREE char *text = NULL;

    (void)state;
    launch.args = (struct strings){args, 1};
    start(&launch);
    text = output_of(&launch);
    assert_string_equal(text, "['x']\n");
}

static void names_a_binary_as_its_file(void **state)
{
    struct launch launch = launch_file(1, "/bin/sh", false);
    const char *args[] = {"-c",
                          "tr '\\0' ' ' </proc/$$/cmdline; set -- /proc/$$/fd/*; echo \" $#\""};
    AUTO_FREE char *text = NULL;

    (void)state;
    launch.filename = "my shell";
    launch.args = (struct strings){args, 2};
    start(&launch);
    text = output_of(&launch);
    assert_memory_equal(text, "my shell -c ", 12);
    assert_non_null(strstr(text, " 4\n")); /* descriptors, with that of who looks */
}

static void runs_as_an_account_that_cannot_reach_the_file(void **state)
{
    AUTO_FREE char *script = write_script("s", "#!/bin/sh\nid -un\n");
    struct launch scripted = launch_file(1, script, true), compiled;
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *program = xasprintf("%s/b", fixture.directory);
    AUTO_FREE char *copy = xasprintf("cp /usr/bin/id %s && chmod 555 %s", program, program);
    const char *args[] = {"-un"};
    AUTO_FREE char *other = NULL;

    (void)state;
    if (geteuid() != 0) {
        close(scripted.file.fd);
        skip();
    }
    assert_int_equal(system(copy), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
    compiled = launch_file(2, program, false);
    assert_return_code(chmod(fixture.directory, 0700), errno);
    scripted.account = compiled.account = "nobody";
    compiled.args = (struct strings){args, 1};
    start(&scripted);
    start(&compiled);
    text = output_of(&scripted);
    other = output_of(&compiled);
    assert_string_equal(text, "nobody\n");
    assert_string_equal(other, "nobody\n");
}

static void does_not_care_what_becomes_of_the_name(void **state)
{
    AUTO_FREE char *path = write_script("s", "#!/bin/sh\necho old\n");
    AUTO_FREE char *other = write_script("t", "#!/bin/sh\necho new\n");
    struct launch launch = launch_file(1, path, true);
    AUTO_FREE char *text = NULL;

    (void)state;
    launch.start_at += 300 * MILLISECOND;
    start(&launch);
    (void)fixture_wait(&fixture, LAUNCH_STARTED, 1, 1, 50 * MILLISECOND);
    assert_return_code(rename(other, path), errno);
    text = output_of(&launch);
    assert_string_equal(text, "old\n");
}

static void executes_nothing_that_was_changed(void **state)
{
    AUTO_FREE char *path = write_script("s", "#!/bin/sh\necho old\n");
    struct launch launch = launch_file(1, path, true);
    const struct heard *heard;
    int fd;

    (void)state;
    launch.start_at += 300 * MILLISECOND;
    start(&launch);
    (void)fixture_wait(&fixture, LAUNCH_STARTED, 1, 1, 50 * MILLISECOND);
    assert_return_code(chmod(path, 0755), errno);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, "new", 3, 15), 3);
    close(fd);
    heard = fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(heard->event.result.status, RUN_FAILED);
    assert_true(heard->event.result.started_at == INSTANT_NONE);
    assert_string_equal(heard->reason, "the file was changed after its bytes were checked");
}

static void says_what_is_wrong_with_a_file(void **state)
{
    static char foreign[4096];
    const struct {
        const char *text;
        bool is_script;
        const char *reason;
    } rows[] = {
        {"", true, "the file is empty"},
        {"", false, "the file is empty"},
        {"echo\n", true, "a script begins with #! and the path of its interpreter"},
        {"#!/nowhere/sh\n", true,
         "the script's interpreter /nowhere/sh: No such file or directory"},
        {"#!/etc/passwd\n", true, "the script's interpreter /etc/passwd: Permission denied"},
        {"#!/bin/sh\n", false, "this is a script: use type script"},
        {"MZ", false, "this is no program: it does not begin as an ELF file"},
    };
    int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    struct launch launch;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *path = write_script("f", rows[i].text);

        launch = launch_file(i + 1, path, rows[i].is_script);
        start(&launch);
        assert_string_equal(fixture_expect(&fixture, LAUNCH_FINISHED, i + 1)->reason,
                            rows[i].reason);
        assert_return_code(unlink(path), errno);
    }
    assert_int_equal(read(fd, foreign, sizeof(foreign)), sizeof(foreign));
    close(fd);
    foreign[18] = (char)0xff;
    foreign[19] = 0x7f;
    {
        AUTO_FREE char *path = write_file("foreign", foreign, sizeof(foreign));

        launch = launch_file(100, path, false);
        start(&launch);
        assert_non_null(strstr(fixture_expect(&fixture, LAUNCH_FINISHED, 100)->reason,
                               "the program is for another machine (32767)"));
    }
}

static void refuses_a_descriptor_that_could_be_written(void **state)
{
    AUTO_FREE char *path = write_script("s", "#!/bin/sh\n");
    struct launch launch = launch_file(1, path, true);

    (void)state;
    close(launch.file.fd);
    assert_return_code(chmod(path, 0755), errno);
    launch.file.fd = open(path, O_RDWR | O_CLOEXEC);
    assert_return_code(launch.file.fd, errno);
    start(&launch);
    assert_string_equal(fixture_expect(&fixture, LAUNCH_FINISHED, 1)->reason,
                        "the file was not opened for reading only");
}

/* How many descriptors the guardian has open. */
static int count_descriptors(void)
{
    AUTO_FREE char *command =
        xasprintf("exit $(ls /proc/%d/fd | wc -l)", fixture_guardian_pid(&fixture));
    int status = system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */

    return WEXITSTATUS(status);
}

static void keeps_one_descriptor_for_many_that_wait(void **state)
{
    enum { MANY = 2000 };
    AUTO_FREE char *path = write_script("s", "#!/bin/sh\n");
    int before = count_descriptors();
    struct launch launch, last;

    (void)state;
    for (int i = 1; i <= MANY; i++) {
        launch = launch_file((job_id)i, path, true);
        launch.start_at += HOUR;
        while (launcher_start(fixture.launcher, &launch, NULL) == RC_BUSY)
            fixture_pass(&fixture, MILLISECOND);
        close(launch.file.fd);
    }
    last = launch_of(&fixture, MANY + 1, "exit 0");
    fixture_start(&fixture, &last);
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, MANY + 1);
    assert_true(count_descriptors() < before + 20);
    for (int i = 1; i <= MANY; i++) {
        launch.run.job = (job_id)i;
        launcher_kill(fixture.launcher, &launch.run);
    }
    assert_non_null(fixture_wait(&fixture, LAUNCH_FINISHED, 0, MANY + 1, 10 * SECOND));
    for (int i = 1; i <= MANY; i++) {
        launch.run.job = (job_id)i;
        launcher_acknowledge(fixture.launcher, &launch.run);
    }
}

/* ---- peers that do not keep to it ---------------------------------------------------------- */

static int connect_to_guardian(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/" GUARDIAN_SOCKET,
                   fixture.directory);
    assert_return_code(connect(fd, (const struct sockaddr *)&address, sizeof(address)), errno);
    return fd;
}

static void send_files(int socket, const void *data, size_t length, int count)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(32 * sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN((size_t)count * sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    char copy[4096];
    struct iovec part = {.iov_base = copy, .iov_len = length};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};

    memcpy(copy, data, length);
    for (int i = 0; i < count; i++)
        memcpy(CMSG_DATA(&control.head) + (size_t)i * sizeof(int), &socket, sizeof(int));
    assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), length);
}

/* Reads until the guardian has cut us off. */
static void expect_end(int socket)
{
    struct timeval limit = {.tv_sec = 10};
    char data[4096];
    ssize_t length;

    assert_return_code(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), errno);
    do
        length = read(socket, data, sizeof(data));
    while (length > 0);
    assert_true(length == 0 || errno == ECONNRESET);
    close(socket);
}

static void cuts_off_who_sends_no_descriptor(void **state)
{
    struct launch launch = launch_file(1, "/bin/true", false);
    int socket = connect_to_guardian();
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_hello(&buf, GUARDIAN_VERSION), RC_OK);
    assert_int_equal(guardian_put_start(&buf, &launch), RC_OK);
    assert_int_equal(write(socket, buf.data, buf.length), buf.length);
    close(launch.file.fd);
    expect_end(socket);
}

static void cuts_off_who_sends_too_many(void **state)
{
    int before = count_descriptors(), socket = connect_to_guardian();
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_hello(&buf, GUARDIAN_VERSION), RC_OK);
    send_files(socket, buf.data, buf.length, 10);
    buf_reset(&buf);
    assert_int_equal(guardian_put_lease(&buf, 1), RC_OK);
    send_files(socket, buf.data, buf.length, 10);
    expect_end(socket);
    assert_int_equal(count_descriptors(), before);
}

int run_guardian_file_suite(void)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CLAUSE(gives_a_script_to_its_interpreter),
        CLAUSE(runs_python),
        CLAUSE(names_a_binary_as_its_file),
        CLAUSE(runs_as_an_account_that_cannot_reach_the_file),
        CLAUSE(does_not_care_what_becomes_of_the_name),
        CLAUSE(executes_nothing_that_was_changed),
        CLAUSE(says_what_is_wrong_with_a_file),
        CLAUSE(refuses_a_descriptor_that_could_be_written),
        CLAUSE(keeps_one_descriptor_for_many_that_wait),
        CLAUSE(cuts_off_who_sends_no_descriptor),
        CLAUSE(cuts_off_who_sends_too_many),
    };

    return cmocka_run_group_tests_name("guardian files", tests, NULL, NULL);
}
