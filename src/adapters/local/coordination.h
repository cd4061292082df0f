/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/local/coordination.h: coordination between the roles of one process. The first that
 * campaigns leads, for good. */
#ifndef CRONJOB_ADAPTERS_LOCAL_COORDINATION_H
#define CRONJOB_ADAPTERS_LOCAL_COORDINATION_H

#include "ports/coordination.h"

struct coordination *local_coordination_new(void);

#endif
