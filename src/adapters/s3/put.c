/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

#include "adapters/s3/answer.h"
#include "adapters/s3/parts.h"

enum {
    WHOLE_MAX = 16 * 1024 * 1024, /* bytes that are put by one request */
    PART = 8 * 1024 * 1024,
    PARTS_MAX = 10000,
    QUERY_MAX = 8 * 1024,
    COMPLETION_MAX = 4 * 1024 * 1024,
};

#define COMPLETION_SILENCE MINUTE /* the server may have to put the parts together */

static enum rc put_whole(struct s3 *self, const char *key, const struct object_source *source,
                         struct err *err)
{
    const struct s3_stretch stretch = {source->fd, 0, source->size};
    char payload[CRYPTO_DIGEST_TEXT];
    const struct s3_call call = {
        .method = "PUT", .key = key, .stretch = &stretch, .payload = payload, .changes = true};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    enum rc rc = s3_hash(&stretch, payload, err);

    return rc == RC_OK ? s3_call(self, &call, &answer, err) : rc;
}

/* ---- in parts --------------------------------------------------------------------------------
 *
 *     POST key?uploads=                         an upload has begun; the answer names it
 *     PUT  key?partNumber=N&uploadId=ID         each part; the answer's ETag names its bytes
 *     POST key?uploadId=ID                      with the list of all ETags: the object appears
 *     DELETE key?uploadId=ID                    the parts go, when any of it failed
 */

struct uploading {
    struct s3 *self;
    const char *key;
    const struct object_source *source;
    const char *id;
    struct buf completion; /* the list of all parts, as the server wants to have it */
    struct arena arena;
};

static enum rc begin(struct uploading *uploading, struct err *err)
{
    const struct s3_call call = {.method = "POST", .key = uploading->key, .query = "uploads="};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    enum rc rc = s3_call(uploading->self, &call, &answer, err);

    if (rc != RC_OK)
        return rc;
    rc = answer_read_upload(answer.body.data ? answer.body.data : "", answer.body.length,
                            &uploading->arena, &uploading->id, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "%s", uploading->self->where);
}

