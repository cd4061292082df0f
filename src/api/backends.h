/* SPDX-License-Identifier: Apache-2.0 */
/* api/backends.h: which workers have their jobs in a crontab, as of a few seconds ago: asked for
 * each job that is shown. Private to api/. From any thread. */
#ifndef CRONJOB_API_BACKENDS_H
#define CRONJOB_API_BACKENDS_H

#include "core/backend.h"

#include "ports/store.h"
#include "ports/zones.h"

struct backends;

struct backends *backends_new(struct store *store, struct zones *zones, mono_us (*mono)(void));
void backends_free(struct backends *backends);

/* "timer" or "crontab", a constant: who calls for a job of this worker. `timing->local` is not
 * looked at. */
const char *backends_scheduler(struct backends *backends, const char *worker,
                               const struct crontab_timing *timing);

#endif
