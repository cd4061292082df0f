/* SPDX-License-Identifier: Apache-2.0 */
/* Changes on their way to whoever leads. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "proxy.h"
#include "sent.h"

static int start(void **state)
{
    *state = fixture_new();
    return 0;
}

static int stop(void **state)
{
    fixture_free(*state);
    return 0;
}

/* ---- all is well --------------------------------------------------------------------------- */

static void creates(struct fixture *fixture, struct changes *changes)
{
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    assert_int_equal(sent_make(fixture, changes, sent), RC_OK);
    assert_int_equal(sent->change.id, 1);
    assert_int_equal(sent->change.revision, 1);
    assert_null(sent->change.idempotency_key);
    assert_string_equal(sent->change.created->owner, "ann");
    assert_non_null(strstr(sent->change.created->document, "0 5 * * *"));
    sent_free(sent);
}

static void replaces_and_removes(struct fixture *fixture, struct changes *changes)
{
    struct sent *replace = sent_new(CHANGE_JOB_REPLACE), *stale = sent_new(CHANGE_JOB_REPLACE);
    struct sent *removal = sent_new(CHANGE_JOB_REMOVE), *purge = sent_new(CHANGE_JOB_PURGE);

    replace->change.id = stale->change.id = removal->change.id = purge->change.id = 1;
    replace->change.revision = stale->change.revision = 1;
    replace->change.job.name = "other";
    assert_int_equal(sent_make(fixture, changes, replace), RC_OK);
    assert_int_equal(replace->change.revision, 2);
    assert_int_equal(sent_make(fixture, changes, stale), RC_STALE);
    assert_non_null(strstr(stale->change.err.message, "has revision 2 by now"));
    assert_int_equal(sent_make(fixture, changes, removal), RC_OK);
    assert_int_equal(sent_make(fixture, changes, purge), RC_OK);
    assert_int_equal(fixture_count_jobs(fixture), 0);
    sent_free(replace);
    sent_free(stale);
    sent_free(removal);
    sent_free(purge);
}

static void runs_and_kills(struct fixture *fixture, struct changes *changes)
{
    struct sent *run = sent_new(CHANGE_RUN_NOW), *kill = sent_new(CHANGE_RUN_KILL);

    run->change.id = fixture_create_job(fixture, changes);
    assert_int_equal(sent_make(fixture, changes, run), RC_OK);
    assert_int_equal(run->change.run.job, run->change.id);
    kill->change.run = run->change.run;
    assert_int_equal(sent_make(fixture, changes, kill), RC_OK);
    kill->done = false;
    kill->change.run.job = 99;
    assert_int_equal(sent_make(fixture, changes, kill), RC_NOT_FOUND);
    sent_free(run);
    sent_free(kill);
}

static void keeps_tokens(struct fixture *fixture, struct changes *changes)
{
    struct access_token token = {
        .id = "abcdefgh", .name = "ci", .account = "ann", .expires_at = INSTANT_NONE};
    struct sent *made = sent_new(CHANGE_TOKEN_CREATE), *revoked = sent_new(CHANGE_TOKEN_REVOKE);

    made->change.access = revoked->change.access = token;
    assert_int_equal(sent_make(fixture, changes, made), RC_OK);
    made->done = false;
    assert_int_equal(sent_make(fixture, changes, made), RC_CONFLICT);
    assert_int_equal(sent_make(fixture, changes, revoked), RC_OK);
    revoked->done = false;
    assert_int_equal(sent_make(fixture, changes, revoked), RC_NOT_FOUND);
    sent_free(made);
    sent_free(revoked);
}

static void drains(struct fixture *fixture, struct changes *changes)
{
    struct sent *drain = sent_new(CHANGE_WORKER_DRAIN);

    drain->change.worker = "node";
    drain->change.draining = true;
    assert_int_equal(sent_make(fixture, changes, drain), RC_NOT_FOUND);
    fixture_register_worker(fixture, "node", "");
    drain->done = false;
    assert_int_equal(sent_make(fixture, changes, drain), RC_OK);
    sent_free(drain);
}

static void forwards_changes_of_every_kind(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = fixture_patient_client(fixture);

    fixture_elect(fixture, fixture_add_manager(fixture, "m1"), NULL);
    creates(fixture, changes);
    replaces_and_removes(fixture, changes);
    runs_and_kills(fixture, changes);
    keeps_tokens(fixture, changes);
    drains(fixture, changes);
    changes_free(changes);
}

static void gathers_what_waits(void **state)
{
    enum { JOBS = 1000 };
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");
    struct changes *changes = fixture_patient_client(fixture);
    struct sent *sent[JOBS];
    struct proxy proxy;

    proxy_start(&proxy, link_gate_port(node->gate));
    for (size_t i = 0; i < JOBS; i++) {
        sent[i] = sent_new(CHANGE_JOB_CREATE);
        sent_submit(changes, sent[i]);
    }
    fixture_elect(fixture, node, proxy.url);
    for (size_t i = 0; i < JOBS; i++) {
        sent_await(fixture, sent[i], RC_OK);
        sent_free(sent[i]);
    }
    assert_int_equal(fixture_count_jobs(fixture), JOBS);
    assert_true(atomic_load(&proxy.calls) <= 10);
    changes_free(changes);
    proxy_stop(&proxy);
}

/* ---- who leads ----------------------------------------------------------------------------- */

