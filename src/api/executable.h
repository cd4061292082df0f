/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/executable.h: what a request says that a job is to execute, on its way to what is kept.
 * Private to api/.
 *
 * A script or binary comes as its content in BASE64, as a URL of the own object store, or as one of
 * a server that is allowed. Whatever it is, its bytes are in the object store, by their hash,
 * before the manager hears of the job.
 *
 *     body --intake_take--> intake --executable_read--> what is needed --executable_submit--+
 *       manager <--pending_submit-- stored | found there | fetched and stored <-- a thread --+
 *
 * A content that is long goes into a file without a name while it is still arriving; the rest of
 * the body is read when all of it is there, so only then it is known whether that is a file at all.
 */
#ifndef CRONJOB_API_EXECUTABLE_H
#define CRONJOB_API_EXECUTABLE_H

#include "ports/objects.h"

#include "api/call.h"
#include "api/job_find.h"
#include "api/pending.h"
#include "api/transfers.h"
#include "api/upload.h"
#include "wire/sift.h"

/* What is still to be done before the manager may hear of it. */
enum executable_need {
    NEED_NOTHING,
    NEED_STORE, /* the upload is to be stored */
    NEED_CHECK, /* it is said to be stored already */
    NEED_FETCH, /* it is on another server */
};

/* The executable of one request; of its arena. */
struct intake {
    struct call *call;
    struct sift sift;
    struct upload upload;
    bool counted;   /* among the uploads of the server */
    enum rc rc;     /* why the upload is no file */
    struct err err; /* the same in words */

    enum executable_need need;
    bool ready;         /* what was needed is done */
    const char *given;  /* as the request has it */
    const char *url;    /* of the bytes; of the request's arena, as all here */
    const char *sha256; /* what it must be; "": whatever it is */
    struct transfer transfer;
    struct pending *pending; /* while the transfer goes on */
};

/* How bodies of jobs are taken: http_intake.take. */
bool intake_take(struct http_request *request, const char *data, size_t length, struct buf *body);

/* The request was answered or given up. */
void intake_release(struct intake *intake);

/* SHA-256 of the request: of its body, and of the file in it. */
void intake_digest(const struct call *call, uint8_t ret_digest[CRYPTO_DIGEST]);

/*
 * Makes of the executable that was given a URL and a hash, as far as they are known yet: of what is
 * fetched the hash is "" until then. What is wrong becomes problems. Memory is problems->arena's.
 * RC_TOO_BIG, RC_FULL, RC_IO.
 */
MUST_USE enum rc executable_read(struct call *call, const struct job_found *current,
                                 struct problems *problems, struct job *job, struct err *err);

/* Does what is needed, on another thread if that waits, and hands the change over; or answers. */
void executable_submit(struct pending *pending);

#endif
