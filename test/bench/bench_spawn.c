/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_spawn GUARDIAN [COUNT]: what it costs that a guardian starts runs.
 *
 * A bare loop of posix_spawn() and waitpid() over /bin/true, then as many through a guardian, all
 * due at one instant, until the last result is heard; the better of two rounds of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/compiler.h"

#include "adapters/posix/clock.h"
#include "adapters/posix/launcher.h"

enum { ROUNDS = 2, COUNT = 2000 };

struct bench {
    struct clock *clock;
    struct launcher *launcher;
    struct file_copy file;
    bool connected;
    long finished, bad;
};

static double seconds_of(span_us span)
{
    return (double)span / SECOND;
}

static double run_bare(struct clock *clock, long count)
{
    char path[] = "/bin/true";
    char *argv[] = {path, NULL};
    mono_us start = clock_mono(clock);

    for (long i = 0; i < count; i++) {
        pid_t pid;
        int status;

        CHECK(posix_spawn(&pid, path, NULL, NULL, argv, environ) == 0);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    return seconds_of(clock_mono(clock) - start);
}

static void hear(void *context, const struct launch_event *event)
{
    struct bench *bench = context;

    bench->connected |= event->kind == LAUNCH_CONNECTED;
    if (event->kind != LAUNCH_FINISHED)
        return;
    bench->finished++;
    bench->bad += event->result.status != RUN_SUCCEEDED;
    launcher_acknowledge(bench->launcher, &event->run);
}

static void turn(struct bench *bench)
{
    struct pollfd poller = {.fd = launcher_fd(bench->launcher), .events = POLLIN};

    CHECK(poll(&poller, 1, 60000) == 1);
    launcher_dispatch(bench->launcher);
}

static double run_guarded(struct bench *bench, long count, int round)
{
    mono_us start = clock_mono(bench->clock);

    bench->finished = 0;
    for (long i = 1; i <= count; i++) {
        struct launch launch = {.run = {.scheduled_at = round, .job = (job_id)i, .attempt = 1},
                                .start_at = 0,
                                .account = "root",
                                .filename = "true",
                                .sha256 = "",
                                .file = bench->file,
                                .working_directory = "/",
                                .kill_grace = SECOND,
                                .limits = {.output = LIMIT_OUTPUT_DEFAULT}};

        while (launcher_start(bench->launcher, &launch, NULL) != RC_OK)
            turn(bench);
    }
    while (bench->finished < count)
        turn(bench);
    CHECK(bench->bad == 0);
    return seconds_of(clock_mono(bench->clock) - start);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* An idle guardian ends by itself, and is waited for here, for it is our child. */
static void end(struct bench *bench, const char *directory)
{
    while (wait(NULL) < 0 && errno == EINTR)
        continue;
    CHECK(nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
    clock_free(bench->clock);
}

int main(int argc, char **argv)
{
    static const char *const arguments[] = {"--idle", "100", NULL};
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : COUNT;
    char directory[] = "/tmp/cronjob-bench-XXXXXX";
    struct bench bench = {.clock = posix_clock_new()};
    double bare = 1e9, guarded = 1e9;

    if (argc < 2 || count < 1 || geteuid() != 0) {
        (void)fprintf(stderr, "usage, as root: bench_spawn GUARDIAN [COUNT]\n");
        return EXIT_FAILURE;
    }
    CHECK(mkdtemp(directory));
    bench.file.fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    CHECK(bench.file.fd >= 0 && file_stamp_read(bench.file.fd, &bench.file.stamp, NULL) == RC_OK);
    CHECK(posix_launcher_new(&(struct posix_launcher_config){.executable = argv[1],
                                                             .arguments = arguments,
                                                             .data_directory = directory,
                                                             .clock = bench.clock,
                                                             .callback = hear,
                                                             .context = &bench},
                             &bench.launcher, NULL) == RC_OK);
    while (!bench.connected)
        turn(&bench);
    for (int round = 0; round < ROUNDS; round++) {
        bare = MIN(bare, run_bare(bench.clock, count));
        guarded = MIN(guarded, run_guarded(&bench, count, round));
    }
    printf("spawn_bare %.0f starts/s\n", (double)count / bare);
    printf("spawn_guarded %.0f starts/s\n", (double)count / guarded);
    printf("spawn_ratio %.3f times\n", guarded / bare);
    for (int i = 0; i < 2; i++) { /* the last acknowledgements go out */
        struct pollfd poller = {.fd = launcher_fd(bench.launcher), .events = POLLIN};

        (void)poll(&poller, 1, 10);
        launcher_dispatch(bench.launcher);
    }
    launcher_free(bench.launcher);
    end(&bench, directory);
    return EXIT_SUCCESS;
}
