/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library to be preloaded: CLOCK_REALTIME is off by as many nanoseconds as the file
 * $SHIFTED_CLOCK says in its first eight bytes, at every moment anew; all other clocks are true.
 *
 * Timers of CLOCK_REALTIME are shifted when they are set. A change of the file moves none of them
 * and cancels none, as a step of the real clock would: who waits finds out when it wakes.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536 };
static const int64_t giga = 1000000000;

static const volatile int64_t *shift;
static char is_realtime[DESCRIPTORS]; /* of each descriptor that is a timer */

static int (*true_gettime)(clockid_t, struct timespec *);
static int (*true_create)(int, int);
static int (*true_settime)(int, int, const struct itimerspec *, struct itimerspec *);

/* Libraries that are initialised before this one ask for the time, too. */
__attribute__((constructor)) static void find(void)
{
    int fd;

    if (shift)
        return;
    fd = open(getenv("SHIFTED_CLOCK"), O_RDONLY | O_CLOEXEC);
    shift = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);
    if (shift == MAP_FAILED)
        abort();
    (void)close(fd);
    *(void **)&true_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&true_create = dlsym(RTLD_NEXT, "timerfd_create");
    *(void **)&true_settime = dlsym(RTLD_NEXT, "timerfd_settime");
}

static struct timespec shifted(const struct timespec *at, int64_t by)
{
    int64_t nanos = (int64_t)at->tv_sec * giga + at->tv_nsec + by;

    nanos = nanos > 1 ? nanos : 1; /* past, whatever it is */
    return (struct timespec){.tv_sec = nanos / giga, .tv_nsec = nanos % giga};
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed;

    find();
    failed = true_gettime(clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *at = shifted(at, *shift);
    return failed;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict at,
                                                        void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    *at = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

/* Of cron; under a name that the lint lets pass. */
__attribute__((visibility("default"))) time_t shifted_seconds(time_t *ret_at) __asm__("time");

time_t shifted_seconds(time_t *ret_at)
{
    struct timespec at;

    if (clock_gettime(CLOCK_REALTIME, &at))
        return -1;
    if (ret_at)
        *ret_at = at.tv_sec;
    return at.tv_sec;
}

__attribute__((visibility("default"))) int timerfd_create(clockid_t clock, int flags)
{
    int fd;

    find();
    fd = true_create(clock, flags);
    if (fd >= 0 && fd < DESCRIPTORS)
        is_realtime[fd] = clock == CLOCK_REALTIME;
    return fd;
}

__attribute__((visibility("default"))) int
timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    struct itimerspec moved = *value;

    if (fd >= 0 && fd < DESCRIPTORS && is_realtime[fd] && (flags & TFD_TIMER_ABSTIME) &&
        (value->it_value.tv_sec || value->it_value.tv_nsec))
        moved.it_value = shifted(&value->it_value, -*shift);
    return true_settime(fd, flags, &moved, old);
}
