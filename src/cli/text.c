/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

enum { TEXT_LIMIT = 4 * 1024 * 1024 };

/* ---- members ------------------------------------------------------------------------------- */

const struct json_value *text_member(const struct json_value *object, const char *path)
{
    char name[64];
    while (object && json_value_kind(object) == JSON_KIND_OBJECT) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        object = json_value_member(object, name);
        if (path[length] == '\0')
            return object;
        path += length + 1;
    }
    return NULL;
}

const char *text_string(const struct json_value *object, const char *path, const char *otherwise)
{
    const struct json_value *value = text_member(object, path);
    return value && json_value_kind(value) == JSON_KIND_STRING ? json_value_string(value)
                                                               : otherwise;
}

int64_t text_integer(const struct json_value *object, const char *path, int64_t otherwise)
{
    const struct json_value *value = text_member(object, path);
    return value && json_value_kind(value) == JSON_KIND_INTEGER ? json_value_integer(value)
                                                                : otherwise;
}

/* ---- in one line --------------------------------------------------------------------------- */

static void add_clean(const char *text, struct buf *buf)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n' || c == '\t' || c == '\r')
            (void)buf_putc(buf, ' ');
        else
            (void)buf_putc(buf, c < 0x20 || c == 0x7f ? '?' : *text);
    }
}

/* C1 control characters, U+0080 to U+009F, are commands to some terminals as well. */
static void hide_c1(struct buf *buf)
{
    for (size_t i = 0; i + 1 < buf->length; i++)
        if ((unsigned char)buf->data[i] == 0xc2 && (unsigned char)buf->data[i + 1] < 0xa0)
            buf->data[i] = buf->data[i + 1] = '?';
}

static void add_value(const struct json_value *value, struct buf *buf);

static bool add_member(void *context, const char *name, const struct json_value *value)
{
    struct buf *buf = context;
    if (buf->length && buf->data[buf->length - 1] != '{')
        (void)buf_puts(buf, ", ");
    add_clean(name, buf);
    (void)buf_putc(buf, '=');
    add_value(value, buf);
    return true;
}

static void add_object(const struct json_value *object, struct buf *buf)
{
    bool nested = buf->length > 0;
    if (nested)
        (void)buf_putc(buf, '{');
    json_value_members(object, add_member, buf);
    if (nested)
        (void)buf_putc(buf, '}');
}

static void add_array(const struct json_value *array, struct buf *buf)
{
    for (size_t i = 0; i < json_value_count(array); i++) {
        if (i)
            (void)buf_puts(buf, ", ");
        add_value(json_value_at(array, i), buf);
    }
}

static void add_value(const struct json_value *value, struct buf *buf)
{
    switch (json_value_kind(value)) {
    case JSON_KIND_NULL:
        (void)buf_putc(buf, '-');
        break;
    case JSON_KIND_BOOLEAN:
        (void)buf_puts(buf, json_value_boolean(value) ? "yes" : "no");
        break;
    case JSON_KIND_INTEGER:
        (void)buf_printf(buf, "%" PRId64, json_value_integer(value));
        break;
    case JSON_KIND_REAL:
        (void)buf_printf(buf, "%g", json_value_number(value));
        break;
    case JSON_KIND_STRING:
        add_clean(json_value_string(value), buf);
        break;
    case JSON_KIND_ARRAY:
        add_array(value, buf);
        break;
    case JSON_KIND_OBJECT:
        add_object(value, buf);
        break;
    }
}

const char *text_of(const struct json_value *value, struct arena *arena)
{
    if (!value)
        return "-";
    AUTO_BUF struct buf buf;
    buf_init(&buf, TEXT_LIMIT);
    add_value(value, &buf);
    hide_c1(&buf);
    return buf.length ? arena_strndup(arena, buf.data, buf.length) : "-";
}

const char *text_of_member(const struct json_value *object, const char *path, struct arena *arena)
{
    return text_of(text_member(object, path), arena);
}

/* ---- for an editor ------------------------------------------------------------------------- */

struct pretty {
    struct buf *buf;
    size_t depth;
    bool filled; /* the object has a member already */
};

static void break_line(struct pretty *pretty)
{
    (void)buf_printf(pretty->buf, "\n%*s", (int)(2 * pretty->depth), "");
}

static void add_pretty(struct pretty *pretty, const struct json_value *value);

static void add_scalar(struct buf *buf, const struct json_value *value)
{
    struct json_writer writer;
    json_writer_init(&writer, buf);
    switch (json_value_kind(value)) {
    case JSON_KIND_BOOLEAN:
        json_write_boolean(&writer, json_value_boolean(value));
        break;
    case JSON_KIND_INTEGER:
        json_write_integer(&writer, json_value_integer(value));
        break;
    case JSON_KIND_REAL:
        json_write_number(&writer, json_value_number(value));
        break;
    case JSON_KIND_STRING:
        json_write_string(&writer, json_value_string(value));
        break;
    case JSON_KIND_NULL:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        json_write_null(&writer);
        break;
    }
}

static bool add_pretty_member(void *context, const char *name, const struct json_value *value)
{
    struct pretty *pretty = context;
    struct json_writer writer;
    if (pretty->filled)
        (void)buf_putc(pretty->buf, ',');
    break_line(pretty);
    json_writer_init(&writer, pretty->buf);
    json_write_string(&writer, name);
    (void)buf_puts(pretty->buf, ": ");
    add_pretty(pretty, value);
    pretty->filled = true;
    return true;
}

static void add_pretty_items(struct pretty *pretty, const struct json_value *value)
{
    if (json_value_kind(value) == JSON_KIND_OBJECT) {
        pretty->filled = false;
        json_value_members(value, add_pretty_member, pretty);
        return;
    }
    for (size_t i = 0; i < json_value_count(value); i++) {
        if (i)
            (void)buf_putc(pretty->buf, ',');
        break_line(pretty);
        add_pretty(pretty, json_value_at(value, i));
    }
}

static void add_pretty(struct pretty *pretty, const struct json_value *value)
{
    enum json_kind kind = json_value_kind(value);
    if (kind != JSON_KIND_OBJECT && kind != JSON_KIND_ARRAY) {
        add_scalar(pretty->buf, value);
        return;
    }
    (void)buf_putc(pretty->buf, kind == JSON_KIND_OBJECT ? '{' : '[');
    if (json_value_count(value)) {
        pretty->depth++;
        add_pretty_items(pretty, value);
        pretty->depth--;
        break_line(pretty);
    }
    (void)buf_putc(pretty->buf, kind == JSON_KIND_OBJECT ? '}' : ']');
}

void text_pretty(const struct json_value *value, struct buf *buf)
{
    struct pretty pretty = {.buf = buf};
    add_pretty(&pretty, value);
    (void)buf_putc(buf, '\n');
}

/* ---- widths -------------------------------------------------------------------------------- */

static size_t character(const char *text)
{
    size_t length = utf8_length(text, strlen(text) < 4 ? strlen(text) : 4);
    return length ? length : 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text += character(text))
        width++;
    return width;
}

size_t text_bytes(const char *text, size_t width)
{
    const char *at = text;
    for (; width > 0 && *at != '\0'; width--)
        at += character(at);
    return (size_t)(at - text);
}

/* ---- for the shell ------------------------------------------------------------------------- */

void text_quote(const char *word, struct buf *buf)
{
    const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        (void)buf_puts(buf, word);
        return;
    }
    (void)buf_putc(buf, '\'');
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            (void)buf_puts(buf, "'\\''");
        else
            (void)buf_putc(buf, *word);
    }
    (void)buf_putc(buf, '\'');
}
