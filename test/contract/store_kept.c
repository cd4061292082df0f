/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept beside runs: their outputs, what their jobs were, and the hashes of both. */
#include <stdio.h>
#include <string.h>

#include "contract/store_suite.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* ---- outputs --------------------------------------------------------------------------------- */

static struct store_write output_write(const struct run_key *key, uint8_t token, const void *data,
                                       size_t length)
{
    return (struct store_write){
        .kind = WRITE_RUN_OUTPUT,
        .output = {.key = *key,
                   .token = token_of(token),
                   .output = {.in_objects = !data, .data = data, .length = length}}};
}

struct output_read {
    bool in_objects;
    char data[LIMIT_OUTPUT_SHORT];
    size_t length;
};

static void note_output(void *context, const struct kept_output *output)
{
    struct output_read *read = context;

    read->in_objects = output->in_objects;
    read->length = output->length;
    assert_true(output->length <= sizeof(read->data));
    if (output->length)
        memcpy(read->data, output->data, output->length);
}

static enum rc read_output(struct fixture *fixture, const struct run_key *key,
                           struct output_read *ret_read)
{
    *ret_read = (struct output_read){0};
    return store_read_output(fixture->store, key, note_output, ret_read, NULL);
}

static void assert_output(struct fixture *fixture, const struct run_key *key, const char *data,
                          size_t length)
{
    struct output_read read;

    assert_int_equal(read_output(fixture, key, &read), RC_OK);
    assert_false(read.in_objects);
    assert_int_equal(read.length, length);
    assert_memory_equal(read.data, data, length);
}

static void output_is_kept_byte_by_byte(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct output_read read;
    char data[LIMIT_OUTPUT_SHORT];
    struct store_write write = output_write(&key, 1, data, sizeof(data));

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7 + i / 256);
    assert_int_equal(read_output(fixture, &key, &read), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_output(fixture, &key, data, sizeof(data));
}

static void output_may_be_in_the_objects(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write write = output_write(&key, 1, NULL, 0);
    struct output_read read;

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(read_output(fixture, &key, &read), RC_OK);
    assert_true(read.in_objects);
}

static void first_output_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct store_write first = output_write(&key, 1, "first", 5);
    struct store_write second = output_write(&key, 1, "second", 6);

    assert_int_equal(apply_one(fixture, &first), RC_OK);
    assert_int_equal(apply_one(fixture, &first), RC_OK);
    assert_int_equal(apply_one(fixture, &second), RC_OK);
    assert_output(fixture, &key, "first", 5);
}

static void output_needs_the_token_of_its_run(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1), none = key_of(id, START + 1);
    struct store_write other = output_write(&key, 2, "x", 1);
    struct store_write missing = output_write(&none, 1, "x", 1);
    struct output_read read;

    assert_int_equal(apply_one(fixture, &other), RC_STALE);
    assert_int_equal(apply_one(fixture, &missing), RC_NOT_FOUND);
    assert_int_equal(read_output(fixture, &key, &read), RC_NOT_FOUND);
}

/* Results and outputs travel together, and each has its own outcome. */
static void outputs_are_written_in_batches(void **state)
{
    enum { RUNS = 20 };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write writes[2 * RUNS];
    struct run_key keys[RUNS];
    char text[RUNS][16];

    for (int i = 0; i < RUNS; i++) {
        keys[i] = given_run(fixture, id, START - i * MINUTE, (uint8_t)(i + 1));
        (void)snprintf(text[i], sizeof(text[i]), "output %d\n", i);
        writes[2 * i] = run_write(WRITE_RUN_FINISHED, &keys[i], (uint8_t)(i + 1));
        writes[2 * i].run.result.status = RUN_SUCCEEDED;
        writes[2 * i + 1] =
            output_write(&keys[i], (uint8_t)(i == 7 ? 99 : i + 1), text[i], strlen(text[i]));
    }
    writes[5] = output_write(&keys[2], 3, NULL, 0);
    apply_all(fixture, writes, ARRAY_SIZE(writes));
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(writes[2 * i].outcome, RC_OK);
        assert_int_equal(writes[2 * i + 1].outcome, i == 7 ? RC_STALE : RC_OK);
        assert_int_equal(run_of(fixture, &keys[i])->run.result.status, RUN_SUCCEEDED);
        if (i != 2 && i != 7)
            assert_output(fixture, &keys[i], text[i], strlen(text[i]));
    }
    apply_all(fixture, writes, ARRAY_SIZE(writes)); /* said again */
    for (int i = 0; i < RUNS; i++)
        assert_int_equal(writes[2 * i + 1].outcome, i == 7 ? RC_STALE : RC_OK);
}

