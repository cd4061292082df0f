/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/table.h: tests that are tables.
 *
 * A test goes through all rows and says of each bad one what was expected and what came, so that
 * one run shows the whole extent of a mistake. table_end() then fails the test.
 */
#ifndef CRONJOB_TEST_TABLE_H
#define CRONJOB_TEST_TABLE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"

struct table {
    const char *name;
    int rows;
    int failures;
};

/* One comparison of texts; `row` names the row for a person. */
static inline bool table_same(struct table *table, const char *row, const char *expected,
                              const char *got)
{
    table->rows++;
    if (strcmp(expected, got) == 0)
        return true;
    table->failures++;
    print_error("%s: %s\n    expected: %s\n    got:      %s\n", table->name, row, expected, got);
    return false;
}

static inline bool table_equal(struct table *table, const char *row, long long expected,
                               long long got)
{
    char texts[2][32];

    (void)snprintf(texts[0], sizeof(texts[0]), "%lld", expected); /* 32 bytes hold any number */
    (void)snprintf(texts[1], sizeof(texts[1]), "%lld", got);
    return table_same(table, row, texts[0], texts[1]);
}

static inline void table_end(const struct table *table)
{
    if (table->failures)
        fail_msg("%s: %d of %d rows are wrong", table->name, table->failures, table->rows);
}

#endif
