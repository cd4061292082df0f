/* SPDX-License-Identifier: Apache-2.0 */
/* api/account.h: the accounts of this machine, by number and by name. Safe from any thread. */
#ifndef CRONJOB_API_ACCOUNT_H
#define CRONJOB_API_ACCOUNT_H

#include <sys/types.h>

#include "base/err.h"

enum { ACCOUNT_NAME = 33 }; /* bytes of a name with its NUL */

/* The name of an account. RC_NOT_FOUND: the number has none. RC_UNAVAILABLE: it cannot be told. */
MUST_USE enum rc account_name(uid_t uid, char ret_name[ACCOUNT_NAME], struct err *err);

/* Whether there is an account of this name: RC_OK, RC_NOT_FOUND or RC_UNAVAILABLE. */
MUST_USE enum rc account_exists(const char *name, struct err *err);

#endif
