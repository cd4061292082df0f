/* SPDX-License-Identifier: Apache-2.0 */
/* From a job's document to what the guardian executes. */
#include <stdio.h>
#include <string.h>

#include "wire/job.h"
#include "wire/run.h"
#include "worker/internal.h"

enum { OWN_PAIRS = 6 };

/* A pair that is set already is replaced: what comes later wins. */
static void set_pair(struct pairs *pairs, const char *name, const char *value)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (!strcmp(pairs->items[i].name, name)) {
            pairs->items[i].value = value;
            return;
        }
    }
    pairs->items[pairs->count++] = (struct pair){name, value};
}

static void set_own_pairs(struct active *active, const struct worker_config *config,
                          const struct job_record *record, struct pairs *env)
{
    struct arena *arena = &active->arena;
    char id[RUN_ID_TEXT], tick[INSTANT_TEXT];

    set_pair(env, "CRONJOB_JOB_ID",
             arena_printf(arena, "%llu", (unsigned long long)active->key.job));
    set_pair(env, "CRONJOB_JOB_NAME", arena_strdup(arena, record->name));
    set_pair(env, "CRONJOB_RUN_ID", arena_strdup(arena, run_id_format(&active->key, id)));
    set_pair(env, "CRONJOB_SCHEDULED_AT",
             arena_strdup(arena, instant_format(active->key.scheduled_at, tick)));
    set_pair(env, "CRONJOB_ATTEMPT", arena_printf(arena, "%u", active->key.attempt));
    set_pair(env, "CRONJOB_WORKER", arena_strdup(arena, config->name));
}

static struct pairs build_env(struct active *active, const struct worker_config *config,
                              const struct job_record *record, const struct pairs *parts[2])
{
    size_t most = parts[0]->count + parts[1]->count + OWN_PAIRS;
    struct pairs env = {.items = arena_alloc(&active->arena, most * sizeof(*env.items))};

    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part]->count; i++)
            set_pair(&env, parts[part]->items[i].name, parts[part]->items[i].value);
    }
    set_own_pairs(active, config, record, &env);
    return env;
}

void launch_build(struct active *active, const struct worker_config *config,
                  const struct job_record *record, const char *request_text)
{
    struct problems problems = {.arena = &active->arena};
    struct wire_job_source source = {
        .text = record->document, .length = record->document_length, .mode = WIRE_JOB_STORED};
    struct run_request request = {0};
    struct err err = {0};
    struct job job;
    enum rc rc = wire_job_read(&source, &problems, &job, &err);

    if (rc == RC_OK)
        rc = wire_run_request_read(request_text, strlen(request_text), &problems, &request, &err);
    if (rc != RC_OK) {
        active->refusal =
            arena_printf(&active->arena, "the job cannot be read: %s",
                         problems.count ? problems.items[0].message : err_message(&err, rc));
        return;
    }
    active->launch = (struct launch){
        .account = job.run_as,
        .command = job.executable,
        .args = request.has_args ? request.args : job.args,
        .env = build_env(active, config, record, (const struct pairs *[]){&job.env, &request.env}),
        .stdin_text = job.stdin_text,
        .working_directory = job.working_directory,
        .timeout = job.timeout,
        .kill_grace = job.kill_grace,
        .limits = job.limits,
        .fenced = !config->alone && job.on_worker_loss == WORKER_LOSS_RERUN,
    };
}
