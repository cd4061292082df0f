/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: what is open to everybody, and who is let in. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "fixture.h"
#include "http/client.h"
#include "link/call.h"
#include "link/leader.h"
#include "link/protocol.h"
#include "link/signature.h"

static int start(void **state)
{
    *state = fixture_new();
    return 0;
}

static int stop(void **state)
{
    fixture_free(*state);
    return 0;
}

struct answer {
    unsigned status;
    struct buf body;
};

/* A call with this header, or none, and nothing else. */
static struct answer ask(const char *method, const char *url, const char *target, const char *body,
                         const char *signature)
{
    AUTO_HTTP_CLIENT struct http_client *client = NULL;
    AUTO_FREE char *whole = xasprintf("%s%s", url, target);
    struct http_header headers[] = {{"Content-Type", LINK_JSON},
                                    {LINK_SIGNATURE_HEADER, signature}};
    struct http_call call = {.method = method,
                             .url = whole,
                             .headers = headers,
                             .header_count = signature ? 2 : 1,
                             .body = body,
                             .body_length = body ? strlen(body) : 0,
                             .timeout = 10 * SECOND,
                             .body_limit = LINK_ANSWER_MAX};
    struct http_client_config config = {.connect_timeout = SECOND};
    struct http_response response;
    struct answer answer = {0};

    assert_int_equal(http_client_new(&config, &client, NULL), RC_OK);
    assert_int_equal(http_client_request(client, &call, &response, NULL), RC_OK);
    answer.status = response.status;
    buf_init(&answer.body, LINK_ANSWER_MAX);
    assert_int_equal(buf_append(&answer.body, response.body.data, response.body.length), RC_OK);
    http_response_release(&response);
    return answer;
}

static void expect(struct answer answer, unsigned status, const char *text)
{
    if (answer.status != status || !strstr(answer.body.data, text))
        fail_msg("%u %s, not %u %s", answer.status, answer.body.data, status, text);
    buf_release(&answer.body);
}

static const char *sign(struct fixture *fixture, const char *method, const char *target,
                        const char *body, char text[LINK_SIGNATURE_TEXT])
{
    static uint64_t nonce = 1;
    struct link_message message = {method, target};
    struct link_signature signature = {.seconds = clock_now(fixture->clock) / SECOND,
                                       .nonce = nonce++};

    crypto_digest(body, strlen(body), signature.digest);
    return link_sign(&fixture->secret, &message, &signature, text);
}

static void serves_everybody(void **state)
{
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");

    expect(ask("GET", node->url, "/healthz", NULL, NULL), 200, "ok\n");
    expect(ask("GET", node->url, "/readyz", NULL, NULL), 503, "it does not lead");
    fixture_elect(fixture, node, NULL);
    expect(ask("GET", node->url, "/readyz", NULL, NULL), 200, "ready\n");
    expect(ask("GET", node->url, "/metrics", NULL, NULL), 200,
           "cronjob_http_requests_total{method=\"GET\",route=\"/healthz\",code=\"200\"} ");
    expect(ask("GET", node->url, "/", NULL, NULL), 404, "nothing");
}

static void lets_in_who_signs(void **state)
{
    static const char body[] = "{\"version\":1,\"changes\":[]}";
    struct fixture *fixture = *state;
    struct node *node = fixture_add_manager(fixture, "m1");
    char text[LINK_SIGNATURE_TEXT];

    fixture_elect(fixture, node, NULL);
    expect(ask("POST", node->url, LINK_CHANGES_PATH, body, NULL), 401, "is not signed");
    expect(ask("POST", node->url, LINK_CHANGES_PATH, body, "1 2 3"), 401, "cannot be read");
    sign(fixture, "POST", LINK_CHANGES_PATH, body, text);
    expect(ask("POST", node->url, LINK_CHANGES_PATH, "{}", text), 401, "not the one that was");
    expect(ask("POST", node->url, LINK_CHANGES_PATH, body, text), 409, "came before");
    sign(fixture, "POST", LINK_CHANGES_PATH "?x=y", body, text);
    expect(ask("POST", node->url, LINK_CHANGES_PATH, body, text), 401, "different cluster");
    sign(fixture, "POST", LINK_CHANGES_PATH, body, text);
    *text = '2';
    expect(ask("POST", node->url, LINK_CHANGES_PATH, body, text), 400, "of version 2 of the link");
    sign(fixture, "POST", LINK_CHANGES_PATH, body, text);
    expect(ask("POST", node->url, LINK_CHANGES_PATH, body, text), 200, "\"results\":[]");
}

