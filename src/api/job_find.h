/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/job_find.h: the job that a request is about. Private to api/.
 */
#ifndef CRONJOB_API_JOB_FIND_H
#define CRONJOB_API_JOB_FIND_H

#include "api/call.h"

/* What is kept of a job once it was read; strings belong to the arena given. */
struct job_found {
    job_id id;
    uint64_t revision;
    bool removed;
    instant_us created_at;
    const char *owner;
    const char *schedule;
    bool is_forged; /* somebody else than a manager wrote its document, or nobody sealed it yet */
    struct job job; /* read from its document */
};

/*
 * The id in a path, which is a decimal id or the name of a job. A name belongs to the job that has
 * it now, else to the one that had it last. RC_NOT_FOUND: there is none, or it is not for who asks.
 */
MUST_USE enum rc job_find_id(struct call *call, const char *text, job_id *ret_id, struct err *err);

/* The job with its document read. RC_NOT_FOUND as above. */
MUST_USE enum rc job_find(struct call *call, job_id id, struct arena *arena,
                          struct job_found *ret_job, struct err *err);

/* Whether it is there for who asks. RC_NOT_FOUND as above. */
MUST_USE enum rc job_find_check(struct call *call, job_id id, struct err *err);

/* Writes one job as JSON. RC_NOT_FOUND as above. `ret_revision` may be NULL. */
MUST_USE enum rc job_find_write(struct call *call, job_id id, struct buf *buf,
                                uint64_t *ret_revision, struct err *err);

/* The same of a record that is at hand, whoever may see it. */
void job_write(struct call *call, const struct job_record *job, struct buf *buf);

#endif
