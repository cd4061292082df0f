/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/memory/fires.h: calls by the test itself. One thread. */
#ifndef CRONJOB_ADAPTERS_MEMORY_FIRES_H
#define CRONJOB_ADAPTERS_MEMORY_FIRES_H

#include "ports/fires.h"

struct fires *memory_fires_new(void);

/* A call; FIRE_STARTING while nobody listens. */
enum fire_answer memory_fires_call(struct fires *fires, job_id job);

#endif
