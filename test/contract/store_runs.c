/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: conditional on their token, final once, and what they do to their job. */
#include <string.h>

#include "contract/store_suite.h"

static void started_run_is_running(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write write = run_write(WRITE_RUN_STARTED, &key, 1);

    write.run.result.started_at = START + 3;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_RUNNING);
    assert_int_equal(run_of(fixture, &key)->run.result.started_at, START + 3);
    assert_int_equal(apply_one(fixture, &write), RC_OK); /* said again after a lost answer */
}

static void start_is_stale_without_the_token(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct run_key none = key_of(5, START);
    struct store_write writes[] = {run_write(WRITE_RUN_STARTED, &key, 2),
                                   run_write(WRITE_RUN_STARTED, &none, 1)};

    apply_all(fixture, writes, 2);
    assert_int_equal(writes[0].outcome, RC_STALE);
    assert_int_equal(writes[1].outcome, RC_STALE);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_QUEUED);
}

static struct store_write waiting_write(const struct run_key *key, uint8_t token)
{
    struct store_write write = run_write(WRITE_RUN_WAITING, key, token);

    write.run.reason = "its file cannot be \"fetched\"";
    return write;
}

static void queued_run_says_why_it_waits(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write write = waiting_write(&key, 1);
    const struct run *kept;

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &write), RC_OK); /* said again after a lost answer */
    kept = &run_of(fixture, &key)->run;
    assert_int_equal(kept->result.status, RUN_QUEUED);
    assert_string_equal(kept->reason, write.run.reason);
    write.run.reason = "it cannot be fetched still";
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_string_equal(run_of(fixture, &key)->run.reason, write.run.reason);
}

static void started_run_waits_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write writes[] = {waiting_write(&key, 1), run_write(WRITE_RUN_STARTED, &key, 1)};
    struct store_write late = waiting_write(&key, 1);

    writes[1].run.result.started_at = START + 3;
    apply_all(fixture, writes, 2);
    assert_int_equal(writes[0].outcome, RC_OK);
    assert_int_equal(writes[1].outcome, RC_OK);
    assert_string_equal(run_of(fixture, &key)->run.reason, "");
    assert_int_equal(apply_one(fixture, &late), RC_STALE);
    assert_string_equal(run_of(fixture, &key)->run.reason, "");
}

static void others_and_ended_runs_do_not_wait(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct run_key ended = given_run(fixture, given_job(fixture, ""), START, 1);
    struct run_key none = key_of(999, START);
    struct store_write writes[] = {waiting_write(&key, 2), waiting_write(&ended, 1),
                                   waiting_write(&none, 1)};

    given_finished(fixture, &ended, 1, RUN_SUCCEEDED);
    apply_all(fixture, writes, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(writes[i].outcome, RC_STALE);
    assert_string_equal(run_of(fixture, &key)->run.reason, "");
    assert_string_equal(run_of(fixture, &ended)->run.reason, "");
}

static void result_is_kept_whole(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write write = run_write(WRITE_RUN_FINISHED, &key, 1);
    struct run_result result = {.status = RUN_FAILED,
                                .started_at = START + 1,
                                .finished_at = START + 2,
                                .exit_code = 3,
                                .signal = 9,
                                .output_bytes = (int64_t)5 << 33,
                                .output_truncated = true,
                                .cpu = 1234567,
                                .max_rss = (int64_t)3 << 32};
    const struct run *kept;

    write.run.result = result;
    write.run.reason = "exit code 3";
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    kept = &run_of(fixture, &key)->run;
    assert_true(run_result_is_same(&kept->result, &result));
    assert_int_equal(kept->result.output_bytes, result.output_bytes);
    assert_true(kept->result.output_truncated);
    assert_int_equal(kept->result.cpu, result.cpu);
    assert_int_equal(kept->result.max_rss, result.max_rss);
    assert_string_equal(kept->reason, "exit code 3");
    assert_string_equal(kept->worker, "worker-1");
}

static void final_status_is_written_once(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write late = run_write(WRITE_RUN_FINISHED, &key, 1);
    struct store_write start = run_write(WRITE_RUN_STARTED, &key, 1);

    given_finished(fixture, &key, 1, RUN_LOST);
    late.run.result.status = RUN_SUCCEEDED;
    late.run.result.exit_code = 0;
    assert_int_equal(apply_one(fixture, &late), RC_STALE);
    assert_int_equal(apply_one(fixture, &late), RC_STALE);
    assert_int_equal(apply_one(fixture, &start), RC_STALE);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_LOST);
    assert_string_equal(run_of(fixture, &key)->run.reason, "late result: succeeded, exit code 0");
}

