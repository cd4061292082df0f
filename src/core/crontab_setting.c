/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/crontab.h"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_blanks(const char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

/* A text in quotes: *ret_rest is behind the closing one. NULL when that is missing. */
static const char *read_quoted(const char *text, struct arena *arena, const char **ret_rest)
{
    const char *end = strchr(text + 1, *text);
    if (!end)
        return NULL;
    *ret_rest = end + 1;
    return arena_strndup(arena, text + 1, (size_t)(end - text - 1));
}

static const char *read_name(const char *text, struct arena *arena, const char **ret_rest)
{
    if (*text == '"' || *text == '\'')
        return read_quoted(text, arena, ret_rest);
    size_t length = 0;
    while (text[length] != '\0' && text[length] != '=' && !is_blank(text[length]))
        length++;
    *ret_rest = text + length;
    return arena_strndup(arena, text, length);
}

/* An unquoted value ends at the end of the line, less the blanks there. Behind a quoted one nothing
 * but blanks may follow. */
static const char *read_value(const char *text, struct arena *arena)
{
    if (*text == '"' || *text == '\'') {
        const char *rest = NULL;
        const char *value = read_quoted(text, arena, &rest);
        return value && *skip_blanks(rest) == '\0' ? value : NULL;
    }
    size_t length = strlen(text);
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    return arena_strndup(arena, text, length);
}

bool crontab_setting(const char *line, struct arena *arena, struct pair *ret_setting)
{
    const char *rest = NULL;
    const char *name = read_name(skip_blanks(line), arena, &rest);
    if (!name)
        return false;
    rest = skip_blanks(rest);
    if (*rest != '=')
        return false;
    const char *value = read_value(skip_blanks(rest + 1), arena);
    if (!value)
        return false;
    *ret_setting = (struct pair){.name = name, .value = value};
    return true;
}
