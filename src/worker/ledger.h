/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/ledger.h: what was handed to the guardian and what came back, in the journal until the
 * store has it.
 *
 *     started --result--> ended --done--> forgotten
 *
 * So a worker that died knows of each claimed run whether it was certainly not started (not in the
 * ledger), was started, or has ended. Used by the store thread.
 */
#ifndef CRONJOB_WORKER_LEDGER_H
#define CRONJOB_WORKER_LEDGER_H

#include "base/table.h"

#include "ports/journal.h"
#include "ports/store.h"

struct ledger_entry {
    struct table_node node;
    struct run_key key;
    struct claim_token token;
    bool ended;
    struct run_result result;
    enum job_status job_status;
    char reason[LIMIT_REASON + 1];
};

struct ledger {
    struct journal *journal;
    struct table entries;
};

MUST_USE enum rc ledger_open(struct ledger *ledger, struct journal *journal, struct err *err);
void ledger_release(struct ledger *ledger);

const struct ledger_entry *ledger_find(const struct ledger *ledger, const struct run_key *key);

/* Each is durable after ledger_sync(). */
MUST_USE enum rc ledger_start(struct ledger *ledger, const struct run_key *key,
                              const struct claim_token *token, struct err *err);
MUST_USE enum rc ledger_end(struct ledger *ledger, const struct write_run *result, struct err *err);
MUST_USE enum rc ledger_sync(struct ledger *ledger, struct err *err);

/* The store has it. Not synced: a result that is reported again does no harm. Compacts when worth
 * it. */
MUST_USE enum rc ledger_done(struct ledger *ledger, const struct run_key *key, struct err *err);

#endif
