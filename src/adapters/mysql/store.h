/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/store.h: the store in a MariaDB or MySQL database, alone or a Galera cluster.
 *
 * Any number of processes share one database. The first host that is healthy is used (on Galera:
 * one that is synced and in the primary component); one that failed is avoided for a while and is
 * gone back to once it is healthy again. Every instant that decides anything is the server's.
 *
 * Outcomes beyond the port's: RC_FORBIDDEN: the server refuses the account, or the account may not
 * do what was asked; the message names user and host, never the password.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_STORE_H
#define CRONJOB_ADAPTERS_MYSQL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/clock.h"
#include "ports/store.h"

enum { MYSQL_HOSTS_MAX = 16 };

struct mysql_host {
    const char *name;
    uint16_t port; /* 0: 3306 */
};

/* All texts are copied. */
struct mysql_store_config {
    const struct mysql_host *hosts; /* in order of preference; 1 to MYSQL_HOSTS_MAX */
    size_t host_count;
    const char *user;
    const char *password; /* "" when none */
    const char *database;
    const char *ca_file; /* NULL: the connection is not encrypted; else it is, and the server's
                            certificate must be signed by one of these */
    bool migrate; /* create and upgrade the tables; otherwise they must be up to date, and the
                     account needs no right but to read and write rows */
    struct clock *clock; /* borrowed until store_free(); only mono() is used */
    struct clock *now;   /* NULL: the server's clock decides, as it must where processes share the
                            database. Else this one, borrowed: for tests of the contract */
};

/*
 * Succeeds without a server that answers: operations are RC_UNAVAILABLE until one does, and the
 * tables are looked at then. Told at once when a server answers: RC_FORBIDDEN; RC_INVALID: the
 * configuration is wrong, the tables are of a newer version, or they are not up to date and
 * `migrate` is false.
 */
MUST_USE enum rc mysql_store_new(const struct mysql_store_config *config, struct store **ret_store,
                                 struct err *err);

#endif
