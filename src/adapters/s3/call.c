/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/s3/call.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/s3/answer.h"
#include "adapters/s3/sign.h"
#include "adapters/s3/trouble.h"
#include "http/date.h"

#define SILENCE      (10 * SECOND)
#define CONNECT      (3 * SECOND)
#define PATIENCE     (12 * SECOND)
#define FIRST_WAIT   (100 * MILLISECOND)
#define LONGEST_WAIT (3 * SECOND)

enum { ERROR_MAX = 64 * 1024, TEXT_MAX = 16 * 1024, OWN_HEADERS = 4 };

/* ---- clients --------------------------------------------------------------------------------- */

static enum rc take_client(struct s3 *self, struct http_client **ret_client, struct err *err)
{
    const struct http_client_config config = {
        .user_agent = "cronjob", .connect_timeout = CONNECT, .ca_file = self->config.ca_file};
    struct http_client *client = NULL;

    CHECK(!pthread_mutex_lock(&self->lock));
    if (self->idle_count)
        client = self->idle[--self->idle_count];
    CHECK(!pthread_mutex_unlock(&self->lock));
    if (!client)
        return http_client_new(&config, ret_client, err);
    *ret_client = client;
    return RC_OK;
}

static void give_back(struct s3 *self, struct http_client *client)
{
    CHECK(!pthread_mutex_lock(&self->lock));
    if (self->idle_count < S3_CLIENTS)
        self->idle[self->idle_count++] = TAKE(client);
    CHECK(!pthread_mutex_unlock(&self->lock));
    http_client_free(client);
}

/* ---- texts ----------------------------------------------------------------------------------- */

const char *s3_full_key(const struct s3 *self, const char *key, struct arena *arena)
{
    const char *prefix = self->config.prefix;

    return *prefix ? arena_printf(arena, "%s/%s", prefix, key) : arena_strdup(arena, key);
}

void s3_query_add(struct buf *query, const char *name, const char *value)
{
    (void)buf_printf(query, "%s%s=", query->length ? "&" : "", name); /* see query->failed */
    http_url_encode(query, value);
}

/* Keys and prefixes have no character that would have to be encoded. */
static const char *path_of(const struct s3 *self, const struct s3_call *call, struct arena *arena)
{
    if (!call->key)
        return *self->root ? self->root : "/";
    return arena_printf(arena, "%s/%s", self->root, s3_full_key(self, call->key, arena));
}

/* ---- the body -------------------------------------------------------------------------------- */

static ssize_t read_stretch(const struct s3_stretch *stretch, int64_t at, void *data,
                            size_t capacity)
{
    size_t length = (size_t)MIN((int64_t)capacity, stretch->length - at);
    ssize_t got;

    do
        got = pread(stretch->fd, data, length, (off_t)(stretch->offset + at));
    while (got < 0 && errno == EINTR);
    return got;
}

static size_t give_stretch(void *context, size_t offset, void *data, size_t capacity)
{
    ssize_t got = read_stretch(context, (int64_t)offset, data, capacity);

    return got > 0 ? (size_t)got : 0;
}

enum rc s3_hash(const struct s3_stretch *stretch, char text[CRYPTO_DIGEST_TEXT], struct err *err)
{
    AUTO_FREE char *data = xmalloc(OBJECT_PIECE);
    uint8_t digest[CRYPTO_DIGEST];
    struct crypto_hash hash;

    crypto_hash_begin(&hash);
    for (int64_t at = 0; at < stretch->length;) {
        ssize_t got = read_stretch(stretch, at, data, OBJECT_PIECE);

        if (got < 0)
            return err_errno(err, RC_IO, errno, "reading what is to be stored");
        if (got == 0)
            return err_fail(err, RC_IO, "what is to be stored ended early");
        crypto_hash_add(&hash, data, (size_t)got);
        at += got;
    }
    crypto_hash_end(&hash, digest);
    (void)crypto_digest_text(digest, text);
    return RC_OK;
}

/* ---- one request ----------------------------------------------------------------------------- */

