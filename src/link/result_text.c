/* SPDX-License-Identifier: Apache-2.0 */
/* What became of changes. */
#include <string.h>

#include "base/mem.h"

#include "link/change_text.h"
#include "link/protocol.h"
#include "link/text.h"
#include "wire/job.h"

static const char *const outcomes[] = {
#define OUTCOME(code, text, status, retry) [code] = #code,
    RC_TABLE(OUTCOME)
#undef OUTCOME
};

void link_result_write(struct json_writer *writer, const struct change *change)
{
    char id[RUN_ID_TEXT];

    json_write_object_begin(writer);
    json_member_string(writer, "outcome", outcomes[change->outcome]);
    if (change->outcome != RC_OK) {
        json_member_string(writer, "detail", err_message(&change->err, change->outcome));
        json_write_object_end(writer);
        return;
    }
    json_member_id(writer, "id", change->id);
    json_member_id(writer, "revision", change->revision);
    json_member_boolean(writer, "replayed", change->replayed);
    if (change->run.job)
        json_member_string(writer, "run", run_id_format(&change->run, id));
    if (change->created) {
        json_member_string(writer, "worker", change->created->worker);
        json_member_integer(writer, "created_at", change->created->created_at);
    }
    json_write_object_end(writer);
}

struct result_members {
    const char *outcome, *detail, *id, *revision, *run, *worker;
    bool replayed;
    int64_t created_at;
};

#define MEMBER(member, kind_of) FIELD(#member, kind_of, offsetof(struct result_members, member))

static const struct field result_fields[] = {
    MEMBER(outcome, FIELD_TEXT),     MEMBER(detail, FIELD_TEXT),      MEMBER(id, FIELD_TEXT),
    MEMBER(revision, FIELD_TEXT),    MEMBER(run, FIELD_TEXT),         MEMBER(worker, FIELD_TEXT),
    MEMBER(replayed, FIELD_BOOLEAN), MEMBER(created_at, FIELD_COUNT),
};

static enum rc read_outcome(const char *text, enum rc *ret_outcome, struct err *err)
{
    for (size_t i = 0; text && i < ARRAY_SIZE(outcomes); i++) {
        if (strcmp(outcomes[i], text) != 0)
            continue;
        *ret_outcome = (enum rc)i;
        return RC_OK;
    }
    return err_fail(err, RC_MALFORMED, "'%.40s' is no outcome", text ? text : "");
}

static enum rc read_result(const struct json_value *value, struct arena *arena,
                           struct link_result *ret_result, struct err *err)
{
    static const struct link_table table = {result_fields, ARRAY_SIZE(result_fields)};
    struct result_members members = {.detail = "", .id = "0", .revision = "0"};
    struct link_result result = {0};
    enum rc rc = link_object_read(value, &table, arena, &members, err);

    if (rc == RC_OK)
        rc = read_outcome(members.outcome, &result.outcome, err);
    if (rc != RC_OK)
        return rc;
    if (!link_number_read(members.id, &result.id) ||
        !link_number_read(members.revision, &result.revision))
        return err_fail(err, RC_MALFORMED, "id or revision is not a number");
    if (members.run && run_id_parse(members.run, &result.run, NULL) != RC_OK)
        return err_fail(err, RC_MALFORMED, "'%.80s' is not a run", members.run);
    result.detail = members.detail;
    result.replayed = members.replayed;
    result.worker = members.worker;
    result.created_at = members.created_at;
    *ret_result = result;
    return RC_OK;
}

enum rc link_results_read(const char *text, size_t length, size_t count, struct arena *arena,
                          struct link_result *ret_results, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    const struct json_value *array = NULL;
    enum rc rc = link_document_read(text, length, &document, err);

    if (rc == RC_OK)
        rc = link_array_read(document, "results", LINK_CHANGES_MAX, &array, err);
    if (rc == RC_OK && json_value_count(array) != count)
        return err_fail(err, RC_MALFORMED, "%zu results for %zu changes", json_value_count(array),
                        count);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = read_result(json_value_at(array, i), arena, &ret_results[i], err);
    return rc;
}

/* As the manager has stored it, from what it was asked to store. */
static const struct job_record *make_record(const struct link_result *result, struct change *change)
{
    struct job *job = &change->job;
    struct job_record *record = arena_alloc(&change->arena, sizeof(*record));
    AUTO_BUF struct buf document;

    buf_init(&document, LIMIT_DOCUMENT);
    job->executable_changed_at = result->created_at;
    if (wire_job_document(job, &document) != RC_OK)
        return NULL; /* then the store is asked for it */
    *record = (struct job_record){
        .id = result->id,
        .revision = result->revision,
        .status = JOB_SCHEDULED,
        .owner = change->owner,
        .worker = arena_strdup(&change->arena, result->worker),
        .created_at = result->created_at,
        .updated_at = result->created_at,
        .due_since = result->created_at,
        .name = job->name,
        .schedule = job->schedule,
        .time_zone = job->time_zone,
        .type = job->type,
        .enabled = job->enabled,
        .starts_at = job->starts_at,
        .ends_at = job->ends_at,
        .jitter = job->jitter,
        .concurrency = job->concurrency,
        .catch_up = job->catch_up,
        .catch_up_window = job->catch_up_window,
        .on_worker_loss = job->on_worker_loss,
        .retries = job->retries,
        .document = arena_strndup(&change->arena, document.data, document.length),
        .document_length = document.length,
        .placement = job->placement,
        .cursor = INSTANT_NONE,
    };
    return record;
}

void link_result_apply(const struct link_result *result, struct change *change)
{
    bool names_job = change->kind == CHANGE_JOB_CREATE || change->kind == CHANGE_JOB_REPLACE;

    change->outcome = result->outcome;
    if (result->outcome != RC_OK) {
        err_set(&change->err, "%s", result->detail);
        return;
    }
    if (names_job) {
        change->id = result->id;
        change->revision = result->revision;
        change->replayed = result->replayed;
    }
    if (change->kind == CHANGE_RUN_NOW)
        change->run = result->run;
    if (change->kind == CHANGE_JOB_CREATE && result->worker && !result->replayed)
        change->created = make_record(result, change);
}
