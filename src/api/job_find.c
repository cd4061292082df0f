/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/outlook.h"
#include "wire/job.h"

static enum rc no_such_job(struct err *err)
{
    return err_fail(err, RC_NOT_FOUND, "there is no such job");
}

static bool read_id(const char *text, job_id *ret_id)
{
    errno = 0;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    *ret_id = strtoull(text, NULL, 10);
    return errno == 0 && *ret_id <= INT64_MAX;
}

struct by_name {
    struct call *call;
    job_id id;
    bool removed;
};

static bool visit_name(void *context, const struct job_record *job)
{
    struct by_name *best = context;

    if (!call_may_see(best->call, job->owner))
        return true;
    if (best->id == 0 || best->removed) {
        best->id = job->id;
        best->removed = job->removed;
    }
    return true;
}

enum rc job_find_id(struct call *call, const char *text, job_id *ret_id, struct err *err)
{
    struct by_name best = {.call = call};
    struct job_query query = job_query_all();
    enum rc rc;

    if (text[strspn(text, "0123456789")] == '\0') {
        if (read_id(text, ret_id) && *ret_id > 0)
            return RC_OK;
        return no_such_job(err);
    }
    if (strlen(text) > LIMIT_NAME)
        return no_such_job(err);
    query.name = text;
    rc = store_read_jobs(call->api->config.store, &query, visit_name, &best, err);
    if (rc != RC_OK)
        return rc;
    if (best.id == 0)
        return no_such_job(err);
    *ret_id = best.id;
    return RC_OK;
}

static enum rc read_one(struct call *call, job_id id, unsigned parts, job_visit visit,
                        void *context, struct err *err)
{
    struct job_query query = job_query_all();

    query.ids = &id;
    query.id_count = 1;
    query.parts = parts;
    return store_read_jobs(call->api->config.store, &query, visit, context, err);
}

struct reading {
    struct call *call;
    struct arena *arena;
    struct job_found *found;
    struct err *err;
    enum rc rc;
};

static bool is_forged(const struct call *call, const struct job_record *job)
{
    const struct seal_subject subject = {
        .kind = SEAL_JOB, .job = job->id, .revision = job->revision, .owner = job->owner};
    const uint8_t *seal = call->api->config.seal;

    return seal && seal_check(seal, &subject, job->document, job->document_length) != RC_OK;
}

static bool visit_found(void *context, const struct job_record *job)
{
    struct reading *reading = context;
    struct problems problems = {.arena = reading->arena};
    struct wire_job_source source = {
        .text = job->document, .length = job->document_length, .mode = WIRE_JOB_STORED};

    if (!call_may_see(reading->call, job->owner))
        return false;
    *reading->found = (struct job_found){
        .id = job->id,
        .revision = job->revision,
        .removed = job->removed,
        .created_at = job->created_at,
        .owner = arena_strdup(reading->arena, job->owner),
        .schedule = arena_strdup(reading->arena, job->schedule),
        .is_forged = is_forged(reading->call, job),
    };
    reading->rc = wire_job_read(&source, &problems, &reading->found->job, reading->err);
    if (reading->rc != RC_OK)
        reading->rc = err_fail(reading->err, RC_INTERNAL, "the job's document cannot be read");
    return false;
}

enum rc job_find(struct call *call, job_id id, struct arena *arena, struct job_found *ret_job,
                 struct err *err)
{
    struct reading reading = {
        .call = call, .arena = arena, .found = ret_job, .err = err, .rc = RC_NOT_FOUND};
    enum rc rc = read_one(call, id, JOB_PART_DOCUMENT, visit_found, &reading, err);

    if (rc != RC_OK)
        return rc;
    return reading.rc == RC_NOT_FOUND ? no_such_job(err) : reading.rc;
}

struct checking {
    struct call *call;
    bool found;
};

static bool visit_check(void *context, const struct job_record *job)
{
    struct checking *checking = context;

    checking->found = call_may_see(checking->call, job->owner);
    return false;
}

enum rc job_find_check(struct call *call, job_id id, struct err *err)
{
    struct checking checking = {.call = call};
    enum rc rc = read_one(call, id, 0, visit_check, &checking, err);

    if (rc != RC_OK)
        return rc;
    return checking.found ? RC_OK : no_such_job(err);
}

struct writing {
    struct call *call;
    struct buf *buf;
    uint64_t revision;
    bool found;
};

void job_write(struct call *call, const struct job_record *job, struct buf *buf)
{
    struct json_writer writer;
    struct job_outlook outlook;

    json_writer_init(&writer, buf);
    outlook = outlook_of(call->api, job, call_now(call));
    wire_job_write(&writer, job, &outlook);
}

static bool visit_write(void *context, const struct job_record *job)
{
    struct writing *writing = context;

    if (!call_may_see(writing->call, job->owner))
        return false;
    job_write(writing->call, job, writing->buf);
    writing->revision = job->revision;
    writing->found = true;
    return false;
}

enum rc job_find_write(struct call *call, job_id id, struct buf *buf, uint64_t *ret_revision,
                       struct err *err)
{
    struct writing writing = {.call = call, .buf = buf};
    enum rc rc =
        read_one(call, id, JOB_PART_DOCUMENT | JOB_PART_LAST_RUN, visit_write, &writing, err);

    if (rc != RC_OK)
        return rc;
    if (!writing.found)
        return no_such_job(err);
    if (ret_revision)
        *ret_revision = writing.revision;
    return RC_OK;
}