struct exchange {
    struct s3 *self;
    const struct s3_call *call;
    struct s3_answer *answer;
    instant_us now;
    char stamp[SIGN_STAMP];
    struct http_header headers[OWN_HEADERS + S3_HEADERS];
    size_t header_count;
    bool too_long; /* the answer, for who did not want to take it */
    bool is_whole; /* the answer, though a part was asked for */
};

static bool is_success(unsigned status)
{
    return status >= 200 && status < 300;
}

/* Of an error the beginning is enough. */
static bool on_body(void *context, const struct http_response *response, const char *data,
                    size_t length)
{
    struct exchange *exchange = context;
    bool success = is_success(response->status);

    exchange->is_whole = success && exchange->call->is_part && response->status != 206;
    if (exchange->is_whole)
        return false;
    if (success && exchange->call->take)
        return exchange->call->take(exchange->call->context, data, length);
    if (buf_append(&exchange->answer->body, data, length) == RC_OK)
        return true;
    exchange->too_long = success;
    return !success;
}

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    exchange->headers[exchange->header_count++] = (struct http_header){name, value};
}

/* All headers that we give are signed; what libcurl adds by itself is not. */
static void sign(struct exchange *exchange, const char *path, struct buf *authorization)
{
    const struct s3_objects_config *config = &exchange->self->config;
    const struct s3_call *call = exchange->call;
    const struct sign_account account = {config->key, config->secret, config->region, "s3"};
    struct sign_request request = {.method = call->method,
                                   .path = path,
                                   .query = call->query ? call->query : "",
                                   .headers = exchange->headers,
                                   .payload = call->payload ? call->payload : SIGN_EMPTY};

    add_header(exchange, "Host", exchange->self->host);
    add_header(exchange, "x-amz-content-sha256", request.payload);
    add_header(exchange, "x-amz-date", sign_stamp(exchange->now, exchange->stamp));
    for (size_t i = 0; i < call->header_count; i++)
        add_header(exchange, call->headers[i].name, call->headers[i].value);
    request.header_count = exchange->header_count;
    sign_authorization(&request, &account, exchange->now, authorization);
    CHECK(!authorization->failed);
    add_header(exchange, "Authorization", authorization->data);
}

static enum rc perform(struct exchange *exchange, struct http_client *client, struct arena *arena,
                       struct err *err)
{
    const struct s3_call *call = exchange->call;
    const struct s3 *self = exchange->self;
    const char *path = path_of(self, call, arena);
    AUTO_BUF struct buf authorization;
    struct http_call http = {
        .method = call->method,
        .url = arena_printf(arena, "%s%s%s%s", self->origin, path, call->query ? "?" : "",
                            call->query ? call->query : ""),
        .headers = exchange->headers,
        .body = call->body,
        .body_length = call->stretch ? (size_t)call->stretch->length : call->body_length,
        .idle_timeout = call->silence ? call->silence : SILENCE,
    };

    if (call->stretch) {
        struct s3_stretch *stretch = arena_alloc(arena, sizeof(*stretch));

        *stretch = *call->stretch;
        http.give = give_stretch;
        http.give_context = stretch;
    }
    buf_init(&authorization, TEXT_MAX);
    sign(exchange, path, &authorization);
    http.header_count = exchange->header_count;
    return http_client_stream(client, &http, on_body, exchange, &exchange->answer->response, err);
}

static enum rc tell_trouble(const struct exchange *exchange, struct arena *arena, struct err *err)
{
    const struct s3 *self = exchange->self;
    struct s3_answer *answer = exchange->answer;
    const struct http_response *response = &answer->response;
    const char *region = http_response_header(response, "x-amz-bucket-region");
    struct trouble trouble = {.where = self->where,
                              .key = exchange->call->key,
                              .bucket = self->config.bucket,
                              .region = self->config.region,
                              .status = response->status,
                              .error = {"", "", ""},
                              .now = exchange->now,
                              .date = http_date_read(http_response_header(response, "Date"))};

