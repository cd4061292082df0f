/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/query.h"

#include "base/check.h"

#include "adapters/sql/rows.h"

void sql_query_release(struct sql_query *query)
{
    buf_release(&query->text);
}

static void begin(struct sql_query *query)
{
    query->count = 0;
    query->filtered = false;
    buf_init(&query->text, SIZE_MAX);
}

static void add(struct sql_query *query, const char *text)
{
    (void)buf_puts(&query->text, text); /* without a limit it cannot fail */
}

static void value(struct sql_query *query, struct sql_value bound)
{
    CHECK(query->count < SQL_QUERY_VALUES);
    query->values[query->count++] = bound;
}

static void condition(struct sql_query *query, const char *text)
{
    add(query, query->filtered ? " AND " : " WHERE ");
    add(query, text);
    query->filtered = true;
}

/* A condition with one value. */
static void where(struct sql_query *query, const char *text, struct sql_value bound)
{
    condition(query, text);
    value(query, bound);
}

static char *lower(char *text)
{
    for (char *at = text; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
    return text;
}

const char *sql_search_text(const struct job *job, struct arena *arena)
{
    return lower(arena_printf(arena, "%s\n%s\n%s", job->name, job->executable, job->description));
}

static void where_job(struct sql_query *query, const struct job_query *jobs, struct arena *arena)
{
    if (jobs->status >= 0)
        where(query, "j.status = ?", sql_number(jobs->status));
    if (jobs->type >= 0)
        where(query, "j.type = ?", sql_number(jobs->type));
    if (jobs->owner)
        where(query, "j.owner = ?", sql_text(jobs->owner));
    if (jobs->worker)
        where(query, "j.worker = ?", sql_text(jobs->worker));
    if (jobs->name) /* the index leaves out jobs without a name */
        where(query, jobs->name[0] ? "j.name <> '' AND j.name = ?" : "j.name = ?",
              sql_text(jobs->name));
    if (jobs->label_name) {
        where(query, "j.id IN (SELECT job FROM labels WHERE name = ? AND value = ?)",
              sql_text(jobs->label_name));
        value(query, sql_text(jobs->label_value));
    }
    if (jobs->text)
        where(query, "instr(d.search, ?) > 0", sql_text(lower(arena_strdup(arena, jobs->text))));
    if (jobs->active_only)
        condition(query, "j.enabled = 1 AND j.removed = 0 AND j.status <> 1");
}

_Static_assert(JOB_FINISHED == 1, "the number in active_only");
_Static_assert(RUN_QUEUED == 0 && RUN_RUNNING == 1, "the numbers of unfinished runs");

static void select_jobs(struct sql_query *query, const struct sql_dialect *dialect,
                        const struct job_query *jobs, enum sql_by by)
{
    bool joined = dialect->last_run && jobs->parts & JOB_PART_LAST_RUN;

    add(query, "SELECT " SQL_JOB_COLUMNS);
    add(query, jobs->parts & JOB_PART_DOCUMENT ? ", d.document, " : ", NULL, ");
    add(query, jobs->parts & JOB_PART_CURSOR ? dialect->cursor : "NULL");
    add(query, jobs->parts & JOB_PART_PLACEMENT ? ", j.placement" : ", NULL");
    if (joined)
        add(query, ", " SQL_RUN_COLUMNS);
    add(query, " FROM ");
    add(query, by == SQL_BY_LIST ? dialect->jobs_of_list : "jobs j");
    if (jobs->parts & JOB_PART_DOCUMENT || jobs->text)
        add(query, " LEFT JOIN documents d ON d.job = j.id");
    if (joined)
        add(query, dialect->last_run);
}

void sql_query_jobs(struct sql_query *query, const struct sql_dialect *dialect,
                    const struct job_query *jobs, enum sql_by by, struct arena *arena)
{
    begin(query);
    select_jobs(query, dialect, jobs, by);
    if (by == SQL_BY_LIST)
        value(query, sql_null());
    if (by == SQL_BY_ONE)
        where(query, "j.id = ?", sql_null());
    if (jobs->after)
        where(query, "j.id > ?", sql_number((int64_t)jobs->after));
    where_job(query, jobs, arena);
    if (by == SQL_BY_ONE)
        return;
    add(query, " ORDER BY j.id");
    if (jobs->limit) {
        add(query, " LIMIT ?");
        value(query, sql_number((int64_t)MIN(jobs->limit, (size_t)INT64_MAX)));
    }
}

/* (scheduled_at, job, attempt, target) < (?, ?, ?, ?) as ranges of an index. */
#define SPELT_BEFORE                                                          \
    "(r.scheduled_at < ? OR (r.scheduled_at = ? AND (r.job < ? OR (r.job = ?" \
    " AND (r.attempt < ? OR (r.attempt = ? AND r.target < ?))))))"

static void where_before_spelt(struct sql_query *query, const struct run_key *before)
{
    where(query, SPELT_BEFORE, sql_number(before->scheduled_at));
    value(query, sql_number(before->scheduled_at));
    value(query, sql_number((int64_t)before->job));
    value(query, sql_number((int64_t)before->job));
    value(query, sql_number(before->attempt));
    value(query, sql_number(before->attempt));
    value(query, sql_number(before->target));
}

static void where_before(struct sql_query *query, const struct run_key *before)
{
    /* The first condition is implied; it lets the order of any index be used. */
    where(query, "r.scheduled_at <= ?", sql_number(before->scheduled_at));
    where(query, "(r.scheduled_at, r.job, r.attempt, r.target) < (?, ?, ?, ?)",
          sql_number(before->scheduled_at));
    value(query, sql_number((int64_t)before->job));
    value(query, sql_number(before->attempt));
    value(query, sql_number(before->target));
}

/* Unfinished runs are few, and the history of a job may be long: the plus keeps the database from
 * looking for them there. */
static void where_run_job(struct sql_query *query, const struct run_query *runs)
{
    bool unfinished = runs->unfinished_only || (runs->status >= 0 && runs->status <= RUN_RUNNING);

    where(query, unfinished ? "+r.job = ?" : "r.job = ?", sql_number((int64_t)runs->job));
}

static void where_beside(struct sql_query *query, const struct claim_token *token)
{
    struct sql_value bytes = sql_bytes(token->bytes, sizeof(token->bytes));

    where(query, "r.status < 2 AND r.token IS NOT NULL AND r.token <> ?", bytes);
    where(query, "r.job IN (SELECT m.job FROM runs m WHERE m.token = ?)", bytes);
}

static void where_run(struct sql_query *query, const struct sql_dialect *dialect,
                      const struct run_query *runs)
{
    if (runs->token)
        where(query, "r.token = ?", sql_bytes(runs->token->bytes, sizeof(runs->token->bytes)));
    if (runs->beside)
        where_beside(query, runs->beside);
    if (runs->job)
        where_run_job(query, runs);
    if (runs->owner)
        where(query, "j.owner = ?", sql_text(runs->owner));
    if (runs->status >= 0)
        where(query, runs->status <= RUN_RUNNING ? "r.status < 2 AND r.status = ?" : "r.status = ?",
              sql_number(runs->status));
    if (runs->worker)
        where(query, "r.worker = ?", sql_text(runs->worker));
    if (runs->unfinished_only)
        condition(query, "r.status < 2");
    if (runs->before)
        (dialect->compares_rows ? where_before : where_before_spelt)(query, runs->before);
    if (runs->since != INSTANT_NONE)
        where(query, "r.scheduled_at >= ?", sql_number(runs->since));
    if (runs->until != INSTANT_NONE)
        where(query, "r.scheduled_at < ?", sql_number(runs->until));
}

void sql_query_runs(struct sql_query *query, const struct sql_dialect *dialect,
                    const struct run_query *runs, enum sql_by by)
{
    begin(query);
    add(query, "SELECT " SQL_RUN_COLUMNS ", coalesce(j.owner, '') FROM ");
    add(query, by == SQL_BY_LIST ? dialect->runs_of_list : "runs r");
    add(query, " LEFT JOIN jobs j ON j.id = r.job");
    if (by == SQL_BY_LIST)
        value(query, sql_null());
    if (by == SQL_BY_ONE) {
        where(query, "r.scheduled_at = ?", sql_null());
        where(query, "r.job = ?", sql_null());
        where(query, "r.attempt = ?", sql_null());
        where(query, "r.target = ?", sql_null());
    }
    where_run(query, dialect, runs);
    if (by == SQL_BY_ONE)
        return;
    add(query, " ORDER BY r.scheduled_at DESC, r.job DESC, r.attempt DESC, r.target DESC");
    if (runs->limit || runs->skip) {
        add(query, " LIMIT ? OFFSET ?");
        value(query,
              sql_number(runs->limit ? (int64_t)MIN(runs->limit, (size_t)INT64_MAX) : INT64_MAX));
        value(query, sql_number((int64_t)MIN(runs->skip, (size_t)INT64_MAX)));
    }
}
