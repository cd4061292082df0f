/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CURL_DISABLE_TYPECHECK /* its checks are macros of the names that are looked up here */
#include <curl/curl.h>

#include "base/check.h"
#include "base/library.h"
#include "base/mem.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

enum { HEADERS = 100, HEADER_TEXT_LIMIT = 64 * 1024 };

/* Every function of libcurl that is used. */
/* clang-format off */
#define LIBRARY_TABLE(X) \
    X(global_init,    curl_global_init) \
    X(easy_init,      curl_easy_init) \
    X(easy_cleanup,   curl_easy_cleanup) \
    X(easy_reset,     curl_easy_reset) \
    X(easy_setopt,    curl_easy_setopt) \
    X(easy_getinfo,   curl_easy_getinfo) \
    X(easy_perform,   curl_easy_perform) \
    X(easy_strerror,  curl_easy_strerror) \
    X(slist_append,   curl_slist_append) \
    X(slist_free_all, curl_slist_free_all)
/* clang-format on */

static struct library {
    LIBRARY_TABLE(LIBRARY_MEMBER)
} curl;
static const struct library_symbol symbols[] = {LIBRARY_TABLE(LIBRARY_SYMBOL)};

static enum rc loaded; /* that, and why not, is written once, by load() */
static struct err failure;

struct http_client {
    CURL *handle;
    span_us connect_timeout;
    char *user_agent;
    char *ca_file;
    char *socket;
    char reason[CURL_ERROR_SIZE];
};

/* A call that is going on. */
struct exchange {
    const struct http_call *call;
    struct http_response *response;
    http_take take; /* NULL: the response's body takes it */
    void *context;
    size_t header_text; /* bytes */
    size_t given;       /* bytes of the body */
    bool has_head;      /* all of it: libcurl is content with one that ends with the connection */
    enum rc rc;         /* why it was broken off from our side */
};

static void load(void)
{
    loaded = library_load("libcurl.so.4", symbols, ARRAY_SIZE(symbols), &curl, &failure);
    if (loaded == RC_OK && curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        loaded = err_fail(&failure, RC_UNAVAILABLE, "libcurl cannot be initialised");
}

enum rc http_client_new(const struct http_client_config *config, struct http_client **ret_client,
                        struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *client;

    CHECK(pthread_once(&once, load) == 0);
    if (loaded != RC_OK)
        return err_fail(err, loaded, "no HTTP client: %s", failure.message);
    client = xcalloc(1, sizeof(*client));
    client->handle = curl.easy_init();
    CHECK(client->handle);
    client->connect_timeout = config->connect_timeout;
    client->user_agent = config->user_agent ? xstrdup(config->user_agent) : NULL;
    client->ca_file = config->ca_file ? xstrdup(config->ca_file) : NULL;
    client->socket = config->socket ? xstrdup(config->socket) : NULL;
    *ret_client = client;
    return RC_OK;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    curl.easy_cleanup(client->handle);
    free(client->user_agent);
    free(client->ca_file);
    free(client->socket);
    free(client);
}

void http_client_free_at(struct http_client **client)
{
    http_client_free(*client);
}

/* What comes. */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count;

    if (exchange->take)
        exchange->rc =
            exchange->take(exchange->context, exchange->response, data, length) ? RC_OK : RC_CLOSED;
    else
        exchange->rc = buf_append(&exchange->response->body, data, length);
    return exchange->rc == RC_OK ? length : length + 1; /* any other number ends the call */
}

/* "HTTP/1.1 200 OK": what an interim answer brought is forgotten. */
static void begin_head(struct http_response *response, const char *line, size_t length)
{
    const char *space = memchr(line, ' ', length), *end = line + length;

    response->status = 0;
    response->header_count = 0;
    for (const char *c = space ? space + 1 : end; c < end && *c >= '0' && *c <= '9'; c++)
        response->status = response->status * 10 + (unsigned)(*c - '0');
    if (!response->headers)
        response->headers = arena_calloc(&response->arena, HEADERS * sizeof(*response->headers));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void keep_header(struct http_response *response, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    const char *value = colon ? colon + 1 : NULL, *end = line + length;

    if (!colon || response->header_count == HEADERS)
        return;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    response->headers[response->header_count++] = (struct http_header){
        .name = arena_strndup(&response->arena, line, (size_t)(colon - line)),
        .value = arena_strndup(&response->arena, value, (size_t)(end - value)),
    };
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count;

    exchange->header_text += length;
    if (exchange->header_text > HEADER_TEXT_LIMIT) {
        exchange->rc = RC_TOO_BIG;
        return length + 1;
    }
    if (length <= 2) /* the empty line: what follows are trailers, or another head */
        exchange->has_head = true;
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0) {
        exchange->has_head = false;
        begin_head(exchange->response, line, length);
    } else if (exchange->response->headers)
        keep_header(exchange->response, line, length);
    return length;
}

/* What goes out. */

static size_t on_read(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    const struct http_call *call = exchange->call;
    size_t room = MIN(size * count, call->body_length - exchange->given);
    size_t given = room ? call->give(call->give_context, exchange->given, data, room) : 0;

    if (room && !given) {
        exchange->rc = RC_IO;
        return CURL_READFUNC_ABORT;
    }
    exchange->given += given;
    return given;
}

/* A connection that was kept open turned out to be closed: all of it again. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct exchange *exchange = context;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > exchange->call->body_length)
        return CURL_SEEKFUNC_FAIL;
    exchange->given = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* libcurl asks about once a second while nothing comes. */