static void output_goes_with_its_run(void **state)
{
    enum { RUNS = 5 };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write purges[RUNS];
    struct run_key keys[RUNS + 1];
    struct output_read read;

    for (int i = 0; i <= RUNS; i++) {
        struct store_write write;

        keys[i] = given_run(fixture, id, START - i * MINUTE, (uint8_t)(i + 1));
        write = output_write(&keys[i], (uint8_t)(i + 1), "x", 1);
        assert_int_equal(apply_one(fixture, &write), RC_OK);
        if (i < RUNS)
            purges[i] = run_write(WRITE_RUN_PURGE, &keys[i], 0);
    }
    assert_int_equal(apply_one(fixture, &purges[0]), RC_OK);
    apply_all(fixture, purges + 1, RUNS - 1);
    for (int i = 0; i < RUNS; i++) {
        (void)given_run(fixture, id, START - i * MINUTE, (uint8_t)(i + 1)); /* none is left over */
        assert_int_equal(read_output(fixture, &keys[i], &read), RC_NOT_FOUND);
    }
    assert_output(fixture, &keys[RUNS], "x", 1);
}

static void output_goes_with_its_job(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);
    struct run_key kept = given_run(fixture, given_job(fixture, ""), START, 2);
    struct store_write write = output_write(&key, 1, "x", 1);
    struct store_write other = output_write(&kept, 2, "y", 1);
    struct store_write purge = {.kind = WRITE_JOB_PURGE, .job.id = key.job};
    struct output_read read;

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &other), RC_OK);
    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_int_equal(read_output(fixture, &key, &read), RC_NOT_FOUND);
    assert_output(fixture, &kept, "y", 1);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static job_id given_script(struct fixture *fixture, const char *hash)
{
    struct job *job = new_job(fixture, "");
    struct store_write write;

    job->sha256 = hash;
    write = create_write(fixture, job);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    return write.job.id;
}

static void given_replaced(struct fixture *fixture, job_id id, const char *hash)
{
    struct job *job = new_job(fixture, "");
    struct store_write write;

    job->sha256 = hash;
    job->executable = hash;
    write = replace_write(fixture, id, job);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
}

static bool note_hash(void *context, const char *sha256)
{
    char *hashes = context;

    assert_int_equal(strlen(sha256), 64);
    if (!memchr(hashes, sha256[0], strlen(hashes)))
        (void)snprintf(hashes + strlen(hashes), 2, "%c", sha256[0]);
    return true;
}

/* The first digit of each, in no order. */
static void assert_hashes(struct fixture *fixture, const char *expected)
{
    char found[17] = "";

    assert_int_equal(store_read_hashes(fixture->store, note_hash, found, NULL), RC_OK);
    assert_int_equal(strlen(found), strlen(expected));
    assert_int_equal(strspn(expected, found), strlen(expected));
}

static void claim_copies_the_hash(void **state)
{
    struct fixture *fixture = *state;
    job_id script = given_script(fixture, HASH_A), command = given_job(fixture, "");
    struct run_key key = given_run(fixture, script, START, 1);
    struct run_key other = given_run(fixture, command, START, 2);

    assert_string_equal(job_of(fixture, script)->sha256, HASH_A);
    assert_string_equal(job_of(fixture, command)->sha256, "");
    assert_string_equal(run_of(fixture, &key)->run.sha256, HASH_A);
    assert_string_equal(run_of(fixture, &other)->run.sha256, "");
    assert_string_equal(job_of(fixture, script)->last_run->sha256, HASH_A);
}

