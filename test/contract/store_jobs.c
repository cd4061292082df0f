/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: what is written is read; revisions, names, idempotency, the ends of a job. */
#include <string.h>

#include "contract/store_suite.h"

static void created_job_is_read_as_written(void **state)
{
    struct fixture *fixture = *state;
    struct job *job = new_job(fixture, "backup");
    struct store_write write;
    const struct job_record *record;

    job->enabled = false;
    job->starts_at = START + HOUR;
    job->ends_at = START + DAY;
    job->jitter = 3 * SECOND;
    job->concurrency = CONCURRENCY_QUEUE;
    job->catch_up = CATCH_UP_ALL;
    job->catch_up_window = 2 * HOUR;
    job->on_worker_loss = WORKER_LOSS_FAIL;
    job->retries = (struct retries){
        .limit = 4, .delay = 7 * SECOND, .backoff = 1.5, .max_delay = MINUTE, .elsewhere = true};
    write = create_write(fixture, job);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_true(write.job.id >= 1);
    assert_int_equal(write.job.revision, 1);
    assert_false(write.job.replayed);
    record = job_of(fixture, write.job.id);
    assert_non_null(record);
    assert_int_equal(record->revision, 1);
    assert_int_equal(record->status, JOB_SCHEDULED);
    assert_false(record->removed);
    assert_string_equal(record->owner, "alice");
    assert_string_equal(record->worker, "");
    assert_int_equal(record->created_at, START);
    assert_int_equal(record->updated_at, START);
    assert_int_equal(record->due_since, START);
    assert_string_equal(record->name, "backup");
    assert_string_equal(record->schedule, "* * * * *");
    assert_string_equal(record->time_zone, "UTC");
    assert_false(record->enabled);
    assert_int_equal(record->starts_at, START + HOUR);
    assert_int_equal(record->ends_at, START + DAY);
    assert_int_equal(record->jitter, 3 * SECOND);
    assert_int_equal(record->concurrency, CONCURRENCY_QUEUE);
    assert_int_equal(record->catch_up, CATCH_UP_ALL);
    assert_int_equal(record->catch_up_window, 2 * HOUR);
    assert_int_equal(record->on_worker_loss, WORKER_LOSS_FAIL);
    assert_int_equal(record->retries.limit, 4);
    assert_int_equal(record->retries.delay, 7 * SECOND);
    assert_true(record->retries.backoff > 1.49 && record->retries.backoff < 1.51);
    assert_int_equal(record->retries.max_delay, MINUTE);
    assert_true(record->retries.elsewhere);
    assert_string_equal(record->document, write.job.document);
    assert_int_equal(record->document_length, write.job.document_length);
    assert_null(record->last_run);
    assert_true(record->cursor == INSTANT_NONE);
}

static void placement_is_read_when_asked_for(void **state)
{
    static struct pair pairs[] = {{"zone", "a \"b\""}, {"arch", "amd64"}};
    struct fixture *fixture = *state;
    struct job *job = new_job(fixture, "");
    struct job_query query = job_query_all();
    struct store_write create, replace;
    const struct job_record *record;

    job->placement = (struct pairs){pairs, 2};
    create = create_write(fixture, job);
    assert_int_equal(apply_one(fixture, &create), RC_OK);
    record = job_of(fixture, create.job.id);
    assert_int_equal(record->placement.count, 2);
    assert_string_equal(record->placement.items[0].name, "zone");
    assert_string_equal(record->placement.items[0].value, "a \"b\"");
    assert_string_equal(record->placement.items[1].value, "amd64");
    assert_int_equal(read_all_jobs(fixture, &query).items[0].placement.count, 0);
    job->placement.count = 0;
    replace = replace_write(fixture, create.job.id, job);
    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    assert_int_equal(job_of(fixture, create.job.id)->placement.count, 0);
}

static void absent_instants_stay_absent(void **state)
{
    struct fixture *fixture = *state;
    const struct job_record *record = job_of(fixture, given_job(fixture, ""));

    assert_true(record->starts_at == INSTANT_NONE);
    assert_true(record->ends_at == INSTANT_NONE);
    assert_string_equal(record->name, "");
}

