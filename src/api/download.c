/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a script or binary, from the object store to a client.
 *
 * The object store waits, so it is read on a transfer's thread, a piece each time the client has
 * taken the one before; what is held is one piece. The bytes are hashed on their way, and a client
 * that would get others than the job executes sees the connection break before the last of them.
 *
 *     find --size--> stream: next() --WAIT--> read a piece --wake--> next() ... --> close()
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/mem.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "api/job_find.h"
#include "api/transfers.h"
#include "http/client.h"

enum { PIECES_AT_ONCE = 4 };

struct download {
    struct call *call;
    struct objects *objects;
    struct transfers *transfers;
    struct transfer transfer;
    char key[sizeof(OBJECT_EXECUTABLES) + CRYPTO_DIGEST_TEXT];
    const char *sha256;   /* within the key */
    const char *filename; /* the request's */
    int64_t size, offset; /* offset: of the next byte to read */
    struct crypto_hash hash;
    struct buf piece; /* the transfer's while it reads */
    size_t sent;      /* of the piece */

    pthread_mutex_t mutex; /* protects the rest */
    bool reading;          /* the transfer goes on */
    bool failed;
    bool closed;
};

static void download_free(struct download *download)
{
    buf_release(&download->piece);
    pthread_mutex_destroy(&download->mutex);
    free(download);
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool keep_piece(void *context, const void *data, size_t length)
{
    struct download *download = context;

    crypto_hash_add(&download->hash, data, length);
    download->offset += (int64_t)length;
    return buf_append(&download->piece, data, length) == RC_OK;
}

/* Whether what was read, up to its end, are the bytes of the job. */
static bool is_as_promised(struct download *download)
{
    uint8_t digest[CRYPTO_DIGEST];
    char text[CRYPTO_DIGEST_TEXT];

    if (download->offset < download->size)
        return true;
    crypto_hash_end(&download->hash, digest);
    return strcmp(crypto_digest_text(digest, text), download->sha256) == 0;
}

static bool read_piece(struct download *download)
{
    struct object_range range = {.offset = download->offset,
                                 .length = (int64_t)PIECES_AT_ONCE * OBJECT_PIECE};

    buf_reset(&download->piece);
    download->sent = 0;
    return objects_get(download->objects, download->key, &range, keep_piece, download, NULL) ==
               RC_OK &&
           download->piece.length > 0 && is_as_promised(download);
}

static void run_read(struct transfer *transfer, bool cancelled)
{
    struct download *download = container_of(transfer, struct download, transfer);
    bool read = !cancelled && read_piece(download), is_last;

    pthread_mutex_lock(&download->mutex);
    download->reading = false;
    download->failed = !read;
    is_last = download->closed;
    if (!is_last)
        http_stream_wake(download->call->request);
    pthread_mutex_unlock(&download->mutex);
    if (is_last)
        download_free(download);
}

/* ---- sending ------------------------------------------------------------------------------- */

static ssize_t send_some(struct download *download, char *data, size_t capacity)
{
    size_t length = MIN(capacity, download->piece.length - download->sent);

    memcpy(data, download->piece.data + download->sent, length);
    download->sent += length;
    return (ssize_t)length;
}

static ssize_t ask_for_piece(struct download *download)
{
    download->transfer.run = run_read;
    download->reading = true;
    if (transfers_submit(download->transfers, &download->transfer, NULL) == RC_OK)
        return HTTP_STREAM_WAIT;
    download->reading = false;
    return HTTP_STREAM_ABORT;
}

static ssize_t next_part(void *context, char *data, size_t capacity)
{
    struct download *download = context;
    ssize_t outcome;

    pthread_mutex_lock(&download->mutex);
    if (download->reading)
        outcome = HTTP_STREAM_WAIT;
    else if (download->failed)
        outcome = HTTP_STREAM_ABORT;
    else if (download->sent < download->piece.length)
        outcome = send_some(download, data, capacity);
    else if (download->offset == download->size)
        outcome = HTTP_STREAM_END;
    else
        outcome = ask_for_piece(download);
    pthread_mutex_unlock(&download->mutex);
    return outcome;
}

static void close_download(void *context)
{
    struct download *download = context;
    bool is_last;

    pthread_mutex_lock(&download->mutex);
    download->closed = true;
    is_last = !download->reading;
    pthread_mutex_unlock(&download->mutex);
    if (is_last)
        download_free(download);
}

/* RFC 6266, with RFC 8187 for names of any characters. */
static const char *disposition(struct call *call, const char *filename)
{
    AUTO_BUF struct buf text;

    buf_init(&text, 4096);
    (void)buf_puts(&text, "attachment; filename*=UTF-8''");
    http_url_encode(&text, filename);
    return text.failed ? "attachment" : arena_strdup(call->arena, text.data);
}

static void run_find(struct transfer *transfer, bool cancelled)
{
    struct download *download = container_of(transfer, struct download, transfer);
    struct call *call = download->call;
    struct http_stream stream = {.next = next_part, .close = close_download, .context = download};
    struct answer answer = answer_new(200, ANSWER_BYTES);
    struct object_info info = {0};
    struct err err = {"the server is stopping"};
    enum rc rc = RC_CLOSED;

    if (!cancelled)
        rc = objects_stat(download->objects, download->key, &info, &err);
    if (rc == RC_NOT_FOUND)
        rc = err_fail(&err, rc, "the object store does not have the job's file any more");
    if (rc == RC_FORBIDDEN)
        rc = RC_UNAVAILABLE;
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        download_free(download);
        return;
    }
    download->size = stream.length = info.size;
    answer_header(&answer, "Content-Disposition", disposition(call, download->filename));
    answer_header(&answer, "ETag", arena_printf(call->arena, "\"%s\"", download->sha256));
    answer_stream(call, &answer, &stream);
}

/* ---- the handler --------------------------------------------------------------------------- */

static struct download *download_new(struct call *call, const struct job *job)
{
    struct download *download = xcalloc(1, sizeof(*download));

    download->call = call;
    download->objects = call->api->config.objects;
    download->transfers = call->api->transfers;
    download->transfer.run = run_find;
    download->filename = job->filename[0] ? job->filename : "executable";
    memcpy(download->key, OBJECT_EXECUTABLES, strlen(OBJECT_EXECUTABLES));
    download->sha256 = download->key + strlen(OBJECT_EXECUTABLES);
    memcpy(download->key + strlen(OBJECT_EXECUTABLES), job->sha256,
           MIN(strlen(job->sha256), (size_t)CRYPTO_DIGEST_TEXT - 1));
    crypto_hash_begin(&download->hash);
    buf_init(&download->piece, (size_t)PIECES_AT_ONCE * OBJECT_PIECE);
    CHECK(pthread_mutex_init(&download->mutex, NULL) == 0);
    return download;
}

void handle_job_executable(struct call *call)
{
    struct download *download;
    struct job_found found;
    struct err err = {0};
    job_id id;
    enum rc rc = job_find_id(call, http_request_parameter(call->request, "id"), &id, &err);

    if (rc == RC_OK)
        rc = job_find(call, id, call->arena, &found, &err);
    if (rc == RC_OK && found.job.type == JOB_COMMAND)
        rc = err_fail(&err, RC_NOT_FOUND, "job %" PRIu64 " is a command: it has no file", id);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    download = download_new(call, &found.job);
    rc = transfers_submit(download->transfers, &download->transfer, &err);
    if (rc == RC_OK)
        return;
    answer_failure(call, rc, &err);
    download_free(download);
}
