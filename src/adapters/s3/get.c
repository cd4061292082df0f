/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "adapters/s3/answer.h"
#include "adapters/s3/parts.h"
#include "http/date.h"

enum { RANGE_TEXT = 64, QUERY_MAX = 8 * 1024, PROGRESS = 64 * 1024 };

/* ---- one object ------------------------------------------------------------------------------ */

static bool read_length(const char *text, int64_t *ret_length)
{
    char *end;
    long long length;

    if (!text)
        return false;
    errno = 0;
    length = strtoll(text, &end, 10);
    *ret_length = length;
    return !errno && end != text && !*end && length >= 0;
}

/* An answer to HEAD has no body, so it cannot say that the bucket is not there, or what is wrong
 * with the signature. A list can. */
static enum rc explain(struct s3 *self, enum rc rc, struct err *err)
{
    const struct s3_call call = {.method = "GET", .query = "list-type=2&max-keys=1"};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    struct err more = {0};
    enum rc explained = s3_call(self, &call, &answer, &more);

    if (explained == RC_OK || explained == RC_NOT_FOUND ||
        (rc == RC_NOT_FOUND && explained == RC_FORBIDDEN && answer.response.status == 403))
        return rc;
    if (err)
        *err = more;
    return explained;
}

enum rc s3_stat(struct objects *objects, const char *key, struct object_info *ret_info,
                struct err *err)
{
    struct s3 *self = s3_of(objects);
    const struct s3_call call = {.method = "HEAD", .key = key};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    struct object_info info;
    enum rc rc = object_key_check(key, err);

    if (rc != RC_OK)
        return rc;
    rc = s3_call(self, &call, &answer, err);
    if (rc == RC_NOT_FOUND || rc == RC_FORBIDDEN || rc == RC_IO)
        return explain(self, rc, err);
    if (rc != RC_OK)
        return rc;
    info.stored_at = http_date_read(s3_answer_header(&answer, "Last-Modified"));
    if (!read_length(s3_answer_header(&answer, "Content-Length"), &info.size) ||
        info.stored_at == INSTANT_NONE)
        return err_fail(err, RC_IO, "%s does not say how large '%s' is, or how old", self->where,
                        key);
    *ret_info = info;
    return RC_OK;
}

/* A reading that goes on over several requests. */
struct getting {
    struct s3 *self;
    const char *key;
    struct object_range range;
    object_take take;
    void *context;
    int64_t done;    /* bytes that were handed over */
    char etag[128];  /* of the object that they are of; "" before the first answer */
    bool is_refused; /* by who takes */
};

static bool take_piece(void *context, const void *data, size_t length)
{
    struct getting *getting = context;

    for (size_t at = 0; at < length;) {
        size_t piece = MIN(length - at, (size_t)OBJECT_PIECE);

        if (!getting->take(getting->context, (const char *)data + at, piece)) {
            getting->is_refused = true;
            return false;
        }
        at += piece;
        getting->done += (int64_t)piece;
    }
    return true;
}

/* Whether a part is asked for, as "bytes=5-9". */
static bool format_range(const struct getting *getting, char text[RANGE_TEXT])
{
    int64_t first = getting->range.offset + getting->done;

    if (getting->range.length >= 0)
        (void)snprintf(text, RANGE_TEXT, "bytes=%" PRId64 "-%" PRId64, first,
                       getting->range.offset + getting->range.length - 1); /* fits */
    else
        (void)snprintf(text, RANGE_TEXT, "bytes=%" PRId64 "-", first); /* fits */
    return first > 0 || getting->range.length >= 0;
}

static void note_etag(struct getting *getting, const struct s3_answer *answer)
{
    const char *etag = s3_answer_header(answer, "ETag");

    if (etag && strlen(etag) < sizeof(getting->etag))
        (void)snprintf(getting->etag, sizeof(getting->etag), "%s", etag); /* fits */
}

/* What is taken when the head has come: by then it is known whether the server gives a part. */
static enum rc get_once(struct getting *getting, struct s3_answer *ret_answer, struct err *err)
{
    char range[RANGE_TEXT];
    struct s3_call call = {
        .method = "GET", .key = getting->key, .take = take_piece, .context = getting};
    bool is_first;
    enum rc rc;

