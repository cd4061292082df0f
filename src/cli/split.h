/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/split.h: the elements of a JSON array that arrives in pieces, one by one.
 *
 * A list may be larger than memory; its elements are not. Only strings and nesting are looked at:
 * whether an element is JSON is for its reader to find.
 */
#ifndef CRONJOB_CLI_SPLIT_H
#define CRONJOB_CLI_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct split {
    struct buf element;
    int depth; /* 1 inside the array itself */
    bool in_string;
    bool escaped;
    bool ended;
};

void split_init(struct split *split);
void split_release(struct split *split);

/* An element's text, without blanks around it; false ends the reading. */
typedef bool (*split_visit)(void *context, const char *text, size_t length);

/* RC_MALFORMED: not an array; RC_TOO_BIG: an element of more than 4 MiB; RC_CLOSED: `visit` said
 * so. */
MUST_USE enum rc split_feed(struct split *split, const char *data, size_t length, split_visit visit,
                            void *context, struct err *err);

#endif
