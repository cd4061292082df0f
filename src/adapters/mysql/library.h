/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/mysql/library.h: the functions of Connector/C, found when they are first needed. */
#ifndef CRONJOB_ADAPTERS_MYSQL_LIBRARY_H
#define CRONJOB_ADAPTERS_MYSQL_LIBRARY_H

#include <mariadb/mysql.h>

#include "base/err.h"

/* clang-format off */
#define MYSQL_LIBRARY_TABLE(X)                          \
    X(server_init,          mysql_server_init)          \
    X(init,                 mysql_init)                 \
    X(optionsv,             mysql_optionsv)             \
    X(real_connect,         mysql_real_connect)         \
    X(close,                mysql_close)                \
    X(code,                 mysql_errno)                \
    X(text,                 mysql_error)                \
    X(get_server_info,      mysql_get_server_info)      \
    X(get_socket,           mysql_get_socket)           \
    X(fetch_field_direct,   mysql_fetch_field_direct)   \
    X(num_fields,           mysql_num_fields)           \
    X(free_result,          mysql_free_result)          \
    X(stmt_init,            mysql_stmt_init)            \
    X(stmt_prepare,         mysql_stmt_prepare)         \
    X(stmt_bind_param,      mysql_stmt_bind_param)      \
    X(stmt_execute,         mysql_stmt_execute)         \
    X(stmt_result_metadata, mysql_stmt_result_metadata) \
    X(stmt_bind_result,     mysql_stmt_bind_result)     \
    X(stmt_fetch,           mysql_stmt_fetch)           \
    X(stmt_fetch_column,    mysql_stmt_fetch_column)    \
    X(stmt_free_result,     mysql_stmt_free_result)     \
    X(stmt_close,           mysql_stmt_close)           \
    X(stmt_code,            mysql_stmt_errno)           \
    X(stmt_text,            mysql_stmt_error)           \
    X(stmt_param_count,     mysql_stmt_param_count)     \
    X(stmt_affected_rows,   mysql_stmt_affected_rows)   \
    X(stmt_insert_id,       mysql_stmt_insert_id)
/* clang-format on */

struct mysql_library {
#define MYSQL_LIBRARY_MEMBER(name, function) __typeof__(&(function)) name;
    MYSQL_LIBRARY_TABLE(MYSQL_LIBRARY_MEMBER)
#undef MYSQL_LIBRARY_MEMBER
};

/* RC_UNAVAILABLE: it is not installed. From any thread; it stays loaded. */
MUST_USE enum rc mysql_library_load(const struct mysql_library **ret_library, struct err *err);

#endif
