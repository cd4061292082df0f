/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/http/fixture.h: a server on a free port of loopback, and clients that speak to it byte
 * by byte. Whatever is waited for has a limit of FIXTURE_PATIENCE; passing it fails the test.
 */
#ifndef CRONJOB_TEST_HTTP_FIXTURE_H
#define CRONJOB_TEST_HTTP_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

#include "http/server.h"
#include "testing.h"

#define FIXTURE_PATIENCE (20 * SECOND)

struct fixture {
    struct http_server *server;
    uint16_t port;
    atomic_uint finished;    /* calls of `finished` */
    atomic_uint last_status; /* of the last of them */
    void *data;              /* the test's, for its handlers */
};

/* What a test does not set is given values that do not get into its way. */
void fixture_start(struct fixture *fixture, const struct http_route *routes, size_t count,
                   struct http_server_config config);
void fixture_stop(struct fixture *fixture);
#define FIXTURE_OF(request) ((struct fixture *)http_request_application(request))

mono_us fixture_now(void);

int fixture_connect(const struct fixture *fixture);
void fixture_send(int fd, const char *text);
/* Reads until `text` has come; all that came by then is in `buf`. */
void fixture_read_until(int fd, struct buf *buf, const char *text);
/* Reads to the end of the connection, by its being closed or reset. */
void fixture_read_all(int fd, struct buf *buf);
/* Reads one answer with a Content-Length, into `buf`, whole. Answers its status. */
unsigned fixture_read_answer(int fd, struct buf *buf);
/* Sends `request` on a connection of its own; as fixture_read_answer(). */
unsigned fixture_ask(const struct fixture *fixture, const char *request, struct buf *buf);

/* Waits until the condition holds. */
#define fixture_wait_for(condition)                                                        \
    do {                                                                                   \
        mono_us deadline_ = fixture_now() + FIXTURE_PATIENCE;                              \
        while (!(condition)) {                                                             \
            if (fixture_now() > deadline_)                                                 \
                fail_msg("%s:%d: waited in vain for: %s", __FILE__, __LINE__, #condition); \
            fixture_pause();                                                               \
        }                                                                                  \
    } while (0)
void fixture_pause(void); /* a millisecond, between two looks */

#endif
