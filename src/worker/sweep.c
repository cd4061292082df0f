/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs whose runs the store does not have any more are removed, a few at a time. On the store
 * thread. */
#include "base/log.h"
#include "base/mem.h"

#include "core/run_hash.h"

#include "worker/internal.h"

enum { OUTPUTS_A_LOOK = 100 };

static bool note_kept(void *context, const struct run_record *run)
{
    (void)run_set_remove(context, &run->run.key);
    return true;
}

static void remove_output(const struct worker_config *config, const struct run_key *run)
{
    char id[RUN_ID_TEXT];
    struct err err = {0};
    enum rc rc = outputs_remove(config->outputs, run, &err);

    if (rc != RC_OK && rc != RC_NOT_FOUND)
        log_warn("output was not removed, ignoring", LOG_TEXT("run", run_id_format(run, id)),
                 LOG_ERR(&err, rc));
}

enum rc work_sweep_outputs(struct work *work)
{
    const struct worker_config *config = &work->worker->config;
    struct run_key runs[OUTPUTS_A_LOOK];
    struct run_query query = run_query_all();
    struct run_set gone = {0};
    enum rc rc;

    if (!(work->looks & LOOK_OUTPUTS))
        return RC_OK;
    while (query.key_count < OUTPUTS_A_LOOK &&
           config->next_output(config->context, &runs[query.key_count]))
        run_set_add(&gone, &runs[query.key_count++]);
    query.keys = runs;
    if (!query.key_count)
        return RC_OK;
    rc = store_read_runs(config->store, &query, note_kept, &gone, &work->err);
    for (size_t i = 0; rc == RC_OK && i < query.key_count; i++) {
        if (run_set_remove(&gone, &runs[i]))
            remove_output(config, &runs[i]);
    }
    run_set_release(&gone);
    return rc;
}
