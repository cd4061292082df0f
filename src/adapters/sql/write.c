/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/write.h"

#include <stdarg.h>
#include <stdio.h>

typedef enum rc (*write_function)(struct sql_writer *writer, struct store_write *write,
                                  struct err *err);

static const write_function functions[] = {
    [WRITE_JOB_CREATE] = sql_write_job_create,
    [WRITE_JOB_REPLACE] = sql_write_job_replace,
    [WRITE_JOB_REMOVE] = sql_write_job_remove,
    [WRITE_JOB_PURGE] = sql_write_job_purge,
    [WRITE_JOB_STATUS] = sql_write_job_status,
    [WRITE_JOB_SEAL] = sql_write_job_seal,
    [WRITE_JOB_ASSIGN] = sql_write_job_assign,
    [WRITE_RUN_QUEUE] = sql_write_run_queue,
    [WRITE_RUN_CLAIM] = sql_write_run_claim,
    [WRITE_RUN_WAITING] = sql_write_run_waiting,
    [WRITE_RUN_STARTED] = sql_write_run_started,
    [WRITE_RUN_FINISHED] = sql_write_run_finished,
    [WRITE_RUN_RECORD] = sql_write_run_record,
    [WRITE_RUN_LOST] = sql_write_run_lost,
    [WRITE_RUN_OUTPUT] = sql_write_run_output,
    [WRITE_RUN_PURGE] = sql_write_run_purge,
    [WRITE_WORKER] = sql_write_worker,
    [WRITE_WORKER_DRAIN] = sql_write_worker_drain,
    [WRITE_WORKER_REMOVE] = sql_write_worker_remove,
    [WRITE_LEADER] = sql_write_leader,
    [WRITE_TOKEN_CREATE] = sql_write_token_create,
    [WRITE_TOKEN_REVOKE] = sql_write_token_revoke,
    [WRITE_TOKEN_USED] = sql_write_token_used,
    [WRITE_TOKEN_SEAL] = sql_write_token_seal,
    [WRITE_TOKEN_EXPIRE] = sql_write_token_expire,
    [WRITE_USER_CREATE] = sql_write_user_create,
    [WRITE_USER_CHANGE] = sql_write_user_change,
    [WRITE_USER_REMOVE] = sql_write_user_remove,
    [WRITE_AUDIT] = sql_write_audit,
    [WRITE_AUDIT_EXPIRE] = sql_write_audit_expire,
};

enum rc sql_refuse(struct store_write *write, enum rc outcome, const char *format, ...)
{
    va_list args;

    write->outcome = outcome;
    va_start(args, format);
    (void)vsnprintf(write->err.message, sizeof(write->err.message), format, args); /* cut is fine */
    va_end(args);
    return RC_OK;
}

void sql_write_begin(struct sql_writer *writer)
{
    writer->deposed = false;
}

enum rc sql_write(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    write->outcome = RC_OK;
    if (writer->deposed)
        return sql_refuse(write, RC_STALE, "another manager leads");
    return functions[write->kind](writer, write, err);
}