static void late_note_follows_the_reason(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write lost = run_write(WRITE_RUN_FINISHED, &key, 1);
    struct store_write late = run_write(WRITE_RUN_FINISHED, &key, 1);

    lost.run.result.status = RUN_LOST;
    lost.run.reason = "the worker vanished";
    late.run.result.status = RUN_FAILED;
    late.run.result.signal = 15;
    assert_int_equal(apply_one(fixture, &lost), RC_OK);
    assert_int_equal(apply_one(fixture, &late), RC_STALE);
    assert_string_equal(run_of(fixture, &key)->run.reason,
                        "the worker vanished; late result: failed, signal 15");
}

static void result_reported_again_is_fine(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);

    given_finished(fixture, &key, 1, RUN_SUCCEEDED);
    given_finished(fixture, &key, 1, RUN_SUCCEEDED);
    assert_string_equal(run_of(fixture, &key)->run.reason, "");
}

static void result_with_another_token_is_stale(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write write = run_write(WRITE_RUN_FINISHED, &key, 2);

    write.run.result.status = RUN_SUCCEEDED;
    assert_int_equal(apply_one(fixture, &write), RC_STALE);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_QUEUED);
    assert_string_equal(run_of(fixture, &key)->run.reason, "");
}

static void result_of_no_run_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = key_of(1, START);
    struct store_write writes[] = {run_write(WRITE_RUN_FINISHED, &key, 1),
                                   run_write(WRITE_RUN_PURGE, &key, 0)};

    apply_all(fixture, writes, 2);
    assert_int_equal(writes[0].outcome, RC_NOT_FOUND);
    assert_int_equal(writes[1].outcome, RC_NOT_FOUND);
}

static struct store_write lost_write(const struct run_key *key, uint8_t token)
{
    struct store_write write = run_write(WRITE_RUN_LOST, key, token);

    write.run.result.status = RUN_LOST;
    write.run.result.finished_at = START + HOUR;
    write.run.reason = "its worker is gone";
    write.run.job_status = JOB_ERROR;
    write.run.sets_job_status = true;
    return write;
}

static void run_is_lost_once_the_lease_of_its_worker_ran_out(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1), none = key_of(id, START + 1);
    struct store_write worker = {.kind = WRITE_WORKER,
                                 .worker = {.name = "worker-1",
                                            .url = "",
                                            .version = "1",
                                            .backend = "timer",
                                            .started_at = START,
                                            .lease_until = START + MINUTE}};
    struct store_write lost = lost_write(&key, 1), other = lost_write(&key, 2);
    struct store_write missing = lost_write(&none, 1);

    assert_int_equal(apply_one(fixture, &worker), RC_OK);
    fixture->now = START + MINUTE - 1;
    assert_int_equal(apply_one(fixture, &lost), RC_STALE);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_QUEUED);
    fixture->now++;
    assert_int_equal(apply_one(fixture, &other), RC_STALE);
    assert_int_equal(apply_one(fixture, &missing), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &lost), RC_OK);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_LOST);
    assert_int_equal(run_of(fixture, &key)->run.result.finished_at, START + HOUR);
    assert_string_equal(run_of(fixture, &key)->run.reason, "its worker is gone");
    assert_int_equal(job_of(fixture, id)->status, JOB_ERROR);
    assert_int_equal(apply_one(fixture, &lost), RC_STALE);
}

static void run_of_an_unknown_worker_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write start = run_write(WRITE_RUN_STARTED, &key, 1), lost = lost_write(&key, 1);

    start.run.result.started_at = START;
    assert_int_equal(apply_one(fixture, &start), RC_OK);
    assert_int_equal(apply_one(fixture, &lost), RC_OK);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_LOST);
}

