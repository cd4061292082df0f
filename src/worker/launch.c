/* SPDX-License-Identifier: Apache-2.0 */
/* From a job's document to what the guardian executes. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#include "core/seal.h"

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
                          const struct job *job, struct pairs *env)
{
    struct arena *arena = &active->arena;
    char id[RUN_ID_TEXT], tick[INSTANT_TEXT];

    set_pair(env, "CRONJOB_JOB_ID",
             arena_printf(arena, "%llu", (unsigned long long)active->key.job));
    set_pair(env, "CRONJOB_JOB_NAME", job->name);
    set_pair(env, "CRONJOB_RUN_ID", arena_strdup(arena, run_id_format(&active->key, id)));
    set_pair(env, "CRONJOB_SCHEDULED_AT",
             arena_strdup(arena, instant_format(active->key.scheduled_at, tick)));
    set_pair(env, "CRONJOB_ATTEMPT", arena_printf(arena, "%u", active->key.attempt));
    set_pair(env, "CRONJOB_WORKER", arena_strdup(arena, config->name));
}

static struct pairs build_env(struct active *active, const struct worker_config *config,
                              const struct job *job, const struct pairs *parts[2])
{
    size_t most = parts[0]->count + parts[1]->count + OWN_PAIRS;
    struct pairs env = {.items = arena_alloc(&active->arena, most * sizeof(*env.items))};

    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part]->count; i++)
            set_pair(&env, parts[part]->items[i].name, parts[part]->items[i].value);
    }
    set_own_pairs(active, config, job, &env);
    return env;
}

struct document {
    const char *text;
    size_t length;
    uint64_t revision;
};

static void fill_file(struct active *active, const struct job *job)
{
    if (job->type == JOB_COMMAND) {
        active->launch.command = job->executable;
        return;
    }
    active->launch.is_script = job->type == JOB_SCRIPT;
    active->launch.sha256 = job->sha256;
    active->launch.filename = job->filename;
    active->launch.file.fd = -1;
    if (!*job->sha256)
        active->refusal = "the job does not say which file: it has no sha256";
}

/* Whatever manager and API server think of it, this node has the last word. */
static bool may_run_as(const struct worker_config *config, const char *account)
{
    for (size_t i = 0; i < config->run_as.count; i++)
        if (strcmp(config->run_as.items[i], account) == 0)
            return true;
    return config->run_as.count == 0;
}

static void fill(struct active *active, const struct worker_config *config, const struct job *job,
                 const struct run_request *request)
{
    active->launch = (struct launch){
        .account = job->run_as,
        .args = request->has_args ? request->args : job->args,
        .env = build_env(active, config, job, (const struct pairs *[]){&job->env, &request->env}),
        .stdin_text = job->stdin_text,
        .working_directory = job->working_directory,
        .timeout = job->timeout,
        .kill_grace = job->kill_grace,
        .limits = job->limits,
        .may_gain = config->may_gain,
        .fenced = !config->alone && job->on_worker_loss == WORKER_LOSS_RERUN,
    };
    fill_file(active, job);
    if (!may_run_as(config, job->run_as))
        active->refusal =
            arena_printf(&active->arena, "worker %s runs nothing as account '%s' (run-as)",
                         config->name, job->run_as);
}

static bool fits(struct active *active, const struct worker_config *config,
                 const struct seal_subject *subject, const char *what, const char *text,
                 size_t length)
{
    char id[RUN_ID_TEXT];

    switch (seal_check(config->seal, subject, text, length)) {
    case RC_OK:
        return true;
    case RC_NOT_FOUND:
        if (config->unsealed_too)
            return true;
        active->refusal = arena_printf(&active->arena, "%s was not signed by a manager", what);
        break;
    default:
        active->refusal =
            arena_printf(&active->arena, "%s has a signature that does not fit", what);
        break;
    }
    log_warn("a run was refused, for somebody else than a manager wrote what it is to execute",
             LOG_TEXT("run", run_id_format(&active->key, id)), LOG_TEXT("reason", active->refusal));
    return false;
}

/* Whoever can write into the store could otherwise have anything executed as anybody. */
static bool is_sealed(struct active *active, const struct worker_config *config,
                      const struct document *document)
{
    const struct seal_subject job = {
        .kind = SEAL_JOB,
        .job = active->key.job,
        .revision = document->revision,
        .owner = active->owner,
    };
    const struct seal_subject run = {
        .kind = SEAL_RUN,
        .job = active->key.job,
        .scheduled_at = active->key.scheduled_at,
    };

    if (!config->seal)
        return true;
    if (!fits(active, config, &job, "the job", document->text, document->length))
        return false;
    return !*active->request || fits(active, config, &run, "what was given with the run",
                                     active->request, strlen(active->request));
}

static void build(struct active *active, const struct worker_config *config,
                  const struct document *document)
{
    struct problems problems = {.arena = &active->arena};
    struct wire_job_source source = {
        .text = document->text, .length = document->length, .mode = WIRE_JOB_STORED};
    struct run_request request = {0};
    struct err err = {0};
    struct job job;
    size_t request_length = seal_body(active->request, strlen(active->request));
    enum rc rc;

    active->refusal = NULL;
    if (!is_sealed(active, config, document))
        return;
    rc = wire_job_read(&source, &problems, &job, &err);
    if (rc == RC_OK)
        rc = wire_run_request_read(active->request, request_length, &problems, &request, &err);
    if (rc == RC_OK)
        fill(active, config, &job, &request);
    else
        active->refusal =
            arena_printf(&active->arena, "the job cannot be read: %s",
                         problems.count ? problems.items[0].message : err_message(&err, rc));
}

void launch_build(struct active *active, const struct worker_config *config,
                  const struct job_record *record)
{
    struct document document = {record->document, record->document_length, record->revision};

    active->owner = arena_strdup(&active->arena, record->owner);
    active->other_revision = active->revision && active->revision != record->revision;
    if (!active->other_revision)
        build(active, config, &document);
}

struct builder {
    struct active *active;
    const struct worker_config *config;
};

static void build_kept(void *context, const char *text, size_t length)
{
    struct builder *builder = context;

    build(builder->active, builder->config,
          &(struct document){text, length, builder->active->revision});
}

enum rc launch_build_revision(struct active *active, const struct worker_config *config,
                              struct err *err)
{
    struct builder builder = {active, config};
    enum rc rc = store_read_revision(config->store, active->key.job, active->revision, build_kept,
                                     &builder, err);

    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    active->other_revision = false;
    if (rc == RC_NOT_FOUND)
        active->refusal =
            arena_printf(&active->arena, "what the job was at revision %llu is not kept any more",
                         (unsigned long long)active->revision);
    return RC_OK;
}
