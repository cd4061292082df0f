/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "adapters/memory/clock.h"
#include "adapters/posix/clock.h"
#include "adapters/posix/launcher.h"
#include "testing.h"

const char *guardian_executable;

static const span_us patience = 10 * SECOND;

static struct memory_plan plan(void *context, const struct launch *launch)
{
    struct memory_plan plan = {0};
    double seconds = 0;

    (void)context;
    if (strcmp(launch->command, "fail") == 0)
        return (struct memory_plan){.failure = "made to fail"};
    if (sscanf(launch->command, "sleep %lf; exit %d", &seconds, &plan.exit_code) != 2 &&
        sscanf(launch->command, "sleep %lf", &seconds) != 1)
        assert_int_equal(sscanf(launch->command, "exit %d", &plan.exit_code), 1);
    plan.duration = (span_us)(seconds * 1e6);
    return plan;
}

static void hear(void *context, const struct launch_event *event)
{
    struct fixture *fixture = context;
    struct heard *heard;

    if (fixture->heard_count == fixture->heard_capacity) {
        fixture->heard_capacity = MAX(fixture->heard_capacity * 2, (size_t)64);
        fixture->heard = xrealloc(fixture->heard, fixture->heard_capacity, sizeof(struct heard));
    }
    heard = &fixture->heard[fixture->heard_count++];
    heard->event = *event;
    (void)snprintf(heard->reason, sizeof(heard->reason), "%s", event->reason ? event->reason : "");
    if (event->kind == LAUNCH_DISCONNECTED) {
        struct launch launch = launch_of(fixture, UINT32_MAX, "exit 0");

        fixture->start_while_away = launcher_start(fixture->launcher, &launch, NULL);
    }
}

static void connect_worker(struct fixture *fixture)
{
    static const char *const arguments[] = {"--idle", "300", NULL};
    struct err err;

    if (!fixture->real) {
        fixture->launcher = memory_launcher_new(fixture->guardian, hear, fixture);
    } else if (posix_launcher_new(
                   &(struct posix_launcher_config){.executable = guardian_executable,
                                                   .arguments = arguments,
                                                   .data_directory = fixture->directory,
                                                   .clock = fixture->clock,
                                                   .callback = hear,
                                                   .context = fixture},
                   &fixture->launcher, &err) != RC_OK) {
        fail_msg("no launcher: %s", err.message);
    }
    (void)fixture_expect(fixture, LAUNCH_CONNECTED, 0);
}

void fixture_open(struct fixture *fixture, bool real)
{
    *fixture = (struct fixture){.real = real, .directory = "/tmp/cronjob-launcher-XXXXXX"};
    if (real) {
        fixture->clock = posix_clock_new();
        assert_non_null(mkdtemp(fixture->directory));
        assert_return_code(chmod(fixture->directory, 0755), errno);
    } else {
        fixture->clock = memory_clock_new(1000000000 * SECOND);
        fixture->guardian = memory_guardian_new(fixture->clock, plan, NULL);
    }
    connect_worker(fixture);
}

static struct ucred guardian_of(const struct fixture *fixture)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/guardian.sock",
                   fixture->directory);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        assert_return_code(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length), errno);
    close(fd);
    return peer;
}

int fixture_guardian_pid(const struct fixture *fixture)
{
    return guardian_of(fixture).pid;
}

/* Ends the guardian and waits for that. */
static void end_guardian(const struct fixture *fixture, int signal)
{
    int pid = fixture_guardian_pid(fixture);
    struct pollfd poller = {.fd = pid > 0 ? pidfd_open(pid, 0) : -1, .events = POLLIN};

    if (poller.fd < 0)
        return;
    assert_return_code(pidfd_send_signal(poller.fd, signal, NULL, 0), errno);
    if (poll(&poller, 1, 10000) != 1) {
        (void)pidfd_send_signal(poller.fd, SIGKILL, NULL, 0);
        (void)poll(&poller, 1, 10000);
        fail_msg("the guardian did not end by signal %d", signal);
    }
    close(poller.fd);
}

void fixture_kill_guardian(struct fixture *fixture)
{
    fixture->handed_count = 0;
    if (fixture->real)
        end_guardian(fixture, SIGKILL);
    else
        memory_guardian_kill(fixture->guardian);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static bool is_over(const struct fixture *fixture, const struct run_key *key)
{
    for (size_t i = 0; i < fixture->heard_count; i++) {
        const struct launch_event *event = &fixture->heard[i].event;

        if (event->kind == LAUNCH_FINISHED && run_key_compare(&event->run, key) == 0)
            return true;
    }
    return false;
}

/* A guardian ends when the last result is acknowledged. */
static void end_runs(struct fixture *fixture)
{
    mono_us limit = clock_mono(fixture->clock) + patience;

    for (size_t i = 0; i < fixture->handed_count; i++) {
        launcher_kill(fixture->launcher, &fixture->handed[i]);
        while (!is_over(fixture, &fixture->handed[i]) && clock_mono(fixture->clock) < limit)
            fixture_pass(fixture, MILLISECOND);
        launcher_acknowledge(fixture->launcher, &fixture->handed[i]);
    }
    launcher_dispatch(fixture->launcher);
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->real && fixture->launcher)
        end_runs(fixture);
    launcher_free(fixture->launcher);
    if (fixture->real)
        end_guardian(fixture, SIGTERM);
    memory_guardian_free(fixture->guardian);
    if (fixture->real)
        assert_return_code(nftw(fixture->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS), errno);
    clock_free(fixture->clock);
    free(fixture->heard);
}

