/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"

#include "adapters/mysql/batch.h"
#include "adapters/mysql/batch_rows.h"

#define CLAIMS                                                                    \
    BATCH_TABLE(", worker VARCHAR(255) PATH '$[6]', revision BIGINT PATH '$[7]'," \
                " deadline BIGINT PATH '$[8]', cause BIGINT PATH '$[9]'")

/* The time is the server's when the row is written: a statement that was held up on its way claims
 * nothing any more. */
#define IN_TIME " b.scheduled_at - 250000 <= store_now() AND store_now() < b.deadline"

_Static_assert(CLAIM_LEAD == 250000, "the number in IN_TIME");
_Static_assert(JOB_FINISHED == 1, "the number in CLAIM_NEW");
_Static_assert(RUN_QUEUED == 0, "the number in both claims");

/* Ownership is never read from what this answers: a cluster may undo it and say so too late. */
#define CLAIM_NEW                                                                            \
    "INSERT IGNORE INTO runs (scheduled_at, job, attempt, target, token, `trigger`, status," \
    " exit_code, `signal`, output_bytes, output_truncated, cpu, max_rss, revision, worker,"  \
    " reason, request, count, until, sha256)"                                                \
    " SELECT b.scheduled_at, b.job, b.attempt, b.target, unhex(b.token), b.cause, 0, -1, 0," \
    " 0, 0, 0, 0, j.revision, b.worker, '', '', 1, b.scheduled_at, j.sha256 FROM " CLAIMS    \
    " STRAIGHT_JOIN jobs j ON j.id = b.job AND j.revision = b.revision AND j.enabled = 1"    \
    " AND j.removed = 0 AND j.status <> 1 WHERE" IN_TIME

/* The hash is that of the revision, which may be an old one by now. In whatever order the
 * assignments are made, CLAIMED_REVISION stays what it is. */
#define CLAIMED_REVISION " if(r.revision = 0, b.revision, r.revision)"
#define CLAIM_EXISTING                                                          \
    "UPDATE " CLAIMS " STRAIGHT_JOIN runs r ON" BATCH_SAME_RUN                  \
    " STRAIGHT_JOIN jobs j ON j.id = b.job AND j.removed = 0"                   \
    " LEFT JOIN revisions v ON v.job = b.job AND v.revision =" CLAIMED_REVISION \
    " SET r.token = unhex(b.token), r.worker = b.worker,"                       \
    " r.sha256 = if(j.revision =" CLAIMED_REVISION                              \
    ", j.sha256, v.sha256), r.revision =" CLAIMED_REVISION                      \
    " WHERE r.status = 0 AND r.token IS NULL AND" IN_TIME

static int compare_keys(const void *a, const void *b)
{
    const struct store_write *const *left = a, *const *right = b;

    return run_key_compare(&(*left)->claim.key, &(*right)->claim.key);
}

static void add(struct batch_rows *rows, const struct write_claim *claim)
{
    batch_rows_begin(rows, rows->count, &claim->key, &claim->token);
    json_write_string(&rows->json, claim->worker);
    json_write_integer(&rows->json, (int64_t)claim->revision);
    json_write_integer(&rows->json, claim->deadline);
    json_write_integer(&rows->json, claim->trigger);
    batch_rows_end(rows);
}

struct claiming {
    struct sql_connection *connection;
    struct store_write **ordered;
    size_t count;
    bool begun; /* a statement was executed: perhaps it is committed already */
};

static enum rc flush(struct claiming *claiming, struct batch_rows *rows, bool existing,
                     struct err *err)
{
    enum rc rc = RC_OK;

    if (rows->count) {
        rc = batch_rows_run(rows, claiming->connection, existing ? CLAIM_EXISTING : CLAIM_NEW, NULL,
                            err);
        claiming->begun |= rc == RC_OK;
    }
    batch_rows_clear(rows);
    return rc;
}

static enum rc claim_kind(struct claiming *claiming, bool existing, struct err *err)
{
    struct batch_rows rows;
    enum rc rc = RC_OK;

    batch_rows_init(&rows);
    for (size_t i = 0; rc == RC_OK && i < claiming->count; i++) {
        if (claiming->ordered[i]->claim.existing != existing)
            continue;
        add(&rows, &claiming->ordered[i]->claim);
        if (batch_rows_is_full(&rows))
            rc = flush(claiming, &rows, existing, err);
    }
    if (rc == RC_OK)
        rc = flush(claiming, &rows, existing, err);
    batch_rows_release(&rows);
    return rc;
}

/* In the order of their keys: two that claim the same ones then wait for each other, and are not
 * in each other's way. */
enum rc mysql_batch_claim(struct sql_connection *connection, struct store_write *writes,
                          size_t count, struct err *err)
{
    struct store_write **AUTO_FREE ordered = xmalloc(count * sizeof(struct store_write *));
    struct claiming claiming = {.connection = connection, .ordered = ordered, .count = count};
    enum rc rc;

    for (size_t i = 0; i < count; i++) {
        ordered[i] = &writes[i];
        writes[i].outcome = RC_OK;
    }
    qsort(ordered, count, sizeof(struct store_write *), compare_keys);
    rc = claim_kind(&claiming, false, err);
    if (rc == RC_OK)
        rc = claim_kind(&claiming, true, err);
    return rc != RC_OK && claiming.begun ? RC_UNKNOWN : rc;
}
