/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS: what can be shown, who trusts it, and a new certificate while connections go on. The keys
 * are worth nothing: they were made for this test by `openssl req -x509`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "http/client.h"

/* clang-format off */
#define FIRST_CHAIN \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBkjCCATmgAwIBAgIUXPhhLbZ11HjeDdSUpLTSlbgaOmAwCgYIKoZIzj0EAwIw\n" \
    "EDEOMAwGA1UEAwwFZmlyc3QwIBcNMjYxMTI0MTQyNTMzWhgPMjEyNjEwMzExNDI1\n" \
    "MzNaMBAxDjAMBgNVBAMMBWZpcnN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n" \
    "hjDdgvKbWjwoOEKwVWyyVEQ+Ummpxqtxk8hI4a2ycPaCGdkW6xLx76oHbXsL008c\n" \
    "A/H/gX9Hq5bwzY7Zj09E06NvMG0wHQYDVR0OBBYEFN7T8r0Yf5892UElo5YORiR4\n" \
    "DkNRMB8GA1UdIwQYMBaAFN7T8r0Yf5892UElo5YORiR4DkNRMA8GA1UdEwEB/wQF\n" \
    "MAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49BAMCA0cA\n" \
    "MEQCIBHhQY82ss1Ko6wPpQZBkqVYSLI/a3xx6cKE/wX1uFJIAiBlRljdeDUroP7K\n" \
    "Eeql4LbkOhnNzEALPOPUuR7lZvwMsQ==\n" \
    "-----END CERTIFICATE-----\n"
#define FIRST_KEY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQeeYdBKlJ3VQWGA/\n" \
    "bkIwZAIn9Rs4MM4FgaVHDx88dNyhRANCAASGMN2C8ptaPCg4QrBVbLJURD5SaanG\n" \
    "q3GTyEjhrbJw9oIZ2RbrEvHvqgdtewvTTxwD8f+Bf0erlvDNjtmPT0TT\n" \
    "-----END PRIVATE KEY-----\n"
#define SECOND_CHAIN \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBljCCATugAwIBAgIUWFwntYrtwbodbl84aP8TiK23UWAwCgYIKoZIzj0EAwIw\n" \
    "ETEPMA0GA1UEAwwGc2Vjb25kMCAXDTI2MTEyNDE0MjUzM1oYDzIxMjYxMDMxMTQy\n" \
    "NTMzWjARMQ8wDQYDVQQDDAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n" \
    "AAQuNYzzDQY3iVOcw8xC2t5kjpnZGCZCUKo45PfYFHjOewMWrfrj1i1f/Ylnb6en\n" \
    "xChq/huqr8lFk6ORd54OEYCVo28wbTAdBgNVHQ4EFgQUdqe12/s2ZURzj9jMbth3\n" \
    "5SOC9s8wHwYDVR0jBBgwFoAUdqe12/s2ZURzj9jMbth35SOC9s8wDwYDVR0TAQH/\n" \
    "BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwID\n" \
    "SQAwRgIhAIgjmvGrPnSSBNfHbWCDyn+jgy4amkYhCdtfbGGl6gCaAiEA2/JhL2S1\n" \
    "lq+y1V4SG/gi/iv7yIMVqIV2P2Ju24jFBRk=\n" \
    "-----END CERTIFICATE-----\n"
#define SECOND_KEY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglZEzY2sO4kQ8lKL5\n" \
    "Y5fG1MLNTr9qTpXyfjCGQM4wYvChRANCAAQuNYzzDQY3iVOcw8xC2t5kjpnZGCZC\n" \
    "UKo45PfYFHjOewMWrfrj1i1f/Ylnb6enxChq/huqr8lFk6ORd54OEYCV\n" \
    "-----END PRIVATE KEY-----\n"
/* clang-format on */

static const struct http_certificate first = {FIRST_CHAIN, FIRST_KEY};
static const struct http_certificate second = {SECOND_CHAIN, SECOND_KEY};

static void tells_what_cannot_be_used(void **state)
{
    static const struct http_certificate wrong[] = {
        {FIRST_CHAIN, SECOND_KEY}, {FIRST_KEY, FIRST_KEY}, {FIRST_CHAIN, "none"}, {"", ""}};
    struct err err = {0};

    (void)state;
    assert_int_equal(http_certificate_check(&first, &err), RC_OK);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(http_certificate_check(&wrong[i], &err), RC_INVALID);
        assert_non_null(strstr(err.message, "certificate and key cannot be used: "));
    }
}

/* ---- a server that shows one ----------------------------------------------------------------- */

static void answer(struct http_request *request)
{
    http_respond(request, 200, "text/plain", "here", 4, NULL, 0);
}

static const struct http_route routes[] = {{"GET", "/", answer, NULL, 0, .data = NULL}};

/* A client that trusts one certificate alone. */
struct trust {
    char path[32];
    struct http_client *client;
};