    call.is_part = format_range(getting, range);
    if (call.is_part)
        call.headers[call.header_count++] = (struct http_header){"Range", range};
    if (getting->done)
        call.headers[call.header_count++] = (struct http_header){"If-Match", getting->etag};
    is_first = !getting->done;
    rc = s3_once(getting->self, &call, ret_answer, err);
    if (is_first)
        note_etag(getting, ret_answer);
    if (rc != RC_OK && ret_answer->response.status == 416 && call.is_part)
        return RC_OK; /* it begins at the end or behind it */
    if (rc == RC_OK && !s3_answer_header(ret_answer, "Content-Length") &&
        !s3_answer_header(ret_answer, "Transfer-Encoding"))
        return err_fail(err, RC_IO, "%s does not say how long '%s' is", getting->self->where,
                        getting->key); /* so nobody can tell whether that was all */
    if (rc != RC_OK && ret_answer->response.status == 412)
        return err_fail(err, RC_UNAVAILABLE, "the object '%s' has changed while it was read",
                        getting->key);
    return rc;
}

static enum rc get_all(struct getting *getting, struct err *err)
{
    struct s3_patience patience = s3_begin(getting->self);

    for (;;) {
        AUTO_S3_ANSWER struct s3_answer answer = {0};
        int64_t before = getting->done;
        enum rc rc = get_once(getting, &answer, err);

        if (rc == RC_OK || !answer.may_pass || getting->is_refused)
            return getting->is_refused ? err_fail(err, RC_CLOSED, "ended by the caller") : rc;
        if (getting->done - before >= PROGRESS)
            patience = s3_begin(getting->self);
        if ((getting->done && !*getting->etag) || !s3_wait(getting->self, &patience))
            return rc;
    }
}

enum rc s3_get(struct objects *objects, const char *key, const struct object_range *range,
               object_take take, void *context, struct err *err)
{
    struct getting getting = {
        .self = s3_of(objects), .key = key, .range = *range, .take = take, .context = context};
    struct object_info info;
    enum rc rc = object_key_check(key, err);

    if (rc != RC_OK)
        return rc;
    if (range->length == 0) /* which no header can say */
        return s3_stat(objects, key, &info, err);
    return get_all(&getting, err);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct listing {
    struct s3 *self;
    const char *full_prefix;
    size_t skip; /* bytes of a key that are the prefix of all */
    object_visit visit;
    void *context;
    bool is_ended;
};

/* Of the bucket's keys those that can be ours. */
static void visit_page(struct listing *listing, const struct answer_page *page)
{
    for (size_t i = 0; i < page->count && !listing->is_ended; i++) {
        const struct answer_item *item = &page->items[i];
        const struct object_info info = {item->size, item->stored_at};

        if (strlen(item->key) > listing->skip &&
            object_key_check(item->key + listing->skip, NULL) == RC_OK)
            listing->is_ended = !listing->visit(listing->context, item->key + listing->skip, &info);
    }
}

static enum rc read_page(const struct listing *listing, const char *continuation,
                         struct arena *arena, struct answer_page *ret_page, struct err *err)
{
    struct s3_call call = {.method = "GET"};
    AUTO_S3_ANSWER struct s3_answer answer = {0};
    AUTO_BUF struct buf query;
    enum rc rc;

    buf_init(&query, QUERY_MAX);
    s3_query_add(&query, "list-type", "2");
    s3_query_add(&query, "prefix", listing->full_prefix);
    if (*continuation)
        s3_query_add(&query, "continuation-token", continuation);
    if (query.failed)
        return err_fail(err, RC_IO, "a list that cannot go on");
    call.query = query.data;
    rc = s3_call(listing->self, &call, &answer, err);
    if (rc == RC_NOT_FOUND)
        rc = RC_IO; /* a list is always there */
    if (rc != RC_OK)
        return rc;
    rc = answer_read_page(answer.body.data ? answer.body.data : "", answer.body.length, arena,
                          ret_page, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "%s", listing->self->where);
}

static enum rc list_pages(struct listing *listing, struct err *err)
{
    AUTO_FREE struct answer_page *page = xcalloc(1, sizeof(*page));
    AUTO_FREE char *continuation = xstrdup("");
    enum rc rc;

    do {
        AUTO_ARENA struct arena arena = {0};

        rc = read_page(listing, continuation, &arena, page, err);
        if (rc != RC_OK)
            break;
        visit_page(listing, page);
        free(continuation);
        continuation = xstrdup(page->continuation);
    } while (page->is_truncated && !listing->is_ended);
    return rc;
}

enum rc s3_list(struct objects *objects, const char *prefix, object_visit visit, void *context,
                struct err *err)
{
    struct s3 *self = s3_of(objects);
    AUTO_ARENA struct arena arena = {0};
    struct listing listing = {.self = self,
                              .full_prefix = s3_full_key(self, prefix, &arena),
                              .skip = strlen(s3_full_key(self, "", &arena)),
                              .visit = visit,
                              .context = context};

    return list_pages(&listing, err);
}