static void says_who_leads(void **state)
{
    static const char body[] = "{\"version\":1,\"changes\":[]}";
    struct fixture *fixture = *state;
    struct node *first = fixture_add_manager(fixture, "m1");
    struct node *second = fixture_add_manager(fixture, "m2");
    char text[LINK_SIGNATURE_TEXT];

    sign(fixture, "POST", LINK_CHANGES_PATH, body, text);
    expect(ask("POST", first->url, LINK_CHANGES_PATH, body, text), 421, "{\"version\":1}");
    fixture_elect(fixture, second, NULL);
    sign(fixture, "POST", LINK_CHANGES_PATH, body, text);
    expect(ask("POST", first->url, LINK_CHANGES_PATH, body, text), 421,
           "{\"version\":1,\"leader\":{\"name\":\"m2\",\"url\":\"http://127.0.0.1:");
    sign(fixture, "GET", LINK_EVENTS_PATH, "", text);
    expect(ask("GET", first->url, LINK_EVENTS_PATH, NULL, text), 421, "\"epoch\":\"1\"");
}

static void refuses_what_it_cannot_read(void **state)
{
    struct fixture *fixture = *state;
    struct node *manager = fixture_add_manager(fixture, "m1");
    struct node *worker = fixture_add_worker(fixture, "node");
    char text[LINK_SIGNATURE_TEXT];

    fixture_elect(fixture, manager, NULL);
    sign(fixture, "POST", LINK_CHANGES_PATH, "{}", text);
    expect(ask("POST", manager->url, LINK_CHANGES_PATH, "{}", text), 400, "with a version");
    sign(fixture, "POST", LINK_EVENTS_PATH, "[]", text);
    expect(ask("POST", manager->url, LINK_EVENTS_PATH, "[]", text), 400, "with a version");
    sign(fixture, "POST", LINK_REMOVE_PATH, "{}", text);
    expect(ask("POST", worker->url, LINK_REMOVE_PATH, "{}", text), 400, "with a version");
    sign(fixture, "GET", "/link/1/outputs/7-1-1?offset=0&length=9999999", "", text);
    expect(ask("GET", worker->url, "/link/1/outputs/7-1-1?offset=0&length=9999999", NULL, text),
           413, "at most 262144 bytes");
    sign(fixture, "GET", "/link/1/outputs/7-1-1?offset=-1&length=0", "", text);
    expect(ask("GET", worker->url, "/link/1/outputs/7-1-1?offset=-1&length=0", NULL, text), 400,
           "must be numbers");
    sign(fixture, "GET", "/link/1/outputs/7-1-1", "", text);
    expect(ask("GET", worker->url, "/link/1/outputs/7-1-1", NULL, text), 400, "must be numbers");
    expect(ask("POST", worker->url, LINK_CHANGES_PATH, "{}", NULL), 404, "nothing at this path");
}

/* A manager that takes changes and keeps them, as one that waits for its store. */
struct slow {
    struct changes base;
    struct change *_Atomic kept;
};

static enum rc keep(struct changes *changes, struct change *change, struct err *err)
{
    (void)err;
    atomic_store(&container_of(changes, struct slow, base)->kept, change);
    return RC_OK;
}

static void *post_change(void *context)
{
    static const char body[] =
        "{\"version\":1,\"changes\":[{\"kind\":\"job_purge\",\"id\":\"7\"}]}";
    struct node *node = context;
    AUTO_HTTP_CLIENT struct http_client *client = NULL;
    AUTO_FREE char *url = xasprintf("%s%s", node->url, LINK_CHANGES_PATH);
    char text[LINK_SIGNATURE_TEXT];
    struct http_header headers[] = {
        {"Content-Type", LINK_JSON},
        {LINK_SIGNATURE_HEADER, sign(node->fixture, "POST", LINK_CHANGES_PATH, body, text)}};
    struct http_call call = {.method = "POST",
                             .url = url,
                             .headers = headers,
                             .header_count = 2,
                             .body = body,
                             .body_length = sizeof(body) - 1,
                             .timeout = FIXTURE_PATIENCE,
                             .body_limit = LINK_ANSWER_MAX};
    struct http_response response;

    assert_int_equal(
        http_client_new(&(struct http_client_config){.connect_timeout = SECOND}, &client, NULL),
        RC_OK);
    assert_int_equal(http_client_request(client, &call, &response, NULL), RC_UNAVAILABLE);
    return NULL;
}

static void goes_before_its_changes_are_done(void **state)
{
    static const struct changes_ops ops = {.name = "slow", .submit = keep};
    struct fixture *fixture = *state;
    struct slow slow = {.base.ops = &ops};
    struct node *node = fixture_add_gate(fixture, "m1", &slow.base);
    pthread_t poster;

    fixture_elect(fixture, node, NULL);
    assert_int_equal(pthread_create(&poster, NULL, post_change, node), 0);
    fixture_wait_for(fixture, atomic_load(&slow.kept));
    fixture_stop_node(node);
    atomic_load(&slow.kept)->done(atomic_load(&slow.kept));
    assert_int_equal(pthread_join(poster, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(serves_everybody),
        TEST(lets_in_who_signs),
        TEST(says_who_leads),
        TEST(refuses_what_it_cannot_read),
        TEST(goes_before_its_changes_are_done),
    };

    return cmocka_run_group_tests_name("link gate", tests, NULL, NULL);
}
