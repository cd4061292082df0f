/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/contract/store_mysql.h: real servers for the clauses, from the environment.
 *
 * CRONJOB_TEST_MYSQL    mysql://USER:PASSWORD@HOST:PORT,.../DATABASE: the nodes of one cluster, or
 *                       one server; the account may make databases whose name begins with DATABASE
 * CRONJOB_TEST_PIDS     NAME=PID,...: their processes, in the same order; for clauses that stop one
 */
#ifndef CRONJOB_TEST_CONTRACT_STORE_MYSQL_H
#define CRONJOB_TEST_CONTRACT_STORE_MYSQL_H

#include <sys/types.h>

#include "ports/clock.h"

#include "adapters/mysql/connection.h"
#include "adapters/mysql/store.h"

struct servers {
    char text[1024]; /* what the others point into */
    struct mysql_host hosts[MYSQL_HOSTS_MAX];
    size_t count;
    pid_t pids[MYSQL_HOSTS_MAX]; /* 0: not known */
    const char *user;
    const char *password;
    const char *base;  /* the database that is there */
    char database[64]; /* this process's own */
};

/* False, with the reason printed: there are none. */
bool servers_find(struct servers *servers);

/* A store of the process's own database that sees `count` nodes, the one of index `first` before
 * the others. */
struct mysql_store_config servers_config(const struct servers *servers, size_t first, size_t count,
                                         struct mysql_host hosts[MYSQL_HOSTS_MAX]);

/* The real time. */
struct clock *servers_clock(void);

/* To the node of index `node`, once it is healthy, and to the database that is there. */
struct sql_connection *servers_connect(const struct servers *servers, size_t node);
void servers_run(struct sql_connection *connection, const char *format, ...) PRINTF(2, 3);

/* "WHAT DATABASE", and until all nodes have done so. */
void servers_run_everywhere(const struct servers *servers, const char *what, const char *database);

void servers_create(struct servers *servers); /* its own database */
void servers_drop(const struct servers *servers);

/* KILLs the connections to its own database on a node; or only those that are idle. */
void servers_end_connections(const struct servers *servers, size_t node, bool idle);

/* Whether a node is healthy and has a connection to its own database open. */
bool servers_serve(const struct servers *servers, size_t node);

/* Of the suite that runs. */
const struct servers *servers_of_suite(void);

#endif