static void unclaimed_run_is_ended_without_a_token(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = key_of(given_job(fixture, ""), START);
    struct store_write queue = run_write(WRITE_RUN_QUEUE, &key, 0);
    struct store_write kill = run_write(WRITE_RUN_FINISHED, &key, 0);

    kill.run.result.status = RUN_KILLED;
    assert_int_equal(apply_one(fixture, &queue), RC_OK);
    assert_int_equal(apply_one(fixture, &kill), RC_OK);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_KILLED);
}

static void run_on_demand_needs_a_job_and_a_free_key(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = key_of(id, START), none = key_of(id + 1, START);
    struct run_key other = key_of(id, START + 1);
    struct store_write remove = {.kind = WRITE_JOB_REMOVE, .job = {.id = id, .at = START}};
    struct store_write writes[] = {
        run_write(WRITE_RUN_QUEUE, &key, 0),   run_write(WRITE_RUN_QUEUE, &key, 0),
        run_write(WRITE_RUN_QUEUE, &none, 0),  remove,
        run_write(WRITE_RUN_QUEUE, &other, 0),
    };

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    assert_int_equal(writes[0].outcome, RC_OK);
    assert_int_equal(writes[1].outcome, RC_CONFLICT);
    assert_int_equal(writes[2].outcome, RC_NOT_FOUND);
    assert_int_equal(writes[3].outcome, RC_OK);
    assert_int_equal(writes[4].outcome, RC_CONFLICT);
    assert_null(run_of(fixture, &other));
}

static void recorded_run_stands_for_many_ticks(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = key_of(id, START);
    struct store_write write = run_write(WRITE_RUN_RECORD, &key, 0), other;
    const struct run *run;

    write.run.result.status = RUN_MISSED;
    write.run.result.finished_at = START + DAY;
    write.run.reason = "nothing could run it";
    write.run.count = 60;
    write.run.until = START + 59 * MINUTE;
    other = write;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &write), RC_OK); /* said again */
    other.run.count = 59;
    assert_int_equal(apply_one(fixture, &other), RC_CONFLICT);
    run = &run_of(fixture, &key)->run;
    assert_int_equal(run->result.status, RUN_MISSED);
    assert_int_equal(run->count, 60);
    assert_int_equal(run->until, START + 59 * MINUTE);
    assert_string_equal(run->reason, "nothing could run it");
    assert_int_equal(job_of(fixture, id)->cursor, START + 59 * MINUTE);
}

static void record_of_a_purged_job_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = key_of(41, START);
    struct store_write write = run_write(WRITE_RUN_RECORD, &key, 0);

    write.run.result.status = RUN_MISSED;
    assert_int_equal(apply_one(fixture, &write), RC_NOT_FOUND);
}

static struct store_write failed_run(const struct run_key *key, uint8_t token)
{
    struct store_write write = run_write(WRITE_RUN_FINISHED, key, token);

    write.run.result.status = RUN_FAILED;
    write.run.sets_job_status = true;
    write.run.job_status = JOB_ERROR;
    return write;
}

static void end_of_a_run_sets_the_status_of_its_job(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct run_key next = key_of(id, START + MINUTE);
    struct store_write write = failed_run(&key, 1);
    struct store_write record = run_write(WRITE_RUN_RECORD, &next, 0);

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(job_of(fixture, id)->status, JOB_ERROR);
    assert_int_equal(job_of(fixture, id)->revision, 1);
    record.run.result.status = RUN_MISSED;
    record.run.sets_job_status = true;
    record.run.job_status = JOB_FINISHED;
    assert_int_equal(apply_one(fixture, &record), RC_OK);
    assert_int_equal(job_of(fixture, id)->status, JOB_FINISHED);
}

static void end_of_a_run_leaves_a_newer_job_alone(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct store_write replace = replace_write(fixture, id, new_job(fixture, ""));
    struct store_write write = failed_run(&key, 1);

    assert_int_equal(apply_one(fixture, &replace), RC_OK);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(job_of(fixture, id)->status, JOB_SCHEDULED);
}

