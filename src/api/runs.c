/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: listed, looked at, asked for, ended. */
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/job_find.h"
#include "api/link.h"
#include "api/pending.h"
#include "api/quota.h"
#include "api/run_exact.h"
#include "api/run_find.h"
#include "wire/run.h"

enum { RUNS_DEFAULT = 100 };

struct listing {
    struct call *call;
    struct json_writer writer;
    size_t left; /* how many more belong to this page */
    bool more;
    struct run_key last;
};

static bool visit_listed(void *context, const struct run_record *run)
{
    struct listing *listing = context;

    if (listing->left == 0) {
        listing->more = true;
        return false;
    }
    listing->left--;
    listing->last = run->run.key;
    wire_run_write(&listing->writer, &run->run);
    return true;
}

/* The query that the parameters ask for; `before` is the caller's room for the key. */
static struct run_query read_query(const struct call *call, struct run_key *before)
{
    const struct http_request *request = call->request;
    struct run_query query = run_query_all();
    const char *status = http_request_query(request, "status");
    const char *text = http_request_query(request, "before");
    enum run_status value;

    if (status && run_status_parse(status, &value, NULL) == RC_OK)
        query.status = (int)value;
    if (text && run_id_parse(text, before, NULL) == RC_OK)
        query.before = before;
    query.worker = http_request_query(request, "worker");
    query.since = query_instant(request, "since", INSTANT_NONE);
    query.until = query_instant(request, "until", INSTANT_NONE);
    query.owner = call_owner_filter(call);
    return query;
}

static enum rc restrict_to_job(struct call *call, struct run_query *query, struct err *err)
{
    const char *job = http_request_parameter(call->request, "id");
    enum rc rc;

    if (!job)
        return RC_OK;
    rc = job_find_id(call, job, &query->job, err);
    return rc == RC_OK ? job_find_check(call, query->job, err) : rc;
}

void handle_run_list(struct call *call)
{
    struct listing listing = {.call = call};
    struct answer answer = answer_new(200, ANSWER_JSON);
    struct run_key before;
    struct run_query query = read_query(call, &before);
    char id[RUN_ID_TEXT];
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    listing.left = (size_t)query_integer(call->request, "limit", RUNS_DEFAULT);
    query.limit = listing.left + 1;
    rc = restrict_to_job(call, &query, &err);
    if (rc == RC_OK) {
        json_writer_init(&listing.writer, &body);
        json_write_array_begin(&listing.writer);
        rc = store_read_runs(call->api->config.store, &query, visit_listed, &listing, &err);
        json_write_array_end(&listing.writer);
    }
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    if (listing.more)
        answer_header(&answer, "Link", link_next(call, "before", run_id_format(&listing.last, id)));
    answer_send(call, &answer, &body);
}

void handle_run_get(struct call *call)
{
    struct run_key key;
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    rc = run_find(call, &key, &body, NULL, &err);
    if (rc != RC_OK)
        answer_failure(call, rc, &err);
    else
        answer_json(call, &body);
}

/* 202 with the run as it is now. */
static void run_accepted(struct pending *pending)
{
    struct call *call = pending->call;
    struct answer answer = answer_new(202, ANSWER_JSON);
    char id[RUN_ID_TEXT];
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    rc = run_find_key(call, &pending->change.run, &body, NULL, &err);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    answer_header(&answer, "Location",
                  arena_printf(call->arena, "/runs/%s", run_id_format(&pending->change.run, id)));
    answer_send(call, &answer, &body);
}

/*
 * Operators and administrators run a job as it is, whatever account that is; one's own job may have
 * been lent an account that is not one's own.
 */
static bool may_run(const struct call *call, const struct job *job)
{
    return call->who.rights.role != ROLE_EDITOR || call_may_run_as(call, job->run_as);
}

/* Other arguments, another environment or what the job was before make it another program. */
static enum rc check_request(const struct call *call, const struct job *job,
                             const struct run_request *request, struct err *err)
{
    bool as_it_is = !request->has_args && !request->env.count && !request->exact;

    if (as_it_is || (call->who.rights.role >= ROLE_EDITOR && call_may_run_as(call, job->run_as)))
        return RC_OK;
    return err_fail(err, RC_FORBIDDEN, "%s may run the job only as it is", call->who.account);
}

/* The job that is to run, for who may run it. RC_FORBIDDEN: it runs as another account. */
static enum rc find_runnable(struct pending *pending, struct job_found *ret_job, struct err *err)
{
    struct call *call = pending->call;
    struct change *change = &pending->change;
    enum rc rc = job_find_id(call, http_request_parameter(call->request, "id"), &change->id, err);

    if (rc == RC_OK)
        rc = job_find(call, change->id, &change->arena, ret_job, err);
    if (rc != RC_OK)
        return rc;
    if (!may_run(call, &ret_job->job))
        return err_fail(err, RC_FORBIDDEN, "the job runs as %s", ret_job->job.run_as);
    return RC_OK;
}

void handle_run_now(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_RUN_NOW, run_accepted);
    struct problems problems = {.arena = &pending->change.arena};
    struct run_request request;
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    struct job_found job;
    enum rc rc = find_runnable(pending, &job, &err);

    if (rc == RC_OK)
        rc = wire_run_request_read(body, length, &problems, &request, &err);
    if (rc == RC_OK)
        rc = check_request(call, &job.job, &request, &err);
    if (rc == RC_OK)
        rc = quota_of_runs(call, job.owner, &err);
    if (rc == RC_OK && request.exact && *request.exact)
        rc = run_exact_fill(call, &pending->change, &request, &problems, &err);
    if (rc == RC_OK) {
        pending->change.request = wire_run_request_text(&request, &pending->change.arena);
        pending_submit(pending);
        return;
    }
    answer_rejected(call, rc, &problems, &err);
    pending_drop(pending);
}

void handle_run_kill(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_RUN_KILL, run_accepted);
    struct err err = {0};
    enum rc rc = run_find(call, &pending->change.run, NULL, NULL, &err);

    if (rc == RC_OK) {
        pending_submit(pending);
        return;
    }
    answer_failure(call, rc, &err);
    pending_drop(pending);
}
