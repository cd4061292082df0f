/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* When it is executed, not when it was received; a fraction is in decimals, so it is exact. */
#define SERVER_NOW "CAST(unix_timestamp(sysdate(6)) * 1000000 AS SIGNED)"

#define NOW       "store_now()"
#define COLLATION "store_collation"

static bool begins_with(const char *text, const char *word)
{
    return !strncmp(text, word, strlen(word));
}

/* Without a limit nothing that is added can fail. */
static void add(struct mysql_text *text, const char *piece, size_t length)
{
    (void)buf_append(&text->text, piece, length);
}

static void add_parameter(struct mysql_text *text, size_t value)
{
    CHECK(text->count < MYSQL_TEXT_VALUES && value <= MYSQL_TEXT_NOW);
    text->values[text->count++] = (uint8_t)value;
    add(text, "?", 1);
}

/* At a '?': the parameter's number, or else the next one. */
static const char *take_parameter(struct mysql_text *text, const char *at)
{
    char *end;
    unsigned long number = strtoul(at + 1, &end, 10);

    if (!isdigit((unsigned char)at[1])) {
        add_parameter(text, text->count);
        return at + 1;
    }
    CHECK(number >= 1);
    add_parameter(text, number - 1);
    return end;
}

/* At a quote: all up to the one that closes it. */
static const char *take_quoted(struct mysql_text *text, const char *at)
{
    const char *end = strchr(at + 1, *at);

    CHECK(end);
    add(text, at, (size_t)(end + 1 - at));
    return end + 1;
}

void mysql_text_init(struct mysql_text *text, const char *source, const char *collation,
                     bool now_is_value)
{
    text->count = 0;
    buf_init(&text->text, SIZE_MAX);
    for (const char *at = source; *at;) {
        if (*at == '\'' || *at == '`') {
            at = take_quoted(text, at);
        } else if (*at == '?') {
            at = take_parameter(text, at);
        } else if (begins_with(at, NOW)) {
            if (now_is_value)
                add_parameter(text, MYSQL_TEXT_NOW);
            else
                add(text, SERVER_NOW, strlen(SERVER_NOW));
            at += strlen(NOW);
        } else if (begins_with(at, COLLATION)) {
            add(text, collation, strlen(collation));
            at += strlen(COLLATION);
        } else {
            add(text, at++, 1);
        }
    }
}

void mysql_text_release(struct mysql_text *text)
{
    buf_release(&text->text);
}
