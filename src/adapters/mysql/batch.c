/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/batch.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"

#include "core/run_hash.h"

#include "adapters/mysql/batch_rows.h"

/* Fewer are written one by one. */
enum { BATCH_MIN = 3 };

_Static_assert(RUN_QUEUED == 0 && RUN_RUNNING == 1, "the numbers of unfinished runs");

/* ---- what each kind adds to a row, and its statements ---------------------------------------- */

#define WAIT                                                                            \
    "UPDATE " BATCH_TABLE(                                                              \
        ", reason VARCHAR(1024) PATH '$[6]'") " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN \
                                              " SET r.reason = b.reason"                \
                                              " WHERE r.token = unhex(b.token) AND r.status = 0"

static void add_wait(struct batch_rows *rows, const struct store_write *write)
{
    json_write_string(&rows->json, write->run.reason);
}

#define STARTS BATCH_TABLE(", started_at BIGINT PATH '$[6]'")
#define START                                                       \
    "UPDATE " STARTS " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN      \
    " SET r.status = 1, r.started_at = b.started_at, r.reason = ''" \
    " WHERE r.token = unhex(b.token) AND r.status < 2"

static void add_start(struct batch_rows *rows, const struct store_write *write)
{
    batch_rows_instant(rows, write->run.result.started_at);
}

#define RESULT_COLUMNS                                                 \
    ", status BIGINT PATH '$[6]', started_at BIGINT PATH '$[7]',"      \
    " finished_at BIGINT PATH '$[8]', exit_code BIGINT PATH '$[9]',"   \
    " ended_by BIGINT PATH '$[10]', output_bytes BIGINT PATH '$[11]'," \
    " output_truncated BIGINT PATH '$[12]', cpu BIGINT PATH '$[13]',"  \
    " max_rss BIGINT PATH '$[14]', reason VARCHAR(1024) PATH '$[15]'"
#define RESULTS \
    BATCH_TABLE(RESULT_COLUMNS ", sets BIGINT PATH '$[16]', job_status BIGINT PATH '$[17]'")
#define IS_UNFINISHED " coalesce(r.token, x'') = unhex(b.token) AND r.status < 2"

#define FINISH                                                                              \
    "UPDATE " RESULTS " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN                             \
    " SET r.status = b.status, r.started_at = b.started_at, r.finished_at = b.finished_at," \
    " r.exit_code = b.exit_code, r.signal = b.ended_by, r.output_bytes = b.output_bytes,"   \
    " r.output_truncated = b.output_truncated, r.cpu = b.cpu, r.max_rss = b.max_rss,"       \
    " r.reason = b.reason WHERE" IS_UNFINISHED

/* Before the runs are ended: a result that comes too late changes no job either. */
#define SET_STATUS                                                           \
    "UPDATE " RESULTS " STRAIGHT_JOIN jobs j ON j.id = b.job"                \
    " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN " SET j.status = b.job_status" \
    " WHERE b.sets = 1 AND j.removed = 0 AND j.status <> b.job_status"       \
    " AND r.revision IN (0, j.revision) AND" IS_UNFINISHED

static void add_outcome(struct batch_rows *rows, const struct write_run *run)
{
    const struct run_result *result = &run->result;

    json_write_integer(&rows->json, result->status);
    batch_rows_instant(rows, result->started_at);
    batch_rows_instant(rows, result->finished_at);
    json_write_integer(&rows->json, result->exit_code);
    json_write_integer(&rows->json, result->signal);
    json_write_integer(&rows->json, result->output_bytes);
    json_write_integer(&rows->json, result->output_truncated);
    json_write_integer(&rows->json, result->cpu);
    json_write_integer(&rows->json, result->max_rss);
    json_write_string(&rows->json, run->reason);
}

static void add_result(struct batch_rows *rows, const struct store_write *write)
{
    add_outcome(rows, &write->run);
    json_write_integer(&rows->json, write->run.sets_job_status);
    json_write_integer(&rows->json, write->run.job_status);
}

