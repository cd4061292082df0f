/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/memory/outputs.h: outputs that somebody put there. */
#ifndef CRONJOB_ADAPTERS_MEMORY_OUTPUTS_H
#define CRONJOB_ADAPTERS_MEMORY_OUTPUTS_H

#include "ports/outputs.h"

struct outputs *memory_outputs_new(void);

/* The run has written this, behind what it wrote before. */
void memory_outputs_append(struct outputs *outputs, const struct run_key *run, const void *data,
                           size_t length);

#endif
