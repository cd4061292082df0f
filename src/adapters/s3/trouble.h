/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/s3/trouble.h: what an answer that is not 2xx means, in words that help. Pure. */
#ifndef CRONJOB_ADAPTERS_S3_TROUBLE_H
#define CRONJOB_ADAPTERS_S3_TROUBLE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/instant.h"

#include "adapters/s3/answer.h"

struct trouble {
    const char *where; /* "s3://bucket at http://host:1" */
    const char *key;   /* the object's; NULL when it is about the bucket */
    const char *bucket;
    const char *region; /* that was signed for */
    unsigned status;
    struct answer_error error; /* all "" when the answer had no body, as to HEAD */
    instant_us now;            /* our clock */
    instant_us date;           /* the server's, INSTANT_NONE when it does not tell */
};

/* Whether saying it again may help. */
bool trouble_may_pass(const struct trouble *trouble);

/* The port's outcome, never RC_OK. */
MUST_USE enum rc trouble_tell(const struct trouble *trouble, struct err *err);

#endif
