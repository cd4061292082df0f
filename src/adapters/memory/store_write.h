/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/memory/store_write.h: the writes of the memory store, with its mutex held. */
#ifndef CRONJOB_ADAPTERS_MEMORY_STORE_WRITE_H
#define CRONJOB_ADAPTERS_MEMORY_STORE_WRITE_H

#include "adapters/memory/store_data.h"

/* Executes one write and sets its outcome. */
void memory_write(struct memory_store *store, struct store_write *write);

/* The writes about runs; answers the outcome. */
MUST_USE enum rc memory_write_run(struct memory_store *store, struct store_write *write);

/* The writes about users, access tokens and the audit; answers the outcome. */
MUST_USE enum rc memory_write_user(struct memory_store *store, struct store_write *write);

/* False for the token of all zeros, which is none. */
bool memory_has_token(const struct claim_token *token);

#endif
