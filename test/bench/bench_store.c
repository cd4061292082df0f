/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the SQLite store is: `bench_store [JOBS [FOLDER]]`, 100,000 jobs in /tmp unless said
 * otherwise. Prints lines of "name value unit". The folder's disk decides what an apply costs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/sqlite/store.h"
#include "wire/job.h"

enum { BATCH = 1000, READS = 20000, ROUNDS = 50, GROUP = 64 };

#define START ((instant_us)1893456000 * SECOND)

static double seconds(void)
{
    struct timespec now;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &now));
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *name, double value, const char *unit)
{
    (void)printf("%-32s %12.1f %s\n", name, value, unit);
}

static instant_us at_start(struct clock *clock)
{
    (void)clock;
    return START;
}

static const struct clock_ops clock_ops = {.name = "bench", .now = at_start, .mono = at_start};

static void apply(struct store *store, struct store_write *writes, size_t count)
{
    struct err err = {0};
    enum rc rc = store_apply(store, writes, count, &err);

    if (rc != RC_OK) {
        (void)fprintf(stderr, "apply: %s\n", err_message(&err, rc));
        exit(1);
    }
}

/* Some random bits of a number (splitmix64). */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static struct store_write create_write(const struct job *job, const struct buf *document)
{
    return (struct store_write){.kind = WRITE_JOB_CREATE,
                                .job = {.at = START,
                                        .job = job,
                                        .document = document->data,
                                        .document_length = document->length,
                                        .owner = "alice",
                                        .worker = "worker-1"}};
}

static void create_jobs(struct store *store, const struct job *job, const struct buf *document,
                        size_t count, size_t group, const char *name)
{
    struct store_write *AUTO_FREE writes = xcalloc(group, sizeof(*writes));
    double start = seconds();

    for (size_t done = 0; done < count; done += group) {
        for (size_t i = 0; i < group; i++)
            writes[i] = create_write(job, document);
        apply(store, writes, group);
    }
    report(name, (seconds() - start) * 1e6 / ((double)count / (double)group), "us an apply");
}

static struct store_write claim_write(job_id job, instant_us at, uint64_t token)
{
    struct store_write write = {.kind = WRITE_RUN_CLAIM,
                                .claim = {.key = {.scheduled_at = at, .job = job, .attempt = 1},
                                          .worker = "worker-1",
                                          .revision = 1,
                                          .trigger = TRIGGER_SCHEDULE,
                                          .deadline = at + MINUTE}};

    memcpy(write.claim.token.bytes, &token, sizeof(token));
    return write;
}

/* Batches of jobs in order of id, all due at an instant a batch. */
static void claim_runs(struct store *store, size_t jobs)
{
    struct store_write *AUTO_FREE writes = xcalloc(BATCH, sizeof(*writes));
    double start = seconds();

    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BATCH; i++)
            writes[i] =
                claim_write((round * BATCH + i) % jobs + 1, START - (instant_us)round, mix(round));
        apply(store, writes, BATCH);
    }
    report("claims", ROUNDS * BATCH / (seconds() - start), "rows/s");
}

static void finish_runs(struct store *store, size_t jobs)
{
    struct store_write *AUTO_FREE writes = xcalloc(BATCH, sizeof(*writes));
    double start = seconds();

    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BATCH; i++) {
            struct store_write claim =
                claim_write((round * BATCH + i) % jobs + 1, START - (instant_us)round, mix(round));

            writes[i] = (struct store_write){.kind = WRITE_RUN_FINISHED,
                                             .run = {.key = claim.claim.key,
                                                     .token = claim.claim.token,
                                                     .reason = "",
                                                     .sets_job_status = true,
                                                     .result = {.status = RUN_SUCCEEDED,
                                                                .started_at = START,
                                                                .finished_at = START + SECOND}}};
        }
        apply(store, writes, BATCH);
        CHECK(writes[0].outcome == RC_OK && writes[BATCH - 1].outcome == RC_OK);
    }
    report("results", ROUNDS * BATCH / (seconds() - start), "rows/s");
}

static bool count_run(void *context, const struct run_record *run)
{
    *(size_t *)context += run->run.key.job > 0;
    return true;
}

static void read_back(struct store *store)
{
    struct run_query query = run_query_all();
    struct claim_token token;
    size_t count = 0;
    double start = seconds();

    query.token = &token;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t number = mix(round);

        token = (struct claim_token){{0}};
        memcpy(token.bytes, &number, sizeof(number));
        CHECK(store_read_runs(store, &query, count_run, &count, NULL) == RC_OK);
    }
    CHECK(count == ROUNDS * BATCH);
    report("read back by token", (double)count / (seconds() - start), "rows/s");
}

