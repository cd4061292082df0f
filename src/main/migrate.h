/* SPDX-License-Identifier: Apache-2.0 */
/* main/migrate.h: `cronjob migrate`: from one store to another, ids and history included. */
#ifndef CRONJOB_MAIN_MIGRATE_H
#define CRONJOB_MAIN_MIGRATE_H

#include "cli/command.h"

extern const struct command command_migrate;

#endif
