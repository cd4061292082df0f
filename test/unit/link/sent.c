/* SPDX-License-Identifier: Apache-2.0 */
#include "sent.h"

#include <stdlib.h>

#include "base/mem.h"

static void on_done(struct change *change)
{
    atomic_store((atomic_bool *)change->context, true);
}

struct job sent_job(void)
{
    struct job job = job_default();

    job.executable = "true";
    job.schedule = "0 5 * * *";
    job.time_zone = "UTC";
    return job;
}

struct sent *sent_new(enum change_kind kind)
{
    struct sent *sent = xcalloc(1, sizeof(*sent));

    sent->change.kind = kind;
    sent->change.owner = "ann";
    sent->change.job = sent_job();
    sent->change.request = "";
    sent->change.done = on_done;
    sent->change.context = &sent->done;
    return sent;
}

void sent_free(struct sent *sent)
{
    arena_release(&sent->change.arena);
    free(sent);
}

void sent_await(struct fixture *fixture, struct sent *sent, enum rc outcome)
{
    fixture_wait_for(fixture, atomic_load(&sent->done));
    if (sent->change.outcome != outcome)
        fail_msg("%s: %s", rc_text(sent->change.outcome), sent->change.err.message);
}

void sent_submit(struct changes *changes, struct sent *sent)
{
    assert_int_equal(changes_submit(changes, &sent->change, NULL), RC_OK);
}

enum rc sent_make(struct fixture *fixture, struct changes *changes, struct sent *sent)
{
    sent_submit(changes, sent);
    fixture_wait_for(fixture, atomic_load(&sent->done));
    return sent->change.outcome;
}

struct changes *fixture_client(struct fixture *fixture, struct link_changes_config config)
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

struct changes *fixture_patient_client(struct fixture *fixture)
{
    return fixture_client(fixture, (struct link_changes_config){.patience = FIXTURE_PATIENCE});
}

job_id fixture_create_job(struct fixture *fixture, struct changes *changes)
{
    struct sent *sent = sent_new(CHANGE_JOB_CREATE);
    job_id id;

    assert_int_equal(sent_make(fixture, changes, sent), RC_OK);
    id = sent->change.id;
    sent_free(sent);
    return id;
}

static bool count_run(void *context, const struct run_record *run)
{
    (void)run;
    ++*(size_t *)context;
    return true;
}

size_t fixture_count_runs(struct fixture *fixture)
{
    struct run_query query = run_query_all();
    size_t count = 0;

    assert_int_equal(store_read_runs(fixture->store, &query, count_run, &count, NULL), RC_OK);
    return count;
}
