/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/store.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/mysql/migrate.h"
#include "adapters/mysql/pool.h"
#include "adapters/mysql/writer.h"
#include "adapters/sql/read.h"

/* Long lists are read in pages, each a statement: no connection waits for a slow visitor longer
 * than for a page, and a reading that loses its server goes on at another one. */
enum { PAGE = 1000 };

struct mysql_store {
    struct store base;
    struct clock *clock;
    bool migrate;
    struct mysql_nodes *nodes;
    pthread_mutex_t preparing; /* protects `prepared` */
    bool prepared;             /* the tables are as they must be */
    pthread_mutex_t writing;   /* protects `writer` */
    struct mysql_writer writer;
    struct mysql_pool readers;
};

static struct mysql_store *of(struct store *store)
{
    return container_of(store, struct mysql_store, base);
}

/* ---- the tables ------------------------------------------------------------------------------ */

static enum rc check_tables(struct mysql_store *self, struct err *err)
{
    struct mysql_reader *reader;
    struct err why = {0};
    enum rc rc = mysql_pool_take(&self->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = mysql_migrate_check(reader->connection, &why);
    mysql_pool_put(&self->readers, reader, &why);
    if (rc != RC_OK && err)
        *err = why;
    return rc == RC_UNKNOWN ? RC_UNAVAILABLE : rc;
}

/* Before anything else is done with the database, once. */
static enum rc prepare(struct mysql_store *self, struct err *err)
{
    enum rc rc = RC_OK;

