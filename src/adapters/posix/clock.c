/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/clock.h"

#include <sys/timex.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    CHECK(clock_gettime(id, &now) == 0);
    return now.tv_sec * SECOND + now.tv_nsec / 1000;
}

instant_us posix_now(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

bool posix_clock_is_synchronised(void *context)
{
    struct timex state = {0};

    (void)context;
    return adjtimex(&state) != TIME_ERROR;
}

static instant_us posix_clock_now(struct clock *clock)
{
    return posix_now(clock);
}

mono_us posix_mono(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

static mono_us posix_clock_mono(struct clock *clock)
{
    (void)clock;
    return posix_mono();
}

static void posix_free(struct clock *clock)
{
    free(clock);
}

struct clock *posix_clock_new(void)
{
    static const struct clock_ops ops = {
        .name = "posix", .now = posix_clock_now, .mono = posix_clock_mono, .free = posix_free};
    struct clock *clock = xmalloc(sizeof(*clock));

    *clock = (struct clock){.ops = &ops};
    return clock;
}