void fixture_restart_worker(struct fixture *fixture)
{
    launcher_free(fixture->launcher);
    fixture_forget(fixture);
    connect_worker(fixture);
}

struct launch launch_of(const struct fixture *fixture, job_id job, const char *command)
{
    return (struct launch){
        .run = {.scheduled_at = 1000000000 * SECOND, .job = job, .attempt = 1},
        .start_at = clock_now(fixture->clock),
        .account = geteuid() == 0 ? "root" : getenv("USER"), /* NOLINT(concurrency-mt-unsafe) */
        .command = command,
        .working_directory = "",
        .kill_grace = 10 * SECOND,
        .limits = {.output = LIMIT_OUTPUT_DEFAULT}};
}

/* Valid until the next call. */
static const char *hash_file(int fd)
{
    static char text[CRYPTO_DIGEST_TEXT], data[4 * 1024 * 1024];
    ssize_t length = pread(fd, data, sizeof(data), 0);
    uint8_t digest[CRYPTO_DIGEST];

    assert_in_range(length, 0, sizeof(data) - 1);
    crypto_digest(data, (size_t)length, digest);
    return crypto_digest_text(digest, text);
}

void launch_use_file(struct launch *launch, const char *path, bool is_script)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    launch->command = NULL;
    launch->filename = "";
    launch->is_script = is_script;
    launch->file.fd = fd;
    launch->sha256 = hash_file(fd);
    assert_int_equal(file_stamp_read(fd, &launch->file.stamp, NULL), RC_OK);
}

void fixture_start(struct fixture *fixture, const struct launch *launch)
{
    struct err err = {0};
    enum rc rc = launcher_start(fixture->launcher, launch, &err);

    if (rc != RC_OK)
        fail_msg("start: %s", err_message(&err, rc));
    if (fixture->handed_count < HANDED_MAX)
        fixture->handed[fixture->handed_count++] = launch->run;
}

void fixture_acknowledge(struct fixture *fixture, const struct run_key *run)
{
    launcher_acknowledge(fixture->launcher, run);
    for (size_t i = 0; i < fixture->handed_count; i++)
        if (run_key_compare(&fixture->handed[i], run) == 0)
            fixture->handed[i] = fixture->handed[--fixture->handed_count];
}

static const struct heard *find_heard(const struct fixture *fixture, enum launch_event_kind kind,
                                      job_id job, size_t times)
{
    for (size_t i = 0; i < fixture->heard_count; i++) {
        const struct launch_event *event = &fixture->heard[i].event;

        if (event->kind == kind && (!job || event->run.job == job) && --times == 0)
            return &fixture->heard[i];
    }
    return NULL;
}

size_t fixture_count(const struct fixture *fixture, enum launch_event_kind kind, job_id job)
{
    size_t count = 0;

    while (find_heard(fixture, kind, job, count + 1))
        count++;
    return count;
}

void fixture_forget(struct fixture *fixture)
{
    fixture->heard_count = 0;
}

/* A moment: until something is to be dispatched, or some time has passed. */
static void pass_a_moment(struct fixture *fixture, span_us longest)
{
    struct pollfd poller = {.fd = launcher_fd(fixture->launcher), .events = POLLIN};
    span_us next = fixture->real ? -1 : memory_guardian_next(fixture->guardian);

    if (fixture->real) {
        (void)poll(&poller, 1, (int)(MIN(longest, 50 * MILLISECOND) / MILLISECOND) + 1);
    } else if (poll(&poller, 1, 0) == 0) {
        memory_clock_advance(fixture->clock, next < 0 ? longest : MIN(next, longest));
        memory_guardian_advance(fixture->guardian);
    }
    launcher_dispatch(fixture->launcher);
}

const struct heard *fixture_wait(struct fixture *fixture, enum launch_event_kind kind, job_id job,
                                 size_t times, span_us limit)
{
    mono_us end = clock_mono(fixture->clock) + limit;
    const struct heard *heard;

    while (!(heard = find_heard(fixture, kind, job, times))) {
        span_us left = end - clock_mono(fixture->clock);

        if (left <= 0)
            break;
        pass_a_moment(fixture, left);
    }
    return heard;
}

const struct heard *fixture_expect(struct fixture *fixture, enum launch_event_kind kind, job_id job)
{
    const struct heard *heard = fixture_wait(fixture, kind, job, 1, patience);

    if (!heard)
        fail_msg("event %d of job %llu did not come", (int)kind, (unsigned long long)job);
    return heard;
}

void fixture_pass(struct fixture *fixture, span_us span)
{
    mono_us end = clock_mono(fixture->clock) + span;

    for (span_us left = span; left > 0; left = end - clock_mono(fixture->clock))
        pass_a_moment(fixture, left);
}
