/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/s3/sign.h: the signature of a request to AWS and to all that speak like it, version 4.
 * Pure. The rules are those of "AWS Signature Version 4 for API requests", as S3 wants them: a path
 * is signed as it is sent, and neither shortened nor encoded a second time.
 *
 * It is made in three steps, each from the one before: the canonical request, the string to sign,
 * the signature. They are functions of their own because each is published for examples.
 */
#ifndef CRONJOB_ADAPTERS_S3_SIGN_H
#define CRONJOB_ADAPTERS_S3_SIGN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/instant.h"

#include "http/header.h"

enum {
    SIGN_HEADERS = 16, /* the most that a request may have */
    SIGN_QUERIES = 16,
    SIGN_STAMP = 17, /* "20130524T000000Z" and a NUL */
};

/* SHA-256 of nothing, in text. */
#define SIGN_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sign_request {
    const char *method;
    const char *path;  /* encoded, as it is sent: "/bucket/key" */
    const char *query; /* encoded, without "?", in any order: "list-type=2&prefix=a%2F"; "" none */
    const struct http_header *headers; /* all that are to be signed, "Host" among them */
    size_t header_count;
    const char *payload; /* the SHA-256 of the body in text, or UNSIGNED-PAYLOAD */
};

struct sign_account {
    const char *key;
    const char *secret;
    const char *region;
    const char *service;
};

/* "20130524T000000Z": what X-Amz-Date says and the signature is about. */
const char *sign_stamp(instant_us instant, char text[SIGN_STAMP]);

/* Each appends to `text`. */
void sign_canonical(const struct sign_request *request, struct buf *text);
void sign_string(const struct sign_request *request, const struct sign_account *account,
                 instant_us instant, struct buf *text);
/* The value of the header Authorization. */
void sign_authorization(const struct sign_request *request, const struct sign_account *account,
                        instant_us instant, struct buf *text);

#endif
