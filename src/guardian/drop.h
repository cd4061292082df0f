/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/drop.h: a child of ours, before it executes, becomes an account and cannot come back.
 *
 * Groups, gid, uid, in this order, for after the uid nothing else may be changed. No answer of the
 * kernel is taken at its word: what is set is read back, nothing of root may be left (saved ids,
 * groups, capabilities), and the way back must be shut. Async-signal-safe; the child may borrow its
 * parent's memory.
 */
#ifndef CRONJOB_GUARDIAN_DROP_H
#define CRONJOB_GUARDIAN_DROP_H

#include <stdbool.h>

#include "guardian/account.h"

/* The child runs on our heap and with our memory: the address sanitizer would leave its marks on a
 * stack that it does not know and that the child never unwinds. */
#define IN_CHILD __attribute__((no_sanitize_address, noinline))

/* Answers NULL, or the step that failed, with errno: then nothing may be executed. */
IN_CHILD const char *drop_to(const struct account *account);

/* No program that it executes gains what it has not: a set-user-ID bit counts for nothing. Answers
 * like drop_to(). */
IN_CHILD const char *drop_gains(void);

#endif
