/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_body.h"

#include <string.h>

#include "core/schedule.h"

#include "api/account.h"
#include "api/executable.h"

/* Of who asks: the account of their own name, else the first that they may use. */
static const char *own_account(const struct call *call)
{
    const struct rights *rights = &call->who.rights;

    if (rights->accounts.count && !rights_include_account(rights, call->who.account))
        return rights->accounts.items[0];
    return call->who.account;
}

static const char *default_run_as(const struct call *call, const struct job_found *current)
{
    const char *server = call->api->own_account;

    if (call->api->config.uid != 0 && call_may_run_as(call, server))
        return server;
    if (!current || strcmp(current->owner, call->who.account) == 0)
        return own_account(call);
    return account_exists(current->owner, NULL) == RC_OK ? current->owner : current->job.run_as;
}

static enum rc check_account(const struct call *call, const struct job *job,
                             struct problems *problems, struct err *err)
{
    const struct api *api = call->api;
    enum rc rc;

    if (!call_may_run_as(call, job->run_as))
        return err_fail(err, RC_FORBIDDEN, "run_as: %s may not use the account %s",
                        call->who.account, job->run_as);
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

enum { TICKS_LOOKED_AT = 100 };

/* Of the next ticks: a schedule may be dense for a while only, but then soon. */
static void check_interval(const struct call *call, const struct schedule *schedule,
                           const struct zone *zone, instant_us anchor, instant_us tick,
                           struct problems *problems)
{
    span_us least = call->api->config.minimal_interval;
    char text[2][SPAN_TEXT];
    instant_us next;

    for (int i = 0; least > 0 && i < TICKS_LOOKED_AT; i++, tick = next) {
        if (schedule_next(schedule, zone, anchor, tick, &next) != RC_OK)
            return;
        if (next - tick >= least)
            continue;
        problems_add(problems, "schedule",
                     "has ticks %s apart; at least %s must lie between two (minimal-interval)",
                     span_format(next - tick, text[0]), span_format(least, text[1]));
        return;
    }
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
    else
        check_interval(call, &schedule, zone, starts ? job->starts_at : now, tick, problems);
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

/* Whether the job is as it was but for `enabled`. */
static bool is_pause(const struct job *job, const struct job *current)
{
    struct job resumed = *job;
    AUTO_BUF struct buf before, after;

    resumed.enabled = current->enabled;
    resumed.executable_changed_at = current->executable_changed_at; /* is the manager's to say */
    buf_init(&before, LIMIT_DOCUMENT);
    buf_init(&after, LIMIT_DOCUMENT);
    return wire_job_document(current, &before) == RC_OK &&
           wire_job_document(&resumed, &after) == RC_OK && before.length == after.length &&
           memcmp(before.data, after.data, before.length) == 0;
}

/* What only the server knows, and what the job itself cannot know. */
static enum rc complete(struct call *call, const struct job_found *current,
                        struct problems *problems, struct job *job, struct err *err)
{
    enum rc rc = executable_read(call, current, problems, job, err);

    if (rc != RC_OK)
        return rc;
    if (!job->run_as[0])
        job->run_as = arena_strdup(problems->arena, default_run_as(call, current));
    if (!job->time_zone[0])
        job->time_zone = arena_strdup(problems->arena, call->api->config.time_zone);
    rc = check_job(job, current ? current->id : 0, problems);
    if (rc != RC_OK && rc != RC_INVALID)
        return rc;
    rc = check_account(call, job, problems, err);
    if (rc == RC_OK)
        rc = check_time(call, job, current, problems, err);
    return rc;
}

enum rc job_body_read(struct call *call, enum wire_job_mode mode, const struct job_found *current,
                      struct problems *problems, struct job *ret_job, struct err *err)
{
    struct wire_job_source source = {.mode = mode, .base = current ? &current->job : NULL};
    struct job job;
    bool pauses; /* for which nobody needs the right to its account */
    enum rc rc;

    source.text = http_request_body(call->request, &source.length);
    rc = wire_job_read(&source, problems, &job, err);
    if (rc != RC_OK)
        return explain(call, rc, err);
    pauses = current && call->who.rights.role != ROLE_EDITOR && is_pause(&job, &current->job);
    if (!pauses && call->who.rights.role >= ROLE_EDITOR)
        rc = complete(call, current, problems, &job, err);
    else if (!pauses)
        rc = err_fail(err, RC_FORBIDDEN, "%s may change nothing of a job but `enabled`",
                      role_text(call->who.rights.role));
    if (rc != RC_OK)
        return rc;
    if (problems->count > 0)
        return RC_INVALID;
    *ret_job = job;
    return RC_OK;
}