    (void)answer_read_error(answer->body.data ? answer->body.data : "", answer->body.length, arena,
                            &trouble.error); /* or it has none */
    if (region && !*trouble.error.region)
        trouble.error.region = region;
    answer->may_pass = trouble_may_pass(&trouble);
    return trouble_tell(&trouble, err);
}

/* No answer, or half of one. */
static enum rc tell_silence(const struct exchange *exchange, const struct http_client *client,
                            enum rc rc, struct err *err)
{
    const struct s3 *self = exchange->self;

    if (exchange->too_long)
        return err_fail(err, RC_IO, "%s answers more than it should", self->where);
    if (exchange->is_whole)
        return err_fail(err, RC_IO, "%s answers with all of an object instead of a part",
                        self->where);
    if (rc != RC_UNAVAILABLE && rc != RC_TIMEOUT)
        return rc == RC_CLOSED ? rc : err_prefix(err, rc, "%s", self->where);
    exchange->answer->may_pass = true;
    (void)err_prefix(err, rc, "%s does not answer", self->where);
    return exchange->call->changes && http_client_has_sent(client) ? RC_UNKNOWN : RC_UNAVAILABLE;
}

enum rc s3_once(struct s3 *self, const struct s3_call *call, struct s3_answer *ret_answer,
                struct err *err)
{
    struct exchange exchange = {
        .self = self, .call = call, .answer = ret_answer, .now = clock_now(self->config.clock)};
    AUTO_ARENA struct arena arena = {0};
    struct http_client *client = NULL;
    enum rc rc;

    *ret_answer = (struct s3_answer){0};
    buf_init(&ret_answer->body, ANSWER_MAX);
    rc = take_client(self, &client, err);
    if (rc != RC_OK)
        return rc;
    rc = perform(&exchange, client, &arena, err);
    if (rc != RC_OK)
        rc = tell_silence(&exchange, client, rc, err);
    else if (!is_success(ret_answer->response.status))
        rc = tell_trouble(&exchange, &arena, err);
    give_back(self, client);
    return rc;
}

const char *s3_answer_header(const struct s3_answer *answer, const char *name)
{
    return http_response_header(&answer->response, name);
}

void s3_answer_release(struct s3_answer *answer)
{
    http_response_release(&answer->response);
    buf_release(&answer->body);
}

/* ---- again ----------------------------------------------------------------------------------- */

static void pause_for(struct s3 *self, span_us span)
{
    struct timespec until;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &until)); /* lint: what the condition counts by */
    until.tv_sec += (time_t)(span / SECOND);
    until.tv_nsec += (long)(span % SECOND) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    CHECK(!pthread_mutex_lock(&self->lock));
    while (pthread_cond_timedwait(&self->never, &self->lock, &until) != ETIMEDOUT)
        ;
    CHECK(!pthread_mutex_unlock(&self->lock));
}

struct s3_patience s3_begin(const struct s3 *self)
{
    span_us span = self->config.patience ? self->config.patience : PATIENCE;

    return (struct s3_patience){.deadline = clock_mono(self->config.clock) + span};
}

bool s3_wait(struct s3 *self, struct s3_patience *patience)
{
    mono_us now = clock_mono(self->config.clock);
    span_us span = MIN(FIRST_WAIT << MIN(patience->tries, 10U), LONGEST_WAIT);
    uint16_t random;

    patience->tries++;
    /* Many who were disturbed at once do not come back at once. */
    crypto_random(&random, sizeof(random));
    span += span * random / UINT16_MAX / 2;
    if (now + span > patience->deadline)
        return false;
    pause_for(self, span);
    return true;
}

enum rc s3_call(struct s3 *self, const struct s3_call *call, struct s3_answer *ret_answer,
                struct err *err)
{
    struct s3_patience patience = s3_begin(self);
    bool unknown = false;

    for (;;) {
        enum rc rc = s3_once(self, call, ret_answer, err);

        unknown |= rc == RC_UNKNOWN;
        if (rc == RC_OK || !ret_answer->may_pass || !s3_wait(self, &patience))
            return rc == RC_UNAVAILABLE && unknown ? RC_UNKNOWN : rc;
        s3_answer_release(ret_answer);
    }
}
