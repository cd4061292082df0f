/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_find.h"

#include "wire/run.h"

struct finding {
    struct call *call;
    struct buf *buf;
    enum run_status status;
    bool found;
};

static bool visit(void *context, const struct run_record *run)
{
    struct finding *finding = context;
    struct json_writer writer;

    if (!call_may_see(finding->call, run->owner))
        return false;
    finding->found = true;
    finding->status = run->run.result.status;
    if (finding->buf) {
        json_writer_init(&writer, finding->buf);
        wire_run_write(&writer, &run->run);
    }
    return false;
}

enum rc run_find_key(struct call *call, const struct run_key *key, struct buf *buf,
                     enum run_status *ret_status, struct err *err)
{
    struct finding finding = {.call = call, .buf = buf};
    struct run_query query = run_query_all();
    enum rc rc;

    query.keys = key;
    query.key_count = 1;
    rc = store_read_runs(call->api->config.store, &query, visit, &finding, err);
    if (rc != RC_OK)
        return rc;
    if (!finding.found)
        return err_fail(err, RC_NOT_FOUND, "there is no such run");
    if (ret_status)
        *ret_status = finding.status;
    return RC_OK;
}

enum rc run_find(struct call *call, struct run_key *ret_key, struct buf *buf,
                 enum run_status *ret_status, struct err *err)
{
    const char *id = http_request_parameter(call->request, "id");
    struct run_key key;
    enum rc rc;

    if (run_id_parse(id, &key, NULL) != RC_OK)
        return err_fail(err, RC_NOT_FOUND, "there is no such run");
    rc = run_find_key(call, &key, buf, ret_status, err);
    if (rc == RC_OK)
        *ret_key = key;
    return rc;
}
