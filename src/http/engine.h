/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/engine.h: libmicrohttpd, which reads requests and writes answers on a pool of threads, as
 * the rest of src/http sees it. It tells exchange.c what happens, see there.
 */
#ifndef CRONJOB_HTTP_ENGINE_H
#define CRONJOB_HTTP_ENGINE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

#include "http/certificate.h"

struct engine;
struct http_server;
struct MHD_Connection;

MUST_USE enum rc engine_new(struct http_server *server, struct engine **ret_engine,
                            struct err *err);
/* Connections that come from now on see this certificate. RC_INVALID: it cannot be used. RC_BUSY:
 * too many older ones are still seen. In both cases all stays as it was. */
MUST_USE enum rc engine_renew(struct engine *engine, const struct http_certificate *certificate,
                              struct err *err);
/* Takes over a connection; false when it could not, and closed it. From one thread. */
bool engine_add(struct engine *engine, int fd, const struct sockaddr *peer, socklen_t length);
/* No connection may be suspended. */
void engine_free(struct engine *engine);

/* On the connection's own thread, from within a call that the engine made. */
void engine_suspend(struct MHD_Connection *connection);
/* From any thread. */
void engine_resume(struct MHD_Connection *connection);

const char *engine_header(struct MHD_Connection *connection, const char *name);
void engine_each_header(struct MHD_Connection *connection,
                        void (*visit)(void *context, const char *name, size_t name_length,
                                      const char *value, size_t value_length),
                        void *context);
const struct sockaddr *engine_peer(struct MHD_Connection *connection);

#endif
