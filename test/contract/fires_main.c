/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/fires.h: contract_fires memory|posix. */
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/memory/fires.h"
#include "adapters/posix/fires.h"
#include "testing.h"

enum { LIMIT_MS = 10000, STRANGER = 12345 };
#define PATIENCE (10 * SECOND)

static bool real;
static char directory[200], data[256];
static struct fires *fires;
static job_id called[64];
static size_t call_count;

static enum fire_answer take(void *context, job_id job)
{
    assert_ptr_equal(context, called);
    if (call_count < ARRAY_SIZE(called))
        called[call_count++] = job;
    return job % 2 ? FIRE_TAKEN : FIRE_UNKNOWN;
}

/* Longer than a socket's name may be. */
static int set_up(void **state)
{
    (void)state;
    (void)snprintf(
        directory, sizeof(directory), "/tmp/cronjob-fires-%.*s-XXXXXX", 100,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaa");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(data, sizeof(data), "%s/data", directory);
    assert_int_equal(mkdir(data, 0700), 0);
    if (real)
        assert_int_equal(posix_fires_new(data, &fires, NULL), RC_OK);
    else
        fires = memory_fires_new();
    call_count = 0;
    fires_listen(fires, take, called);
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    fires_free(TAKE(fires));
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the worker's side, while another thread calls --------------------------------------------
 */

struct caller {
    job_id job;
    enum fire_answer answer;
    struct err err;
    enum rc rc;
    atomic_bool done;
};

static void *run(void *context)
{
    struct caller *caller = context;

    caller->rc = posix_fire(data, caller->job, PATIENCE, &caller->answer, &caller->err);
    atomic_store(&caller->done, true);
    return NULL;
}

static void wait_and_dispatch(int limit_ms)
{
    struct pollfd pollfd = {.fd = fires_fd(fires), .events = POLLIN};

    if (poll(&pollfd, 1, limit_ms) > 0)
        fires_dispatch(fires);
}

static enum fire_answer call(job_id job)
{
    struct caller caller = {.job = job};
    pthread_t thread;

    if (!real)
        return memory_fires_call(fires, job);
    assert_int_equal(pthread_create(&thread, NULL, run, &caller), 0);
    while (!atomic_load(&caller.done))
        wait_and_dispatch(50);
    pthread_join(thread, NULL);
    if (caller.rc != RC_OK)
        fail_msg("%s", caller.err.message);
    return caller.answer;
}

static void a_call_is_answered(void **state)
{
    (void)state;
    assert_int_equal(call(7), FIRE_TAKEN);
    assert_int_equal(call(8), FIRE_UNKNOWN);
    assert_int_equal(call(INT64_MAX), FIRE_TAKEN);
    assert_int_equal(call_count, 3);
    assert_int_equal(called[0], 7);
    assert_int_equal(called[1], 8);
    assert_int_equal(called[2], INT64_MAX);
}

/* ---- the socket -------------------------------------------------------------------------------
 */

static void many_call_at_once(void **state)
{
    static struct caller callers[48];
    pthread_t threads[ARRAY_SIZE(callers)];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
        callers[i] = (struct caller){.job = 2 * i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &callers[i]), 0);
    }
    while (call_count < ARRAY_SIZE(callers))
        wait_and_dispatch(LIMIT_MS);
    for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].rc, RC_OK);
        assert_int_equal(callers[i].answer, FIRE_TAKEN);
    }
}

static void nobody_there_is_told_at_once(void **state)
{
    enum fire_answer answer;
    struct err err = {0};

    (void)state;
    fires_free(TAKE(fires));
    assert_int_equal(posix_fire(data, 1, PATIENCE, &answer, &err), RC_UNAVAILABLE);
    assert_int_equal(posix_fire("/nowhere/at/all", 1, PATIENCE, &answer, &err), RC_UNAVAILABLE);
}

static int raw_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(chdir(data), 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "fire.sock");
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(chdir("/"), 0);
    return fd;
}

/* A socket that a worker left when it was killed. */
static void a_dead_workers_socket_is_replaced(void **state)
{
    struct fires *old = TAKE(fires);
    int held = dup(fires_fd(old));

    (void)state;
    assert_int_equal(posix_fires_new(data, &fires, NULL), RC_OK);
    fires_listen(fires, take, called);
    assert_int_equal(call(1), FIRE_TAKEN);
    close(held);
    free(old);
}

static void garbage_and_callers_that_do_not_wait_are_harmless(void **state)
{
    char big[4096] = "fire 1";
    int fd;

    (void)state;
    fd = raw_socket();
    assert_int_equal(send(fd, "", 0, 0), 0);
    assert_int_equal(send(fd, "fire", 4, 0), 4);
    assert_int_equal(send(fd, "fire 1; rm", 10, 0), 10);
    assert_int_equal(send(fd, big, sizeof(big), 0), (ssize_t)sizeof(big));
    assert_int_equal(send(fd, "fire 3", 6, 0), 6); /* understood; it has no name to answer to */
    close(fd);
    fires_dispatch(fires);
    assert_int_equal(call_count, 1);
    assert_int_equal(called[0], 3);
    assert_int_equal(call(5), FIRE_TAKEN);
}

/* ---- strangers --------------------------------------------------------------------------------
 */

/* As another account; its exit code is the rc, or 100 and the answer. */
static int call_as_stranger(void)
{
    enum fire_answer answer;
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (setgid(STRANGER) || setuid(STRANGER))
            _exit(99);
        enum rc rc = posix_fire(data, 1, PATIENCE, &answer, NULL);
        _exit(rc == RC_OK ? 100 + (int)answer : (int)rc);
    }
    do
        wait_and_dispatch(20);
    while (waitpid(child, &status, WNOHANG) == 0);
    return WEXITSTATUS(status);
}

static void a_stranger_is_refused(void **state)
{
    char path[300];

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(call_as_stranger(), RC_FORBIDDEN); /* by the directory */
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(chmod(data, 0755), 0);
    assert_int_equal(call_as_stranger(), RC_FORBIDDEN); /* by the socket's mode */
    (void)snprintf(path, sizeof(path), "%s/fire.sock", data);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(call_as_stranger(), 100 + FIRE_REFUSED); /* by what the kernel says */
    assert_int_equal(call_count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_is_answered, set_up, tear_down),
    };
    const struct CMUnitTest socket_tests[] = {
        cmocka_unit_test_setup_teardown(many_call_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_workers_socket_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(garbage_and_callers_that_do_not_wait_are_harmless, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stranger_is_refused, set_up, tear_down),
    };
    int failed;

    real = argc > 1 && strcmp(argv[1], "posix") == 0;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (real)
        failed += cmocka_run_group_tests(socket_tests, NULL, NULL);
    return failed;
}
