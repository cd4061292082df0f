/* SPDX-License-Identifier: Apache-2.0 */
#include "main/config.h"

#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"

struct span_of_text {
    const char *start;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span_of_text trim(const char *start, size_t length)
{
    while (length > 0 && is_blank(start[length - 1]))
        length--;
    for (; length > 0 && is_blank(*start); length--)
        start++;
    return (struct span_of_text){.start = start, .length = length};
}

/* "[cronjob]": the section begins. */
static enum rc begin_section(const struct span_of_text *line, const char *const *sections,
                             const char **section, struct err *err)
{
    for (; *sections; sections++) {
        size_t length = strlen(*sections);
        if (line->length != length + 2 || line->start[length + 1] != ']' ||
            memcmp(line->start + 1, *sections, length) != 0)
            continue;
        *section = *sections;
        return RC_OK;
    }
    return err_fail(err, RC_INVALID,
                    "'%.*s' is no section: there are [cronjob], [api], [manager], "
                    "[worker] and [standalone]",
                    (int)(line->length < 80 ? line->length : 80), line->start);
}

static void take_quotes_off(struct span_of_text *value)
{
    if (value->length < 2 || value->start[0] != '"' || value->start[value->length - 1] != '"')
        return;
    value->start++;
    value->length -= 2;
}

struct reading {
    const struct config_text *text;
    struct arena *arena;
    const char *section;
    config_visit visit;
    void *context;
};

static enum rc read_line(struct reading *reading, const struct span_of_text *line, struct err *err)
{
    if (line->length == 0 || *line->start == '#' || *line->start == ';')
        return RC_OK;
    if (memchr(line->start, '\0', line->length))
        return err_fail(err, RC_INVALID, "a NUL byte in the line");
    if (*line->start == '[')
        return begin_section(line, reading->text->sections, &reading->section, err);
    const char *equals = memchr(line->start, '=', line->length);
    if (!equals || equals == line->start)
        return err_fail(err, RC_INVALID, "expected `key = value`");
    struct span_of_text key = trim(line->start, (size_t)(equals - line->start));
    struct span_of_text value = trim(equals + 1, line->length - (size_t)(equals + 1 - line->start));
    take_quotes_off(&value);
    struct config_line setting = {
        .section = reading->section,
        .key = arena_strndup(reading->arena, key.start, key.length),
        .value = arena_strndup(reading->arena, value.start, value.length),
    };
    return reading->visit(reading->context, &setting, err);
}

enum rc config_read(const struct config_text *text, struct arena *arena, config_visit visit,
                    void *context, struct err *err)
{
    const char *at = text->text;
    const char *end = at + text->length;
    size_t number = 0;
    struct reading reading = {.text = text,
                              .arena = arena,
                              .section = text->sections[0],
                              .visit = visit,
                              .context = context};
    if (text->length > CONFIG_LIMIT)
        return err_fail(err, RC_TOO_BIG, "%s: more than %d bytes", text->file, CONFIG_LIMIT);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        struct span_of_text line = trim(at, (size_t)(line_end - at));
        number++;
        enum rc rc = read_line(&reading, &line, err);
        if (rc != RC_OK)
            return err_prefix(err, rc, "%s:%zu", text->file, number);
        at = newline ? newline + 1 : end;
    }
    return RC_OK;
}