static void waits_for_a_leader(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = fixture_patient_client(fixture);
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);
    struct node *node = fixture_add_manager(fixture, "m1");

    sent_submit(changes, sent);
    fixture_elect(fixture, node, NULL);
    sent_await(fixture, sent, RC_OK);
    sent_free(sent);
    changes_free(changes);
}

static void does_not_wait_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes =
        fixture_client(fixture, (struct link_changes_config){.patience = 100 * MILLISECOND});
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    assert_int_equal(sent_make(fixture, changes, sent), RC_UNAVAILABLE);
    assert_string_equal(sent->change.err.message, "no manager leads");
    atomic_store(&fixture->store_is_away, true);
    sent->done = false;
    assert_int_equal(sent_make(fixture, changes, sent), RC_UNAVAILABLE);
    sent_free(sent);
    changes_free(changes);
}

static void follows_the_leader(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = fixture_patient_client(fixture);
    struct node *first = fixture_add_manager(fixture, "m1");
    struct node *second = fixture_add_manager(fixture, "m2");

    fixture_elect(fixture, first, NULL);
    fixture_create_job(fixture, changes);
    fixture_elect(fixture, second, NULL); /* the first says so */
    fixture_create_job(fixture, changes);
    fixture_elect(fixture, first, NULL);
    fixture_create_job(fixture, changes);
    fixture_elect(fixture, second, NULL);
    fixture_stop_node(first); /* the store says so */
    fixture_create_job(fixture, changes);
    assert_int_equal(fixture_count_jobs(fixture), 4);
    changes_free(changes);
}

/* A run on demand too, when it is sure that nobody was there to take it. */
static void tries_again_where_nobody_was(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = fixture_patient_client(fixture);
    struct node *node = fixture_add_manager(fixture, "m1");
    struct sent *run = sent_new(CHANGE_RUN_NOW);
    AUTO_FREE char *nowhere = xasprintf("http://127.0.0.1:%u", fixture_free_port());

    fixture_elect(fixture, node, NULL);
    run->change.id = fixture_create_job(fixture, changes);
    fixture_elect(fixture, NULL, NULL);
    fixture_elect(fixture, node, nowhere);
    atomic_store(&node->leads, false);
    sent_submit(changes, run);
    fixture_elect(fixture, node, NULL);
    sent_await(fixture, run, RC_OK);
    assert_int_equal(fixture_count_runs(fixture), 1);
    sent_free(run);
    changes_free(changes);
}

/* ---- who may not, and the end ---------------------------------------------------------------- */

struct skewed {
    struct clock base;
    struct clock *real;
};

static instant_us skewed_now(struct clock *clock)
{
    return clock_now(container_of(clock, struct skewed, base)->real) + MINUTE;
}

static mono_us skewed_mono(struct clock *clock)
{
    return clock_mono(container_of(clock, struct skewed, base)->real);
}

static void says_why_it_is_refused(void **state)
{
    static const struct clock_ops ops = {.name = "skewed", .now = skewed_now, .mono = skewed_mono};
    struct fixture *fixture = *state;
    struct skewed clock = {.base.ops = &ops, .real = fixture->clock};
    struct link_secret other = {.length = 20};
    struct changes *stranger =
        fixture_client(fixture, (struct link_changes_config){.secret = &other});
    struct changes *early =
        fixture_client(fixture, (struct link_changes_config){.clock = &clock.base});
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    fixture_elect(fixture, fixture_add_manager(fixture, "m1"), NULL);
    assert_int_equal(sent_make(fixture, stranger, sent), RC_UNAVAILABLE);
    assert_non_null(strstr(sent->change.err.message,
                           "the leading manager, m1, refuses the call: it answers 401: the "
                           "signature is wrong: the two have different cluster secrets"));
    sent->done = false;
    assert_int_equal(sent_make(fixture, early, sent), RC_UNAVAILABLE);
    assert_non_null(strstr(sent->change.err.message, " s ahead of this one's"));
    assert_int_equal(fixture_count_jobs(fixture), 0);
    sent_free(sent);
    changes_free(stranger);
    changes_free(early);
}

static void takes_no_more_than_it_may(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = fixture_client(
        fixture, (struct link_changes_config){.patience = FIXTURE_PATIENCE, .capacity = 1});
    struct sent *first = sent_new(CHANGE_JOB_CREATE), *second = sent_new(CHANGE_JOB_CREATE);
    AUTO_FREE char *text = xcalloc(LIMIT_DOCUMENT + 1, 1);

    sent_submit(changes, first);
    assert_int_equal(changes_submit(changes, &second->change, NULL), RC_BUSY);
    link_changes_stop(changes);
    sent_await(fixture, first, RC_CLOSED);
    assert_int_equal(changes_submit(changes, &second->change, NULL), RC_CLOSED);
    changes_free(changes);
    changes = fixture_patient_client(fixture);
    memset(text, 'x', LIMIT_DOCUMENT);
    second->change.job.description = text;
    assert_int_equal(changes_submit(changes, &second->change, NULL), RC_TOO_BIG);
    changes_free(changes);
    sent_free(first);
    sent_free(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forwards_changes_of_every_kind),
        TEST(gathers_what_waits),
        TEST(waits_for_a_leader),
        TEST(does_not_wait_for_ever),
        TEST(follows_the_leader),
        TEST(tries_again_where_nobody_was),
        TEST(says_why_it_is_refused),
        TEST(takes_no_more_than_it_may),
    };

    return cmocka_run_group_tests_name("link changes", tests, NULL, NULL);
}
