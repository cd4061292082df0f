/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/measured/store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"

struct measured_store {
    struct store base;
    struct store *inner;
    struct clock *clock;
};

static struct measured_store *of(struct store *store)
{
    return container_of(store, struct measured_store, base);
}

static mono_us begin(struct store *store)
{
    return clock_mono(of(store)->clock);
}

static enum rc end(struct store *store, const char *operation, mono_us begun, enum rc rc)
{
    metric_observe(metric_series(METRIC_STORE_DURATION, operation), begin(store) - begun);
    if (rc != RC_OK)
        metric_add(metric_series(METRIC_STORE_FAILURES, operation, rc_text(rc)), 1);
    return rc;
}

static enum rc now(struct store *store, instant_us *ret_now, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "now", begun, store_now(of(store)->inner, ret_now, err));
}

static enum rc apply(struct store *store, struct store_write *writes, size_t count, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "apply", begun, store_apply(of(store)->inner, writes, count, err));
}

static enum rc read_jobs(struct store *store, const struct job_query *query, job_visit visit,
                         void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_jobs", begun,
               store_read_jobs(of(store)->inner, query, visit, context, err));
}

static enum rc read_runs(struct store *store, const struct run_query *query, run_visit visit,
                         void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_runs", begun,
               store_read_runs(of(store)->inner, query, visit, context, err));
}

static enum rc read_workers(struct store *store, worker_visit visit, void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_workers", begun,
               store_read_workers(of(store)->inner, visit, context, err));
}

static enum rc read_tokens(struct store *store, token_visit visit, void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_tokens", begun,
               store_read_tokens(of(store)->inner, visit, context, err));
}

static enum rc read_users(struct store *store, user_visit visit, void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_users", begun, store_read_users(of(store)->inner, visit, context, err));
}

static enum rc read_audit(struct store *store, const struct audit_query *query, audit_visit visit,
                          void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_audit", begun,
               store_read_audit(of(store)->inner, query, visit, context, err));
}

static enum rc read_leader(struct store *store, struct leader_record *ret_leader, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_leader", begun, store_read_leader(of(store)->inner, ret_leader, err));
}

static enum rc summary(struct store *store, const char *owner, struct store_summary *ret_summary,
                       struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "summary", begun,
               store_read_summary(of(store)->inner, owner, ret_summary, err));
}

static enum rc read_output(struct store *store, const struct run_key *run, output_visit visit,
                           void *context, struct err *err)
{
    mono_us begun = begin(store);
    enum rc rc = store_read_output(of(store)->inner, run, visit, context, err);

    (void)end(store, "read_output", begun, rc == RC_NOT_FOUND ? RC_OK : rc); /* no failure */
    return rc;
}

static enum rc read_revision(struct store *store, job_id job, uint64_t revision,
                             document_visit visit, void *context, struct err *err)
{
    mono_us begun = begin(store);
    enum rc rc = store_read_revision(of(store)->inner, job, revision, visit, context, err);

    (void)end(store, "read_revision", begun, rc == RC_NOT_FOUND ? RC_OK : rc); /* no failure */
    return rc;
}

static enum rc read_hashes(struct store *store, hash_visit visit, void *context, struct err *err)
{
    mono_us begun = begin(store);

    return end(store, "read_hashes", begun,
               store_read_hashes(of(store)->inner, visit, context, err));
}

static void measured_store_free(struct store *store)
{
    struct measured_store *self = of(store);

    store_free(self->inner);
    free(self);
}

static const struct store_ops ops = {
    .name = "measured",
    .now = now,
    .apply = apply,
    .read_jobs = read_jobs,
    .read_runs = read_runs,
    .read_workers = read_workers,
    .read_tokens = read_tokens,
    .read_users = read_users,
    .read_audit = read_audit,
    .read_leader = read_leader,
    .summary = summary,
    .read_output = read_output,
    .read_revision = read_revision,
    .read_hashes = read_hashes,
    .free = measured_store_free,
};

struct store *measured_store_new(struct store *inner, struct clock *clock)
{
    struct measured_store *self = xmalloc(sizeof(*self));

    *self = (struct measured_store){.base.ops = &ops, .inner = inner, .clock = clock};
    return &self->base;
}
