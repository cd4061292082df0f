/* SPDX-License-Identifier: Apache-2.0 */
/* link/wait.h: a thread waits to be signalled, but not for ever. */
#ifndef CRONJOB_LINK_WAIT_H
#define CRONJOB_LINK_WAIT_H

#include <pthread.h>

#include "base/instant.h"

/* As pthread_cond_wait(), for at most so long (not at all when it is 0 or less). May end early. */
void link_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, span_us at_most);

#endif