    CHECK(!pthread_mutex_lock(&self->preparing));
    if (!self->prepared && self->migrate)
        rc = mysql_migrate(self->nodes, self->clock, err);
    if (!self->prepared && rc == RC_OK)
        rc = check_tables(self, err);
    self->prepared |= rc == RC_OK;
    CHECK(!pthread_mutex_unlock(&self->preparing));
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum rc apply(struct store *store, struct store_write *writes, size_t count, struct err *err)
{
    struct mysql_store *self = of(store);
    enum rc rc = prepare(self, err);

    if (rc != RC_OK || !count)
        return rc;
    CHECK(!pthread_mutex_lock(&self->writing));
    rc = mysql_writer_apply(&self->writer, writes, count, err);
    CHECK(!pthread_mutex_unlock(&self->writing));
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* One statement of a reading; `visited` counts what it has shown so far. */
struct reading {
    enum rc (*read)(struct reading *reading, struct sql_connection *connection, struct err *err);
    const void *query;
    union {
        job_visit job;
        run_visit run;
        worker_visit worker;
        token_visit token;
        user_visit user;
        audit_visit audit;
        output_visit output;
        document_visit document;
        hash_visit hash;
    } visit;
    void *context;
    void *ret;
    size_t visited;
    bool ended; /* by the visitor */
    job_id last_job;
    struct run_key last_run;
};

static enum rc read_once(struct mysql_store *self, struct reading *reading, struct err *err)
{
    struct mysql_reader *reader;
    struct err why = {0};
    enum rc rc = mysql_pool_take(&self->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = reading->read(reading, reader->connection, &why);
    mysql_pool_put(&self->readers, reader, &why);
    if (rc != RC_OK && err)
        *err = why;
    return rc;
}

/* A server that is lost before it has shown anything is no reason to fail: the next one is asked.
 * Every try that fails makes one host be avoided, or is the end of an old connection. */
static enum rc read_somewhere(struct mysql_store *self, struct reading *reading, struct err *err)
{
    size_t before = reading->visited;
    enum rc rc = prepare(self, err);

    if (rc != RC_OK)
        return rc;
    for (size_t tries = 0; tries <= 2 * MYSQL_HOSTS_MAX; tries++) {
        rc = read_once(self, reading, err);
        if (rc == RC_UNKNOWN)
            rc = RC_UNAVAILABLE;
        if (rc != RC_UNAVAILABLE || reading->visited != before)
            return rc;
        if (mysql_nodes_choose(self->nodes, &(size_t){0}, NULL) != RC_OK)
            return rc;
    }
    return rc;
}

static enum rc read_now(struct reading *reading, struct sql_connection *connection, struct err *err)
{
    return sql_read_now(connection, reading->ret, err);
}

static enum rc tell_now(struct store *store, instant_us *ret_now, struct err *err)
{
    instant_us now = 0;
    struct reading reading = {.read = read_now, .ret = &now};
    enum rc rc = read_somewhere(of(store), &reading, err);

    if (rc == RC_OK)
        *ret_now = now;
    return rc;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static bool note_job(void *context, const struct job_record *job)
{
    struct reading *reading = context;

    reading->visited++;
    reading->last_job = job->id;
    reading->ended = !reading->visit.job(reading->context, job);
    return !reading->ended;
}

static enum rc read_jobs_page(struct reading *reading, struct sql_connection *connection,
                              struct err *err)
{
    struct job_query query = *(const struct job_query *)reading->query;

    query.after = MAX(query.after, reading->last_job);
    query.limit = query.limit ? MIN(query.limit - reading->visited, (size_t)PAGE) : PAGE;
    return sql_read_jobs(connection, &query, note_job, reading, err);
}

/* Whether a reading of `limit` (0: of all) goes on after an answer that showed `shown` more. */
static bool goes_on(const struct reading *reading, size_t limit, size_t shown, enum rc rc)
{
    if (reading->ended || (limit && reading->visited >= limit))
        return false;
    return rc == RC_OK ? shown == PAGE : rc == RC_UNAVAILABLE && shown > 0;
}

static enum rc read_jobs(struct store *store, const struct job_query *query, job_visit visit,
                         void *context, struct err *err)
{
    struct reading reading = {
        .read = read_jobs_page, .query = query, .visit.job = visit, .context = context};
    size_t before;
    enum rc rc;

    do {
        before = reading.visited;
        rc = read_somewhere(of(store), &reading, err);
    } while (goes_on(&reading, query->limit, reading.visited - before, rc));
    return reading.ended ? RC_OK : rc;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static bool note_run(void *context, const struct run_record *run)
{
    struct reading *reading = context;

    reading->visited++;
    reading->last_run = run->run.key;
    reading->ended = !reading->visit.run(reading->context, run);
    return !reading->ended;
}

static enum rc read_runs_page(struct reading *reading, struct sql_connection *connection,
                              struct err *err)
{
    struct run_query query = *(const struct run_query *)reading->query;

    if (reading->visited) {
        query.before = &reading->last_run;
        query.skip = 0;
    }
    query.limit = query.limit ? MIN(query.limit - reading->visited, (size_t)PAGE) : PAGE;
    return sql_read_runs(connection, &query, note_run, reading, err);
}

static enum rc read_runs(struct store *store, const struct run_query *query, run_visit visit,
                         void *context, struct err *err)
{
    struct reading reading = {
        .read = read_runs_page, .query = query, .visit.run = visit, .context = context};
    size_t before;
    enum rc rc;

    do {
        before = reading.visited;
        rc = read_somewhere(of(store), &reading, err);
    } while (goes_on(&reading, query->limit, reading.visited - before, rc));
    return reading.ended ? RC_OK : rc;
}

/* ---- the others ------------------------------------------------------------------------------ */

static bool note_worker(void *context, const struct worker_record *worker)
{
    struct reading *reading = context;

    reading->visited++;
    return reading->visit.worker(reading->context, worker);
}

static enum rc read_all_workers(struct reading *reading, struct sql_connection *connection,
                                struct err *err)
{
    return sql_read_workers(connection, note_worker, reading, err);
}

static enum rc read_workers(struct store *store, worker_visit visit, void *context, struct err *err)
{
    struct reading reading = {.read = read_all_workers, .visit.worker = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

static bool note_token(void *context, const struct access_token *token)
{
    struct reading *reading = context;

    reading->visited++;
    return reading->visit.token(reading->context, token);
}

static enum rc read_all_tokens(struct reading *reading, struct sql_connection *connection,
                               struct err *err)
{
    return sql_read_tokens(connection, note_token, reading, err);
}

static enum rc read_tokens(struct store *store, token_visit visit, void *context, struct err *err)
{
    struct reading reading = {.read = read_all_tokens, .visit.token = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

static bool note_user(void *context, const struct user_record *user)
{
    struct reading *reading = context;

    reading->visited++;
    return reading->visit.user(reading->context, user);
}

static enum rc read_all_users(struct reading *reading, struct sql_connection *connection,
                              struct err *err)
{
    return sql_read_users(connection, note_user, reading, err);
}

static enum rc read_users(struct store *store, user_visit visit, void *context, struct err *err)
{
    struct reading reading = {.read = read_all_users, .visit.user = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

static bool note_audit(void *context, const struct audit_record *record)
{
    struct reading *reading = context;

    reading->visited++;
    return reading->visit.audit(reading->context, record);
}

static enum rc read_audit_once(struct reading *reading, struct sql_connection *connection,
                               struct err *err)
{
    return sql_read_audit(connection, reading->query, note_audit, reading, err);
}

static enum rc read_audit(struct store *store, const struct audit_query *query, audit_visit visit,
                          void *context, struct err *err)
{
    struct reading reading = {
        .read = read_audit_once, .query = query, .visit.audit = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

static enum rc read_the_leader(struct reading *reading, struct sql_connection *connection,
                               struct err *err)
{
    return sql_read_leader(connection, reading->ret, err);
}

static enum rc read_leader(struct store *store, struct leader_record *ret_leader, struct err *err)
{
    struct reading reading = {.read = read_the_leader, .ret = ret_leader};

    return read_somewhere(of(store), &reading, err);
}

static enum rc read_summary(struct reading *reading, struct sql_connection *connection,
                            struct err *err)
{
    return sql_read_summary(connection, reading->query, reading->ret, err);
}

static enum rc summary(struct store *store, const char *owner, struct store_summary *ret_summary,
                       struct err *err)
{
    struct reading reading = {.read = read_summary, .query = owner, .ret = ret_summary};

    return read_somewhere(of(store), &reading, err);
}

/* ---- what is kept beside runs ---------------------------------------------------------------- */

static void show_output(void *context, const struct kept_output *output)
{
    struct reading *reading = context;

    reading->visited++;
    reading->visit.output(reading->context, output);
}

static enum rc read_one_output(struct reading *reading, struct sql_connection *connection,
                               struct err *err)
{
    return sql_read_output(connection, reading->query, show_output, reading, err);
}

static enum rc read_output(struct store *store, const struct run_key *run, output_visit visit,
                           void *context, struct err *err)
{
    struct reading reading = {
        .read = read_one_output, .query = run, .visit.output = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

struct revision_of {
    job_id job;
    uint64_t revision;
};

static void show_document(void *context, const char *document, size_t length)
{
    struct reading *reading = context;

    reading->visited++;
    reading->visit.document(reading->context, document, length);
}

static enum rc read_one_revision(struct reading *reading, struct sql_connection *connection,
                                 struct err *err)
{
    const struct revision_of *of_job = reading->query;

    return sql_read_revision(connection, of_job->job, of_job->revision, show_document, reading,
                             err);
}

static enum rc read_revision(struct store *store, job_id job, uint64_t revision,
                             document_visit visit, void *context, struct err *err)
{
    struct revision_of query = {job, revision};
    struct reading reading = {
        .read = read_one_revision, .query = &query, .visit.document = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

static bool note_hash(void *context, const char *sha256)
{
    struct reading *reading = context;

    reading->visited++;
    return reading->visit.hash(reading->context, sha256);
}

static enum rc read_all_hashes(struct reading *reading, struct sql_connection *connection,
                               struct err *err)
{
    return sql_read_hashes(connection, note_hash, reading, err);
}

static enum rc read_hashes(struct store *store, hash_visit visit, void *context, struct err *err)
{
    struct reading reading = {.read = read_all_hashes, .visit.hash = visit, .context = context};

    return read_somewhere(of(store), &reading, err);
}

/* ---- from open to close ---------------------------------------------------------------------- */

static void store_release(struct store *store)
{
    struct mysql_store *self = of(store);

    mysql_writer_release(&self->writer);
    mysql_pool_release(&self->readers);
    mysql_nodes_free(self->nodes);
    CHECK(!pthread_mutex_destroy(&self->writing));
    CHECK(!pthread_mutex_destroy(&self->preparing));
    free(self);
}

static const struct store_ops ops = {
    .name = "mysql",
    .now = tell_now,
    .apply = apply,
    .read_jobs = read_jobs,
    .read_runs = read_runs,
    .read_workers = read_workers,
    .read_tokens = read_tokens,
    .read_users = read_users,
    .read_audit = read_audit,
    .read_leader = read_leader,
    .summary = summary,
    .read_output = read_output,
    .read_revision = read_revision,
    .read_hashes = read_hashes,
    .free = store_release,
};

static struct mysql_store *make(const struct mysql_store_config *config)
{
    struct mysql_store *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->clock = config->clock;
    self->migrate = config->migrate;
    self->nodes = mysql_nodes_new(config);
    CHECK(!pthread_mutex_init(&self->preparing, NULL));
    CHECK(!pthread_mutex_init(&self->writing, NULL));
    mysql_writer_init(&self->writer, self->nodes, config->clock);
    mysql_pool_init(&self->readers, self->nodes);
    return self;
}

enum rc mysql_store_new(const struct mysql_store_config *config, struct store **ret_store,
                        struct err *err)
{
    struct mysql_store *self;
    enum rc rc;

    if (config->host_count < 1 || config->host_count > MYSQL_HOSTS_MAX)
        return err_fail(err, RC_INVALID, "a database has 1 to %d hosts", MYSQL_HOSTS_MAX);
    self = make(config);
    rc = prepare(self, err);
    if (rc != RC_OK && rc != RC_UNAVAILABLE) {
        store_release(&self->base);
        return rc;
    }
    *ret_store = &self->base;
    return RC_OK;
}