#define RECORD                                                                                    \
    "INSERT IGNORE INTO runs (scheduled_at, job, attempt, target, token, `trigger`, status,"      \
    " started_at, finished_at, exit_code, `signal`, output_bytes, output_truncated, cpu,"         \
    " max_rss, revision, worker, reason, request, count, until)"                                  \
    " SELECT b.scheduled_at, b.job, b.attempt, b.target, nullif(unhex(b.token), x''), b.cause,"   \
    " b.status, b.started_at, b.finished_at, b.exit_code, b.ended_by, b.output_bytes,"            \
    " b.output_truncated, b.cpu, b.max_rss, b.revision, b.worker, b.reason, b.request, b.count,"  \
    " b.until FROM " BATCH_TABLE(                                                                 \
        RESULT_COLUMNS                                                                            \
        ", cause BIGINT PATH '$[16]', revision BIGINT PATH '$[17]',"                              \
        " worker VARCHAR(255) PATH '$[18]', request MEDIUMTEXT PATH '$[19]',"                     \
        " count BIGINT PATH '$[20]', until BIGINT PATH '$[21]'") " STRAIGHT_JOIN jobs j ON j.id " \
                                                                 "= b.job"

static void add_record(struct batch_rows *rows, const struct store_write *write)
{
    const struct write_run *run = &write->run;

    add_outcome(rows, run);
    json_write_integer(&rows->json, run->trigger);
    json_write_integer(&rows->json, (int64_t)run->revision);
    json_write_string(&rows->json, run->worker);
    json_write_string(&rows->json, run->request);
    json_write_integer(&rows->json, MAX(run->count, 1));
    json_write_integer(&rows->json, run->count > 1 ? run->until : run->key.scheduled_at);
}

#define OUTPUT                                                                             \
    "INSERT IGNORE INTO outputs (scheduled_at, job, attempt, target, data)"                \
    " SELECT b.scheduled_at, b.job, b.attempt, b.target, unhex(b.data) FROM " BATCH_TABLE( \
        ", data MEDIUMTEXT PATH '$[6]'") " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN         \
                                         " WHERE r.token "                                 \
                                         "= unhex(b.token)"

static void add_output(struct batch_rows *rows, const struct store_write *write)
{
    const struct kept_output *output = &write->output.output;

    if (output->in_objects)
        json_write_null(&rows->json);
    else
        batch_rows_bytes(rows, output->data, output->length);
}

#define PURGE                                                                                     \
    "DELETE r, o FROM " BATCH_TABLE("") " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN                 \
                                        " LEFT JOIN outputs o ON o.scheduled_at = r.scheduled_at" \
                                        " AND o.job = r.job AND o.attempt = r.attempt"            \
                                        " AND o.target = r.target"
#define PURGED "SELECT b.n FROM " BATCH_TABLE("") " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN
/* Jobs that never were anything else are found to be so by one look at an index each. */
#define FORGET                                                                                 \
    "DELETE v FROM " BATCH_TABLE("") " STRAIGHT_JOIN revisions v ON v.job = b.job WHERE"       \
                                     " v.until < coalesce((SELECT t.scheduled_at FROM runs t"  \
                                     " FORCE INDEX (runs_job) WHERE t.job = v.job"             \
                                     " ORDER BY t.scheduled_at, t.attempt, t.target LIMIT 1)," \
                                     " store_now()) - 3600000000"

_Static_assert(REVISION_KEPT == 3600000000, "the number in FORGET");

static void add_nothing(struct batch_rows *rows, const struct store_write *write)
{
    (void)rows;
    (void)write;
}

#define ASSIGN                                                                                    \
    "UPDATE " BATCH_TABLE(", worker VARCHAR(255) PATH '$[6]'") " STRAIGHT_JOIN jobs j ON j.id = " \
                                                               "b.job SET j.worker = b.worker"

static void add_worker(struct batch_rows *rows, const struct store_write *write)
{
    json_write_string(&rows->json, write->job.worker);
}

/*
 * Kinds that are written together, in the order in which they are then executed. Those of one
 * `group` may be mixed: a run is recorded, or waits, is started and then finished, so their order
 * is that of a run's life anyway.
 */
struct kind_row {
    enum write_kind kind;
    int group;
    void (*add)(struct batch_rows *rows, const struct store_write *write);
    const char *text;
    const char *first; /* said before it, or NULL */
    const char *then;  /* said after it, or NULL */
    bool finds;        /* `first` finds n of the rows that are there to be changed; otherwise all
                          were if as many as asked for changed */
};

