/* SPDX-License-Identifier: Apache-2.0 */
/* What was given with a run on demand is for all its attempts, and kept with the first. */
#include "base/mem.h"

#include "worker/internal.h"

struct requests {
    struct active **retries;
    size_t count;
};

static bool is_attempt_of(const struct run_key *run, const struct run_key *first)
{
    return run->scheduled_at == first->scheduled_at && run->job == first->job &&
           run->target == first->target;
}

static bool note_first(void *context, const struct run_record *run)
{
    struct requests *requests = context;

    for (size_t i = 0; i < requests->count; i++) {
        struct active *retry = requests->retries[i];

        if (is_attempt_of(&retry->key, &run->run.key))
            retry->request = arena_strdup(&retry->arena, run->run.request);
    }
    return true;
}

static bool is_retry(const struct active *active)
{
    return active->key.attempt > 1 && !*active->request;
}

enum rc work_read_requests(struct work *work, struct active **runs, size_t count)
{
    struct run_key *keys AUTO_FREE = xcalloc(count, sizeof(*keys));
    struct requests requests = {.retries = runs};
    struct run_query query = run_query_all();

    for (size_t i = 0; i < count; i++) {
        if (!is_retry(runs[i]))
            continue;
        keys[requests.count] = runs[i]->key;
        keys[requests.count].attempt = 1;
        runs[requests.count++] = runs[i];
    }
    query.keys = keys;
    query.key_count = requests.count;
    return requests.count ? store_read_runs(work->worker->config.store, &query, note_first,
                                            &requests, &work->err)
                          : RC_OK;
}
