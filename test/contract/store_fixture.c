/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

static instant_us clock_read(struct clock *clock)
{
    return container_of(clock, struct fixture, clock)->now;
}

static void clock_keep(struct clock *clock)
{
    (void)clock; /* part of the fixture */
}

static const struct clock_ops clock_ops = {
    .name = "test", .now = clock_read, .mono = clock_read, .free = clock_keep};

struct fixture *fixture_new(void)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    fixture->clock.ops = &clock_ops;
    fixture->now = START;
    return fixture;
}

void fixture_free(struct fixture *fixture)
{
    store_free(fixture->store);
    arena_release(&fixture->arena);
    free(fixture);
}

void fixture_make_directory(struct fixture *fixture)
{
    const char *base = getenv("TMPDIR");

    (void)snprintf(fixture->directory, sizeof(fixture->directory), "%s/store-XXXXXX",
                   base ? base : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/cronjob.db", fixture->directory);
}

void fixture_remove_directory(struct fixture *fixture)
{
    DIR *directory = opendir(fixture->directory);
    struct dirent *entry;

    CHECK(directory);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.')
            CHECK(!unlinkat(dirfd(directory), entry->d_name, 0));
    }
    (void)closedir(directory);
    CHECK(!rmdir(fixture->directory));
}

/* ---- writing ------------------------------------------------------------------------------------
 */

void apply_all(struct fixture *fixture, struct store_write *writes, size_t count)
{
    struct err err = {0};
    enum rc rc = store_apply(fixture->store, writes, count, &err);

    if (rc != RC_OK)
        fail_msg("apply: %s", err_message(&err, rc));
}

enum rc apply_one(struct fixture *fixture, struct store_write *write)
{
    apply_all(fixture, write, 1);
    return write->outcome;
}

struct job *new_job(struct fixture *fixture, const char *name)
{
    struct job *job = arena_alloc(&fixture->arena, sizeof(*job));

    *job = job_default();
    job->name = arena_strdup(&fixture->arena, name);
    job->executable = "echo hello";
    job->schedule = "* * * * *";
    job->time_zone = "UTC";
    return job;
}

static void set_document(struct fixture *fixture, struct write_job *write)
{
    write->document = arena_printf(&fixture->arena, "{\"executable\":\"%s\",\"name\":\"%s\"}",
                                   write->job->executable, write->job->name);
    write->document_length = strlen(write->document);
}

struct store_write create_write(struct fixture *fixture, const struct job *job)
{
    struct store_write write = {
        .kind = WRITE_JOB_CREATE,
        .job = {.at = fixture->now, .job = job, .owner = "alice", .worker = ""}};

    set_document(fixture, &write.job);
    return write;
}

struct store_write replace_write(struct fixture *fixture, job_id id, const struct job *job)
{
    struct store_write write = {.kind = WRITE_JOB_REPLACE,
                                .job = {.id = id, .at = fixture->now, .job = job}};

    set_document(fixture, &write.job);
    return write;
}

struct claim_token token_of(uint8_t number)
{
    struct claim_token token = {{0}};

    token.bytes[15] = number;
    return token;
}

struct run_key key_of(job_id job, instant_us at)
{
    return (struct run_key){.scheduled_at = at, .job = job, .attempt = 1};
}

struct store_write claim_write(job_id job, uint64_t revision, instant_us at, uint8_t token)
{
    return (struct store_write){.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = key_of(job, at),
                                          .token = token_of(token),
                                          .worker = "worker-1",
                                          .revision = revision,
                                          .trigger = TRIGGER_SCHEDULE,
                                          .deadline = at + 30 * SECOND}};
}

struct store_write run_write(enum write_kind kind, const struct run_key *key, uint8_t token)
{
    return (struct store_write){
        .kind = kind,
        .run = {
            .key = *key,
            .token = token_of(token),
            .worker = "",
            .reason = "",
            .request = "",
            .count = 1,
            .until = key->scheduled_at,
            .result = {.started_at = INSTANT_NONE, .finished_at = INSTANT_NONE, .exit_code = -1}}};
}

job_id given_job(struct fixture *fixture, const char *name)
{
    struct store_write write = create_write(fixture, new_job(fixture, name));

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    return write.job.id;
}

struct run_key given_run(struct fixture *fixture, job_id job, instant_us at, uint8_t token)
{
    struct store_write write = claim_write(job, job_of(fixture, job)->revision, at, token);
    instant_us before = fixture->now;

    fixture->now = at;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    fixture->now = before;
    assert_non_null(run_of(fixture, &write.claim.key));
    return write.claim.key;
}

void given_finished(struct fixture *fixture, const struct run_key *key, uint8_t token,
                    enum run_status status)
{
    struct store_write write = run_write(WRITE_RUN_FINISHED, key, token);

