/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/local/events.h: events between the roles of one process. */
#ifndef CRONJOB_ADAPTERS_LOCAL_EVENTS_H
#define CRONJOB_ADAPTERS_LOCAL_EVENTS_H

#include "ports/events.h"

struct events *local_events_new(void);

#endif
