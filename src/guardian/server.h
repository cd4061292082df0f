/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/server.h: the launchers that are connected, and what goes between them and the runs.
 *
 * Usually there is one; while a worker is replaced there may be two, and each hears of every run. A
 * launcher that breaks the protocol, or does not read what it is told, is cut off.
 */
#ifndef CRONJOB_GUARDIAN_SERVER_H
#define CRONJOB_GUARDIAN_SERVER_H

#include "base/buf.h"

#include "guardian/supervise.h"

struct server {
    struct loop *loop;
    struct supervisor *supervisor;
    struct loop_source listener;
    int directory_fd;
    struct list clients;
    size_t client_count;
    bool stopping; /* no more runs */
};

/* Listens on guardian.sock in the directory, replacing what a predecessor left there. */
MUST_USE enum rc server_init(struct server *server, struct loop *loop,
                             struct supervisor *supervisor, int directory_fd, struct err *err);
void server_release(struct server *server); /* removes the socket */

/* For supervisor_config.sink; `context` is the server. */
void server_tell(void *context, const struct launch_event *event);
/* Sends what has gathered, once a turn of the loop. */
void server_flush(struct server *server);
/* Takes no more runs, and tells the launchers. */
void server_stop(struct server *server);

#endif
