/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/crypto.h"

#include "core/schedule.h"
#include "core/seal.h"

#include "wire/field.h"
#include "wire/job.h"

/* What a document says: the job, and fields that no job of this version has. */
struct document {
    struct job job;
    enum placement_workers { WORKERS_ONE, WORKERS_ALL } workers;
};

#define TEXT_ROW(code, text) [code] = text,
static const char *const types[] = {JOB_TYPE_TABLE(TEXT_ROW)};
static const char *const concurrencies[] = {CONCURRENCY_TABLE(TEXT_ROW)};
static const char *const catch_ups[] = {CATCH_UP_TABLE(TEXT_ROW)};
static const char *const worker_losses[] = {WORKER_LOSS_TABLE(TEXT_ROW)};
#undef TEXT_ROW
static const char *const workers[] = {[WORKERS_ONE] = "one", [WORKERS_ALL] = "all"};

static const struct field_choice type_choice = {types, ARRAY_SIZE(types)};
static const struct field_choice concurrency_choice = {concurrencies, ARRAY_SIZE(concurrencies)};
static const struct field_choice catch_up_choice = {catch_ups, ARRAY_SIZE(catch_ups)};
static const struct field_choice worker_loss_choice = {worker_losses, ARRAY_SIZE(worker_losses)};
static const struct field_choice workers_choice = {workers, ARRAY_SIZE(workers)};

#define AT(member) offsetof(struct document, member)

static const struct field retries_fields[] = {
    FIELD("limit", FIELD_COUNT32, AT(job.retries.limit)),
    FIELD("delay", FIELD_SPAN, AT(job.retries.delay)),
    FIELD("backoff", FIELD_NUMBER, AT(job.retries.backoff)),
    FIELD("max_delay", FIELD_SPAN, AT(job.retries.max_delay)),
    FIELD("elsewhere", FIELD_BOOLEAN, AT(job.retries.elsewhere)),
};

static const struct field placement_fields[] = {
    FIELD_OF("workers", AT(workers), workers_choice),
    FIELD("labels", FIELD_PAIRS, AT(job.placement)),
};

static const struct field limits_fields[] = {
    FIELD("memory", FIELD_SIZE, AT(job.limits.memory)),
    FIELD("cpu", FIELD_NUMBER, AT(job.limits.cpu)),
    FIELD("tasks", FIELD_COUNT, AT(job.limits.tasks)),
    FIELD("output", FIELD_SIZE, AT(job.limits.output)),
    FIELD("nice", FIELD_SIGNED, AT(job.limits.nice)),
};

static const struct field job_fields[] = {
    FIELD("executable", FIELD_TEXT, AT(job.executable)),
    FIELD("schedule", FIELD_TEXT, AT(job.schedule)),
    FIELD_OF("type", AT(job.type), type_choice),
    FIELD("name", FIELD_TEXT, AT(job.name)),
    FIELD("description", FIELD_TEXT, AT(job.description)),
    FIELD("labels", FIELD_PAIRS, AT(job.labels)),
    FIELD("args", FIELD_STRINGS, AT(job.args)),
    FIELD("env", FIELD_PAIRS, AT(job.env)),
    FIELD("stdin", FIELD_TEXT, AT(job.stdin_text)),
    FIELD("working_directory", FIELD_TEXT, AT(job.working_directory)),
    FIELD("run_as", FIELD_TEXT, AT(job.run_as)),
    FIELD("time_zone", FIELD_TEXT, AT(job.time_zone)),
    FIELD("enabled", FIELD_BOOLEAN, AT(job.enabled)),
    FIELD("starts_at", FIELD_INSTANT, AT(job.starts_at)),
    FIELD("ends_at", FIELD_INSTANT, AT(job.ends_at)),
    FIELD("jitter", FIELD_SPAN, AT(job.jitter)),
    FIELD_OF("concurrency", AT(job.concurrency), concurrency_choice),
    FIELD_OF("catch_up", AT(job.catch_up), catch_up_choice),
    FIELD("catch_up_window", FIELD_SPAN, AT(job.catch_up_window)),
    FIELD("timeout", FIELD_SPAN, AT(job.timeout)),
    FIELD("kill_grace", FIELD_SPAN, AT(job.kill_grace)),
    FIELD_WITH("retries", retries_fields),
    FIELD_OF("on_worker_loss", AT(job.on_worker_loss), worker_loss_choice),
    FIELD_WITH("placement", placement_fields),
    FIELD_WITH("limits", limits_fields),
    FIELD("after", FIELD_EMPTY, 0),
    FIELD("notify", FIELD_EMPTY, 0),
    FIELD("filename", FIELD_TEXT, AT(job.filename)),
    FIELD("sha256", FIELD_TEXT, AT(job.sha256)),
    FIELD("executable_changed_at", FIELD_INSTANT, AT(job.executable_changed_at)),
    FIELD("id", FIELD_IGNORED, 0),
    FIELD("status", FIELD_IGNORED, 0),
    FIELD("owner", FIELD_IGNORED, 0),
    FIELD("revision", FIELD_IGNORED, 0),
    FIELD("worker", FIELD_IGNORED, 0),
    FIELD("scheduler", FIELD_IGNORED, 0),
    FIELD("next_run", FIELD_IGNORED, 0),
    FIELD("last_run", FIELD_IGNORED, 0),
    FIELD("created_at", FIELD_IGNORED, 0),
    FIELD("updated_at", FIELD_IGNORED, 0),
};

