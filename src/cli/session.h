/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/session.h: what `cronjob login` leaves for the calls that follow: the token of a session, in
 * a file of one's own for each server, $XDG_CONFIG_HOME/cronjob/sessions/NAME or
 * ~/.config/cronjob/sessions/NAME, 0600.
 */
#ifndef CRONJOB_CLI_SESSION_H
#define CRONJOB_CLI_SESSION_H

#include <stdbool.h>

#include "cli/cli.h"

/* The token for cli->server; NULL when there is none, or a file that others may read. */
const char *session_load(struct cli *cli);

/* False after a complaint. */
bool session_save(struct cli *cli, const char *token);

/* Harmless when there is none. */
void session_forget(struct cli *cli);

#endif