static struct trust trust(const struct http_certificate *certificate)
{
    struct trust made = {.path = "/tmp/cronjob-trust-XXXXXX"};
    struct http_client_config config = {.connect_timeout = FIXTURE_PATIENCE, .ca_file = made.path};
    struct err err = {0};
    int fd = mkstemp(made.path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, certificate->chain, strlen(certificate->chain)),
                     (ssize_t)strlen(certificate->chain));
    assert_int_equal(close(fd), 0);
    assert_int_equal(http_client_new(&config, &made.client, &err), RC_OK);
    return made;
}

static void end_trust(struct trust *trust)
{
    http_client_free(trust->client);
    assert_int_equal(unlink(trust->path), 0);
}

static enum rc ask(const struct fixture *fixture, struct trust *trust, const char *host,
                   struct err *err)
{
    char url[64];
    struct http_call call = {
        .method = "GET", .url = url, .timeout = FIXTURE_PATIENCE, .body_limit = 100};
    struct http_response response;
    enum rc rc;

    (void)snprintf(url, sizeof(url), "https://%s:%u/", host, fixture->port);
    rc = http_client_request(trust->client, &call, &response, err);
    if (rc != RC_OK)
        return rc;
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body.data, "here");
    http_response_release(&response);
    return RC_OK;
}

static void answers_who_trusts_it(void **state)
{
    struct fixture fixture = {0};
    struct trust right = trust(&first), wrong = trust(&second);
    struct err err = {0};

    (void)state;
    fixture_start(&fixture, routes, 1, (struct http_server_config){.certificate = &first});
    assert_int_equal(ask(&fixture, &right, "127.0.0.1", &err), RC_OK);
    assert_int_equal(ask(&fixture, &right, "localhost", &err), RC_OK);
    assert_int_equal(ask(&fixture, &right, "127.0.0.2", &err), RC_UNAVAILABLE);
    assert_int_equal(ask(&fixture, &wrong, "127.0.0.1", &err), RC_UNAVAILABLE);
    assert_non_null(strstr(err.message, "certificate"));
    fixture_stop(&fixture);
    end_trust(&right);
    end_trust(&wrong);
}

static void survives_clear_text(void **state)
{
    struct fixture fixture = {0};
    struct trust right = trust(&first);
    struct err err = {0};
    AUTO_BUF struct buf buf;
    int fd;

    (void)state;
    buf_init(&buf, 10000);
    fixture_start(&fixture, routes, 1, (struct http_server_config){.certificate = &first});
    fd = fixture_connect(&fixture);
    fixture_send(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    fixture_read_all(fd, &buf);
    assert_null(strstr(buf.data ? buf.data : "", "here"));
    assert_int_equal(close(fd), 0);
    assert_int_equal(ask(&fixture, &right, "localhost", &err), RC_OK);
    fixture_stop(&fixture);
    end_trust(&right);
}

static void shows_a_new_one_to_new_connections(void **state)
{
    struct fixture fixture = {0};
    struct trust old = trust(&first), late = trust(&first), new = trust(&second);
    struct http_certificate wrong = {FIRST_CHAIN, SECOND_KEY};
    struct err err = {0};

    (void)state;
    fixture_start(&fixture, routes, 1, (struct http_server_config){.certificate = &first});
    assert_int_equal(ask(&fixture, &old, "localhost", &err), RC_OK);
    assert_int_equal(http_server_renew(fixture.server, &wrong, &err), RC_INVALID);
    assert_int_equal(ask(&fixture, &new, "localhost", &err), RC_UNAVAILABLE);
    assert_int_equal(http_server_renew(fixture.server, &second, &err), RC_OK);
    assert_int_equal(ask(&fixture, &new, "localhost", &err), RC_OK);
    assert_int_equal(ask(&fixture, &old, "localhost", &err), RC_OK); /* on its open connection */
    assert_int_equal(ask(&fixture, &late, "localhost", &err), RC_UNAVAILABLE);
    fixture_stop(&fixture);
    end_trust(&old);
    end_trust(&late);
    end_trust(&new);
}

/* As often as one likes, while nobody holds on to the older ones; and not without an end. */
static void renews_again_and_again(void **state)
{
    enum { HELD = 8 };
    struct fixture fixture = {0};
    struct trust held[HELD + 1];
    struct err err = {0};

    (void)state;
    fixture_start(&fixture, routes, 1, (struct http_server_config){.certificate = &first});
    for (int i = 0; i < 3 * HELD; i++)
        assert_int_equal(http_server_renew(fixture.server, &first, &err), RC_OK);
    for (int i = 0; i <= HELD; i++) {
        held[i] = trust(&first);
        assert_int_equal(ask(&fixture, &held[i], "localhost", &err), RC_OK);
        assert_int_equal(http_server_renew(fixture.server, &first, &err),
                         i < HELD ? RC_OK : RC_BUSY);
    }
    for (int i = 0; i <= HELD; i++)
        end_trust(&held[i]);
    fixture_wait_for(http_server_renew(fixture.server, &first, &err) == RC_OK);
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_cannot_be_used),
        cmocka_unit_test(answers_who_trusts_it),
        cmocka_unit_test(survives_clear_text),
        cmocka_unit_test(shows_a_new_one_to_new_connections),
        cmocka_unit_test(renews_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
