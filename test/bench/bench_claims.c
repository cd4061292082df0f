/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What claims and results cost in a MySQL database, beside the same rows by bare inserts of a
 * thousand: `bench_claims URL [ROWS]`. Prints one line: seconds for claims with their reading back,
 * for results, and for bare inserts of as many rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/crypto.h"
#include "base/mem.h"

#include "adapters/mysql/connection.h"
#include "adapters/mysql/store.h"
#include "adapters/posix/clock.h"
#include "main/place.h"

enum { BATCH = 1000 };

struct bench {
    struct clock *clock;
    struct store_place place;
    struct store *store;
    struct store_write writes[BATCH];
    job_id *jobs;
    size_t rows;
    instant_us tick;
    size_t read;
};

static void stop(const char *what, enum rc rc, const struct err *err)
{
    if (rc == RC_OK)
        return;
    (void)fprintf(stderr, "bench_claims: %s: %s\n", what, err_message(err, rc));
    exit(1);
}

static void apply(struct bench *bench, size_t count, const char *what)
{
    struct err err = {0};

    stop(what, store_apply(bench->store, bench->writes, count, &err), &err);
}

static void open_store(struct bench *bench)
{
    const struct place_hosts *place = &bench->place.hosts;
    struct mysql_host hosts[PLACE_HOSTS];
    struct mysql_store_config config = {.hosts = hosts,
                                        .host_count = place->count,
                                        .user = place->user,
                                        .password = place->password,
                                        .database = place->path,
                                        .migrate = true,
                                        .clock = bench->clock};
    struct err err = {0};

    for (size_t i = 0; i < place->count; i++)
        hosts[i] = (struct mysql_host){place->items[i].name, place->items[i].port};
    stop("opening", mysql_store_new(&config, &bench->store, &err), &err);
    stop("asking the time", store_now(bench->store, &bench->tick, &err), &err);
}

static void make_jobs(struct bench *bench)
{
    static struct job job;
    static const char document[] = "{}";

    job = job_default();
    job.executable = "true";
    job.schedule = "@manual";
    job.time_zone = "UTC";
    for (size_t at = 0; at < bench->rows; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            bench->writes[i] = (struct store_write){.kind = WRITE_JOB_CREATE};
            bench->writes[i].job = (struct write_job){.at = bench->tick,
                                                      .job = &job,
                                                      .document = document,
                                                      .document_length = strlen(document),
                                                      .owner = "bench",
                                                      .worker = "bench"};
        }
        apply(bench, BATCH, "creating jobs");
        for (size_t i = 0; i < BATCH; i++)
            bench->jobs[at + i] = bench->writes[i].job.id;
    }
}

static struct run_key key_of(const struct bench *bench, size_t row)
{
    return (struct run_key){.scheduled_at = bench->tick, .job = bench->jobs[row], .attempt = 1};
}

static bool count_read(void *context, const struct run_record *run)
{
    struct bench *bench = context;

    (void)run;
    bench->read++;
    return true;
}

static void claim(struct bench *bench, size_t first, const struct claim_token *token)
{
    struct run_query query = run_query_all();
    struct err err = {0};

    for (size_t i = 0; i < BATCH; i++) {
        bench->writes[i] = (struct store_write){.kind = WRITE_RUN_CLAIM};
        bench->writes[i].claim = (struct write_claim){.key = key_of(bench, first + i),
                                                      .token = *token,
                                                      .worker = "bench",
                                                      .revision = 1,
                                                      .deadline = bench->tick + HOUR};
    }
    apply(bench, BATCH, "claiming");
    query.token = token;
    bench->read = 0;
    stop("reading back", store_read_runs(bench->store, &query, count_read, bench, &err), &err);
    CHECK(bench->read == BATCH);
}

