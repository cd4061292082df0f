/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/link/proxy.h: what stands between a caller and a server, and cuts connections.
 *
 * Each connection carries one call. It passes the call on, waits for the answer and hands it back,
 * or closes the connection instead: then the server has done what the caller will never hear of.
 */
#ifndef CRONJOB_TEST_UNIT_LINK_PROXY_H
#define CRONJOB_TEST_UNIT_LINK_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct proxy {
    int listener;
    uint16_t target;
    char url[64];
    pthread_t thread;
    atomic_uint calls; /* that were passed on and answered */
    atomic_uint cuts;  /* how many answers are still to be lost */
};

void proxy_start(struct proxy *proxy, uint16_t target);
void proxy_stop(struct proxy *proxy);

#endif
