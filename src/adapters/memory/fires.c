/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/fires.h"

#include <stdlib.h>

#include "base/mem.h"

struct memory_fires {
    struct fires base;
    fire_callback callback;
    void *context;
};

static struct memory_fires *self_of(struct fires *fires)
{
    return container_of(fires, struct memory_fires, base);
}

static void memory_listen(struct fires *fires, fire_callback callback, void *context)
{
    self_of(fires)->callback = callback;
    self_of(fires)->context = context;
}

/* Nothing to watch: calls come within their own function. */
static int memory_fd(struct fires *fires)
{
    (void)fires;
    return -1;
}

static void memory_dispatch(struct fires *fires)
{
    (void)fires;
}

static void memory_free(struct fires *fires)
{
    free(self_of(fires));
}

static const struct fires_ops ops = {
    .name = "memory",
    .listen = memory_listen,
    .fd = memory_fd,
    .dispatch = memory_dispatch,
    .free = memory_free,
};

struct fires *memory_fires_new(void)
{
    struct memory_fires *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    return &self->base;
}

enum fire_answer memory_fires_call(struct fires *fires, job_id job)
{
    const struct memory_fires *self = self_of(fires);

    return self->callback ? self->callback(self->context, job) : FIRE_STARTING;
}
