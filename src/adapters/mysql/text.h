/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/text.h: a statement of the shared SQL layer as a server takes it. Pure.
 *
 * A server knows no numbered parameters, so ?3 becomes ? and it is noted which value goes there.
 * store_now() becomes what reads the server's clock, and store_collation the collation.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_TEXT_H
#define CRONJOB_ADAPTERS_MYSQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    MYSQL_TEXT_VALUES = 64, /* of one statement, at most */
    MYSQL_TEXT_NOW = 0xff,  /* in place of a value's number: the time */
};

struct mysql_text {
    struct buf text;
    uint8_t values[MYSQL_TEXT_VALUES]; /* for each ? of the text, which value, from 0 */
    size_t count;
};

/* When `now_is_value`, the time is a parameter too. */
void mysql_text_init(struct mysql_text *text, const char *source, const char *collation,
                     bool now_is_value);
void mysql_text_release(struct mysql_text *text);

#endif
