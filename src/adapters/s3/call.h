/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/s3/call.h: one request to an S3 server, signed; once, or until it has its answer.
 *
 * Connections are kept open in HTTP clients, of which each call takes one that is idle or a new
 * one; so any number of threads may call.
 */
#ifndef CRONJOB_ADAPTERS_S3_CALL_H
#define CRONJOB_ADAPTERS_S3_CALL_H

#include <pthread.h>

#include "base/crypto.h"

#include "ports/objects.h"

#include "adapters/s3/objects.h"
#include "http/client.h"

enum {
    S3_CLIENTS = 8, /* that are kept when idle */
    S3_HEADERS = 4, /* of a call's own */
};

struct s3 {
    struct objects base;
    struct arena arena; /* of the texts */
    struct s3_objects_config config;
    const char *host;   /* what the header says: "bucket.s3.example.com", "127.0.0.1:8000" */
    const char *origin; /* "http://127.0.0.1:8000": what a URL begins with */
    const char *root;   /* the path of the bucket: "/bucket", or "" when the host is it */
    const char *url;    /* "s3://bucket/prefix" */
    const char *where;  /* "s3://bucket/prefix at http://127.0.0.1:8000", for messages */
    pthread_mutex_t lock;
    pthread_cond_t never; /* waited at between two tries */
    struct http_client *idle[S3_CLIENTS];
    size_t idle_count;
};

static inline struct s3 *s3_of(struct objects *objects)
{
    return container_of(objects, struct s3, base);
}

/* A stretch of a file, by positions. */
struct s3_stretch {
    int fd;
    int64_t offset;
    int64_t length;
};

struct s3_call {
    const char *method;
    const char *key;   /* NULL: it is about the bucket */
    const char *query; /* encoded, without "?"; NULL: none */
    struct http_header headers[S3_HEADERS];
    size_t header_count;
    const struct s3_stretch *stretch; /* the body; NULL: `body` */
    const void *body;                 /* NULL: none */
    size_t body_length;
    const char *payload; /* the body's SHA-256 in text; NULL: there is no body */
    bool changes;        /* something at the server: no answer leaves it open whether it did */
    span_us silence;     /* that is borne; 0: ten seconds */
    bool is_part;        /* a range is asked for: all of it instead is an error */
    object_take take;    /* takes the body of a 2xx; NULL: the answer does */
    void *context;
};

struct s3_answer {
    struct http_response response; /* its status is 0 when none came */
    struct buf body;
    bool may_pass; /* it failed, and saying it again may help */
};

const char *s3_answer_header(const struct s3_answer *answer, const char *name);
void s3_answer_release(struct s3_answer *answer);
#define AUTO_S3_ANSWER CLEANUP(s3_answer_release)

/*
 * RC_OK: 2xx. Else the port's outcomes; RC_UNKNOWN when it changes something and no answer came;
 * RC_CLOSED when `take` ended it. The answer is to be released in any case.
 */
MUST_USE enum rc s3_once(struct s3 *self, const struct s3_call *call, struct s3_answer *ret_answer,
                         struct err *err);

/* The same until it is answered, or patience ends. Not for calls with `take`. */
MUST_USE enum rc s3_call(struct s3 *self, const struct s3_call *call, struct s3_answer *ret_answer,
                         struct err *err);

/* How long a call is tried again: from its beginning on, so that all of it has an end. */
struct s3_patience {
    mono_us deadline;
    unsigned tries;
};
struct s3_patience s3_begin(const struct s3 *self);
/* Waits, longer each time; false when it is enough. */
bool s3_wait(struct s3 *self, struct s3_patience *patience);

/* The key as the server knows it, or the beginning of keys: with the prefix before it. */
const char *s3_full_key(const struct s3 *self, const char *key, struct arena *arena);

/* "name=value", the value encoded, behind what is there. */
void s3_query_add(struct buf *query, const char *name, const char *value);

/* RC_IO: the file cannot be read or has ended. */
MUST_USE enum rc s3_hash(const struct s3_stretch *stretch, char text[CRYPTO_DIGEST_TEXT],
                         struct err *err);

#endif
