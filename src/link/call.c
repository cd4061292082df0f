/* SPDX-License-Identifier: Apache-2.0 */
#include "link/call.h"

#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "link/protocol.h"
#include "link/signature.h"
#include "link/text.h"

enum rc link_caller_init(struct link_caller *caller, struct clock *clock,
                         const struct link_secret *secret, const char *ca_file, struct err *err)
{
    struct http_client_config config = {.user_agent = "cronjob/" CRONJOB_VERSION,
                                        .connect_timeout = LINK_CONNECT_TIMEOUT,
                                        .ca_file = ca_file};
    enum rc rc = crypto_init(err);

    *caller = (struct link_caller){.clock = clock, .secret = secret};
    return rc == RC_OK ? http_client_new(&config, &caller->client, err) : rc;
}

void link_caller_release(struct link_caller *caller)
{
    http_client_free(caller->client);
    caller->client = NULL;
}

struct signed_call {
    char signature[LINK_SIGNATURE_TEXT];
    struct http_header headers[2];
    char *url;
    struct http_call http;
};

static uint64_t draw_nonce(void)
{
    uint64_t nonce = 0;

    while (nonce == 0)
        crypto_random(&nonce, sizeof(nonce));
    return nonce;
}

static void sign(const struct link_caller *caller, const struct link_call *call,
                 struct signed_call *ret_signed)
{
    struct link_message message = {.method = call->method, .target = call->target};
    struct link_signature signature = {.seconds = clock_now(caller->clock) / SECOND,
                                       .nonce = draw_nonce()};

    crypto_digest(call->body ? call->body->data : "", call->body ? call->body->length : 0,
                  signature.digest);
    link_sign(caller->secret, &message, &signature, ret_signed->signature);
    ret_signed->headers[0] = (struct http_header){LINK_SIGNATURE_HEADER, ret_signed->signature};
    ret_signed->headers[1] = (struct http_header){"Content-Type", LINK_JSON};
    ret_signed->url = xasprintf("%s%s", call->url, call->target);
    ret_signed->http = (struct http_call){.method = call->method,
                                          .url = ret_signed->url,
                                          .headers = ret_signed->headers,
                                          .header_count = call->body ? 2 : 1,
                                          .body = call->body ? call->body->data : NULL,
                                          .body_length = call->body ? call->body->length : 0,
                                          .timeout = call->timeout,
                                          .body_limit = call->answer_limit,
                                          .once = call->once,
                                          .go_on = call->go_on,
                                          .go_on_context = call->context};
}

enum rc link_call(struct link_caller *caller, const struct link_call *call,
                  struct http_response *ret_response, struct err *err)
{
    struct signed_call made;
    enum rc rc;

    sign(caller, call, &made);
    rc = http_client_request(caller->client, &made.http, ret_response, err);
    free(made.url);
    return rc;
}

enum rc link_call_stream(struct link_caller *caller, const struct link_call *call, http_take take,
                         struct http_response *ret_response, struct err *err)
{
    struct signed_call made;
    enum rc rc;

    sign(caller, call, &made);
    rc = http_client_stream(caller->client, &made.http, take, call->context, ret_response, err);
    free(made.url);
    return rc;
}

static void take_detail(const struct http_response *response, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    const struct json_value *detail = NULL;

    err_set(err, "it answers %u", response->status);
    if (json_document_read(response->body.data, response->body.length, &document, NULL) != RC_OK)
        return;
    if (json_value_kind(document) == JSON_KIND_OBJECT)
        detail = json_value_member(document, "detail");
    if (detail && json_value_kind(detail) == JSON_KIND_STRING)
        err_set(err, "it answers %u: %s", response->status, json_value_string(detail));
}

enum rc link_refusal(const struct http_response *response, struct err *err)
{
    take_detail(response, err);
    switch (response->status) {
    case LINK_STATUS_REPEATED:
        return RC_CONFLICT;
    case 404:
        return RC_NOT_FOUND;
    case 503:
        return RC_BUSY;
    default:
        return RC_UNAVAILABLE;
    }
}