static void ids_grow_and_are_not_used_again(void **state)
{
    struct fixture *fixture = *state;
    job_id first = given_job(fixture, ""), second = given_job(fixture, "");
    struct store_write purge = {.kind = WRITE_JOB_PURGE, .job.id = second};

    assert_true(second > first);
    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_true(given_job(fixture, "") > second);
}

static void replace_raises_the_revision(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "one");
    struct job *job = new_job(fixture, "two");
    struct store_write write;
    const struct job_record *record;

    fixture->now += MINUTE;
    job->schedule = "5 * * * *";
    write = replace_write(fixture, id, job);
    write.job.revision = 1;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(write.job.revision, 2);
    record = job_of(fixture, id);
    assert_int_equal(record->revision, 2);
    assert_string_equal(record->name, "two");
    assert_string_equal(record->schedule, "5 * * * *");
    assert_string_equal(record->owner, "alice");
    assert_int_equal(record->created_at, START);
    assert_int_equal(record->updated_at, START + MINUTE);
    assert_int_equal(record->due_since, START);
    assert_string_equal(record->document, write.job.document);
}

static void due_since_follows_a_change_of_what_is_due(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write write;

    fixture->now += MINUTE;
    write = replace_write(fixture, id, new_job(fixture, ""));
    write.job.due_changed = true;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(job_of(fixture, id)->due_since, START + MINUTE);
}

static void stale_replace_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "one");
    struct store_write write = replace_write(fixture, id, new_job(fixture, "two"));

    write.job.revision = 7;
    assert_int_equal(apply_one(fixture, &write), RC_STALE);
    assert_true(write.err.message[0]);
    assert_string_equal(job_of(fixture, id)->name, "one");
    assert_int_equal(job_of(fixture, id)->revision, 1);
}

static void writes_about_no_job_are_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct store_write writes[] = {
        replace_write(fixture, 99, new_job(fixture, "")),
        {.kind = WRITE_JOB_REMOVE, .job.id = 99},
        {.kind = WRITE_JOB_PURGE, .job.id = 99},
        {.kind = WRITE_JOB_STATUS, .job.id = 99},
        {.kind = WRITE_JOB_SEAL, .job = {.id = 99, .document = "", .document_length = 0}},
        {.kind = WRITE_JOB_ASSIGN, .job = {.id = 99, .worker = "w"}},
    };

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
        assert_int_equal(writes[i].outcome, RC_NOT_FOUND);
}

static void assert_sealed(struct fixture *fixture, job_id id, const struct seal_keys *keys,
                          enum rc expected)
{
    const struct job_record *job = job_of(fixture, id);
    struct seal_subject subject = {
        .kind = SEAL_JOB, .job = id, .revision = job->revision, .owner = job->owner};

    assert_int_equal(seal_check(keys->known, &subject, job->document, job->document_length),
                     expected);
}

static void documents_are_sealed_with_id_revision_and_owner(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = create_write(fixture, new_job(fixture, "one"));
    struct seal_keys keys;
    job_id id;

    seal_keys_derive("a secret", 8, &keys);
    (void)given_job(fixture, "other");
    write.job.seal = keys.own;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    id = write.job.id;
    assert_sealed(fixture, id, &keys, RC_OK);
    write = replace_write(fixture, id, new_job(fixture, "one"));
    write.job.seal = keys.own;
    write.job.owner = job_of(fixture, id)->owner;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_sealed(fixture, id, &keys, RC_OK);
    write = replace_write(fixture, id, new_job(fixture, "one"));
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_sealed(fixture, id, &keys, RC_NOT_FOUND);
}

static void a_seal_is_put_into_the_place_of_a_document(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "one");
    struct store_write write = {
        .kind = WRITE_JOB_SEAL,
        .job = {.id = id, .revision = 1, .document = "{}\nsealed", .document_length = 9}};

    for (int i = 0; i < 2; i++) { /* again is fine */
        assert_int_equal(apply_one(fixture, &write), RC_OK);
        assert_int_equal(job_of(fixture, id)->revision, 1);
        assert_int_equal(job_of(fixture, id)->document_length, 9);
        assert_memory_equal(job_of(fixture, id)->document, "{}\nsealed", 9);
    }
    write.job.revision = 2;
    assert_int_equal(apply_one(fixture, &write), RC_STALE);
}