static int on_progress(void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_send,
                       curl_off_t sent)
{
    struct exchange *exchange = context;

    (void)to_get, (void)got, (void)to_send, (void)sent;
    if (exchange->call->go_on(exchange->call->go_on_context))
        return 0;
    exchange->rc = RC_CLOSED;
    return 1;
}

static curl_socket_t on_connect(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct http_call *call = context;

    (void)purpose;
    if (!call->may_connect(call->may_connect_context, &address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* What is asked. */

static struct curl_slist *make_headers(const struct http_call *call)
{
    /* No "Expect: 100-continue", for which libcurl would wait. */
    struct curl_slist *list = curl.slist_append(NULL, "Expect:");

    for (size_t i = 0; i < call->header_count; i++) {
        AUTO_FREE char *line = xasprintf("%s: %s", call->headers[i].name, call->headers[i].value);

        list = curl.slist_append(list, line);
        CHECK(list);
    }
    return list;
}

#define SET(option, value) (void)curl.easy_setopt(client->handle, (option), (value))

static void set_manner(struct http_client *client, const struct http_call *call)
{
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_ERRORBUFFER, client->reason);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(client->connect_timeout / MILLISECOND));
    SET(CURLOPT_TIMEOUT_MS, (long)(call->timeout / MILLISECOND));
    if (call->idle_timeout > 0) {
        SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
        SET(CURLOPT_LOW_SPEED_TIME, (long)((call->idle_timeout + SECOND - 1) / SECOND));
    }
    if (client->user_agent)
        SET(CURLOPT_USERAGENT, client->user_agent);
    if (client->ca_file)
        SET(CURLOPT_CAINFO, client->ca_file);
    if (client->socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, client->socket);
}

static void set_body(struct http_client *client, struct exchange *exchange)
{
    const struct http_call *call = exchange->call;

    if (call->give) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_length);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, exchange);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, exchange);
    } else if (call->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length);
        SET(CURLOPT_POSTFIELDS, call->body);
    }
}

static void set_up(struct http_client *client, struct exchange *exchange,
                   const struct curl_slist *headers)
{
    const struct http_call *call = exchange->call;

    curl.easy_reset(client->handle); /* which keeps the connections */
    *client->reason = '\0';
    set_manner(client, call);
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_HTTPHEADER, headers);
    set_body(client, exchange);
    if (strcmp(call->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    if (call->once)
        SET(CURLOPT_FRESH_CONNECT, 1L);
    if (call->go_on) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, exchange);
    }
    if (call->may_connect) {
        SET(CURLOPT_OPENSOCKETFUNCTION, on_connect);
        SET(CURLOPT_OPENSOCKETDATA, call);
    }
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, exchange);
}

static bool was_connected(const struct http_client *client)
{
    curl_off_t connected = 0;

    (void)curl.easy_getinfo(client->handle, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return connected > 0;
}

bool http_client_has_sent(const struct http_client *client)
{
    long sent = 0;

    (void)curl.easy_getinfo(client->handle, CURLINFO_REQUEST_SIZE, &sent);
    return sent > 0;
}

static enum rc outcome(const struct http_client *client, const struct exchange *exchange,
                       CURLcode code, struct err *err)
{
    const char *reason = *client->reason ? client->reason : curl.easy_strerror(code);

    if (code == CURLE_OK)
        return exchange->has_head
                   ? RC_OK
                   : err_fail(err, RC_UNAVAILABLE, "the answer ended within its head");
    if (exchange->rc == RC_CLOSED)
        return err_fail(err, RC_CLOSED, "ended by the caller");
    if (exchange->rc == RC_IO)
        return err_fail(err, RC_IO, "what was to be sent could not be read");
    if (exchange->rc != RC_OK)
        return err_fail(err, exchange->rc, "the answer is larger than allowed");
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_fail(err, RC_INVALID, "%s: %s", exchange->call->url, reason);
    if (code == CURLE_OPERATION_TIMEDOUT && was_connected(client))
        return err_fail(err, RC_TIMEOUT, "%s", reason);
    return err_fail(err, RC_UNAVAILABLE, "%s", reason);
}

static enum rc perform(struct http_client *client, struct exchange *exchange, struct err *err)
{
    struct curl_slist *headers = make_headers(exchange->call);
    CURLcode code;

    set_up(client, exchange, headers);
    code = curl.easy_perform(client->handle);
    curl.slist_free_all(headers);
    return outcome(client, exchange, code, err);
}

enum rc http_client_request(struct http_client *client, const struct http_call *call,
                            struct http_response *ret_response, struct err *err)
{
    struct http_response response = {0};
    struct exchange exchange = {.call = call, .response = &response};
    enum rc rc;

    buf_init(&response.body, call->body_limit);
    rc = perform(client, &exchange, err);
    if (rc == RC_OK)
        *ret_response = response;
    else
        http_response_release(&response);
    return rc;
}

enum rc http_client_stream(struct http_client *client, const struct http_call *call, http_take take,
                           void *context, struct http_response *ret_response, struct err *err)
{
    struct exchange exchange = {
        .call = call, .response = ret_response, .take = take, .context = context};

    *ret_response = (struct http_response){0};
    buf_init(&ret_response->body, 0);
    return perform(client, &exchange, err);
}

const char *http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}

void http_response_release(struct http_response *response)
{
    buf_release(&response->body);
    arena_release(&response->arena);
    response->headers = NULL;
    response->header_count = 0;
}

void http_url_encode(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        char c = *text;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (letter || (c >= '0' && c <= '9') || strchr("-._~", c))
            (void)buf_putc(buf, c);
        else
            (void)buf_printf(buf, "%%%02X", (unsigned)(unsigned char)c);
    }
}
