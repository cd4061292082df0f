/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quota.h"

static bool is_held(const struct call *call, int64_t limit)
{
    return limit > 0 && call->who.rights.role != ROLE_ADMIN;
}

enum rc quota_of_jobs(const struct call *call, struct err *err)
{
    int64_t limit = call->api->config.jobs_per_owner;
    struct store_summary summary;
    enum rc rc;

    if (!is_held(call, limit))
        return RC_OK;
    rc = store_read_summary(call->api->config.store, call->who.account, &summary, err);
    if (rc == RC_OK && summary.jobs[JOB_SCHEDULED] + summary.jobs[JOB_ERROR] >= limit)
        rc = err_fail(err, RC_FORBIDDEN, "%s has %lld jobs, the most allowed (jobs-per-owner)",
                      call->who.account, (long long)limit);
    return rc;
}

enum rc quota_of_runs(const struct call *call, const char *owner, struct err *err)
{
    int64_t limit = call->api->config.runs_per_owner;
    struct store_summary summary;
    enum rc rc;

    if (!is_held(call, limit))
        return RC_OK;
    rc = store_read_summary(call->api->config.store, owner, &summary, err);
    if (rc == RC_OK && summary.queued >= limit)
        rc = err_fail(err, RC_FORBIDDEN,
                      "%lld runs of %s wait already, the most allowed (runs-per-owner)",
                      (long long)limit, owner);
    return rc;
}
