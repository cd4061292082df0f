/* SPDX-License-Identifier: Apache-2.0 */
/* How things stand: for people, for load balancers, for Prometheus. */
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "wire/worker.h"

enum worker_state { WORKERS_ALIVE, WORKERS_DRAINING, WORKERS_LOST, WORKER_STATES };

static const char *const worker_states[WORKER_STATES] = {"alive", "draining", "lost"};

struct census {
    instant_us now;
    int64_t workers[WORKER_STATES];
};

static bool count_worker(void *context, const struct worker_record *worker)
{
    struct census *census = context;
    const char *state = wire_worker_state(worker, census->now);

    for (size_t i = 0; i < WORKER_STATES; i++)
        if (strcmp(state, worker_states[i]) == 0)
            census->workers[i]++;
    return true;
}

static enum rc take_census(struct api *api, struct census *ret_census, struct err *err)
{
    enum rc rc = store_now(api->config.store, &ret_census->now, err);

    if (rc == RC_OK)
        rc = store_read_workers(api->config.store, count_worker, ret_census, err);
    return rc;
}

static void write_jobs(struct json_writer *writer, const struct store_summary *summary)
{
    json_write_name(writer, "jobs");
    json_write_object_begin(writer);
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        json_member_integer(writer, job_status_text((enum job_status)i), summary->jobs[i]);
    json_write_object_end(writer);
    json_write_name(writer, "runs");
    json_write_object_begin(writer);
    json_member_integer(writer, "running", summary->running);
    json_member_integer(writer, "queued", summary->queued);
    json_write_object_end(writer);
}

static void write_workers(struct json_writer *writer, const struct census *census)
{
    json_write_name(writer, "workers");
    json_write_object_begin(writer);
    for (size_t i = 0; i < WORKER_STATES; i++)
        json_member_integer(writer, worker_states[i], census->workers[i]);
    json_write_object_end(writer);
}

/* Of all jobs, so it is told to administrators only; null when nobody knows. */
static void write_due(struct json_writer *writer, const struct call *call)
{
    const struct api_config *config = &call->api->config;
    int64_t due = -1;

    if (config->due_next_hour && call->who.rights.role == ROLE_ADMIN)
        due = config->due_next_hour(config->due_context);
    if (due < 0)
        json_member_null(writer, "due_next_hour");
    else
        json_member_integer(writer, "due_next_hour", due);
}

/* Its name is "" when nobody is known to lead. */
static enum rc find_leader(struct api *api, struct leader_record *ret_leader, struct err *err)
{
    if (!api->config.leader)
        return store_read_leader(api->config.store, ret_leader, err);
    (void)snprintf(ret_leader->name, sizeof(ret_leader->name), "%s",
                   api->config.leader); /* a name fits */
    return RC_OK;
}

void handle_summary(struct call *call)
{
    struct api *api = call->api;
    struct store_summary summary;
    struct census census = {0};
    struct leader_record leader = {0};
    struct json_writer writer;
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc = store_read_summary(api->config.store, call_owner_filter(call), &summary, &err);

    buf_init(&body, ANSWER_LIMIT);
    if (rc == RC_OK)
        rc = take_census(api, &census, &err);
    if (rc == RC_OK)
        rc = find_leader(api, &leader, &err);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    json_writer_init(&writer, &body);
    json_write_object_begin(&writer);
    write_jobs(&writer, &summary);
    write_due(&writer, call);
    json_member_text(&writer, "leader", leader.name);
    write_workers(&writer, &census);
    json_member_string(&writer, "version", api->config.version);
    json_member_string(&writer, "account", call->who.account);
    json_member_string(&writer, "role", role_text(call->who.rights.role));
    json_member_boolean(&writer, "admin", call->who.rights.role == ROLE_ADMIN);
    json_member_instant(&writer, "now", census.now);
    json_write_object_end(&writer);
    answer_json(call, &body);
}

void handle_health(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_TEXT);

    answer_send(call, &answer, &(struct buf){.data = (char[]){"ok\n"}, .length = 3});
}

static enum rc check_readiness(struct api *api, struct err *err)
{
    enum rc rc = RC_OK;
    instant_us now;

    if (atomic_load(&api->draining))
        return err_fail(err, RC_UNAVAILABLE, "shutting down");
    pthread_mutex_lock(&api->ready_mutex);
    if (!api->ready)
        rc = err_fail(err, RC_UNAVAILABLE, "%s", api->ready_reason);
    pthread_mutex_unlock(&api->ready_mutex);
    if (rc != RC_OK)
        return rc;
    rc = store_now(api->config.store, &now, err);
    return rc == RC_OK ? RC_OK : err_prefix(err, RC_UNAVAILABLE, "the store");
}

void handle_readiness(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_TEXT);
    struct err err = {0};
    enum rc rc = check_readiness(call->api, &err);

    if (rc != RC_OK)
        answer_failure(call, rc, &err);
    else
        answer_send(call, &answer, &(struct buf){.data = (char[]){"ready\n"}, .length = 6});
}

/* The gauges that are counted in the store; without it they keep what they had. */
static void set_gauges(struct api *api)
{
    struct store_summary summary;
    struct census census = {0};

    if (store_read_summary(api->config.store, NULL, &summary, NULL) == RC_OK) {
        for (int i = 0; i < JOB_STATUS_COUNT; i++)
            metric_set(metric_series(METRIC_JOBS, job_status_text((enum job_status)i)),
                       (double)summary.jobs[i]);
        metric_set(metric_series(METRIC_RUNS_RUNNING), (double)summary.running);
    }
    if (take_census(api, &census, NULL) != RC_OK)
        return;
    for (size_t i = 0; i < WORKER_STATES; i++)
        metric_set(metric_series(METRIC_WORKERS, worker_states[i]), (double)census.workers[i]);
    metric_set(metric_series(METRIC_CLOCK_OFFSET),
               (double)(clock_now(api->config.clock) - census.now) / (double)SECOND);
}

void handle_metrics(struct call *call)
{
    struct answer answer = answer_new(200, METRICS_CONTENT_TYPE);
    AUTO_BUF struct buf body;

    buf_init(&body, ANSWER_LIMIT);
    set_gauges(call->api);
    metrics_write(&body);
    answer_send(call, &answer, &body);
}
