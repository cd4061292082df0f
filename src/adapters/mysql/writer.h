/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/writer.h: the one connection that writes, and apply() over it.
 *
 * Writes of one call that hold the leader's row are one transaction. Others are split: claims that
 * follow each other are statements by themselves, which is what makes them safe to repeat; all
 * between them is one transaction. What failed for sure is said again by itself some times
 * (conflicts), or to the next host.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_WRITER_H
#define CRONJOB_ADAPTERS_MYSQL_WRITER_H

#include "adapters/mysql/nodes.h"
#include "adapters/sql/write.h"

struct mysql_writer {
    struct mysql_nodes *nodes; /* borrowed */
    struct sql_writer sql;     /* its connection is NULL: to be opened */
    size_t node;
};

void mysql_writer_init(struct mysql_writer *writer, struct mysql_nodes *nodes, struct clock *clock);
void mysql_writer_release(struct mysql_writer *writer);

/* Opens the connection, or another one when another host is to be used. */
MUST_USE enum rc mysql_writer_connect(struct mysql_writer *writer, struct err *err);

/* Contract: ports/store.h. One thread at a time. */
MUST_USE enum rc mysql_writer_apply(struct mysql_writer *writer, struct store_write *writes,
                                    size_t count, struct err *err);

#endif
