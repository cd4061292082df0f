/* SPDX-License-Identifier: Apache-2.0 */
/* All outputs of the node, a few at a time: those of ended runs are to be delivered, those of runs
 * that the store does not have any more are removed. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "core/run_hash.h"

#include "worker/deliver.h"
#include "worker/run_set.h"

/* Others may count a run as lost while its last processes are being ended here. */
#define LOST_FOR (10 * MINUTE)

enum { OUTPUTS_A_LOOK = 100 };

struct sweep {
    struct deliverer *deliverer;
    const struct deliver_config *config;
    struct run_set gone;
};

static bool has_ended(const struct sweep *sweep, const struct run_record *run)
{
    const struct run_result *result = &run->run.result;

    if (sweep->config->name && strcmp(run->run.worker, sweep->config->name) != 0)
        return false;
    return run_status_is_final(result->status) &&
           (result->status != RUN_LOST ||
            result->finished_at < clock_now(sweep->config->clock) - LOST_FOR);
}

static bool note_run(void *context, const struct run_record *run)
{
    struct sweep *sweep = context;

    (void)run_set_remove(&sweep->gone, &run->run.key);
    if (has_ended(sweep, run))
        deliverer_add(sweep->deliverer, &run->run.key, &run->token, false);
    return true;
}

static void remove_output(const struct deliver_config *config, const struct run_key *run)
{
    char id[RUN_ID_TEXT];
    struct err err = {0};
    enum rc rc = outputs_remove(config->outputs, run, &err);

    if (rc != RC_OK && rc != RC_NOT_FOUND)
        log_warn("output was not removed, ignoring", LOG_TEXT("run", run_id_format(run, id)),
                 LOG_ERR(&err, rc));
}

enum rc deliver_sweep(struct deliverer *deliverer, const struct deliver_config *config,
                      bool *ret_ended, struct err *err)
{
    struct sweep sweep = {.deliverer = deliverer, .config = config};
    struct run_key runs[OUTPUTS_A_LOOK];
    struct run_query query = run_query_all();
    enum rc rc = RC_OK;

    *ret_ended = false;
    while (query.key_count < OUTPUTS_A_LOOK && !*ret_ended) {
        *ret_ended = !config->next_output(config->context, &runs[query.key_count]);
        if (!*ret_ended)
            run_set_add(&sweep.gone, &runs[query.key_count++]);
    }
    query.keys = runs;
    if (query.key_count)
        rc = store_read_runs(config->store, &query, note_run, &sweep, err);
    for (size_t i = 0; rc == RC_OK && i < query.key_count; i++) {
        if (run_set_remove(&sweep.gone, &runs[i]))
            remove_output(config, &runs[i]);
    }
    run_set_release(&sweep.gone);
    return rc;
}