#undef AT

static bool has_value(const struct json_value *object, const char *name)
{
    const struct json_value *value = json_value_member(object, name);

    return value && json_value_kind(value) != JSON_KIND_NULL;
}

static void check_required(const struct json_value *object, struct problems *problems)
{
    static const char *const required[] = {"executable", "schedule", "type"};

    for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
        if (!has_value(object, required[i]))
            problems_add(problems, required[i], "is required");
    }
}

static void check_supported(const struct document *document, struct problems *problems)
{
    if (document->workers != WORKERS_ONE)
        problems_add(problems, "placement.workers", "not supported yet by this version: all");
}

/* CRON_TZ=Zone of the schedule becomes the time zone; `zone_given`: the same text names one too. */
static void split_zone(struct job *job, bool zone_given, struct problems *problems)
{
    char zone[ZONE_NAME_MAX];
    struct err err = {0};
    const char *rest;

    if (schedule_split_zone(job->schedule, zone, &rest, &err) != RC_OK) {
        problems_add(problems, "schedule", "%s", err.message);
        return;
    }
    if (!zone[0])
        return;
    if (zone_given && strcmp(zone, job->time_zone) != 0) {
        problems_add(problems, "time_zone", "is %.64s, but the schedule says %s", job->time_zone,
                     zone);
        return;
    }
    job->schedule = rest;
    job->time_zone = arena_strdup(problems->arena, zone);
}

static enum rc read_object(const struct wire_job_source *source, struct json_value **ret_object,
                           struct err *err)
{
    struct json_value *object;
    size_t length =
        source->mode == WIRE_JOB_STORED ? seal_body(source->text, source->length) : source->length;
    enum rc rc = json_document_read(source->text, length, &object, err);

    if (rc != RC_OK)
        return rc;
    if (json_value_kind(object) != JSON_KIND_OBJECT) {
        rc = err_fail(err, RC_MALFORMED, "a job is an object, not %s",
                      json_kind_text(json_value_kind(object)));
        json_document_free(object);
        return rc;
    }
    *ret_object = object;
    return RC_OK;
}

/* What the patch makes void of the job as it was: other bytes have another hash, and a line for the
 * shell has neither that nor a name. */
static struct job without_void(const struct job *base, const struct json_value *patch)
{
    const struct json_value *type = json_value_member(patch, "type");
    struct job job = *base;

    if (has_value(patch, "executable"))
        job.sha256 = "";
    if (type && json_value_kind(type) == JSON_KIND_STRING &&
        !strcmp(json_value_string(type), job_type_text(JOB_COMMAND)))
        job.sha256 = job.filename = "";
    return job;
}

/* The base's document with the patch merged in. */
static enum rc merged(const struct job *base, const struct json_value *patch,
                      struct json_value **ret_object, struct err *err)
{
    struct buf AUTO_BUF text;
    struct json_value *object = NULL;
    struct job kept = without_void(base, patch);
    enum rc rc;

    buf_init(&text, SIZE_MAX);
    rc = wire_job_document(&kept, &text);
    if (rc == RC_OK)
        rc = json_document_read(text.data, text.length, &object, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "the job that is patched");
    json_document_merge(object, patch);
    *ret_object = object;
    return RC_OK;
}

/* A hash is answered in small letters, however it was given. */
static void lower_digits(struct job *job, struct problems *problems)
{
    uint8_t digest[CRYPTO_DIGEST];
    char *text;

    if (!crypto_digest_read(job->sha256, digest))
        return;
    text = arena_alloc(problems->arena, CRYPTO_DIGEST_TEXT);
    job->sha256 = crypto_digest_text(digest, text);
}

/* What only a stored document has: since when it executes the same is not a user's to say, and its
 * schedule has no zone in front any more. */
static void settle_given(struct job *job, bool zone_given, struct problems *problems)
{
    job->executable_changed_at = INSTANT_NONE;
    lower_digits(job, problems);
    split_zone(job, zone_given, problems);
}

static enum rc read_job(const struct json_value *object, const struct wire_job_source *source,
                        bool zone_given, struct problems *problems, struct job *ret_job)
{
    struct document document = {.job = job_default()};
    size_t before = problems->count;

    check_required(object, problems);
    (void)fields_read(object, job_fields, ARRAY_SIZE(job_fields), problems,
                      &document); /* the count of problems tells */
    check_supported(&document, problems);
    if (source->mode != WIRE_JOB_STORED)
        settle_given(&document.job, zone_given, problems);
    if (problems->count > before)
        return RC_INVALID;
    *ret_job = document.job;
    return RC_OK;
}

enum rc wire_job_read(const struct wire_job_source *source, struct problems *problems,
                      struct job *ret_job, struct err *err)
{
    struct json_value *AUTO_JSON object = NULL;
    struct json_value *AUTO_JSON whole = NULL;
    bool zone_given;
    enum rc rc = read_object(source, &object, err);

    if (rc != RC_OK)
        return rc;
    zone_given = has_value(object, "time_zone");
    if (source->mode == WIRE_JOB_PATCH) {
        rc = merged(source->base, object, &whole, err);
        if (rc != RC_OK)
            return rc;
    }
    rc = read_job(whole ? whole : object, source, zone_given, problems, ret_job);
    return rc == RC_OK ? rc : err_fail(err, rc, "the job has fields that are not acceptable");
}