static void names_are_unique(void **state)
{
    struct fixture *fixture = *state;
    job_id first = given_job(fixture, "backup"), second = given_job(fixture, "other");
    struct store_write create = create_write(fixture, new_job(fixture, "backup"));
    struct store_write replace = replace_write(fixture, second, new_job(fixture, "backup"));
    struct job_query query = job_query_all();

    assert_int_equal(apply_one(fixture, &create), RC_CONFLICT);
    assert_int_equal(apply_one(fixture, &replace), RC_CONFLICT);
    assert_string_equal(job_of(fixture, second)->name, "other");
    assert_int_equal(job_of(fixture, second)->revision, 1);
    replace = replace_write(fixture, first, new_job(fixture, "backup"));
    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    assert_int_equal(count_jobs(fixture, &query), 2);
}

static void no_name_is_no_conflict(void **state)
{
    struct fixture *fixture = *state;

    assert_true(given_job(fixture, "") != given_job(fixture, ""));
}

static void removed_and_renamed_jobs_free_their_names(void **state)
{
    struct fixture *fixture = *state;
    struct store_write remove = {.kind = WRITE_JOB_REMOVE,
                                 .job = {.id = given_job(fixture, "a"), .at = START}};
    struct store_write rename =
        replace_write(fixture, given_job(fixture, "b"), new_job(fixture, "c"));

    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_int_equal(apply_one(fixture, &rename), RC_OK);
    (void)given_job(fixture, "a");
    (void)given_job(fixture, "b");
}

static void removal_finishes_job_and_queued_runs(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "a");
    struct run_key running = given_run(fixture, id, START, 1);
    struct run_key claimed = given_run(fixture, id, START + MINUTE, 2);
    struct run_key queued = {.scheduled_at = START + 2 * MINUTE, .job = id, .attempt = 1};
    struct store_write queue = run_write(WRITE_RUN_QUEUE, &queued, 0);
    struct store_write start = run_write(WRITE_RUN_STARTED, &running, 1);
    struct store_write remove = {.kind = WRITE_JOB_REMOVE,
                                 .job = {.id = id, .at = START + HOUR, .revision = 1}};
    const struct run *skipped;

    queue.run.trigger = TRIGGER_MANUAL;
    assert_int_equal(apply_one(fixture, &queue), RC_OK);
    start.run.result.started_at = START;
    assert_int_equal(apply_one(fixture, &start), RC_OK);
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_true(job_of(fixture, id)->removed);
    assert_int_equal(job_of(fixture, id)->status, JOB_FINISHED);
    assert_int_equal(job_of(fixture, id)->updated_at, START + HOUR);
    assert_int_equal(run_of(fixture, &running)->run.result.status, RUN_RUNNING);
    assert_int_equal(run_of(fixture, &claimed)->run.result.status, RUN_QUEUED);
    skipped = &run_of(fixture, &queued)->run;
    assert_int_equal(skipped->result.status, RUN_SKIPPED);
    assert_string_equal(skipped->reason, "removed");
    assert_int_equal(skipped->result.finished_at, START + HOUR);
}

static void removal_is_repeatable_and_final(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "a");
    struct store_write remove = {.kind = WRITE_JOB_REMOVE, .job = {.id = id, .at = START}};
    struct store_write status = {.kind = WRITE_JOB_STATUS,
                                 .job = {.id = id, .status = JOB_SCHEDULED}};
    struct store_write replace = replace_write(fixture, id, new_job(fixture, "a"));
    struct store_write stale = remove;

    stale.job.revision = 9;
    assert_int_equal(apply_one(fixture, &stale), RC_STALE);
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_int_equal(apply_one(fixture, &status), RC_STALE);
    assert_int_equal(apply_one(fixture, &replace), RC_CONFLICT);
    assert_int_equal(job_of(fixture, id)->status, JOB_FINISHED);
}

