/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_body.h"

#include <string.h>

#include "core/schedule.h"

#include "api/account.h"
#include "api/executable.h"

static const char *default_run_as(const struct call *call, const struct job_found *current)
{
    if (call->who.admin && call->api->config.uid != 0)
        return call->api->own_account;
    return current ? current->owner : call->who.account;
}

static enum rc check_account(const struct call *call, const struct job *job,
                             struct problems *problems, struct err *err)
{
    const struct api *api = call->api;
    enum rc rc;

    if (!call->who.admin && strcmp(job->run_as, call->who.account) != 0)
        return err_fail(err, RC_FORBIDDEN, "run_as: only an administrator may use the account %s",
                        job->run_as);
    if (api->config.uid != 0 && strcmp(job->run_as, api->own_account) != 0) {
        problems_add(problems, "run_as", "this server is not root and runs jobs as %s only",
                     api->own_account);
        return RC_OK;
    }
    if (call->who.by_connection && !strcmp(job->run_as, call->who.account))
        return RC_OK; /* it is known to exist: it has just connected */
    rc = account_exists(job->run_as, err);
    if (rc == RC_NOT_FOUND)
        problems_add(problems, "run_as", "there is no account %s", job->run_as);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static bool is_new_schedule(const struct job *job, const struct job_found *current)
{
    return !current || strcmp(job->schedule, current->schedule) != 0 ||
           strcmp(job->time_zone, current->job.time_zone) != 0;
}

/* A tick that lies in the past, "@at" yesterday, would leave a job that silently never runs. */
static void check_future(const struct call *call, const struct job *job, const struct zone *zone,
                         job_id id, struct problems *problems)
{
    instant_us now = call_now(call);
    bool starts = job->starts_at != INSTANT_NONE;
    instant_us after = starts && job->starts_at > now ? job->starts_at - 1 : now;
    struct schedule schedule;
    instant_us tick;

    if (schedule_parse(job->schedule, id, &schedule, NULL) != RC_OK ||
        schedule.kind == SCHEDULE_REBOOT || schedule.kind == SCHEDULE_MANUAL)
        return;
    if (schedule_next(&schedule, zone, starts ? job->starts_at : now, after, &tick) != RC_OK)
        problems_add(problems, "schedule", "%.200s is never due: all of it lies in the past",
                     job->schedule);
}

static enum rc check_time(const struct call *call, const struct job *job,
                          const struct job_found *current, struct problems *problems,
                          struct err *err)
{
    const struct zone *zone;
    struct err why = {0};
    enum rc rc = zones_get(call->api->config.zones, job->time_zone, &zone, &why);

    if (rc == RC_INVALID) {
        problems_add(problems, "time_zone", "%s", err_message(&why, rc));
        return RC_OK;
    }
    if (rc != RC_OK) {
        if (err)
            *err = why;
        return rc;
    }
    if (problems->count == 0 && is_new_schedule(job, current))
        check_future(call, job, zone, current ? current->id : 0, problems);
    return RC_OK;
}

static const char some_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* The hash of what is yet to be fetched is not known. */
static enum rc check_job(const struct job *job, job_id id, struct problems *problems)
{
    struct job checked = *job;

    if (job->type != JOB_COMMAND && !job->sha256[0])
        checked.sha256 = some_hash;
    return job_validate(&checked, id, problems);
}

/* What JSON's reader says of it is no help: who sends this has forgotten an option of base64. */
static enum rc explain(const struct call *call, enum rc rc, struct err *err)
{
    if (rc == RC_MALFORMED && call->intake && call->intake->sift.broken)
        return err_prefix(err, rc,
                          "the text of executable has line breaks; BASE64 is to be one line, as "
                          "`base64 -w0` prints it");
    return rc;
}

enum rc job_body_read(struct call *call, enum wire_job_mode mode, const struct job_found *current,
                      struct problems *problems, struct job *ret_job, struct err *err)
{
    struct wire_job_source source = {.mode = mode, .base = current ? &current->job : NULL};
    struct job job;
    enum rc rc;

    source.text = http_request_body(call->request, &source.length);
    rc = wire_job_read(&source, problems, &job, err);
    if (rc != RC_OK)
        return explain(call, rc, err);
    rc = executable_read(call, current, problems, &job, err);
    if (rc != RC_OK)
        return rc;
    if (!job.run_as[0])
        job.run_as = arena_strdup(problems->arena, default_run_as(call, current));
    if (!job.time_zone[0])
        job.time_zone = arena_strdup(problems->arena, call->api->config.time_zone);
    rc = check_job(&job, current ? current->id : 0, problems);
    if (rc != RC_OK && rc != RC_INVALID)
        return rc;
    rc = check_account(call, &job, problems, err);
    if (rc == RC_OK)
        rc = check_time(call, &job, current, problems, err);
    if (rc != RC_OK)
        return rc;
    if (problems->count > 0)
        return RC_INVALID;
    *ret_job = job;
    return RC_OK;
}
