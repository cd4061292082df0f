/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are refused or make a job whose document reads back as itself; as a patch they change a
 * sound job or are refused.
 */
#include <string.h>

#include "base/check.h"

#include "fuzz/fuzz.h"
#include "wire/job.h"

static enum rc read_job(const char *text, size_t length, enum wire_job_mode mode,
                        const struct job *base, struct arena *arena, struct job *ret_job)
{
    struct wire_job_source source = {text, length, mode, base};
    struct problems problems = {.arena = arena};
    struct err err = {0};
    enum rc rc = wire_job_read(&source, &problems, ret_job, &err);

    CHECK(rc == RC_OK || rc == RC_MALFORMED || rc == RC_INVALID);
    CHECK((rc == RC_INVALID) == (problems.count > 0));
    CHECK(rc == RC_OK || err.message[0]);
    return rc;
}

/* A document is a fixed point: written, read and written again it is the same text. */
static void check_document(const struct job *job, struct arena *arena)
{
    struct problems problems = {.arena = arena};
    struct buf AUTO_BUF first;
    struct buf AUTO_BUF second;
    struct job again;
    enum rc rc;

    buf_init(&first, SIZE_MAX);
    buf_init(&second, SIZE_MAX);
    CHECK(wire_job_document(job, &first) == RC_OK);
    rc = read_job(first.data, first.length, WIRE_JOB_STORED, NULL, arena, &again);
    CHECK(rc == RC_OK);
    CHECK(wire_job_document(&again, &second) == RC_OK);
    CHECK(first.length == second.length && !memcmp(first.data, second.data, first.length));
    rc = job_validate(&again, 1, &problems);
    CHECK((rc == RC_OK) == (problems.count == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena AUTO_ARENA arena = {0};
    struct job base = job_default();
    struct job job;

    if (size > LIMIT_BODY)
        return 0;
    if (read_job((const char *)data, size, WIRE_JOB_CREATE, NULL, &arena, &job) == RC_OK)
        check_document(&job, &arena);
    base.executable = "true";
    base.schedule = "@daily";
    base.time_zone = "UTC";
    if (read_job((const char *)data, size, WIRE_JOB_PATCH, &base, &arena, &job) == RC_OK)
        check_document(&job, &arena);
    return 0;
}
