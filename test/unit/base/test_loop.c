/* SPDX-License-Identifier: Apache-2.0 */
/* The loop and the mailbox: who is called, when, and in which order. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mailbox.h"

#include "testing.h"

enum { SENDERS = 4, MAILS = 5000 };

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    assert_int_equal(clock_gettime(clock, &now), 0);
    return now.tv_sec * SECOND + now.tv_nsec / 1000;
}

static void comes_back_at_the_deadline(void **state)
{
    struct loop loop;
    mono_us start = read_clock(CLOCK_BOOTTIME);

    (void)state;
    assert_int_equal(loop_init(&loop, NULL), RC_OK);
    assert_true(loop_run_once(&loop, start - SECOND));
    assert_true(loop_run_once(&loop, start + 20 * MILLISECOND));
    assert_true(read_clock(CLOCK_BOOTTIME) >= start + 20 * MILLISECOND);
    loop_stop(&loop);
    assert_false(loop_run_once(&loop, LOOP_NO_DEADLINE));
    loop_release(&loop);
}

struct called {
    int times;
    bool stepped;
};

static void on_instant(void *context, bool stepped)
{
    struct called *called = context;

    called->times++;
    called->stepped = stepped;
}

static void calls_once_for_an_instant(void **state)
{
    struct called called = {0};
    instant_us start = read_clock(CLOCK_REALTIME);
    mono_us now = read_clock(CLOCK_BOOTTIME);
    struct loop loop;

    (void)state;
    assert_int_equal(loop_init(&loop, NULL), RC_OK);
    loop_watch_clock(&loop, on_instant, &called);
    loop_set_instant(&loop, start + 10 * MILLISECOND);
    assert_true(loop_run_once(&loop, now + 10 * SECOND));
    assert_int_equal(called.times, 1);
    assert_true(read_clock(CLOCK_REALTIME) >= start + 10 * MILLISECOND);
    assert_true(loop_run_once(&loop, read_clock(CLOCK_BOOTTIME) + 5 * MILLISECOND));
    assert_int_equal(called.times, 1);
    loop_set_instant(&loop, start - HOUR);
    assert_true(loop_run_once(&loop, now + 10 * SECOND));
    assert_int_equal(called.times, 2);
    loop_set_instant(&loop, start - HOUR);
    loop_set_instant(&loop, INSTANT_NONE);
    assert_true(loop_run_once(&loop, read_clock(CLOCK_BOOTTIME) + 5 * MILLISECOND));
    assert_int_equal(called.times, 2);
    loop_release(&loop);
}

struct pair_source {
    struct loop *loop;
    struct loop_source source;
    struct pair_source *other;
    int calls;
};

static void remove_the_other(struct loop_source *source, uint32_t events)
{
    struct pair_source *self = container_of(source, struct pair_source, source);

    assert_true(events & EPOLLIN);
    self->calls++;
    loop_remove(self->loop, &self->other->source);
}

static void does_not_call_what_was_removed(void **state)
{
    struct pair_source sources[2];
    struct loop loop;

    (void)state;
    assert_int_equal(loop_init(&loop, NULL), RC_OK);
    for (int i = 0; i < 2; i++) {
        sources[i] = (struct pair_source){
            .loop = &loop,
            .source = {.fd = eventfd(1, EFD_CLOEXEC), .ready = remove_the_other},
            .other = &sources[1 - i]};
        assert_int_equal(loop_add(&loop, &sources[i].source, EPOLLIN, NULL), RC_OK);
    }
    assert_true(loop_run_once(&loop, read_clock(CLOCK_BOOTTIME) + 10 * SECOND));
    assert_int_equal(sources[0].calls + sources[1].calls, 1);
    for (int i = 0; i < 2; i++)
        close(sources[i].source.fd);
    loop_release(&loop);
}

struct letter {
    struct mail mail;
    int sender, number;
};

struct sender {
    struct mailbox *mailbox;
    struct letter letters[MAILS];
};

static struct sender senders[SENDERS];

static void *post_all(void *context)
{
    struct sender *sender = context;

    for (int i = 0; i < MAILS; i++) {
        sender->letters[i] = (struct letter){.sender = (int)(sender - senders), .number = i};
        mailbox_post(sender->mailbox, &sender->letters[i].mail);
    }
    return NULL;
}

struct receiver {
    struct mailbox mailbox;
    struct loop_source source;
    int next[SENDERS]; /* the number expected of each */
    int total;
};

static void on_mail(struct loop_source *source, uint32_t events)
{
    struct receiver *receiver = container_of(source, struct receiver, source);

    (void)events;
    for (struct mail *mail = mailbox_take_all(&receiver->mailbox); mail; mail = mail->next) {
        const struct letter *letter = container_of(mail, struct letter, mail);

        assert_int_equal(letter->number, receiver->next[letter->sender]++);
        receiver->total++;
    }
}

static void delivers_everything_in_order(void **state)
{
    struct receiver receiver = {0};
    pthread_t threads[SENDERS];
    struct loop loop;
    mono_us limit = read_clock(CLOCK_BOOTTIME) + 30 * SECOND;

    (void)state;
    assert_int_equal(loop_init(&loop, NULL), RC_OK);
    assert_int_equal(mailbox_init(&receiver.mailbox, NULL), RC_OK);
    receiver.source = (struct loop_source){.fd = receiver.mailbox.fd, .ready = on_mail};
    assert_int_equal(loop_add(&loop, &receiver.source, EPOLLIN, NULL), RC_OK);
    for (int i = 0; i < SENDERS; i++) {
        senders[i].mailbox = &receiver.mailbox;
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &senders[i]), 0);
    }
    while (receiver.total < SENDERS * MAILS && read_clock(CLOCK_BOOTTIME) < limit)
        assert_true(loop_run_once(&loop, limit));
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(receiver.total, SENDERS * MAILS);
    loop_remove(&loop, &receiver.source);
    mailbox_release(&receiver.mailbox);
    loop_release(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_at_the_deadline),
        cmocka_unit_test(calls_once_for_an_instant),
        cmocka_unit_test(does_not_call_what_was_removed),
        cmocka_unit_test(delivers_everything_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
