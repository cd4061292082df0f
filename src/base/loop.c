/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

/* Reads a timer that is ready: 0, or the errno value; ECANCELED tells of a step of the clock. */
static int read_timer(int fd)
{
    uint64_t expirations;

    return read(fd, &expirations, sizeof(expirations)) < 0 ? errno : 0;
}

/* False when a step of the clock was found on the way, which is then not reported otherwise. */
static bool set_timer(int fd, int flags, int64_t micros)
{
    struct itimerspec spec = {0};
    int error;

    /* All zeros would disarm: the first microsecond has passed long since. */
    micros = MAX(micros, 1);
    spec.it_value.tv_sec = (time_t)(micros / SECOND);
    spec.it_value.tv_nsec = (long)(micros % SECOND) * 1000;
    error = timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &spec, NULL) == 0 ? 0 : errno;
    CHECK(error == 0 || error == ECANCELED);
    return error == 0;
}

static void on_instant(struct loop_source *source, uint32_t events)
{
    struct loop *loop = container_of(source, struct loop, instant);
    int error = read_timer(source->fd);
    bool stepped = loop->stepped || error == ECANCELED;

    (void)events;
    if (error == EAGAIN || error == EINTR)
        return;
    loop->stepped = false;
    loop_set_instant(loop, INSTANT_NONE);
    if (loop->callback)
        loop->callback(loop->context, stepped);
}

static void on_deadline(struct loop_source *source, uint32_t events)
{
    struct loop *loop = container_of(source, struct loop, deadline);

    (void)events;
    (void)read_timer(source->fd); /* being woken is all that counts */
    loop->armed = LOOP_NO_DEADLINE;
}

static enum rc open_descriptors(struct loop *loop, struct err *err)
{
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->fd < 0)
        return err_errno(err, RC_IO, errno, "epoll");
    loop->instant.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->deadline.fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->instant.fd < 0 || loop->deadline.fd < 0)
        return err_errno(err, RC_IO, errno, "timerfd");
    return RC_OK;
}

enum rc loop_init(struct loop *loop, struct err *err)
{
    enum rc rc;

    *loop = (struct loop){.fd = -1,
                          .instant = {.fd = -1, .ready = on_instant},
                          .deadline = {.fd = -1, .ready = on_deadline},
                          .armed = LOOP_NO_DEADLINE};
    rc = open_descriptors(loop, err);
    if (rc == RC_OK)
        rc = loop_add(loop, &loop->instant, EPOLLIN, err);
    if (rc == RC_OK)
        rc = loop_add(loop, &loop->deadline, EPOLLIN, err);
    if (rc != RC_OK) {
        loop_release(loop);
        return rc;
    }
    loop_set_instant(loop, INSTANT_NONE);
    return RC_OK;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* epoll and timers have nothing to lose */
    *fd = -1;
}

void loop_release(struct loop *loop)
{
    close_if_open(&loop->instant.fd);
    close_if_open(&loop->deadline.fd);
    close_if_open(&loop->fd);
}

enum rc loop_add(struct loop *loop, struct loop_source *source, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, source->fd, &event) != 0)
        return err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "watching a descriptor");
    return RC_OK;
}

void loop_change(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    CHECK(epoll_ctl(loop->fd, EPOLL_CTL_MOD, source->fd, &event) == 0);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    CHECK(epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL) == 0);
    /* Its event may be waiting in the batch at hand, and its memory may go away now. */
    for (int i = 0; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == source)
            loop->events[i].data.ptr = NULL;
}

void loop_watch_clock(struct loop *loop, loop_instant_callback callback, void *context)
{
    loop->callback = callback;
    loop->context = context;
}

void loop_set_instant(struct loop *loop, instant_us instant)
{
    /* A timer that is not armed does not tell of steps: nothing to wait for is the last instant. */
    if (!set_timer(loop->instant.fd, TFD_TIMER_CANCEL_ON_SET,
                   instant == INSTANT_NONE ? INSTANT_MAX : instant)) {
        loop->stepped = true;
        (void)set_timer(loop->instant.fd, 0, 1); /* to be told at once */
    }
}

void loop_set_deadline(struct loop *loop, mono_us deadline)
{
    struct itimerspec never = {0};

    if (deadline == loop->armed)
        return;
    if (deadline == LOOP_NO_DEADLINE)
        CHECK(timerfd_settime(loop->deadline.fd, 0, &never, NULL) == 0);
    else
        (void)set_timer(loop->deadline.fd, 0, deadline); /* CLOCK_BOOTTIME has no steps */
    loop->armed = deadline;
}

static void make_calls(struct loop *loop, int timeout)
{
    loop->event_count = epoll_wait(loop->fd, loop->events, LOOP_BATCH, timeout);
    for (int i = 0; i < loop->event_count; i++) {
        struct loop_source *source = loop->events[i].data.ptr;

        if (source)
            source->ready(source, loop->events[i].events);
    }
    loop->event_count = 0;
}

bool loop_run_once(struct loop *loop, mono_us deadline)
{
    if (loop->stopped)
        return false;
    loop_set_deadline(loop, deadline);
    make_calls(loop, -1);
    return !loop->stopped;
}

void loop_poll(struct loop *loop)
{
    make_calls(loop, 0);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