static void change_of_the_job_leaves_the_hash_of_its_runs(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_script(fixture, HASH_A);
    struct run_key key = given_run(fixture, id, START, 1);

    given_replaced(fixture, id, HASH_B);
    assert_string_equal(job_of(fixture, id)->sha256, HASH_B);
    assert_string_equal(run_of(fixture, &key)->run.sha256, HASH_A);
    given_replaced(fixture, id, "");
    assert_string_equal(job_of(fixture, id)->sha256, "");
}

static struct run_key given_queued(struct fixture *fixture, job_id id, instant_us at,
                                   uint64_t revision)
{
    struct run_key key = key_of(id, at);
    struct store_write queue = run_write(WRITE_RUN_QUEUE, &key, 0);

    queue.run.trigger = TRIGGER_MANUAL;
    queue.run.revision = revision;
    assert_int_equal(apply_one(fixture, &queue), RC_OK);
    return key;
}

/* Its worker may know the job as it was, and then executes that. */
static void run_on_demand_has_the_hash_of_its_revision(void **state)
{
    static const struct {
        uint64_t queued, claimed; /* revisions */
        uint64_t revision;
        const char *hash;
    } rows[] = {
        {0, 2, 2, HASH_B}, {0, 1, 1, HASH_A}, {1, 2, 1, HASH_A}, {2, 1, 2, HASH_B}, {0, 3, 3, ""},
    };
    struct fixture *fixture = *state;
    job_id id = given_script(fixture, HASH_A);

    given_replaced(fixture, id, HASH_B);
    given_replaced(fixture, id, "");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t token = (uint8_t)(i + 1);
        struct run_key key =
            given_queued(fixture, id, START - (instant_us)i * SECOND, rows[i].queued);
        struct store_write claim = claim_write(id, rows[i].claimed, key.scheduled_at, token);
        const struct run *run;

        claim.claim.existing = true;
        assert_int_equal(apply_one(fixture, &claim), RC_OK);
        assert_int_equal(count_token(fixture, token), 1);
        run = &run_of(fixture, &key)->run;
        assert_int_equal(run->revision, rows[i].revision);
        assert_string_equal(run->sha256, rows[i].hash);
    }
}

static void hashes_are_those_of_jobs_and_of_runs(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_script(fixture, HASH_A);
    struct run_key key;
    struct store_write purge, remove = {.kind = WRITE_JOB_REMOVE, .job.id = id};
    struct store_write erase = {.kind = WRITE_JOB_PURGE, .job.id = id};

    (void)given_job(fixture, "");
    assert_hashes(fixture, "a");
    key = given_run(fixture, id, START, 1);
    given_replaced(fixture, id, HASH_B);
    assert_hashes(fixture, "ab");
    fixture->now = START + DAY;
    (void)given_run(fixture, id, START + DAY, 2);
    assert_hashes(fixture, "ab");
    purge = run_write(WRITE_RUN_PURGE, &key, 0);
    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_hashes(fixture, "b");
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_hashes(fixture, "b");
    assert_int_equal(apply_one(fixture, &erase), RC_OK);
    assert_hashes(fixture, "");
}

/* ---- revisions ------------------------------------------------------------------------------- */

static void note_document(void *context, const char *document, size_t length)
{
    char *text = context;

    assert_true(length < 256);
    memcpy(text, document, length);
    text[length] = '\0';
}

/* expected NULL: it is not kept. */
static void assert_revision(struct fixture *fixture, job_id id, uint64_t revision,
                            const char *expected)
{
    char text[256] = "";
    enum rc rc = store_read_revision(fixture->store, id, revision, note_document, text, NULL);

    assert_int_equal(rc, expected ? RC_OK : RC_NOT_FOUND);
    if (expected)
        assert_non_null(strstr(text, expected));
}

