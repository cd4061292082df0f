/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/store.h"

enum rc write_job_text(const struct write_job *job, struct buf *text)
{
    const struct seal_subject subject = {
        .kind = SEAL_JOB, .job = job->id, .revision = job->revision, .owner = job->owner};

    (void)buf_append(text, job->document, job->document_length); /* the buffer remembers */
    if (job->seal)
        (void)seal_put(job->seal, &subject, text);
    return text->failed ? RC_TOO_BIG : RC_OK;
}
