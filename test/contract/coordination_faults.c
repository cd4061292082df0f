/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was agreed outlives the servers. Somebody else disturbs them: this program says `ready` when
 * all stands, and does what it reads, line by line, each of which it answers with `done`:
 *
 * lapse      no server answers: the lead must lapse, and nothing may wait for ever
 * recover    they are back, with all they had
 * lost       they are back, and had lost all
 */
#include <stdio.h>
#include <string.h>

#include "contract/coordination_fixture.h"

/* Until servers elect each other, and the session is known to be over. */
#define PATIENCE (60 * SECOND)

static void say(const char *word)
{
    (void)printf("%s\n", word);
    (void)fflush(stdout);
}

static void agree(struct fixture *fixture)
{
    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    assert_int_equal(join_when_connected(fixture->two, "node"), RC_OK);
    assert_int_equal(coordination_watch_members(fixture->one, hear_member, fixture, NULL), RC_OK);
    assert_int_equal(coordination_watch_tasks(fixture->two, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    wait_until_heard(fixture, 1, 0, 1);
}

static void lapse(struct fixture *fixture)
{
    mono_us begun = posix_mono();
    enum rc rc = assign(fixture, fixture->lease.epoch, 9, true);

    assert_true(rc == RC_UNKNOWN || rc == RC_UNAVAILABLE || rc == RC_STALE);
    while (coordination_leads_until(fixture->one, fixture->lease.epoch) > posix_mono() &&
           posix_mono() < begun + LIMIT)
        (void)sched_yield();
    assert_true(coordination_leads_until(fixture->one, fixture->lease.epoch) <= posix_mono());
    assert_true(posix_mono() - begun < 5 * SECOND);
}

/* What was there is there; what is lost is not taken away before the leader has settled. */
static void recover(struct fixture *fixture, bool lost)
{
    static job_id job = 1;
    struct candidate candidate = {.name = "m", .floor = fixture->lease.epoch};
    size_t added = fixture->added, removed = fixture->removed;

    assert_int_equal(coordination_campaign(fixture->one, &candidate, posix_mono() + PATIENCE,
                                           &fixture->lease, NULL),
                     RC_OK);
    assert_true(fixture->lease.epoch > candidate.floor);
    assert_int_equal(assign(fixture, fixture->lease.epoch, ++job, false), RC_OK);
    wait_until_heard(fixture, ++added, removed, 1);
    assert_int_equal(fixture->removed, removed);
    removed += lost ? job - 1 : 0;
    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    wait_until_heard(fixture, added, removed, 1);
    assert_int_equal(assign(fixture, fixture->lease.epoch, ++job, false), RC_OK);
    wait_until_heard(fixture, ++added, removed, 1);
    assert_int_equal(fixture->added, added);
    assert_int_equal(fixture->removed, removed);
}

static void what_was_agreed_outlives_the_servers(void **state)
{
    struct fixture *fixture = *state;
    char line[16];

    agree(fixture);
    say("ready");
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!strcmp(line, "lapse"))
            lapse(fixture);
        else
            recover(fixture, !strcmp(line, "lost"));
        say("done");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(what_was_agreed_outlives_the_servers)};

    return is_skipped() ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
}
