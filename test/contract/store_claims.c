/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: who owns a run is who finds it by their token. */
#include "contract/store_suite.h"

static void claim(struct fixture *fixture, struct store_write write)
{
    assert_int_equal(apply_one(fixture, &write), RC_OK);
}

static void claimed_run_is_queued_with_its_token(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = key_of(id, START);
    const struct run_record *record;

    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 1);
    record = run_of(fixture, &key);
    assert_non_null(record);
    assert_int_equal(record->token.bytes[15], 1);
    assert_string_equal(record->owner, "alice");
    assert_int_equal(record->run.trigger, TRIGGER_SCHEDULE);
    assert_int_equal(record->run.result.status, RUN_QUEUED);
    assert_true(record->run.result.started_at == INSTANT_NONE);
    assert_true(record->run.result.finished_at == INSTANT_NONE);
    assert_int_equal(record->run.result.exit_code, -1);
    assert_int_equal(record->run.revision, 1);
    assert_string_equal(record->run.worker, "worker-1");
    assert_string_equal(record->run.reason, "");
    assert_string_equal(record->run.request, "");
    assert_int_equal(record->run.count, 1);
    assert_int_equal(record->run.until, START);
}

static void first_claim_of_a_key_wins(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");

    claim(fixture, claim_write(id, 1, START, 1));
    claim(fixture, claim_write(id, 1, START, 2));
    assert_int_equal(count_token(fixture, 1), 1);
    assert_int_equal(count_token(fixture, 2), 0);
}

static void claim_repeated_with_its_token_stays_won(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");

    claim(fixture, claim_write(id, 1, START, 1));
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 1);
}

static void attempts_and_targets_are_other_keys(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write retry = claim_write(id, 1, START, 1);
    struct store_write target = claim_write(id, 1, START, 1);

    retry.claim.key.attempt = 2;
    target.claim.key.target = 3;
    claim(fixture, claim_write(id, 1, START, 1));
    claim(fixture, retry);
    claim(fixture, target);
    assert_int_equal(count_token(fixture, 1), 3);
}

static void claim_is_void_before_its_lead(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");

    fixture->now = START - CLAIM_LEAD - 1;
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
    fixture->now = START - CLAIM_LEAD;
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 1);
}

static void claim_is_void_from_its_deadline_on(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");

    fixture->now = START + 30 * SECOND;
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
    fixture->now--;
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 1);
}