static void purge_erases_job_and_runs(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "a"), other = given_job(fixture, "b");
    struct run_key key = given_run(fixture, id, START, 1);
    struct run_key kept = given_run(fixture, other, START, 2);
    struct store_write purge = {.kind = WRITE_JOB_PURGE, .job.id = id};
    struct run_query query = run_query_all();

    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_null(job_of(fixture, id));
    assert_null(run_of(fixture, &key));
    assert_non_null(run_of(fixture, &kept));
    assert_int_equal(count_runs(fixture, &query), 1);
    (void)given_job(fixture, "a");
}

static void status_depends_on_the_revision(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write write = {.kind = WRITE_JOB_STATUS,
                                .job = {.id = id, .revision = 2, .status = JOB_FINISHED}};

    assert_int_equal(apply_one(fixture, &write), RC_STALE);
    assert_int_equal(job_of(fixture, id)->status, JOB_SCHEDULED);
    write.job.revision = 1;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(job_of(fixture, id)->status, JOB_FINISHED);
    assert_int_equal(job_of(fixture, id)->revision, 1);
}

static void assignment_keeps_the_revision(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write write = {.kind = WRITE_JOB_ASSIGN, .job = {.id = id, .worker = "worker-2"}};
    struct store_write replace;

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_string_equal(job_of(fixture, id)->worker, "worker-2");
    assert_int_equal(job_of(fixture, id)->revision, 1);
    replace = replace_write(fixture, id, new_job(fixture, ""));
    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    assert_string_equal(job_of(fixture, id)->worker, "worker-2");
}

static struct store_write keyed_create(struct fixture *fixture, const char *key,
                                       const uint8_t hash[32])
{
    struct store_write write = create_write(fixture, new_job(fixture, ""));

    write.job.idempotency_key = key;
    write.job.request_hash = hash;
    return write;
}

static void repeated_request_makes_one_job(void **state)
{
    static const uint8_t hash[32] = {1}, other_hash[32] = {2};
    struct fixture *fixture = *state;
    struct store_write first = keyed_create(fixture, "k", hash);
    struct store_write again = keyed_create(fixture, "k", hash);
    struct store_write other_request = keyed_create(fixture, "k", other_hash);
    struct store_write other_owner = keyed_create(fixture, "k", other_hash);
    struct job_query query = job_query_all();

    other_owner.job.owner = "bob";
    assert_int_equal(apply_one(fixture, &first), RC_OK);
    assert_false(first.job.replayed);
    assert_int_equal(apply_one(fixture, &again), RC_OK);
    assert_true(again.job.replayed);
    assert_int_equal(again.job.id, first.job.id);
    assert_int_equal(again.job.revision, 1);
    assert_int_equal(apply_one(fixture, &other_request), RC_INVALID);
    assert_int_equal(apply_one(fixture, &other_owner), RC_OK);
    assert_false(other_owner.job.replayed);
    assert_int_equal(count_jobs(fixture, &query), 2);
}

static void repeated_request_in_one_batch_makes_one_job(void **state)
{
    static const uint8_t hash[32] = {1};
    struct fixture *fixture = *state;
    struct store_write writes[] = {keyed_create(fixture, "k", hash),
                                   keyed_create(fixture, "k", hash)};

    apply_all(fixture, writes, 2);
    assert_int_equal(writes[0].outcome, RC_OK);
    assert_int_equal(writes[1].outcome, RC_OK);
    assert_true(writes[1].job.replayed);
    assert_int_equal(writes[0].job.id, writes[1].job.id);
}

static void idempotency_keys_last_a_day(void **state)
{
    static const uint8_t hash[32] = {1}, other_hash[32] = {2};
    struct fixture *fixture = *state;
    struct store_write first = keyed_create(fixture, "k", hash);
    struct store_write again = keyed_create(fixture, "k", hash);
    struct store_write later = keyed_create(fixture, "k", other_hash);

    assert_int_equal(apply_one(fixture, &first), RC_OK);
    fixture->now += DAY - SECOND;
    assert_int_equal(apply_one(fixture, &again), RC_OK);
    assert_true(again.job.replayed);
    fixture->now += 2 * SECOND;
    assert_int_equal(apply_one(fixture, &later), RC_OK);
    assert_false(later.job.replayed);
    assert_int_not_equal(later.job.id, first.job.id);
}