/* It goes into XML as it is. */
static bool is_plain(const char *etag)
{
    return etag && *etag && strlen(etag) < 200 && !strpbrk(etag, "<>&") &&
           strspn(etag,
                  "\"-./+=_:0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
               strlen(etag);
}

static enum rc put_part(struct uploading *uploading, unsigned number,
                        const struct s3_stretch *stretch, struct err *err)
{
    char payload[CRYPTO_DIGEST_TEXT], text[16];
    struct s3_call call = {
        .method = "PUT", .key = uploading->key, .stretch = stretch, .payload = payload};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    AUTO_BUF struct buf query;
    const char *etag;
    enum rc rc = s3_hash(stretch, payload, err);

    buf_init(&query, QUERY_MAX);
    (void)snprintf(text, sizeof(text), "%u", number); /* fits */
    s3_query_add(&query, "partNumber", text);
    s3_query_add(&query, "uploadId", uploading->id);
    call.query = query.data;
    if (rc == RC_OK)
        rc = s3_call(uploading->self, &call, &answer, err);
    if (rc != RC_OK)
        return rc;
    etag = s3_answer_header(&answer, "ETag");
    if (!is_plain(etag))
        return err_fail(err, RC_IO, "%s does not say what part it was sent",
                        uploading->self->where);
    return buf_printf(&uploading->completion,
                      "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", number, etag);
}

static enum rc put_parts(struct uploading *uploading, struct err *err)
{
    int64_t size = uploading->source->size;
    int64_t part = MAX((int64_t)PART, size / PARTS_MAX + 1);
    unsigned number = 1;

    for (int64_t at = 0; at < size; at += part, number++) {
        const struct s3_stretch stretch = {uploading->source->fd, at, MIN(part, size - at)};
        enum rc rc = put_part(uploading, number, &stretch, err);

        if (rc != RC_OK)
            return rc == RC_NOT_FOUND ? RC_UNAVAILABLE : rc;
    }
    return RC_OK;
}

/* The upload is gone: an earlier request, whose answer we did not get, may have completed it. */
static enum rc settle(struct uploading *uploading, struct err *err)
{
    struct object_info info;
    enum rc rc = s3_stat(&uploading->self->base, uploading->key, &info, err);

    if (rc == RC_OK && info.size == uploading->source->size)
        return RC_OK;
    return err_fail(err, RC_UNKNOWN, "%s has forgotten an upload that was complete",
                    uploading->self->where);
}

/* 200 may come before the work is done; then an error may follow in the body. */
static enum rc complete_once(struct uploading *uploading, const struct s3_call *call,
                             bool *ret_again, struct err *err)
{
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    struct answer_error error;
    const char *text;
    enum rc rc = s3_once(uploading->self, call, &answer, err);

    *ret_again = answer.may_pass;
    if (rc != RC_OK)
        return rc;
    text = answer.body.data ? answer.body.data : "";
    *ret_again = answer_read_error(text, answer.body.length, &uploading->arena, &error);
    if (*ret_again)
        return err_fail(err, RC_UNAVAILABLE, "%s could not put the parts together: %.60s: %.100s",
                        uploading->self->where, error.code, error.message);
    rc = answer_read_completed(text, answer.body.length, err);
    return rc == RC_OK ? rc : err_prefix(err, RC_UNKNOWN, "%s", uploading->self->where);
}

static enum rc complete(struct uploading *uploading, struct err *err)
{
    struct s3_patience patience = s3_begin(uploading->self);
    bool again, unknown = false;
    char payload[CRYPTO_DIGEST_TEXT];
    uint8_t digest[CRYPTO_DIGEST];
    AUTO_BUF struct buf query;
    struct s3_call call = {.method = "POST",
                           .key = uploading->key,
                           .body = uploading->completion.data,
                           .body_length = uploading->completion.length,
                           .payload = payload,
                           .changes = true,
                           .silence = COMPLETION_SILENCE};
    enum rc rc;

    crypto_digest(call.body, call.body_length, digest);
    (void)crypto_digest_text(digest, payload);
    buf_init(&query, QUERY_MAX);
    s3_query_add(&query, "uploadId", uploading->id);
    call.query = query.data;
    do {
        rc = complete_once(uploading, &call, &again, err);
        unknown |= rc == RC_UNKNOWN;
    } while (again && s3_wait(uploading->self, &patience));
    if (rc == RC_NOT_FOUND)
        return settle(uploading, err);
    return rc == RC_UNAVAILABLE && unknown ? RC_UNKNOWN : rc;
}

/* What cannot be taken back now goes by the bucket's own rule for such, or stays. */
static void take_back(struct uploading *uploading)
{
    struct s3_call call = {.method = "DELETE", .key = uploading->key, .changes = true};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    AUTO_BUF struct buf query;

    buf_init(&query, QUERY_MAX);
    s3_query_add(&query, "uploadId", uploading->id);
    call.query = query.data;
    if (s3_once(uploading->self, &call, &answer, NULL) != RC_OK)
        return; /* see above */
}

static enum rc put_in_parts(struct s3 *self, const char *key, const struct object_source *source,
                            struct err *err)
{
    struct uploading uploading = {.self = self, .key = key, .source = source};
    enum rc rc = begin(&uploading, err);

    buf_init(&uploading.completion, COMPLETION_MAX);
    if (rc == RC_OK) {
        (void)buf_puts(&uploading.completion, "<CompleteMultipartUpload>"); /* fits */
        rc = put_parts(&uploading, err);
    }
    if (rc == RC_OK)
        rc = buf_puts(&uploading.completion, "</CompleteMultipartUpload>");
    if (rc == RC_OK)
        rc = complete(&uploading, err);
    if (rc != RC_OK && rc != RC_UNKNOWN && uploading.id)
        take_back(&uploading);
    buf_release(&uploading.completion);
    arena_release(&uploading.arena);
    return rc;
}

/* ---- all ------------------------------------------------------------------------------------- */

static enum rc check_source(const struct object_source *source, struct err *err)
{
    struct stat status;

    if (fstat(source->fd, &status) != 0)
        return err_errno(err, RC_IO, errno, "reading what is to be stored");
    return status.st_size >= source->size
               ? RC_OK
               : err_fail(err, RC_IO, "what is to be stored ended early");
}

enum rc s3_put(struct objects *objects, const char *key, const struct object_source *source,
               struct err *err)
{
    struct s3 *self = s3_of(objects);
    enum rc rc = object_key_check(key, err);

    if (rc == RC_OK)
        rc = check_source(source, err);
    if (rc != RC_OK)
        return rc;
    rc = source->size > WHOLE_MAX ? put_in_parts(self, key, source, err)
                                  : put_whole(self, key, source, err);
    return rc == RC_NOT_FOUND ? RC_UNAVAILABLE
                              : rc; /* a place to put things is there, or will be */
}

enum rc s3_remove(struct objects *objects, const char *key, struct err *err)
{
    const struct s3_call call = {.method = "DELETE", .key = key, .changes = true};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    enum rc rc = object_key_check(key, err);

    if (rc == RC_OK)
        rc = s3_call(s3_of(objects), &call, &answer, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