static void claim_needs_the_revision(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write replace = replace_write(fixture, id, new_job(fixture, ""));

    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    claim(fixture, claim_write(id, 1, START, 1));
    claim(fixture, claim_write(id, 3, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
    claim(fixture, claim_write(id, 2, START, 1));
    assert_int_equal(count_token(fixture, 1), 1);
}

static void claim_needs_a_job(void **state)
{
    struct fixture *fixture = *state;

    claim(fixture, claim_write(77, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static void disabled_job_is_not_claimed(void **state)
{
    struct fixture *fixture = *state;
    struct job *job = new_job(fixture, "");
    struct store_write create;

    job->enabled = false;
    create = create_write(fixture, job);
    assert_int_equal(apply_one(fixture, &create), RC_OK);
    claim(fixture, claim_write(create.job.id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static void finished_job_is_not_claimed(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write status = {.kind = WRITE_JOB_STATUS,
                                 .job = {.id = id, .revision = 1, .status = JOB_FINISHED}};

    assert_int_equal(apply_one(fixture, &status), RC_OK);
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static void failing_job_is_claimed(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write status = {.kind = WRITE_JOB_STATUS,
                                 .job = {.id = id, .revision = 1, .status = JOB_ERROR}};

    assert_int_equal(apply_one(fixture, &status), RC_OK);
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 1);
}

static void removed_job_is_not_claimed(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write remove = {.kind = WRITE_JOB_REMOVE, .job = {.id = id, .at = START}};

    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static void final_run_keeps_its_key(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = key_of(id, START);
    struct store_write record = run_write(WRITE_RUN_RECORD, &key, 0);

    record.run.result.status = RUN_MISSED;
    assert_int_equal(apply_one(fixture, &record), RC_OK);
    claim(fixture, claim_write(id, 1, START, 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static struct run_key queue(struct fixture *fixture, job_id id)
{
    struct run_key key = key_of(id, START);
    struct store_write write = run_write(WRITE_RUN_QUEUE, &key, 0);

    write.run.trigger = TRIGGER_MANUAL;
    write.run.request = "{\"args\":[\"x\"]}";
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    return key;
}

static struct store_write existing_claim(job_id id, uint8_t token)
{
    struct store_write write = claim_write(id, 1, START, token);

    write.claim.existing = true;
    return write;
}

static void queued_run_is_taken_over_once(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = queue(fixture, id);
    const struct run_record *record;

    claim(fixture, existing_claim(id, 1));
    claim(fixture, existing_claim(id, 2));
    assert_int_equal(count_token(fixture, 1), 1);
    assert_int_equal(count_token(fixture, 2), 0);
    record = run_of(fixture, &key);
    assert_int_equal(record->run.trigger, TRIGGER_MANUAL);
    assert_string_equal(record->run.request, "{\"args\":[\"x\"]}");
    assert_string_equal(record->run.worker, "worker-1");
    assert_int_equal(record->run.revision, 1);
}

static void queued_run_of_a_disabled_or_changed_job_is_taken_over(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct job *job = new_job(fixture, "");
    struct store_write replace;

    (void)queue(fixture, id);
    job->enabled = false;
    replace = replace_write(fixture, id, job);
    replace.job.status = JOB_FINISHED;
    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    claim(fixture, existing_claim(id, 1));
    assert_int_equal(count_token(fixture, 1), 1);
}

static void existing_claim_makes_no_run(void **state)
{
    struct fixture *fixture = *state;

    claim(fixture, existing_claim(given_job(fixture, ""), 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static void existing_claim_obeys_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");

    (void)queue(fixture, id);
    fixture->now = START + 30 * SECOND;
    claim(fixture, existing_claim(id, 1));
    assert_int_equal(count_token(fixture, 1), 0);
}

static void batch_of_claims_is_read_back_by_token(void **state)
{
    enum { JOBS = 20 };
    struct fixture *fixture = *state;
    struct store_write writes[JOBS];

    for (size_t i = 0; i < JOBS; i++)
        writes[i] = claim_write(given_job(fixture, ""), 1, START, 9);
    writes[7].claim.revision = 5;
    claim(fixture, claim_write(writes[3].claim.key.job, 1, START, 8));
    apply_all(fixture, writes, JOBS);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(writes[i].outcome, RC_OK);
    assert_int_equal(count_token(fixture, 9), JOBS - 2);
}

static void token_is_found_on_final_runs_too(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);

    given_finished(fixture, &key, 1, RUN_SUCCEEDED);
    assert_int_equal(count_token(fixture, 1), 1);
}

static const struct clause clauses[] = {
    CLAUSE(claimed_run_is_queued_with_its_token),
    CLAUSE(first_claim_of_a_key_wins),
    CLAUSE(claim_repeated_with_its_token_stays_won),
    CLAUSE(attempts_and_targets_are_other_keys),
    CLAUSE(claim_is_void_before_its_lead),
    CLAUSE(claim_is_void_from_its_deadline_on),
    CLAUSE(claim_needs_the_revision),
    CLAUSE(claim_needs_a_job),
    CLAUSE(disabled_job_is_not_claimed),
    CLAUSE(finished_job_is_not_claimed),
    CLAUSE(failing_job_is_claimed),
    CLAUSE(removed_job_is_not_claimed),
    CLAUSE(final_run_keeps_its_key),
    CLAUSE(queued_run_is_taken_over_once),
    CLAUSE(queued_run_of_a_disabled_or_changed_job_is_taken_over),
    CLAUSE(existing_claim_makes_no_run),
    CLAUSE(existing_claim_obeys_its_deadline),
    CLAUSE(batch_of_claims_is_read_back_by_token),
    CLAUSE(token_is_found_on_final_runs_too),
};
const struct clauses store_claim_clauses = {clauses, ARRAY_SIZE(clauses)};
