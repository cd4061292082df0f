/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/listing.h: rows under aligned titles.
 *
 * On a terminal the last column is cut to what the line has room for; elsewhere nothing is cut. All
 * memory belongs to the arena. `{0}` with columns and arena set is an empty listing.
 */
#ifndef CRONJOB_CLI_LISTING_H
#define CRONJOB_CLI_LISTING_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"

#include "wire/json.h"

struct column {
    const char *title;
    const char *path; /* the member shown, see text_member() */
    /* What is shown instead of the member as it is; NULL: that. */
    const char *(*cell)(const struct json_value *object, struct arena *arena);
};

struct listing {
    const struct column *columns;
    size_t column_count;
    struct arena *arena;
    const char **cells; /* row by row */
    size_t row_count;
    size_t capacity; /* in rows */
};

void listing_add(struct listing *listing, const struct json_value *object);

/* `width` is that of the terminal, 0 for none. Without rows only the titles are printed. */
void listing_print(const struct listing *listing, size_t width, FILE *stream);

/* The width of the terminal that standard output is, 0 when it is none. */
size_t listing_width(void);

#endif
