/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/worker.h"

#include "core/backend.h"

#include "wire/field.h"

const char *wire_worker_state(const struct worker_record *worker, instant_us now)
{
    if (worker->lease_until <= now)
        return "lost";
    return worker->draining ? "draining" : "alive";
}

static void write_backend(struct json_writer *writer, const char *text)
{
    struct backend backend = backend_parse(text);

    json_member_string(writer, "backend", backend.crontab ? "crontab" : "timer");
    json_write_name(writer, "cron");
    if (!backend.crontab) {
        json_write_null(writer);
        return;
    }
    json_write_object_begin(writer);
    json_member_string(writer, "state", cron_state_text(backend.cron));
    json_member_string(writer, "time_zone", backend.time_zone);
    json_write_object_end(writer);
}

void wire_worker_write(struct json_writer *writer, const struct worker_record *worker,
                       instant_us now)
{
    json_write_object_begin(writer);
    json_member_string(writer, "name", worker->name);
    json_member_string(writer, "state", wire_worker_state(worker, now));
    json_member_boolean(writer, "draining", worker->draining);
    json_member_pairs(writer, "labels", &worker->labels);
    json_member_text(writer, "url", worker->url);
    json_member_string(writer, "version", worker->version);
    write_backend(writer, worker->backend);
    json_member_integer(writer, "running", worker->running);
    json_member_integer(writer, "jobs", worker->tasks);
    json_member_number(writer, "clock_offset_seconds",
                       (double)worker->clock_offset / (double)SECOND);
    json_member_boolean(writer, "clock_synchronised", worker->clock_synchronised);
    json_member_instant(writer, "started_at", worker->started_at);
    json_member_instant(writer, "lease_until", worker->lease_until);
    json_write_object_end(writer);
}

struct worker_patch {
    bool draining;
};

static const struct field patch_fields[] = {
    FIELD("draining", FIELD_BOOLEAN, offsetof(struct worker_patch, draining)),
};

enum rc wire_worker_patch_read(const char *text, size_t length, struct problems *problems,
                               bool *ret_draining, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    const struct json_value *draining;
    struct worker_patch patch = {0};
    enum rc rc = json_document_read(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    if (json_value_kind(document) != JSON_KIND_OBJECT)
        return err_fail(err, RC_MALFORMED, "a change of a worker is an object, not %s",
                        json_kind_text(json_value_kind(document)));
    draining = json_value_member(document, "draining");
    if (!draining || json_value_kind(draining) == JSON_KIND_NULL)
        problems_add(problems, "draining", "is required");
    if (!fields_read(document, patch_fields, ARRAY_SIZE(patch_fields), problems, &patch) ||
        problems->count)
        return err_fail(err, RC_INVALID, "the worker has fields that are not acceptable");
    *ret_draining = patch.draining;
    return RC_OK;
}

enum rc wire_pairs_write(const struct pairs *pairs, struct buf *buf)
{
    struct json_writer writer;

    json_writer_init(&writer, buf);
    json_write_object_begin(&writer);
    for (size_t i = 0; i < pairs->count; i++)
        json_member_string(&writer, pairs->items[i].name, pairs->items[i].value);
    json_write_object_end(&writer);
    return buf->failed ? RC_TOO_BIG : RC_OK;
}

struct pairs_reading {
    struct arena *arena;
    struct pairs pairs;
};

static bool read_pair(void *context, const char *name, const struct json_value *value)
{
    struct pairs_reading *reading = context;

    if (json_value_kind(value) != JSON_KIND_STRING)
        return true;
    reading->pairs.items[reading->pairs.count++] =
        (struct pair){.name = arena_strdup(reading->arena, name),
                      .value = arena_strdup(reading->arena, json_value_string(value))};
    return true;
}

enum rc wire_pairs_read(const char *text, size_t length, struct arena *arena,
                        struct pairs *ret_pairs, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    struct pairs_reading reading = {.arena = arena};
    enum rc rc = json_document_read(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    if (json_value_kind(document) != JSON_KIND_OBJECT)
        return err_fail(err, RC_MALFORMED, "not an object of strings");
    reading.pairs.items =
        arena_alloc(arena, json_value_count(document) * sizeof(*reading.pairs.items));
    json_value_members(document, read_pair, &reading);
    *ret_pairs = reading.pairs;
    return RC_OK;
}
