/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/s3/answer.h: what an S3 server answers, out of its XML. Pure.
 *
 * expat stands behind it, in answer.c alone: what comes from another server is a language larger
 * than the few elements that are looked for. Whatever declares a document type is refused, and with
 * it every entity of its own. Elements that are not known are passed over. Texts are the arena's.
 */
#ifndef CRONJOB_ADAPTERS_S3_ANSWER_H
#define CRONJOB_ADAPTERS_S3_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"

enum {
    ANSWER_MAX = 2 * 1024 * 1024, /* bytes of an answer; a page of 1000 keys has some 400 KiB */
    ANSWER_PAGE = 1000,           /* keys of a page: the most that S3 tells at once */
};

/* <Error>; "" for what it does not tell. */
struct answer_error {
    const char *code;    /* "NoSuchKey" */
    const char *message; /* for a person */
    const char *region;  /* where the bucket is instead */
};

struct answer_item {
    const char *key;
    int64_t size;
    instant_us stored_at;
};

/* <ListBucketResult> */
struct answer_page {
    struct answer_item items[ANSWER_PAGE];
    size_t count;
    bool is_truncated;        /* more keys follow */
    const char *continuation; /* by which the next page is asked for; "" when there is none */
};

/* False: it is no error, or nothing that can be read. */
bool answer_read_error(const char *text, size_t length, struct arena *arena,
                       struct answer_error *ret_error);

/* RC_IO: it is something else, and the message says what. */
MUST_USE enum rc answer_read_page(const char *text, size_t length, struct arena *arena,
                                  struct answer_page *ret_page, struct err *err);
/* <InitiateMultipartUploadResult>: the name of the upload that has begun. */
MUST_USE enum rc answer_read_upload(const char *text, size_t length, struct arena *arena,
                                    const char **ret_id, struct err *err);
/* <CompleteMultipartUploadResult>: whether it is one. */
MUST_USE enum rc answer_read_completed(const char *text, size_t length, struct err *err);

#endif
