/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/clock.h"

#include "base/check.h"
#include "base/mem.h"

struct memory_clock {
    struct clock base;
    int64_t now, mono; /* atomic: any thread may ask */
};

static struct memory_clock *self_of(struct clock *clock)
{
    return container_of(clock, struct memory_clock, base);
}

static instant_us memory_now(struct clock *clock)
{
    return __atomic_load_n(&self_of(clock)->now, __ATOMIC_SEQ_CST);
}

static mono_us memory_mono(struct clock *clock)
{
    return __atomic_load_n(&self_of(clock)->mono, __ATOMIC_SEQ_CST);
}

static void memory_free(struct clock *clock)
{
    free(self_of(clock));
}

struct clock *memory_clock_new(instant_us now)
{
    static const struct clock_ops ops = {
        .name = "memory", .now = memory_now, .mono = memory_mono, .free = memory_free};
    struct memory_clock *self = xmalloc(sizeof(*self));

    *self = (struct memory_clock){.base.ops = &ops, .now = now, .mono = HOUR};
    return &self->base;
}

void memory_clock_set(struct clock *clock, instant_us now)
{
    __atomic_store_n(&self_of(clock)->now, now, __ATOMIC_SEQ_CST);
}

void memory_clock_advance(struct clock *clock, span_us span)
{
    CHECK(span >= 0);
    (void)__atomic_fetch_add(&self_of(clock)->now, span, __ATOMIC_SEQ_CST);
    (void)__atomic_fetch_add(&self_of(clock)->mono, span, __ATOMIC_SEQ_CST);
}