static void finish(struct bench *bench, size_t first, const struct claim_token *token)
{
    for (size_t i = 0; i < BATCH; i++) {
        bench->writes[i] = (struct store_write){.kind = WRITE_RUN_FINISHED};
        bench->writes[i].run = (struct write_run){.key = key_of(bench, first + i),
                                                  .token = *token,
                                                  .result = {.status = RUN_SUCCEEDED,
                                                             .started_at = bench->tick,
                                                             .finished_at = bench->tick + SECOND,
                                                             .output_bytes = 100,
                                                             .max_rss = 1000000},
                                                  .reason = ""};
    }
    apply(bench, BATCH, "finishing");
    for (size_t i = 0; i < BATCH; i++)
        CHECK(bench->writes[i].outcome == RC_OK);
}

static struct sql_connection *connect_bare(struct bench *bench)
{
    const struct place_hosts *place = &bench->place.hosts;
    struct mysql_target target = {.host = place->items[0].name,
                                  .port = place->items[0].port,
                                  .user = place->user,
                                  .password = place->password,
                                  .database = place->path,
                                  .clock = bench->clock};
    struct sql_connection *connection = NULL;
    struct err err = {0};

    stop("connecting", mysql_connection_open(&target, MYSQL_MIGRATOR, &connection, &err), &err);
    stop("bare table", sql_run(connection, "CREATE TABLE bare LIKE runs", NULL, 0, NULL, &err),
         &err);
    return connection;
}

static void insert_bare(const struct bench *bench, struct sql_connection *connection, size_t first)
{
    struct buf AUTO_BUF text;
    struct err err = {0};

    buf_init(&text, SIZE_MAX);
    (void)buf_puts(&text, "INSERT INTO bare VALUES "); /* without a limit it cannot fail */
    for (size_t i = 0; i < BATCH; i++)
        (void)buf_printf(&text,
                         "%s(%lld, %llu, 1, 0, unhex(md5(%zu)), 0, 2, 1, 2, 0, 0, 100, 0, 0,"
                         " 1000000, 1, 'bench', '', '', 1, 1, NULL)",
                         i ? "," : "", (long long)bench->tick,
                         (unsigned long long)bench->jobs[first + i], i);
    stop("inserting", sql_run(connection, text.data, NULL, 0, NULL, &err), &err);
}

static double seconds_since(const struct bench *bench, mono_us begun)
{
    return (double)(clock_mono(bench->clock) - begun) / (double)SECOND;
}

static void measure(struct bench *bench)
{
    struct claim_token *tokens AUTO_FREE = xcalloc(bench->rows / BATCH, sizeof(*tokens));
    struct sql_connection *bare = connect_bare(bench);
    double claims = 0, results = 0, inserts = 0;

    for (size_t at = 0; at < bench->rows;
         at += BATCH) { /* in turns: what disturbs one, disturbs all */
        struct claim_token *token = &tokens[at / BATCH];
        mono_us begun;

        crypto_random(token, sizeof(*token));
        begun = clock_mono(bench->clock);
        claim(bench, at, token);
        claims += seconds_since(bench, begun);
        begun = clock_mono(bench->clock);
        finish(bench, at, token);
        results += seconds_since(bench, begun);
        begun = clock_mono(bench->clock);
        insert_bare(bench, bare, at);
        inserts += seconds_since(bench, begun);
    }
    (void)printf("%.3f %.3f %.3f\n", claims, results, inserts);
    sql_connection_free(bare);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct arena AUTO_ARENA arena = {0};
    struct err err = {0};

    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_claims mysql://USER:PASSWORD@HOST/DATABASE [ROWS]\n");
        return 2;
    }
    bench.rows = (argc > 2 ? strtoul(argv[2], NULL, 10) : 10000) / BATCH * BATCH;
    stop("URL", place_store_read(argv[1], &arena, &bench.place, &err), &err);
    bench.clock = posix_clock_new();
    bench.jobs = xcalloc(bench.rows, sizeof(*bench.jobs));
    open_store(&bench);
    make_jobs(&bench);
    measure(&bench);
    store_free(bench.store);
    clock_free(bench.clock);
    free(bench.jobs);
    return 0;
}
