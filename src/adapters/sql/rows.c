/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/rows.h"

void sql_row_job(struct sql_statement *row, struct job_record *ret_job)
{
    *ret_job = (struct job_record){
        .id = (job_id)sql_column_number(row, 0),
        .revision = (uint64_t)sql_column_number(row, 1),
        .status = (enum job_status)sql_column_number(row, 2),
        .removed = sql_column_number(row, 3) != 0,
        .enabled = sql_column_number(row, 4) != 0,
        .owner = sql_column_text(row, 5),
        .worker = sql_column_text(row, 6),
        .created_at = sql_column_number(row, 7),
        .updated_at = sql_column_number(row, 8),
        .due_since = sql_column_number(row, 9),
        .name = sql_column_text(row, 10),
        .schedule = sql_column_text(row, 11),
        .time_zone = sql_column_text(row, 12),
        .type = (enum job_type)sql_column_number(row, 13),
        .starts_at = sql_column_instant(row, 14),
        .ends_at = sql_column_instant(row, 15),
        .jitter = sql_column_number(row, 16),
        .concurrency = (enum concurrency)sql_column_number(row, 17),
        .catch_up = (enum catch_up)sql_column_number(row, 18),
        .catch_up_window = sql_column_number(row, 19),
        .on_worker_loss = (enum worker_loss)sql_column_number(row, 20),
        .retries = {.limit = (uint32_t)sql_column_number(row, 21),
                    .delay = sql_column_number(row, 22),
                    .backoff = (double)sql_column_number(row, 23) / SQL_BACKOFF_UNIT,
                    .max_delay = sql_column_number(row, 24),
                    .elsewhere = sql_column_number(row, 25) != 0},
        .sha256 = sql_column_text(row, 26),
        .cursor = INSTANT_NONE,
    };
}

void sql_row_run(struct sql_statement *row, int first, struct run *ret_run)
{
    *ret_run = (struct run){
        .key = {.scheduled_at = sql_column_number(row, first),
                .job = (job_id)sql_column_number(row, first + 1),
                .attempt = (uint32_t)sql_column_number(row, first + 2),
                .target = (uint32_t)sql_column_number(row, first + 3)},
        .trigger = (enum run_trigger)sql_column_number(row, first + 5),
        .result = {.status = (enum run_status)sql_column_number(row, first + 6),
                   .started_at = sql_column_instant(row, first + 7),
                   .finished_at = sql_column_instant(row, first + 8),
                   .exit_code = (int32_t)sql_column_number(row, first + 9),
                   .signal = (int32_t)sql_column_number(row, first + 10),
                   .output_bytes = sql_column_number(row, first + 11),
                   .output_truncated = sql_column_number(row, first + 12) != 0,
                   .cpu = sql_column_number(row, first + 13),
                   .max_rss = sql_column_number(row, first + 14)},
        .revision = (uint64_t)sql_column_number(row, first + 15),
        .worker = sql_column_text(row, first + 16),
        .reason = sql_column_text(row, first + 17),
        .request = sql_column_text(row, first + 18),
        .count = sql_column_number(row, first + 19),
        .until = sql_column_number(row, first + 20),
        .sha256 = sql_column_text(row, first + 21),
    };
}

struct claim_token sql_row_token(struct sql_statement *row)
{
    struct claim_token token = {{0}};
    size_t length;
    const void *bytes = sql_column_bytes(row, 4, &length);

    if (length == sizeof(token.bytes))
        memcpy(token.bytes, bytes, length);
    return token;
}