static const struct kind_row kinds[] = {
    {WRITE_RUN_RECORD, 1, add_record, RECORD, NULL, NULL, false},
    {WRITE_RUN_WAITING, 1, add_wait, WAIT, NULL, NULL, false},
    {WRITE_RUN_STARTED, 1, add_start, START, NULL, NULL, false},
    {WRITE_RUN_FINISHED, 1, add_result, FINISH, SET_STATUS, NULL, false},
    {WRITE_RUN_OUTPUT, 1, add_output, OUTPUT, NULL, NULL, false},
    {WRITE_RUN_PURGE, 2, add_nothing, PURGE, PURGED, FORGET, true},
    {WRITE_JOB_ASSIGN, 3, add_worker, ASSIGN, NULL, NULL, false},
};

/* NULL: the write is not one for batches. */
static const struct kind_row *kind_of(const struct store_write *write)
{
    if (write->kind == WRITE_RUN_RECORD && write->run.sets_job_status)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].kind == write->kind)
            return &kinds[i];
    }
    return NULL;
}

/* ---- which writes go together ---------------------------------------------------------------- */

/* What a stretch has so far: the last kind of each run, and the jobs whose status it sets. */
struct stretch {
    int group;
    struct map runs; /* hash of a key -> number of its kind + 1 */
    struct map jobs;
};

static struct run_key key_of(const struct store_write *write)
{
    if (write->kind == WRITE_JOB_ASSIGN)
        return (struct run_key){.job = write->job.id};
    return write->kind == WRITE_RUN_OUTPUT ? write->output.key : write->run.key;
}

static const struct claim_token *token_of(const struct store_write *write)
{
    static const struct claim_token none = {{0}};

    if (write->kind == WRITE_JOB_ASSIGN)
        return &none;
    return write->kind == WRITE_RUN_OUTPUT ? &write->output.token : &write->run.token;
}

/* Two keys of the same hash merely end the stretch early. */
static bool joins(struct stretch *stretch, const struct store_write *write)
{
    const struct kind_row *row = kind_of(write);
    bool sets = write->kind == WRITE_RUN_FINISHED && write->run.sets_job_status;
    struct run_key key;
    uint64_t hash, last;

    if (!row || (stretch->group && row->group != stretch->group))
        return false;
    key = key_of(write);
    hash = run_key_hash(&key) | 1;
    if (map_get(&stretch->runs, hash, &last) && last >= (uint64_t)(row - kinds) + 1)
        return false;
    if (sets && map_get(&stretch->jobs, key.job, &last))
        return false;
    stretch->group = row->group;
    map_put(&stretch->runs, hash, (uint64_t)(row - kinds) + 1);
    if (sets)
        map_put(&stretch->jobs, key.job, 1);
    return true;
}

static size_t stretch_length(const struct store_write *writes, size_t count)
{
    struct stretch stretch = {0};
    size_t length = 0;

    map_init(&stretch.runs);
    map_init(&stretch.jobs);
    while (length < count && joins(&stretch, &writes[length]))
        length++;
    map_release(&stretch.runs);
    map_release(&stretch.jobs);
    return length;
}

/* ---- executing a kind ------------------------------------------------------------------------ */

struct batch {
    struct sql_writer *writer;
    const struct kind_row *kind;
    struct batch_rows rows;
    struct store_write **writes; /* n of a row is an index of it */
    bool *written;               /* the row is done for sure */
};

static void note_written(void *context, size_t n)
{
    struct batch *batch = context;

    CHECK(n < batch->rows.count);
    batch->written[n] = true;
}

static enum rc execute_first(struct batch *batch, struct err *err)
{
    const struct kind_row *kind = batch->kind;
    struct sql_connection *connection = batch->writer->connection;

    if (kind->finds)
        return batch_rows_query(&batch->rows, connection, kind->first, note_written, batch, err);
    return kind->first ? batch_rows_run(&batch->rows, connection, kind->first, NULL, err) : RC_OK;
}

static enum rc execute(struct batch *batch, struct err *err)
{
    int64_t changes = 0;
    enum rc rc = execute_first(batch, err);

    if (rc == RC_OK)
        rc = batch_rows_run(&batch->rows, batch->writer->connection, batch->kind->text, &changes,
                            err);
    if (rc == RC_OK && batch->kind->then)
        rc = batch_rows_run(&batch->rows, batch->writer->connection, batch->kind->then, NULL, err);
    for (size_t i = 0; !batch->kind->finds && i < batch->rows.count; i++)
        batch->written[i] = changes == (int64_t)batch->rows.count;
    return rc;
}