    write.run.result.status = status;
    write.run.result.started_at = key->scheduled_at;
    write.run.result.finished_at = key->scheduled_at + SECOND;
    write.run.result.exit_code = status == RUN_SUCCEEDED ? 0 : 1;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static struct run copy_run(struct arena *arena, const struct run *run)
{
    struct run copy = *run;

    copy.worker = arena_strdup(arena, run->worker);
    copy.reason = arena_strdup(arena, run->reason);
    copy.request = arena_strdup(arena, run->request);
    copy.sha256 = arena_strdup(arena, run->sha256);
    return copy;
}

static struct pairs copy_pairs(struct arena *arena, const struct pairs *pairs)
{
    struct pair *items = arena_alloc(arena, pairs->count * sizeof(*items));

    for (size_t i = 0; i < pairs->count; i++)
        items[i] = (struct pair){.name = arena_strdup(arena, pairs->items[i].name),
                                 .value = arena_strdup(arena, pairs->items[i].value)};
    return (struct pairs){.items = items, .count = pairs->count};
}

struct jobs_reading {
    struct arena *arena;
    struct jobs_read *read;
};

static bool keep_job(void *context, const struct job_record *job)
{
    struct jobs_reading *reading = context;
    struct job_record *copy = &reading->read->items[reading->read->count++];

    assert_true(reading->read->count <= ARRAY_SIZE(reading->read->items));
    *copy = *job;
    copy->owner = arena_strdup(reading->arena, job->owner);
    copy->worker = arena_strdup(reading->arena, job->worker);
    copy->name = arena_strdup(reading->arena, job->name);
    copy->schedule = arena_strdup(reading->arena, job->schedule);
    copy->time_zone = arena_strdup(reading->arena, job->time_zone);
    copy->sha256 = arena_strdup(reading->arena, job->sha256);
    copy->document = arena_strdup(reading->arena, job->document);
    copy->placement = copy_pairs(reading->arena, &job->placement);
    if (job->last_run) {
        struct run *run = arena_alloc(reading->arena, sizeof(*run));

        *run = copy_run(reading->arena, job->last_run);
        copy->last_run = run;
    }
    return true;
}

struct jobs_read read_all_jobs(struct fixture *fixture, const struct job_query *query)
{
    struct jobs_read read = {.count = 0};
    struct jobs_reading reading = {&fixture->arena, &read};
    struct err err = {0};
    enum rc rc = store_read_jobs(fixture->store, query, keep_job, &reading, &err);

    if (rc != RC_OK)
        fail_msg("read_jobs: %s", err_message(&err, rc));
    return read;
}

const struct job_record *job_of(struct fixture *fixture, job_id id)
{
    struct job_query query = job_query_all();
    struct job_record *copy;
    struct jobs_read read;

    query.ids = &id;
    query.id_count = 1;
    query.parts = JOB_PART_DOCUMENT | JOB_PART_LAST_RUN | JOB_PART_CURSOR | JOB_PART_PLACEMENT;
    read = read_all_jobs(fixture, &query);
    if (!read.count)
        return NULL;
    copy = arena_alloc(&fixture->arena, sizeof(*copy));
    *copy = read.items[0];
    return copy;
}

struct runs_reading {
    struct arena *arena;
    struct runs_read *read;
};

static bool keep_run(void *context, const struct run_record *run)
{
    struct runs_reading *reading = context;
    struct run_record *copy = &reading->read->items[reading->read->count++];

    assert_true(reading->read->count <= ARRAY_SIZE(reading->read->items));
    *copy = *run;
    copy->run = copy_run(reading->arena, &run->run);
    copy->owner = arena_strdup(reading->arena, run->owner);
    return true;
}

struct runs_read read_all_runs(struct fixture *fixture, const struct run_query *query)
{
    struct runs_read read = {.count = 0};
    struct runs_reading reading = {&fixture->arena, &read};
    struct err err = {0};
    enum rc rc = store_read_runs(fixture->store, query, keep_run, &reading, &err);

    if (rc != RC_OK)
        fail_msg("read_runs: %s", err_message(&err, rc));
    return read;
}

const struct run_record *run_of(struct fixture *fixture, const struct run_key *key)
{
    struct run_query query = run_query_all();
    struct run_record *copy;
    struct runs_read read;

    query.keys = key;
    query.key_count = 1;
    read = read_all_runs(fixture, &query);
    if (!read.count)
        return NULL;
    copy = arena_alloc(&fixture->arena, sizeof(*copy));
    *copy = read.items[0];
    return copy;
}

size_t count_jobs(struct fixture *fixture, const struct job_query *query)
{
    return read_all_jobs(fixture, query).count;
}

size_t count_runs(struct fixture *fixture, const struct run_query *query)
{
    return read_all_runs(fixture, query).count;
}

size_t count_token(struct fixture *fixture, uint8_t token)
{
    struct claim_token wanted = token_of(token);
    struct run_query query = run_query_all();

    query.token = &wanted;
    return count_runs(fixture, &query);
}
