/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/failure.h: what an error of the server or of its client library means.
 *
 * RC_BUSY         another transaction was in the way, this one is undone: say it again
 * RC_UNAVAILABLE  this server does not serve, and has done nothing: ask another one
 * RC_UNKNOWN      the answer is lost, or says that the end is open: perhaps it was done
 * RC_CONFLICT     a key that must be unique is taken; only the statement is undone
 * RC_FORBIDDEN    the account is refused
 * RC_INVALID      the database does not exist, or a text is not one
 * RC_FULL, RC_TOO_BIG, RC_TIMEOUT, RC_IO; RC_INTERNAL for all that should not happen
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_FAILURE_H
#define CRONJOB_ADAPTERS_MYSQL_FAILURE_H

#include <stdbool.h>

#include "base/rc.h"

enum rc mysql_failure_rc(unsigned code);

/* Whether the server, and not only this connection to it, is to be avoided for a while. */
bool mysql_failure_is_of_server(unsigned code);

#endif
