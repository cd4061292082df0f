/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/remote.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/limits.h"

#include "cli/split.h"
#include "cli/text.h"
#include "http/client.h"
#include "http/date.h"

#define CONNECT_TIMEOUT (5 * SECOND)
#define CALL_TIMEOUT    MINUTE

/* Bytes a second that a file is given at least: as the server does. */
#define LEAST_RATE ((size_t)64 * 1024)

enum { ANSWER_LIMIT = 64 * 1024 * 1024, PROBLEM_LIMIT = 256 * 1024, HEADERS_MAX = 5 };

/* ---- paths --------------------------------------------------------------------------------- */

const char *remote_path(struct cli *cli, const char *pattern, const char *segment)
{
    AUTO_BUF struct buf buf;
    const char *place = strstr(pattern, "{}");
    buf_init(&buf, LIMIT_BODY);
    (void)buf_append(&buf, pattern, (size_t)(place - pattern));
    http_url_encode(&buf, segment);
    (void)buf_puts(&buf, place + 2);
    return arena_strndup(&cli->arena, buf.data, buf.length);
}

const char *remote_query(struct cli *cli, const char *path, const char *name, const char *value)
{
    if (!value)
        return path;
    AUTO_BUF struct buf buf;
    buf_init(&buf, LIMIT_BODY);
    (void)buf_printf(&buf, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', name);
    http_url_encode(&buf, value);
    return arena_strndup(&cli->arena, buf.data, buf.length);
}

/* ---- what goes wrong ----------------------------------------------------------------------- */

/* Whether there was any field to complain of. */
static bool complain_of_fields(const struct json_value *errors, struct arena *arena)
{
    if (!errors || json_value_kind(errors) != JSON_KIND_ARRAY)
        return false;
    for (size_t i = 0; i < json_value_count(errors); i++) {
        const struct json_value *error = json_value_at(errors, i);
        cli_complain("%s: %s", text_of_member(error, "field", arena),
                     text_of_member(error, "message", arena));
    }
    return json_value_count(errors) > 0;
}

/* RFC 9457: `detail` says more than `title`; our own `errors` says the same field by field. */
static void complain_of_answer(struct cli *cli, unsigned status, const struct json_value *problem)
{
    const char *part = text_string(problem, "detail", NULL) ? "detail" : "title";
    if (complain_of_fields(text_member(problem, "errors"), &cli->arena))
        return;
    if (status == 401 && cli->has_session)
        cli_complain("the session has ended: sign in again with `cronjob login`, or go on without "
                     "by `cronjob logout`");
    else if (text_string(problem, part, NULL))
        cli_complain("%s", text_of_member(problem, part, &cli->arena));
    else
        cli_complain("the server answers with status %u", status);
}

static int complain_of_call(const struct cli *cli, enum rc rc, const struct err *err)
{
    if (rc == RC_UNAVAILABLE || rc == RC_TIMEOUT) {
        cli_complain("cannot reach %s: %s", cli->server, err_message(err, rc));
        return CLI_UNREACHABLE;
    }
    cli_complain("%s: %s", cli->server, err_message(err, rc));
    return rc == RC_INVALID ? CLI_USAGE : CLI_FAILED;
}

static bool is_success(unsigned status)
{
    return status >= 200 && status < 300;
}

/* ---- calls --------------------------------------------------------------------------------- */

static enum rc connect_client(struct cli *cli, struct err *err)
{
    struct http_client_config config = {.user_agent = "cronjob/" CRONJOB_VERSION,
                                        .connect_timeout = CONNECT_TIMEOUT,
                                        .ca_file = cli->ca_file,
                                        .socket = cli->socket};
    return cli->client ? RC_OK : http_client_new(&config, &cli->client, err);
}

static size_t fill_headers(struct cli *cli, const struct remote_request *request,
                           struct http_header headers[HEADERS_MAX])
{
    size_t count = 0;
    if (request->body || request->file)
        headers[count++] =
            (struct http_header){"Content-Type", request->is_patch ? "application/merge-patch+json"
                                                                   : "application/json"};
    if (cli->token)
        headers[count++] = (struct http_header){"Authorization",
                                                arena_printf(&cli->arena, "Bearer %s", cli->token)};
    if (request->if_match)
        headers[count++] = (struct http_header){"If-Match", request->if_match};
    if (request->idempotency_key)
        headers[count++] = (struct http_header){"Idempotency-Key", request->idempotency_key};
    return count;
}

static void take_response(struct http_response *response, struct remote_answer *answer)
{
    const char *etag = http_response_header(response, "ETag");
    answer->status = response->status;
    answer->date = http_date_read(http_response_header(response, "Date"));
    (void)snprintf(answer->etag, sizeof answer->etag, "%s", etag ? etag : "");
    answer->body = response->body;
    buf_init(&response->body, 0);
    http_response_release(response);
}

/* A body that is no JSON is an answer's as well: that of /healthz, of a proxy. */
static void read_body(struct remote_answer *answer)
{
    struct err err;
    if (answer->body.length == 0 ||
        json_document_read(answer->body.data, answer->body.length, &answer->json, &err) != RC_OK)
        answer->json = NULL;
}

int remote_call(struct cli *cli, const struct remote_request *request,
                struct remote_answer *ret_answer)
{
    struct http_header headers[HEADERS_MAX];
    struct http_response response;
    struct err err = {0};
    *ret_answer = (struct remote_answer){.date = INSTANT_NONE};
    buf_init(&ret_answer->body, 0);
    struct http_call call = {.method = request->method,
                             .url = arena_printf(&cli->arena, "%s%s", cli->url, request->path),
                             .headers = headers,
                             .header_count = fill_headers(cli, request, headers),
                             .body = request->body,
                             .body_length = request->body_length,
                             .timeout = CALL_TIMEOUT,
                             .body_limit = ANSWER_LIMIT};
    if (request->file) {
        call.give = file_body_give;
        call.give_context = request->file;
        call.body_length = file_body_length(request->file);
        call.timeout += (span_us)(call.body_length / LEAST_RATE) * SECOND;
    }
    enum rc rc = connect_client(cli, &err);
    if (rc == RC_OK)
        rc = http_client_request(cli->client, &call, &response, &err);
    if (rc != RC_OK)
        return complain_of_call(cli, rc, &err);
    take_response(&response, ret_answer);
    read_body(ret_answer);
    if (is_success(ret_answer->status))
        return CLI_DONE;
    if (!request->quiet)
        complain_of_answer(cli, ret_answer->status, ret_answer->json);
    return CLI_FAILED;
}

void remote_answer_release(struct remote_answer *answer)
{
    json_document_free(answer->json);
    buf_release(&answer->body);
    answer->json = NULL;
}

void remote_print(const struct remote_answer *answer)
{
    (void)fwrite(answer->body.data, 1, answer->body.length, stdout);
    if (answer->body.length && answer->body.data[answer->body.length - 1] != '\n')
        (void)fputc('\n', stdout);
}

/* ---- streams ------------------------------------------------------------------------------- */

struct passage {
    const struct remote_stream *stream;
    struct buf problem; /* the body of an answer that is not 2xx */
};

static bool pass_on(void *context, const struct http_response *response, const char *data,
                    size_t length)
{
    struct passage *passage = context;
    if (is_success(response->status))
        return passage->stream->sink(passage->stream->context, data, length);
    return buf_append(&passage->problem, data, length) == RC_OK;
}

static void complain_of_stream(struct cli *cli, unsigned status, const struct buf *problem)
{
    AUTO_JSON struct json_value *json = NULL;
    struct err err;
    if (json_document_read(problem->data, problem->length, &json, &err) != RC_OK)
        json = NULL;
    complain_of_answer(cli, status, json);
}

/* Who may not listen any more is cut off, and told why by a refusal when they ask again. */
static int explain_cut(struct cli *cli, const struct remote_stream *stream, enum rc rc,
                       const struct err *err)
{
    AUTO_ANSWER struct remote_answer answer = {0};
    struct remote_request request = {.method = "GET", .path = stream->subject};
    int code = stream->subject ? remote_call(cli, &request, &answer) : CLI_DONE;
    return code == CLI_DONE ? complain_of_call(cli, rc, err) : code;
}

static int end_stream(struct cli *cli, const struct passage *passage, unsigned status, enum rc rc,
                      const struct err *err)
{
    if (status && !is_success(status) && (rc == RC_OK || rc == RC_CLOSED)) {
        complain_of_stream(cli, status, &passage->problem);
        return CLI_FAILED;
    }
    if (rc == RC_OK || (rc == RC_TIMEOUT && passage->stream->ends_quietly && status))
        return CLI_DONE;
    if (rc == RC_UNAVAILABLE && status)
        return explain_cut(cli, passage->stream, rc, err);
    return rc == RC_CLOSED ? CLI_FAILED : complain_of_call(cli, rc, err);
}

int remote_stream(struct cli *cli, const struct remote_stream *stream)
{
    struct remote_request request = {.method = "GET"};
    struct passage passage = {.stream = stream};
    struct http_header headers[HEADERS_MAX];
    struct http_response response = {0};
    struct err err = {0};
    struct http_call call = {.method = "GET",
                             .url = arena_printf(&cli->arena, "%s%s", cli->url, stream->path),
                             .headers = headers,
                             .header_count = fill_headers(cli, &request, headers),
                             .idle_timeout = stream->patience ? stream->patience : CALL_TIMEOUT};
    enum rc rc = connect_client(cli, &err);
    if (rc != RC_OK)
        return complain_of_call(cli, rc, &err);
    buf_init(&passage.problem, PROBLEM_LIMIT);
    rc = http_client_stream(cli->client, &call, pass_on, &passage, &response, &err);
    int code = end_stream(cli, &passage, response.status, rc, &err);
    buf_release(&passage.problem);
    http_response_release(&response);
    return code;
}

/* ---- lists --------------------------------------------------------------------------------- */

struct elements {
    struct split split;
    remote_visit visit;
    void *context;
    bool stopped;   /* by the visitor */
    struct err err; /* set when the list is broken */
};

static bool read_element(void *context, const char *text, size_t length)
{
    struct elements *elements = context;
    AUTO_JSON struct json_value *value = NULL;
    if (json_document_read(text, length, &value, &elements->err) != RC_OK) {
        value = NULL;
        return false;
    }
    elements->stopped = !elements->visit(elements->context, value, text, length);
    return !elements->stopped;
}

static bool split_piece(void *context, const char *data, size_t length)
{
    struct elements *elements = context;
    return split_feed(&elements->split, data, length, read_element, elements, &elements->err) ==
           RC_OK;
}

int remote_each(struct cli *cli, const char *path, remote_visit visit, void *context)
{
    struct elements elements = {.visit = visit, .context = context};
    struct remote_stream stream = {.path = path, .sink = split_piece, .context = &elements};
    split_init(&elements.split);
    int code = remote_stream(cli, &stream);
    bool is_whole = elements.split.ended;
    split_release(&elements.split);
    if (elements.err.message[0])
        cli_complain("%s", elements.err.message);
    else if (code == CLI_DONE && !is_whole) {
        cli_complain("the server's answer breaks off");
        code = CLI_FAILED;
    }
    return code;
}