/* Executes the rows so far. Those that are not done for sure are written one by one. */
static enum rc flush(struct batch *batch, struct err *err)
{
    enum rc rc = RC_OK;

    if (batch->rows.count)
        rc = execute(batch, err);
    for (size_t i = 0; rc == RC_OK && i < batch->rows.count; i++) {
        batch->writes[i]->outcome = RC_OK;
        if (!batch->written[i])
            rc = sql_write(batch->writer, batch->writes[i], err);
        batch->written[i] = false;
    }
    batch_rows_clear(&batch->rows);
    return rc;
}

static enum rc add(struct batch *batch, struct store_write *write, struct err *err)
{
    struct run_key key = key_of(write);
    struct batch_rows *rows = &batch->rows;

    batch->writes[rows->count] = write;
    batch_rows_begin(rows, rows->count, &key, token_of(write));
    batch->kind->add(rows, write);
    batch_rows_end(rows);
    return batch_rows_is_full(rows) ? flush(batch, err) : RC_OK;
}

static int compare_writes(const void *a, const void *b)
{
    const struct store_write *const *left = a, *const *right = b;
    struct run_key left_key = key_of(*left), right_key = key_of(*right);

    return run_key_compare(&left_key, &right_key);
}

/* The writes of one kind, in the order of their keys. */
static enum rc write_kind(struct sql_writer *writer, const struct kind_row *kind,
                          struct store_write **writes, size_t count, struct err *err)
{
    struct store_write *places[BATCH_ROWS];
    bool written[BATCH_ROWS] = {false};
    struct batch batch = {.writer = writer, .kind = kind, .writes = places, .written = written};
    enum rc rc = RC_OK;

    qsort(writes, count, sizeof(struct store_write *), compare_writes);
    batch_rows_init(&batch.rows);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = add(&batch, writes[i], err);
    if (rc == RC_OK)
        rc = flush(&batch, err);
    batch_rows_release(&batch.rows);
    return rc;
}

static enum rc write_stretch(struct sql_writer *writer, struct store_write *writes, size_t length,
                             struct err *err)
{
    struct store_write **AUTO_FREE same = xmalloc(length * sizeof(struct store_write *));
    enum rc rc = RC_OK;

    for (size_t kind = 0; rc == RC_OK && kind < ARRAY_SIZE(kinds); kind++) {
        size_t count = 0;

        for (size_t i = 0; i < length; i++) {
            if (kind_of(&writes[i]) == &kinds[kind])
                same[count++] = &writes[i];
        }
        if (count)
            rc = write_kind(writer, &kinds[kind], same, count, err);
    }
    return rc;
}

static size_t claims_length(const struct store_write *writes, size_t count)
{
    size_t length = 0;

    while (length < count && writes[length].kind == WRITE_RUN_CLAIM)
        length++;
    return length;
}

/* A power of two, so that there are few statements to prepare. */
static size_t audits_length(const struct store_write *writes, size_t count)
{
    size_t length = 0, taken = SQL_AUDIT_ROWS;

    while (length < MIN(count, (size_t)SQL_AUDIT_ROWS) && writes[length].kind == WRITE_AUDIT)
        length++;
    while (taken > length)
        taken /= 2;
    return taken;
}

static enum rc write_next(struct sql_writer *writer, struct store_write *writes, size_t count,
                          size_t *ret_taken, struct err *err)
{
    size_t claims = claims_length(writes, count), length;

    *ret_taken = claims;
    if (claims && !writer->deposed)
        return mysql_batch_claim(writer->connection, writes, claims, err);
    *ret_taken = writer->deposed ? 0 : audits_length(writes, count);
    if (*ret_taken > 1)
        return sql_write_audits(writer, writes, *ret_taken, err);
    length = writer->deposed ? 0 : stretch_length(writes, count);
    *ret_taken = MAX(length, (size_t)1);
    if (length >= BATCH_MIN)
        return write_stretch(writer, writes, length, err);
    *ret_taken = 1;
    return sql_write(writer, writes, err);
}

enum rc mysql_batch_write(struct sql_writer *writer, struct store_write *writes, size_t count,
                          struct err *err)
{
    enum rc rc = RC_OK;
    size_t taken;

    for (size_t i = 0; rc == RC_OK && i < count; i += taken)
        rc = write_next(writer, &writes[i], count - i, &taken, err);
    return rc;
}
