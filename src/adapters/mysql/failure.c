/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/failure.h"

#include <stddef.h>

#include "base/compiler.h"

struct failure {
    unsigned code;
    enum rc rc;
    bool of_server;
};

/* clang-format off */
static const struct failure failures[] = {
    /* in each other's way; on Galera also two nodes in each other's way */
    {1205, RC_BUSY,        false}, /* ER_LOCK_WAIT_TIMEOUT: may undo the statement only, so what was done is undone by us */
    {1213, RC_BUSY,        false}, /* ER_LOCK_DEADLOCK, and a failed certification */
    {1020, RC_BUSY,        false}, /* ER_CHECKREAD: the row has changed since the snapshot */
    {1615, RC_BUSY,        false}, /* ER_NEED_REPREPARE: a table was altered */
    /* refused before anything was done */
    {1040, RC_UNAVAILABLE, true},  /* ER_CON_COUNT_ERROR */
    {1047, RC_UNAVAILABLE, true},  /* ER_UNKNOWN_COM_ERROR: Galera, not in the primary component */
    {1129, RC_UNAVAILABLE, true},  /* ER_HOST_IS_BLOCKED */
    {1203, RC_UNAVAILABLE, true},  /* ER_TOO_MANY_USER_CONNECTIONS */
    {1226, RC_UNAVAILABLE, true},  /* ER_USER_LIMIT_REACHED */
    {1290, RC_UNAVAILABLE, true},  /* ER_OPTION_PREVENTS_STATEMENT: it is read only */
    {1836, RC_UNAVAILABLE, true},  /* ER_READ_ONLY_MODE */
    {2002, RC_UNAVAILABLE, true},  /* CR_CONNECTION_ERROR */
    {2003, RC_UNAVAILABLE, true},  /* CR_CONN_HOST_ERROR */
    {2005, RC_UNAVAILABLE, true},  /* CR_UNKNOWN_HOST */
    {2012, RC_UNAVAILABLE, true},  /* CR_SERVER_HANDSHAKE_ERR */
    {2026, RC_UNAVAILABLE, true},  /* CR_SSL_CONNECTION_ERROR */
    /* perhaps done */
    {1053, RC_UNKNOWN,     true},  /* ER_SERVER_SHUTDOWN */
    {1152, RC_UNKNOWN,     false}, /* ER_ABORTING_CONNECTION */
    {1158, RC_UNKNOWN,     false}, /* ER_NET_READ_ERROR */
    {1159, RC_UNKNOWN,     false}, /* ER_NET_READ_INTERRUPTED */
    {1160, RC_UNKNOWN,     false}, /* ER_NET_ERROR_ON_WRITE */
    {1161, RC_UNKNOWN,     false}, /* ER_NET_WRITE_INTERRUPTED */
    {1180, RC_UNKNOWN,     true},  /* ER_ERROR_DURING_COMMIT: Galera, the quorum went while it was under way */
    {1317, RC_UNKNOWN,     false}, /* ER_QUERY_INTERRUPTED */
    {1927, RC_UNKNOWN,     false}, /* ER_CONNECTION_KILLED */
    {2006, RC_UNKNOWN,     false}, /* CR_SERVER_GONE_ERROR */
    {2013, RC_UNKNOWN,     false}, /* CR_SERVER_LOST */
    {2027, RC_UNKNOWN,     false}, /* CR_MALFORMED_PACKET */
    {2055, RC_UNKNOWN,     false}, /* CR_SERVER_LOST_EXTENDED */
    /* keys, and columns of a step that broke off */
    {1060, RC_CONFLICT,    false}, /* ER_DUP_FIELDNAME */
    {1062, RC_CONFLICT,    false}, /* ER_DUP_ENTRY */
    {1586, RC_CONFLICT,    false}, /* ER_DUP_ENTRY_WITH_KEY_NAME */
    /* rights and names */
    {1044, RC_FORBIDDEN,   false}, /* ER_DBACCESS_DENIED_ERROR */
    {1045, RC_FORBIDDEN,   false}, /* ER_ACCESS_DENIED_ERROR */
    {1130, RC_FORBIDDEN,   false}, /* ER_HOST_NOT_PRIVILEGED */
    {1142, RC_FORBIDDEN,   false}, /* ER_TABLEACCESS_DENIED_ERROR */
    {1143, RC_FORBIDDEN,   false}, /* ER_COLUMNACCESS_DENIED_ERROR */
    {1227, RC_FORBIDDEN,   false}, /* ER_SPECIFIC_ACCESS_DENIED_ERROR */
    {1698, RC_FORBIDDEN,   false}, /* ER_ACCESS_DENIED_NO_PASSWORD_ERROR */
    {1862, RC_FORBIDDEN,   false}, /* ER_MUST_CHANGE_PASSWORD_LOGIN */
    {3118, RC_FORBIDDEN,   false}, /* ER_ACCOUNT_HAS_BEEN_LOCKED of MySQL */
    {4151, RC_FORBIDDEN,   false}, /* ER_ACCOUNT_HAS_BEEN_LOCKED of MariaDB */
    {1049, RC_INVALID,     false}, /* ER_BAD_DB_ERROR */
    {1366, RC_INVALID,     false}, /* ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: not UTF-8 */
    {1406, RC_INVALID,     false}, /* ER_DATA_TOO_LONG */
    /* limits */
    {1021, RC_FULL,        false}, /* ER_DISK_FULL */
    {1114, RC_FULL,        false}, /* ER_RECORD_FILE_FULL */
    {1153, RC_TOO_BIG,     false}, /* ER_NET_PACKET_TOO_LARGE */
    {2020, RC_TOO_BIG,     false}, /* CR_NET_PACKET_TOO_LARGE */
    {1969, RC_TIMEOUT,     false}, /* ER_STATEMENT_TIMEOUT of MariaDB */
    {3024, RC_TIMEOUT,     false}, /* ER_QUERY_TIMEOUT of MySQL */
    {1026, RC_IO,          false}, /* ER_ERROR_ON_WRITE */
    {1030, RC_IO,          false}, /* ER_GET_ERRNO */
};
/* clang-format on */

static const struct failure *find(unsigned code)
{
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        if (failures[i].code == code)
            return &failures[i];
    }
    return NULL;
}

enum rc mysql_failure_rc(unsigned code)
{
    const struct failure *failure = find(code);

    return failure ? failure->rc : RC_INTERNAL;
}

bool mysql_failure_is_of_server(unsigned code)
{
    const struct failure *failure = find(code);

    return failure && failure->of_server;
}
