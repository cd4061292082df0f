/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/fires.h: calls of the node's cron, `cronjob fire ID`, as they reach the worker.
 *
 * Contract: fires_dispatch() on the thread that watches fires_fd() gives each call to the callback,
 * which answers at once, and passes the answer on to who called. Only root and the worker's own
 * account can call; others are refused without the worker's hearing of it. Nobody who calls, or
 * does not wait for the answer, can delay it.
 *
 * A call is the text "fire 12", the answer one word; both parsers take any bytes.
 */
#ifndef CRONJOB_PORTS_FIRES_H
#define CRONJOB_PORTS_FIRES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

#include "core/run.h"

enum fire_answer {
    FIRE_TAKEN,    /* its tick is on its way */
    FIRE_NOT_DUE,  /* no tick has passed that is not accounted for: another call, or the timer */
    FIRE_UNKNOWN,  /* the job is not in this worker's crontab */
    FIRE_STARTING, /* the worker looks for what has passed meanwhile by itself */
    FIRE_REFUSED,  /* who called may not */
    FIRE_ANSWERS,
};

typedef enum fire_answer (*fire_callback)(void *context, job_id job);

struct fires;

struct fires_ops {
    const char *name;
    void (*listen)(struct fires *fires, fire_callback callback, void *context);
    int (*fd)(struct fires *fires);
    void (*dispatch)(struct fires *fires);
    void (*free)(struct fires *fires);
};

struct fires {
    const struct fires_ops *ops;
};

/* Whom to tell; before the first dispatch. */
static inline void fires_listen(struct fires *fires, fire_callback callback, void *context)
{
    fires->ops->listen(fires, callback, context);
}

static inline int fires_fd(struct fires *fires)
{
    return fires->ops->fd(fires);
}

static inline void fires_dispatch(struct fires *fires)
{
    fires->ops->dispatch(fires);
}

static inline void fires_free(struct fires *fires)
{
    if (fires)
        fires->ops->free(fires);
}

/* ---- the texts ------------------------------------------------------------------------------ */

enum { FIRE_TEXT = 32 }; /* bytes of a call or an answer at the most */

size_t fire_print(job_id job, char text[FIRE_TEXT]);
MUST_USE bool fire_parse(const char *text, size_t length, job_id *ret_job);

const char *fire_answer_text(enum fire_answer answer);
MUST_USE bool fire_answer_parse(const char *text, size_t length, enum fire_answer *ret_answer);

#endif
