/* SPDX-License-Identifier: Apache-2.0 */
/* Changes on their way to whoever leads. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "fixture.h"
#include "link/changes.h"
#include "link/parcel.h"
#include "proxy.h"
#include "wire/job.h"

/* ---- changes ------------------------------------------------------------------------------- */

struct sent {
    struct change change;
    atomic_bool done;
};

static void on_done(struct change *change)
{
    atomic_store((atomic_bool *)change->context, true);
}

static struct job make_job(void)
{
    struct job job = job_default();

    job.executable = "true";
    job.schedule = "0 5 * * *";
    job.time_zone = "UTC";
    return job;
}

static struct sent *sent_new(enum change_kind kind)
{
    struct sent *sent = xcalloc(1, sizeof(*sent));

    sent->change.kind = kind;
    sent->change.owner = "ann";
    sent->change.job = make_job();
    sent->change.request = "";
    sent->change.done = on_done;
    sent->change.context = &sent->done;
    return sent;
}

static void sent_free(struct sent *sent)
{
    arena_release(&sent->change.arena);
    free(sent);
}

static void await(struct fixture *fixture, struct sent *sent, enum rc outcome)
{
    fixture_wait_for(fixture, atomic_load(&sent->done));
    if (sent->change.outcome != outcome)
        fail_msg("%s: %s", rc_text(sent->change.outcome), sent->change.err.message);
}

static void submit(struct changes *changes, struct sent *sent)
{
    assert_int_equal(changes_submit(changes, &sent->change, NULL), RC_OK);
}

static enum rc make(struct fixture *fixture, struct changes *changes, struct sent *sent)
{
    submit(changes, sent);
    fixture_wait_for(fixture, atomic_load(&sent->done));
    return sent->change.outcome;
}

static struct changes *client_of(struct fixture *fixture, struct link_changes_config config)
{
    struct changes *changes;

    config.store = fixture->store;
    if (!config.clock)
        config.clock = fixture->clock;
    if (!config.secret)
        config.secret = &fixture->secret;
    assert_int_equal(link_changes_new(&config, &changes, NULL), RC_OK);
    return changes;
}

static struct changes *patient_client(struct fixture *fixture)
{
    return client_of(fixture, (struct link_changes_config){.patience = FIXTURE_PATIENCE});
}

static job_id create(struct fixture *fixture, struct changes *changes)
{
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);
    job_id id;

    assert_int_equal(make(fixture, changes, sent), RC_OK);
    id = sent->change.id;
    sent_free(sent);
    return id;
}

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

static bool count_run(void *context, const struct run_record *run)
{
    (void)run;
    ++*(size_t *)context;
    return true;
}

static size_t count_runs(struct fixture *fixture)
{
    struct run_query query = run_query_all();
    size_t count = 0;

    assert_int_equal(store_read_runs(fixture->store, &query, count_run, &count, NULL), RC_OK);
    return count;
}

/* ---- all is well --------------------------------------------------------------------------- */

static void creates(struct fixture *fixture, struct changes *changes)
{
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    assert_int_equal(make(fixture, changes, sent), RC_OK);
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
    assert_int_equal(make(fixture, changes, replace), RC_OK);
    assert_int_equal(replace->change.revision, 2);
    assert_int_equal(make(fixture, changes, stale), RC_STALE);
    assert_non_null(strstr(stale->change.err.message, "has revision 2 by now"));
    assert_int_equal(make(fixture, changes, removal), RC_OK);
    assert_int_equal(make(fixture, changes, purge), RC_OK);
    assert_int_equal(fixture_count_jobs(fixture), 0);
    sent_free(replace);
    sent_free(stale);
    sent_free(removal);
    sent_free(purge);
}

static void runs_and_kills(struct fixture *fixture, struct changes *changes)
{
    struct sent *run = sent_new(CHANGE_RUN_NOW), *kill = sent_new(CHANGE_RUN_KILL);

    run->change.id = create(fixture, changes);
    assert_int_equal(make(fixture, changes, run), RC_OK);
    assert_int_equal(run->change.run.job, run->change.id);
    kill->change.run = run->change.run;
    assert_int_equal(make(fixture, changes, kill), RC_OK);
    kill->done = false;
    kill->change.run.job = 99;
    assert_int_equal(make(fixture, changes, kill), RC_NOT_FOUND);
    sent_free(run);
    sent_free(kill);
}

