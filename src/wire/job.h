/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/job.h: a job in JSON.
 *
 * A job's *document* is the text of all fields that its user decides, with every default, in the
 * order of doc/api: an object that wire_job_document() writes and the store keeps. An answer is
 * the document with the system's facts around it, spliced in without reading it.
 *
 * Reading takes what a user may send: durations as seconds or as "1h30m", sizes as bytes or as
 * "10MiB", times in RFC 3339; a null is the default. A leading CRON_TZ=Zone or TZ=Zone of the
 * schedule becomes the time zone and is cut off. What the system decides (id, status, owner,
 * revision, worker, scheduler, next_run, last_run, sha256, created_at, updated_at) is accepted and
 * ignored, so that what GET answered can be changed and sent by PUT. Any other unknown field is a
 * problem.
 */
#ifndef CRONJOB_WIRE_JOB_H
#define CRONJOB_WIRE_JOB_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#include "core/job.h"
#include "core/record.h"

#include "wire/json.h"

enum wire_job_mode {
    WIRE_JOB_CREATE,  /* executable, schedule and type are required */
    WIRE_JOB_REPLACE, /* the same */
    WIRE_JOB_PATCH,   /* RFC 7396 upon `base`: what is not there stays, a null is the default */
    WIRE_JOB_STORED,  /* what wire_job_document() wrote, sealed or not */
};

struct wire_job_source {
    const char *text;
    size_t length;
    enum wire_job_mode mode;
    const struct job *base; /* PATCH only */
};

/*
 * Memory of the job comes from problems->arena. RC_MALFORMED: not JSON, or not an object.
 * RC_INVALID: problems, field by field. The job's own rules are job_validate()'s to check.
 */
MUST_USE enum rc wire_job_read(const struct wire_job_source *source, struct problems *problems,
                               struct job *ret_job, struct err *err);

/* Appends the document. RC_TOO_BIG when the buffer's limit is reached. */
MUST_USE enum rc wire_job_document(const struct job *job, struct buf *buf);

/* What is not kept but found out when a job is shown. */
struct job_outlook {
    instant_us next_run;   /* INSTANT_NONE: none */
    const char *scheduler; /* "timer", "crontab"; NULL: nobody calls for it */
};

/* One job as the API answers it. `job` has its document. */
void wire_job_write(struct json_writer *writer, const struct job_record *job,
                    const struct job_outlook *outlook);

#endif
