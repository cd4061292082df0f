/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"

#include "wire/json.h"

void json_writer_init(struct json_writer *writer, struct buf *buf)
{
    *writer = (struct json_writer){.buf = buf};
}

/* What stands before a value: a comma, unless it is the first or follows its name. */
static void begin_value(struct json_writer *writer)
{
    int level = writer->depth - 1;

    if (level >= 0) {
        CHECK(writer->after_name == (writer->closer[level] == '}'));
        if (!writer->after_name && writer->filled[level])
            (void)buf_putc(writer->buf, ',');
        writer->filled[level] = true;
    }
    writer->after_name = false;
}

static void open_level(struct json_writer *writer, char opener, char closer)
{
    begin_value(writer);
    CHECK(writer->depth < JSON_WRITER_DEPTH);
    (void)buf_putc(writer->buf, opener);
    writer->filled[writer->depth] = false;
    writer->closer[writer->depth++] = closer;
}

static void close_level(struct json_writer *writer, char closer)
{
    CHECK(writer->depth > 0 && writer->closer[writer->depth - 1] == closer);
    CHECK(!writer->after_name);
    writer->depth--;
    (void)buf_putc(writer->buf, closer);
}

void json_write_object_begin(struct json_writer *writer)
{
    open_level(writer, '{', '}');
}

void json_write_object_end(struct json_writer *writer)
{
    close_level(writer, '}');
}

void json_write_array_begin(struct json_writer *writer)
{
    open_level(writer, '[', ']');
}

void json_write_array_end(struct json_writer *writer)
{
    close_level(writer, ']');
}

/* The comma of the next member of the object that is open. */
static void begin_member(struct json_writer *writer)
{
    int level = writer->depth - 1;

    CHECK(level >= 0 && writer->closer[level] == '}' && !writer->after_name);
    if (writer->filled[level])
        (void)buf_putc(writer->buf, ',');
    writer->filled[level] = true;
}

static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

/* Writes what stands at `text` and needs more than a copy; answers how many bytes it took. */
static size_t write_special(struct buf *buf, const char *text, size_t length)
{
    const char *escape = short_escape((unsigned char)*text);
    size_t character;

    if (escape) {
        (void)buf_puts(buf, escape);
        return 1;
    }
    if ((unsigned char)*text < 0x20) {
        (void)buf_printf(buf, "\\u%04x", (unsigned)(unsigned char)*text);
        return 1;
    }
    character = utf8_length(text, length);
    if (character)
        (void)buf_append(buf, text, character);
    else
        (void)buf_puts(buf, "\xef\xbf\xbd");
    return character ? character : 1;
}

static bool is_plain(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void write_quoted(struct buf *buf, const char *text)
{
    size_t length = strlen(text);

    (void)buf_putc(buf, '"');
    for (size_t at = 0; at < length;) {
        size_t plain = at;

        while (plain < length && is_plain(text[plain]))
            plain++;
        (void)buf_append(buf, text + at, plain - at);
        at = plain;
        if (at < length)
            at += write_special(buf, text + at, length - at);
    }
    (void)buf_putc(buf, '"');
}

void json_write_name(struct json_writer *writer, const char *name)
{
    begin_member(writer);
    write_quoted(writer->buf, name);
    (void)buf_putc(writer->buf, ':');
    writer->after_name = true;
}

void json_write_raw(struct json_writer *writer, const char *text, size_t length)
{
    begin_value(writer);
    (void)buf_append(writer->buf, text, length);
}

void json_write_members(struct json_writer *writer, const char *object, size_t length)
{
    if (length <= 2)
        return;
    CHECK(object[0] == '{' && object[length - 1] == '}');
    begin_member(writer);
    (void)buf_append(writer->buf, object + 1, length - 2);
}

void json_write_string(struct json_writer *writer, const char *text)
{
    if (!text) {
        json_write_null(writer);
        return;
    }
    begin_value(writer);
    write_quoted(writer->buf, text);
}

void json_write_integer(struct json_writer *writer, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof(text), "%" PRId64, number);

    json_write_raw(writer, text, (size_t)length);
}

/* The shorter of two texts that reads back as the same number. */
void json_write_number(struct json_writer *writer, double number)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%.15g", number);
    double back = strtod(text, NULL);

    CHECK(__builtin_isfinite(number));
    if (!(number > 0 || number < 0)) { /* "-0" would read as an integer */
        json_write_integer(writer, 0);
        return;
    }
    if (back < number || back > number)
        length = snprintf(text, sizeof(text), "%.17g", number);
    json_write_raw(writer, text, (size_t)length);
}

void json_write_boolean(struct json_writer *writer, bool value)
{
    json_write_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_write_null(struct json_writer *writer)
{
    json_write_raw(writer, "null", 4);
}

void json_member_string(struct json_writer *writer, const char *name, const char *text)
{
    json_write_name(writer, name);
    json_write_string(writer, text);
}

void json_member_text(struct json_writer *writer, const char *name, const char *text)
{
    json_member_string(writer, name, text[0] ? text : NULL);
}

void json_member_integer(struct json_writer *writer, const char *name, int64_t number)
{
    json_write_name(writer, name);
    json_write_integer(writer, number);
}

void json_member_number(struct json_writer *writer, const char *name, double number)
{
    json_write_name(writer, name);
    json_write_number(writer, number);
}

void json_member_boolean(struct json_writer *writer, const char *name, bool value)
{
    json_write_name(writer, name);
    json_write_boolean(writer, value);
}

void json_member_null(struct json_writer *writer, const char *name)
{
    json_write_name(writer, name);
    json_write_null(writer);
}

void json_member_instant(struct json_writer *writer, const char *name, instant_us instant)
{
    char text[INSTANT_TEXT];

    json_member_string(writer, name,
                       instant == INSTANT_NONE ? NULL : instant_format(instant, text));
}

void json_member_span(struct json_writer *writer, const char *name, span_us span)
{
    char text[SPAN_TEXT];

    json_member_string(writer, name, span_format(span, text));
}

void json_member_id(struct json_writer *writer, const char *name, uint64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, id); /* fits */
    json_member_string(writer, name, text);
}

void json_member_pairs(struct json_writer *writer, const char *name, const struct pairs *pairs)
{
    json_write_name(writer, name);
    json_write_object_begin(writer);
    for (size_t i = 0; i < pairs->count; i++)
        json_member_string(writer, pairs->items[i].name, pairs->items[i].value);
    json_write_object_end(writer);
}

void json_member_strings(struct json_writer *writer, const char *name,
                         const struct strings *strings)
{
    json_write_name(writer, name);
    json_write_array_begin(writer);
    for (size_t i = 0; i < strings->count; i++)
        json_write_string(writer, strings->items[i]);
    json_write_array_end(writer);
}
