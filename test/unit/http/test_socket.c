/* SPDX-License-Identifier: Apache-2.0 */
/* A server that also listens at a Unix socket. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"
#include "http/client.h"
#include "http/peer.h"

static char folder[] = "/tmp/cronjob-socket-XXXXXX";
static char path[64];

static void tell_who_asks(struct http_request *request)
{
    uid_t uid = 0;
    char body[32];

    if (http_peer_uid(http_request_socket(request), &uid, NULL) != RC_OK)
        uid = (uid_t)-1;
    (void)snprintf(body, sizeof(body), "%s %u",
                   http_request_peer(request)->sa_family == AF_UNIX ? "unix" : "ip", uid);
    http_respond(request, 200, "text/plain", body, strlen(body), NULL, 0);
}

static const struct http_route routes[] = {{"GET", "/", tell_who_asks, NULL, 0, .data = NULL}};

static int start(void **state)
{
    static struct fixture fixture;

    (void)snprintf(path, sizeof(path), "%s/socket", folder);
    fixture_start(&fixture, routes, 1, (struct http_server_config){.socket = path});
    *state = &fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;

    fixture_stop(fixture);
    assert_int_equal(access(path, F_OK), -1); /* it took its socket away */
    return 0;
}

/* The answer's body, or why there is none. */
static const char *ask(const char *url, const char *socket)
{
    static char answer[512];
    struct http_client_config config = {.connect_timeout = FIXTURE_PATIENCE, .socket = socket};
    struct http_call call = {
        .method = "GET", .url = url, .timeout = FIXTURE_PATIENCE, .body_limit = 100};
    AUTO_HTTP_CLIENT struct http_client *client = NULL;
    struct http_response response;
    struct err err = {0};

    assert_int_equal(http_client_new(&config, &client, &err), RC_OK);
    if (http_client_request(client, &call, &response, &err) != RC_OK) {
        (void)snprintf(answer, sizeof(answer), "%s", err.message);
        return answer;
    }
    (void)snprintf(answer, sizeof(answer), "%s", response.body.data);
    http_response_release(&response);
    return answer;
}

static void knows_who_asks(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char expected[32], url[64];

    (void)snprintf(expected, sizeof(expected), "unix %u", getuid());
    assert_string_equal(ask("http://localhost/", path), expected);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0666);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", fixture->port);
    (void)snprintf(expected, sizeof(expected), "ip %u", getuid());
    assert_string_equal(ask(url, NULL), expected);
}

static struct http_server *second(const char *at, enum rc expected, struct err *err)
{
    struct http_server_config config = {.address = "127.0.0.1",
                                        .socket = at,
                                        .threads = 1,
                                        .connection_limit = 10,
                                        .header_timeout = SECOND,
                                        .body_timeout = SECOND,
                                        .idle_timeout = SECOND,
                                        .header_limit = 4096,
                                        .mono = fixture_now};
    struct http_server *server = NULL;

    assert_int_equal(http_server_new(&config, &server, err), expected);
    return server;
}

static void leaves_the_socket_of_another(void **state)
{
    struct err err = {0};

    (void)state;
    assert_null(second(path, RC_IO, &err));
    assert_non_null(strstr(err.message, "Address already in use"));
    assert_non_null(strstr(ask("http://localhost/", path), "unix "));
}

static void takes_away_what_was_left_behind(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct err err = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct http_server *server;

    (void)state;
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/left", folder);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(close(fd), 0);
    server = second(name.sun_path, RC_OK, &err);
    http_server_free(server);
    assert_int_equal(access(name.sun_path, F_OK), -1);
}

static void leaves_what_is_no_socket(void **state)
{
    char file[64];
    struct err err = {0};
    int fd;

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/file", folder);
    fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(close(fd), 0);
    assert_null(second(file, RC_IO, &err));
    assert_int_equal(unlink(file), 0);
}

static void names_a_path_that_is_too_long(void **state)
{
    char longest[200];
    struct err err = {0};

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(second(longest, RC_INVALID, &err));
    assert_non_null(strstr(err.message, "at most 107 bytes"));
}

/* Connections by it end like others. */
static void drains(void **state)
{
    struct fixture *fixture = *state;

    assert_non_null(strstr(ask("http://localhost/", path), "unix "));
    http_server_drain(fixture->server, FIXTURE_PATIENCE);
    assert_null(strstr(ask("http://localhost/", path), "unix "));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(knows_who_asks),
        TEST(leaves_the_socket_of_another),
        TEST(takes_away_what_was_left_behind),
        TEST(leaves_what_is_no_socket),
        TEST(names_a_path_that_is_too_long),
        TEST(drains),
    };

    return cmocka_run_group_tests_name("http socket", tests, make_folder, remove_folder);
}