static void keeps_tokens(struct fixture *fixture, struct changes *changes)
{
    struct access_token token = {
        .id = "abcdefgh", .name = "ci", .account = "ann", .expires_at = INSTANT_NONE};
    struct sent *made = sent_new(CHANGE_TOKEN_CREATE), *revoked = sent_new(CHANGE_TOKEN_REVOKE);

    made->change.access = revoked->change.access = token;
    assert_int_equal(make(fixture, changes, made), RC_OK);
    made->done = false;
    assert_int_equal(make(fixture, changes, made), RC_CONFLICT);
    assert_int_equal(make(fixture, changes, revoked), RC_OK);
    revoked->done = false;
    assert_int_equal(make(fixture, changes, revoked), RC_NOT_FOUND);
    sent_free(made);
    sent_free(revoked);
}

static void drains(struct fixture *fixture, struct changes *changes)
{
    struct sent *drain = sent_new(CHANGE_WORKER_DRAIN);

    drain->change.worker = "node";
    drain->change.draining = true;
    assert_int_equal(make(fixture, changes, drain), RC_NOT_FOUND);
    fixture_register_worker(fixture, "node", "");
    drain->done = false;
    assert_int_equal(make(fixture, changes, drain), RC_OK);
    sent_free(drain);
}

static void forwards_changes_of_every_kind(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = patient_client(fixture);

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
    struct changes *changes = patient_client(fixture);
    struct sent *sent[JOBS];
    struct proxy proxy;

    proxy_start(&proxy, link_gate_port(node->gate));
    for (size_t i = 0; i < JOBS; i++) {
        sent[i] = sent_new(CHANGE_JOB_CREATE);
        submit(changes, sent[i]);
    }
    fixture_elect(fixture, node, proxy.url);
    for (size_t i = 0; i < JOBS; i++) {
        await(fixture, sent[i], RC_OK);
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
    struct changes *changes = patient_client(fixture);
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);
    struct node *node = fixture_add_manager(fixture, "m1");

    submit(changes, sent);
    fixture_elect(fixture, node, NULL);
    await(fixture, sent, RC_OK);
    sent_free(sent);
    changes_free(changes);
}

static void does_not_wait_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes =
        client_of(fixture, (struct link_changes_config){.patience = 100 * MILLISECOND});
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    assert_int_equal(make(fixture, changes, sent), RC_UNAVAILABLE);
    assert_string_equal(sent->change.err.message, "no manager leads");
    atomic_store(&fixture->store_is_away, true);
    sent->done = false;
    assert_int_equal(make(fixture, changes, sent), RC_UNAVAILABLE);
    sent_free(sent);
    changes_free(changes);
}

static void follows_the_leader(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = patient_client(fixture);
    struct node *first = fixture_add_manager(fixture, "m1");
    struct node *second = fixture_add_manager(fixture, "m2");

    fixture_elect(fixture, first, NULL);
    create(fixture, changes);
    fixture_elect(fixture, second, NULL); /* the first says so */
    create(fixture, changes);
    fixture_elect(fixture, first, NULL);
    create(fixture, changes);
    fixture_elect(fixture, second, NULL);
    fixture_stop_node(first); /* the store says so */
    create(fixture, changes);
    assert_int_equal(fixture_count_jobs(fixture), 4);
    changes_free(changes);
}

/* A run on demand too, when it is sure that nobody was there to take it. */
static void tries_again_where_nobody_was(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = patient_client(fixture);
    struct node *node = fixture_add_manager(fixture, "m1");
    struct sent *run = sent_new(CHANGE_RUN_NOW);
    AUTO_FREE char *nowhere = xasprintf("http://127.0.0.1:%u", fixture_free_port());

    fixture_elect(fixture, node, NULL);
    run->change.id = create(fixture, changes);
    fixture_elect(fixture, NULL, NULL);
    fixture_elect(fixture, node, nowhere);
    atomic_store(&node->leads, false);
    submit(changes, run);
    fixture_elect(fixture, node, NULL);
    await(fixture, run, RC_OK);
    assert_int_equal(count_runs(fixture), 1);
    sent_free(run);
    changes_free(changes);
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
    broken->changes = patient_client(broken->fixture);
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
    submit(broken->changes, sent);
    await(broken->fixture, sent, outcome);
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

    run->change.id = create(broken->fixture, broken->changes);
    make_unheard(broken, run, RC_UNKNOWN);
    assert_non_null(strstr(run->change.err.message, "look at the job's runs before asking again"));
    assert_int_equal(count_runs(broken->fixture), 1);
    sent_free(run);
}