static void key_of_a_purged_job_is_free(void **state)
{
    static const uint8_t hash[32] = {1};
    struct fixture *fixture = *state;
    struct store_write first = keyed_create(fixture, "k", hash);
    struct store_write again = keyed_create(fixture, "k", hash);
    struct store_write purge = {.kind = WRITE_JOB_PURGE};

    assert_int_equal(apply_one(fixture, &first), RC_OK);
    purge.job.id = first.job.id;
    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_int_equal(apply_one(fixture, &again), RC_OK);
    assert_false(again.job.replayed);
}

static void refused_create_keeps_no_key(void **state)
{
    static const uint8_t hash[32] = {1};
    struct fixture *fixture = *state;
    struct store_write taken = create_write(fixture, new_job(fixture, "a"));
    struct store_write free = keyed_create(fixture, "k", hash);

    (void)given_job(fixture, "a");
    taken.job.idempotency_key = "k";
    taken.job.request_hash = hash;
    assert_int_equal(apply_one(fixture, &taken), RC_CONFLICT);
    assert_int_equal(apply_one(fixture, &free), RC_OK);
    assert_false(free.job.replayed);
}

static void writes_of_one_call_do_not_disturb_each_other(void **state)
{
    struct fixture *fixture = *state;
    struct store_write writes[] = {
        create_write(fixture, new_job(fixture, "a")),
        create_write(fixture, new_job(fixture, "a")),
        {.kind = WRITE_JOB_PURGE, .job.id = 12345},
        create_write(fixture, new_job(fixture, "b")),
    };
    struct job_query query = job_query_all();

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    assert_int_equal(writes[0].outcome, RC_OK);
    assert_int_equal(writes[1].outcome, RC_CONFLICT);
    assert_true(writes[1].err.message[0]);
    assert_int_equal(writes[2].outcome, RC_NOT_FOUND);
    assert_int_equal(writes[3].outcome, RC_OK);
    assert_int_equal(count_jobs(fixture, &query), 2);
}

static void writes_of_one_call_take_effect_in_order(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "a");
    struct store_write writes[] = {
        replace_write(fixture, id, new_job(fixture, "b")),
        create_write(fixture, new_job(fixture, "a")),
        {.kind = WRITE_JOB_REMOVE, .job = {.id = id, .revision = 2, .at = START}},
    };

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
        assert_int_equal(writes[i].outcome, RC_OK);
}

static void no_writes_are_fine(void **state)
{
    struct fixture *fixture = *state;

    apply_all(fixture, NULL, 0);
}

static const struct clause clauses[] = {
    CLAUSE(created_job_is_read_as_written),
    CLAUSE(placement_is_read_when_asked_for),
    CLAUSE(absent_instants_stay_absent),
    CLAUSE(ids_grow_and_are_not_used_again),
    CLAUSE(replace_raises_the_revision),
    CLAUSE(due_since_follows_a_change_of_what_is_due),
    CLAUSE(stale_replace_changes_nothing),
    CLAUSE(writes_about_no_job_are_not_found),
    CLAUSE(documents_are_sealed_with_id_revision_and_owner),
    CLAUSE(a_seal_is_put_into_the_place_of_a_document),
    CLAUSE(names_are_unique),
    CLAUSE(no_name_is_no_conflict),
    CLAUSE(removed_and_renamed_jobs_free_their_names),
    CLAUSE(removal_finishes_job_and_queued_runs),
    CLAUSE(removal_is_repeatable_and_final),
    CLAUSE(purge_erases_job_and_runs),
    CLAUSE(status_depends_on_the_revision),
    CLAUSE(assignment_keeps_the_revision),
    CLAUSE(repeated_request_makes_one_job),
    CLAUSE(repeated_request_in_one_batch_makes_one_job),
    CLAUSE(idempotency_keys_last_a_day),
    CLAUSE(key_of_a_purged_job_is_free),
    CLAUSE(refused_create_keeps_no_key),
    CLAUSE(writes_of_one_call_do_not_disturb_each_other),
    CLAUSE(writes_of_one_call_take_effect_in_order),
    CLAUSE(no_writes_are_fine),
};
const struct clauses store_job_clauses = {clauses, ARRAY_SIZE(clauses)};
