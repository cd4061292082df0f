/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/loop.h: one thread waits for descriptors, for an instant and for a deadline.
 *
 * A source is embedded in the object it serves and found again with container_of(). The loop does
 * not own descriptors: remove a source before its descriptor is closed, for a child that is just
 * being started may hold a copy, and epoll would go on reporting it. A callback may add, change and
 * remove any source, its own too. All functions are for the loop's thread; other threads reach it
 * through a mailbox.
 */
#ifndef CRONJOB_BASE_LOOP_H
#define CRONJOB_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/instant.h"

struct loop_source {
    int fd;
    void (*ready)(struct loop_source *source, uint32_t events); /* EPOLLIN, EPOLLHUP, ... */
};

/* What to call when the instant set has come or, `stepped`, when somebody set the wall clock: every
 * instant that was computed from it must then be computed again. Set the next instant in there. */
typedef void (*loop_instant_callback)(void *context, bool stepped);

enum { LOOP_BATCH = 64 }; /* events taken from the kernel at once */

struct loop {
    int fd;                         /* epoll; see loop_poll() */
    struct loop_source instant;     /* timerfd of CLOCK_REALTIME */
    struct loop_source deadline;    /* timerfd of CLOCK_BOOTTIME */
    mono_us armed;                  /* what `deadline` is set to */
    bool stepped;                   /* a step of the clock is still to be told */
    loop_instant_callback callback; /* NULL: nobody asks for instants */
    void *context;
    bool stopped;
    struct epoll_event events[LOOP_BATCH];
    int event_count; /* of the batch that is being worked off */
};

/* A deadline that never comes, for a loop that is woken by something else for certain. */
#define LOOP_NO_DEADLINE INT64_MAX

MUST_USE enum rc loop_init(struct loop *loop, struct err *err);
void loop_release(struct loop *loop);

/* Watches source->fd for `events` (level-triggered unless EPOLLET is among them). */
MUST_USE enum rc loop_add(struct loop *loop, struct loop_source *source, uint32_t events,
                          struct err *err);
void loop_change(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, struct loop_source *source);

/* Whom to call about instants and steps of the clock, from now on. */
void loop_watch_clock(struct loop *loop, loop_instant_callback callback, void *context);
/* Calls back once when CLOCK_REALTIME has reached `instant`, at once when it has passed;
 * INSTANT_NONE takes it back. Steps are reported either way. */
void loop_set_instant(struct loop *loop, instant_us instant);

/*
 * Waits until a source is ready, the instant has come or CLOCK_BOOTTIME is past `deadline`, and
 * makes the calls. A deadline that has passed makes it look without waiting. False when
 * loop_stop() was called.
 */
bool loop_run_once(struct loop *loop, mono_us deadline);
/* For a loop that lives inside another, which watches loop->fd: makes the calls that are due,
 * without waiting. */
void loop_poll(struct loop *loop);
/* For the same: loop->fd becomes readable, for one loop_poll(), when `deadline` has passed. */
void loop_set_deadline(struct loop *loop, mono_us deadline);
void loop_stop(struct loop *loop);

#endif