static void knows_its_own_replacement(void **state)
{
    struct broken *broken = *state;
    struct sent *replace = sent_new(CHANGE_JOB_REPLACE), *stale = sent_new(CHANGE_JOB_REPLACE);

    replace->change.id = stale->change.id = create(broken->fixture, broken->changes);
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

    removal->change.id = purge->change.id = create(fixture, broken->changes);
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

    change.done = on_done;
    change.context = &sent->done;
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

    change.job = make_job();
    change.job.description = description;
    return change;
}

static void doubts_in_the_right_places(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = patient_client(fixture);
    struct sent *replace = sent_new(CHANGE_JOB_REPLACE);
    struct change token = {.kind = CHANGE_TOKEN_CREATE,
                           .access = {.id = "a", .name = "", .account = ""}};
    struct change creation = {.kind = CHANGE_JOB_CREATE, .owner = "ann", .job = make_job()};

    fixture_elect(fixture, fixture_add_manager(fixture, "m1"), NULL);
    replace->change = replacement("now", 0);
    replace->change.done = on_done;
    replace->change.context = &replace->done;
    replace->change.id = create(fixture, changes);
    assert_int_equal(make(fixture, changes, replace), RC_OK);
    assert_int_equal(replace->change.revision, 2);
    assert_int_equal(settle(fixture, replacement("now", 1), RC_STALE), RC_OK);
    assert_int_equal(settle(fixture, replacement("then", 1), RC_STALE), RC_STALE);
    assert_int_equal(settle(fixture, replacement("now", 5), RC_STALE), RC_STALE);
    replace->change.revision = 0;
    replace->done = false;
    assert_int_equal(make(fixture, changes, replace), RC_OK);
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
    struct changes *stranger = client_of(fixture, (struct link_changes_config){.secret = &other});
    struct changes *early = client_of(fixture, (struct link_changes_config){.clock = &clock.base});
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);

    fixture_elect(fixture, fixture_add_manager(fixture, "m1"), NULL);
    assert_int_equal(make(fixture, stranger, sent), RC_UNAVAILABLE);
    assert_non_null(strstr(sent->change.err.message,
                           "the leading manager, m1, refuses the call: it answers 401: the "
                           "signature is wrong: the two have different cluster secrets"));
    sent->done = false;
    assert_int_equal(make(fixture, early, sent), RC_UNAVAILABLE);
    assert_non_null(strstr(sent->change.err.message, " s ahead of this one's"));
    assert_int_equal(fixture_count_jobs(fixture), 0);
    sent_free(sent);
    changes_free(stranger);
    changes_free(early);
}

static void takes_no_more_than_it_may(void **state)
{
    struct fixture *fixture = *state;
    struct changes *changes = client_of(
        fixture, (struct link_changes_config){.patience = FIXTURE_PATIENCE, .capacity = 1});
    struct sent *first = sent_new(CHANGE_JOB_CREATE), *second = sent_new(CHANGE_JOB_CREATE);
    AUTO_FREE char *text = xcalloc(LIMIT_DOCUMENT + 1, 1);

    submit(changes, first);
    assert_int_equal(changes_submit(changes, &second->change, NULL), RC_BUSY);
    link_changes_stop(changes);
    await(fixture, first, RC_CLOSED);
    assert_int_equal(changes_submit(changes, &second->change, NULL), RC_CLOSED);
    changes_free(changes);
    changes = patient_client(fixture);
    memset(text, 'x', LIMIT_DOCUMENT);
    second->change.job.description = text;
    assert_int_equal(changes_submit(changes, &second->change, NULL), RC_TOO_BIG);
    changes_free(changes);
    sent_free(first);
    sent_free(second);
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, start, stop)
#define BROKEN(name) cmocka_unit_test_setup_teardown(name, start_broken, stop_broken)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forwards_changes_of_every_kind),
        TEST(gathers_what_waits),
        TEST(waits_for_a_leader),
        TEST(does_not_wait_for_ever),
        TEST(follows_the_leader),
        TEST(tries_again_where_nobody_was),
        BROKEN(creates_once),
        BROKEN(does_not_start_twice),
        BROKEN(knows_its_own_replacement),
        BROKEN(takes_what_is_gone_for_done),
        TEST(doubts_in_the_right_places),
        TEST(says_why_it_is_refused),
        TEST(takes_no_more_than_it_may),
    };

    return cmocka_run_group_tests_name("link changes", tests, NULL, NULL);
}
