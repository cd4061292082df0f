/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick of starting processes: `bare_loop COUNT COMMAND [PAUSE]` executes `/bin/sh -c
 * COMMAND` so many times, one after the other, and prints the seconds that took. With a pause in
 * milliseconds before each, it prints the time of day just before each start instead.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* fails for unknown clocks only */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void execute(char *command)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    char *argv[] = {shell, option, command, NULL};
    pid_t pid;
    int status;

    if (posix_spawn(&pid, shell, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid ||
        status) {
        (void)fprintf(stderr, "%s: failed\n", command);
        exit(1);
    }
}

static void rest(long milliseconds)
{
    struct timespec span = {.tv_sec = milliseconds / 1000,
                            .tv_nsec = milliseconds % 1000 * 1000000};

    (void)nanosleep(&span, NULL); /* a shorter rest does no harm */
}

int main(int argc, char **argv)
{
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    long pause = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    double start = seconds(CLOCK_MONOTONIC);

    for (long i = 0; i < count; i++) {
        if (pause) {
            rest(pause);
            printf("%.6f\n", seconds(CLOCK_REALTIME));
        }
        execute(argv[2]);
    }
    if (!pause)
        printf("%.6f\n", seconds(CLOCK_MONOTONIC) - start);
    return 0;
}