static void end_of_a_run_leaves_a_removed_job_alone(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct store_write start = run_write(WRITE_RUN_STARTED, &key, 1);
    struct store_write remove = {.kind = WRITE_JOB_REMOVE, .job = {.id = id, .at = START}};
    struct store_write write = failed_run(&key, 1);

    assert_int_equal(apply_one(fixture, &start), RC_OK);
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(job_of(fixture, id)->status, JOB_FINISHED);
    assert_int_equal(run_of(fixture, &key)->run.result.status, RUN_FAILED);
}

static void late_result_leaves_the_job_alone(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct store_write write = failed_run(&key, 1);

    given_finished(fixture, &key, 1, RUN_LOST);
    assert_int_equal(apply_one(fixture, &write), RC_STALE);
    assert_int_equal(job_of(fixture, id)->status, JOB_SCHEDULED);
}

static void purged_run_is_gone(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct run_key kept = given_run(fixture, id, START + MINUTE, 2);
    struct store_write purge = run_write(WRITE_RUN_PURGE, &key, 0);

    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_null(run_of(fixture, &key));
    assert_non_null(run_of(fixture, &kept));
}

static void last_run_is_the_newest(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, ""), other = given_job(fixture, "");
    struct run_key first = given_run(fixture, id, START, 1);
    struct store_write retry = claim_write(id, 1, START, 2);

    (void)given_run(fixture, other, START + HOUR, 3);
    assert_int_equal(run_key_compare(&job_of(fixture, id)->last_run->key, &first), 0);
    retry.claim.key.attempt = 2;
    assert_int_equal(apply_one(fixture, &retry), RC_OK);
    assert_int_equal(job_of(fixture, id)->last_run->key.attempt, 2);
    assert_string_equal(job_of(fixture, id)->last_run->worker, "worker-1");
}

static void cursor_counts_ticks_only(void **state)
{
    static const struct {
        enum run_trigger trigger;
        bool counts;
    } rows[] = {
        {TRIGGER_MANUAL, false},  {TRIGGER_SCHEDULE, true}, {TRIGGER_AFTER, false},
        {TRIGGER_CATCH_UP, true}, {TRIGGER_RETRY, false},   {TRIGGER_REBOOT, true},
    };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    instant_us expected = INSTANT_NONE;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct run_key key = key_of(id, START + (instant_us)i * MINUTE);
        struct store_write write = run_write(WRITE_RUN_RECORD, &key, 0);

        write.run.result.status = RUN_SKIPPED;
        write.run.trigger = rows[i].trigger;
        assert_int_equal(apply_one(fixture, &write), RC_OK);
        if (rows[i].counts)
            expected = key.scheduled_at;
        assert_true(job_of(fixture, id)->cursor == expected);
    }
}

static const struct clause clauses[] = {
    CLAUSE(started_run_is_running),
    CLAUSE(start_is_stale_without_the_token),
    CLAUSE(queued_run_says_why_it_waits),
    CLAUSE(started_run_waits_no_more),
    CLAUSE(others_and_ended_runs_do_not_wait),
    CLAUSE(result_is_kept_whole),
    CLAUSE(final_status_is_written_once),
    CLAUSE(late_note_follows_the_reason),
    CLAUSE(result_reported_again_is_fine),
    CLAUSE(result_with_another_token_is_stale),
    CLAUSE(result_of_no_run_is_not_found),
    CLAUSE(run_is_lost_once_the_lease_of_its_worker_ran_out),
    CLAUSE(run_of_an_unknown_worker_is_lost),
    CLAUSE(unclaimed_run_is_ended_without_a_token),
    CLAUSE(run_on_demand_needs_a_job_and_a_free_key),
    CLAUSE(recorded_run_stands_for_many_ticks),
    CLAUSE(record_of_a_purged_job_is_not_found),
    CLAUSE(end_of_a_run_sets_the_status_of_its_job),
    CLAUSE(end_of_a_run_leaves_a_newer_job_alone),
    CLAUSE(end_of_a_run_leaves_a_removed_job_alone),
    CLAUSE(late_result_leaves_the_job_alone),
    CLAUSE(purged_run_is_gone),
    CLAUSE(last_run_is_the_newest),
    CLAUSE(cursor_counts_ticks_only),
};
const struct clauses store_run_clauses = {clauses, ARRAY_SIZE(clauses)};
