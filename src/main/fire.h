/* SPDX-License-Identifier: Apache-2.0 */
/* main/fire.h: `cronjob fire`, which the node's cron calls for a worker whose scheduler it is. */
#ifndef CRONJOB_MAIN_FIRE_H
#define CRONJOB_MAIN_FIRE_H

#include "cli/command.h"

extern const struct command command_fire;

#endif
