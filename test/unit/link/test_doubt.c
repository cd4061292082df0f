/* SPDX-License-Identifier: Apache-2.0 */
/* Changes whose answers are lost. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "link/parcel.h"
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

/* ---- what is not heard ---------------------------------------------------------------------- */

struct broken {
    struct fixture *fixture;
    struct node *node;
    struct proxy proxy;
    struct changes *changes;
};

static int start_broken(void **state)
{
    struct broken *broken = xcalloc(1, sizeof(*broken));

    broken->fixture = fixture_new();
    broken->node = fixture_add_manager(broken->fixture, "m1");
    proxy_start(&broken->proxy, link_gate_port(broken->node->gate));
    fixture_elect(broken->fixture, broken->node, broken->proxy.url);
    broken->changes = fixture_patient_client(broken->fixture);
    *state = broken;
    return 0;
}

static int stop_broken(void **state)
{
    struct broken *broken = *state;

    changes_free(broken->changes);
    proxy_stop(&broken->proxy);
    fixture_free(broken->fixture);
    free(broken);
    return 0;
}

/* The first answer is lost. */
static struct sent *make_unheard(struct broken *broken, struct sent *sent, enum rc outcome)
{
    atomic_store(&broken->proxy.cuts, 1);
    sent_submit(broken->changes, sent);
    sent_await(broken->fixture, sent, outcome);
    assert_int_equal(atomic_load(&broken->proxy.cuts), 0);
    return sent;
}

static void creates_once(void **state)
{
    struct broken *broken = *state;
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    sent->change.job.name = "only";
    make_unheard(broken, sent, RC_OK);
    assert_int_equal(sent->change.id, 1);
    assert_false(sent->change.replayed);
    assert_null(sent->change.idempotency_key);
    assert_int_equal(fixture_count_jobs(broken->fixture), 1);
    sent_free(sent);
    sent = sent_new(CHANGE_JOB_CREATE);
    sent->change.idempotency_key = "mine";
    make_unheard(broken, sent, RC_OK);
    assert_true(sent->change.replayed);
    assert_string_equal(sent->change.idempotency_key, "mine");
    assert_int_equal(fixture_count_jobs(broken->fixture), 2);
    sent_free(sent);
}

static void does_not_start_twice(void **state)
{
    struct broken *broken = *state;
    struct sent *run = sent_new(CHANGE_RUN_NOW);

    run->change.id = fixture_create_job(broken->fixture, broken->changes);
    make_unheard(broken, run, RC_UNKNOWN);
    assert_non_null(strstr(run->change.err.message, "look at the job's runs before asking again"));
    assert_int_equal(fixture_count_runs(broken->fixture), 1);
    sent_free(run);
}

static void knows_its_own_replacement(void **state)
{
    struct broken *broken = *state;
    struct sent *replace = sent_new(CHANGE_JOB_REPLACE), *stale = sent_new(CHANGE_JOB_REPLACE);

    replace->change.id = stale->change.id = fixture_create_job(broken->fixture, broken->changes);
    replace->change.revision = stale->change.revision = 1;
    replace->change.job.description = "ours";
    stale->change.job.description = "another's";
    make_unheard(broken, replace, RC_OK);
    assert_int_equal(replace->change.revision, 2);
    make_unheard(broken, stale, RC_STALE);
    sent_free(replace);
    sent_free(stale);
}

static void takes_what_is_gone_for_done(void **state)
{
    struct broken *broken = *state;
    struct fixture *fixture = broken->fixture;
    struct sent *removal = sent_new(CHANGE_JOB_REMOVE), *purge = sent_new(CHANGE_JOB_PURGE);
    struct sent *made = sent_new(CHANGE_TOKEN_CREATE), *revoked = sent_new(CHANGE_TOKEN_REVOKE);

    removal->change.id = purge->change.id = fixture_create_job(fixture, broken->changes);
    removal->change.revision = 1;
    made->change.access =
        (struct access_token){.id = "abcdefgh", .name = "ci", .account = "ann", .hash = {1}};
    revoked->change.access.id = "abcdefgh";
    sent_free(make_unheard(broken, removal, RC_OK));
    sent_free(make_unheard(broken, purge, RC_OK));
    sent_free(make_unheard(broken, made, RC_OK));
    sent_free(make_unheard(broken, revoked, RC_OK));
}

/* ---- rules --------------------------------------------------------------------------------- */

static enum rc settle(struct fixture *fixture, struct change change, enum rc outcome)
{
    struct sent *sent = sent_new(change.kind);
    struct link_result result = {.outcome = outcome, .detail = "no"};
    struct parcel *parcel;
    enum rc rc;

    change.done = sent->change.done;
    change.context = sent->change.context;
    sent->change = change;
    assert_int_equal(parcel_new(&sent->change, 0, &parcel, NULL), RC_OK);
    parcel->perhaps_done = true;
    assert_true(parcel_settle(parcel, &result, fixture->store));
    rc = sent->change.outcome;
    parcel_answer(parcel);
    assert_true(sent->done);
    sent_free(sent);
    return rc;
}

/* Job 1 has this document, in revision `revision`. */
static struct change replacement(const char *description, uint64_t revision)
{
    struct change change = {.kind = CHANGE_JOB_REPLACE, .id = 1, .revision = revision};

    change.job = sent_job();
    change.job.description = description;
    return change;
}

static void doubts_in_the_right_places(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = fixture_patient_client(fixture);
    struct sent *replace = sent_new(CHANGE_JOB_REPLACE);
    struct change token = {.kind = CHANGE_TOKEN_CREATE,
                           .access = {.id = "a", .name = "", .account = ""}};
    struct change creation = {.kind = CHANGE_JOB_CREATE, .owner = "ann", .job = sent_job()};

    fixture_elect(fixture, fixture_add_manager(fixture, "m1"), NULL);
    replace->change.job = replacement("now", 0).job;
    replace->change.id = fixture_create_job(fixture, changes);
    assert_int_equal(sent_make(fixture, changes, replace), RC_OK);
    assert_int_equal(replace->change.revision, 2);
    assert_int_equal(settle(fixture, replacement("now", 1), RC_STALE), RC_OK);
    assert_int_equal(settle(fixture, replacement("then", 1), RC_STALE), RC_STALE);
    assert_int_equal(settle(fixture, replacement("now", 5), RC_STALE), RC_STALE);
    replace->change.revision = 0;
    replace->done = false;
    assert_int_equal(sent_make(fixture, changes, replace), RC_OK);
    assert_int_equal(settle(fixture, replacement("then", 1), RC_STALE), RC_UNKNOWN);
    assert_int_equal(settle(fixture, token, RC_CONFLICT), RC_CONFLICT);
    assert_int_equal(settle(fixture, creation, RC_INVALID), RC_UNKNOWN);
    assert_int_equal(settle(fixture, creation, RC_CONFLICT), RC_CONFLICT);
    atomic_store(&fixture->store_is_away, true);
    assert_int_equal(settle(fixture, replacement("now", 1), RC_STALE), RC_UNKNOWN);
    assert_int_equal(settle(fixture, token, RC_CONFLICT), RC_UNKNOWN);
    sent_free(replace);
    changes_free(changes);
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, start, stop)
#define BROKEN(name) cmocka_unit_test_setup_teardown(name, start_broken, stop_broken)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKEN(creates_once),
        BROKEN(does_not_start_twice),
        BROKEN(knows_its_own_replacement),
        BROKEN(takes_what_is_gone_for_done),
        TEST(doubts_in_the_right_places),
    };

    return cmocka_run_group_tests_name("link doubt", tests, NULL, NULL);
}