static void job_as_it_was_is_kept(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");

    (void)given_run(fixture, id, START, 1);
    assert_revision(fixture, id, 1, "echo hello");
    given_replaced(fixture, id, HASH_A);
    given_replaced(fixture, id, HASH_B);
    assert_revision(fixture, id, 1, "echo hello");
    assert_revision(fixture, id, 2, HASH_A);
    assert_revision(fixture, id, 3, HASH_B);
    assert_revision(fixture, id, 4, NULL);
    assert_revision(fixture, id + 1, 1, NULL);
}

static void refused_change_keeps_nothing(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "first");
    struct store_write stale, taken;

    (void)given_job(fixture, "second");
    stale = replace_write(fixture, id, new_job(fixture, "first"));
    stale.job.revision = 7;
    taken = replace_write(fixture, id, new_job(fixture, "second"));
    assert_int_equal(apply_one(fixture, &stale), RC_STALE);
    assert_int_equal(apply_one(fixture, &taken), RC_CONFLICT);
    assert_int_equal(job_of(fixture, id)->revision, 1);
    given_replaced(fixture, id, HASH_A);
    assert_revision(fixture, id, 1, "first");
    assert_revision(fixture, id, 2, HASH_A);
}

static void revision_goes_after_its_last_run(void **state)
{
    enum { RUNS = 4 };
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct store_write purges[RUNS];
    struct run_key key, newer;

    for (int i = 0; i < RUNS; i++) {
        key = given_run(fixture, id, START - i * MINUTE, (uint8_t)(i + 1));
        purges[i] = run_write(WRITE_RUN_PURGE, &key, 0);
    }
    given_replaced(fixture, id, HASH_A);
    fixture->now = START + DAY;
    newer = given_run(fixture, id, START + DAY, 9);
    apply_all(fixture, purges + 1, RUNS - 1);
    assert_revision(fixture, id, 1, "echo hello");
    assert_int_equal(apply_one(fixture, &purges[0]), RC_OK);
    assert_revision(fixture, id, 1, NULL);
    given_replaced(fixture, id, HASH_B);
    assert_revision(fixture, id, 2, HASH_A);
    fixture->now = START + 2 * DAY;
    for (int i = 0; i < RUNS; i++) {
        key = given_run(fixture, id, START + 2 * DAY - i * MINUTE, (uint8_t)(i + 1));
        purges[i] = run_write(WRITE_RUN_PURGE, &key, 0);
    }
    purges[0] = run_write(WRITE_RUN_PURGE, &newer, 0);
    apply_all(fixture, purges, RUNS);
    assert_revision(fixture, id, 2, NULL);
}

/* A run on demand may repeat an old one. */
static void revision_is_kept_for_a_run_that_was_queued_with_it(void **state)
{
    struct fixture *fixture = *state;
    job_id id = given_job(fixture, "");
    struct run_key key = given_run(fixture, id, START, 1);
    struct store_write purge = run_write(WRITE_RUN_PURGE, &key, 0);

    given_replaced(fixture, id, HASH_A);
    fixture->now = START + DAY;
    (void)given_queued(fixture, id, START + DAY, 1);
    assert_int_equal(apply_one(fixture, &purge), RC_OK);
    assert_revision(fixture, id, 1, "echo hello");
}

static const struct clause clauses[] = {
    CLAUSE(output_is_kept_byte_by_byte),
    CLAUSE(output_may_be_in_the_objects),
    CLAUSE(first_output_is_kept),
    CLAUSE(output_needs_the_token_of_its_run),
    CLAUSE(outputs_are_written_in_batches),
    CLAUSE(output_goes_with_its_run),
    CLAUSE(output_goes_with_its_job),
    CLAUSE(claim_copies_the_hash),
    CLAUSE(change_of_the_job_leaves_the_hash_of_its_runs),
    CLAUSE(run_on_demand_has_the_hash_of_its_revision),
    CLAUSE(hashes_are_those_of_jobs_and_of_runs),
    CLAUSE(job_as_it_was_is_kept),
    CLAUSE(refused_change_keeps_nothing),
    CLAUSE(revision_goes_after_its_last_run),
    CLAUSE(revision_is_kept_for_a_run_that_was_queued_with_it),
};
const struct clauses store_kept_clauses = {clauses, ARRAY_SIZE(clauses)};