static bool count_job(void *context, const struct job_record *job)
{
    *(size_t *)context += job->id > 0;
    return true;
}

static void read_one(struct store *store, size_t jobs)
{
    struct job_query query = job_query_all();
    size_t count = 0;
    job_id id;
    double start = seconds();

    query.ids = &id;
    query.id_count = 1;
    query.parts = JOB_PART_DOCUMENT | JOB_PART_LAST_RUN;
    for (uint64_t i = 0; i < READS; i++) {
        id = mix(i) % jobs + 1;
        CHECK(store_read_jobs(store, &query, count_job, &count, NULL) == RC_OK);
    }
    CHECK(count == READS);
    report("one job with its last run", (seconds() - start) * 1e6 / READS, "us");
}

static void read_list(struct store *store, unsigned parts, const char *name)
{
    struct job_query query = job_query_all();
    size_t count = 0;
    double start = seconds();

    query.parts = parts;
    query.active_only = !(parts & JOB_PART_DOCUMENT);
    CHECK(store_read_jobs(store, &query, count_job, &count, NULL) == RC_OK);
    report(name, (double)count / (seconds() - start), "jobs/s");
}

static void read_agenda(struct store *store, size_t jobs)
{
    struct job_query query = job_query_all();
    job_id ids[BATCH];
    size_t count = 0;
    double start = seconds();

    query.ids = ids;
    query.id_count = BATCH;
    query.parts = JOB_PART_CURSOR;
    query.active_only = true;
    for (job_id first = 1; first + BATCH <= jobs + 1; first += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            ids[i] = first + i;
        CHECK(store_read_jobs(store, &query, count_job, &count, NULL) == RC_OK);
    }
    report("agenda by ids", (double)count / (seconds() - start), "jobs/s");
}

static void read_summary(struct store *store)
{
    struct store_summary summary;
    double start = seconds();

    CHECK(store_read_summary(store, NULL, &summary, NULL) == RC_OK);
    report("summary", (seconds() - start) * 1e6, "us");
}

static void measure(struct store *store, size_t jobs, const char *path)
{
    struct job job = job_default();
    struct buf AUTO_BUF document;
    struct rusage usage;
    struct stat file;

    buf_init(&document, SIZE_MAX);
    job.executable = "/usr/local/bin/backup --level 3 /srv/data >/dev/null";
    job.schedule = "17 3 * * 1-5";
    job.time_zone = "Europe/Berlin";
    job.run_as = "backup";
    CHECK(wire_job_document(&job, &document) == RC_OK);
    create_jobs(store, &job, &document, GROUP * 20, 1, "create 1");
    create_jobs(store, &job, &document, GROUP * 100, GROUP, "create 64");
    create_jobs(store, &job, &document, jobs - GROUP * 120, 1000, "create 1000");
    claim_runs(store, jobs);
    read_back(store);
    finish_runs(store, jobs);
    read_one(store, jobs);
    read_list(store, JOB_PART_DOCUMENT, "list with documents");
    read_list(store, JOB_PART_DOCUMENT | JOB_PART_LAST_RUN, "list with documents, last runs");
    read_list(store, JOB_PART_CURSOR, "agenda scan");
    read_agenda(store, jobs);
    read_summary(store);
    CHECK(!stat(path, &file) && !getrusage(RUSAGE_SELF, &usage));
    report("database", (double)file.st_size / (1 << 20), "MiB");
    report("memory at its peak", (double)usage.ru_maxrss / 1024, "MiB");
}

int main(int argc, char **argv)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    long jobs = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    char *AUTO_FREE folder = xasprintf("%s/bench-store-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    struct clock clock = {&clock_ops};
    struct sqlite_store_config config = {.clock = &clock};
    struct err err = {0};
    struct store *store;
    char *AUTO_FREE path = NULL;

    jobs = MAX(jobs, GROUP * 120 + 1000) / BATCH * BATCH;
    CHECK(mkdtemp(folder));
    path = xasprintf("%s/cronjob.db", folder);
    config.path = path;
    if (sqlite_store_new(&config, &store, &err) != RC_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    measure(store, (size_t)jobs, path);
    store_free(store);
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        char *AUTO_FREE name = xasprintf("%s%s", path, suffixes[i]);

        (void)unlink(name); /* some are gone already */
    }
    return rmdir(folder) ? 1 : 0;
}
