/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/sift.h"

#include <string.h>

#include "base/compiler.h"

enum { TAKEN_AT_ONCE = 4096 };

/* What was unescaped, on its way to take(). */
struct outlet {
    struct sift *sift;
    struct err *err;
    size_t length;
    char text[TAKEN_AT_ONCE];
};

static enum rc flush(struct outlet *outlet)
{
    struct sift *sift = outlet->sift;
    size_t length = outlet->length;

    outlet->length = 0;
    return length ? sift->take(sift->context, outlet->text, length, outlet->err) : RC_OK;
}

static enum rc put(struct outlet *outlet, char c)
{
    outlet->text[outlet->length++] = c;
    return outlet->length == TAKEN_AT_ONCE ? flush(outlet) : RC_OK;
}

/* Code points beyond ASCII are of no use to whoever takes this, but each is to be seen as what it
 * is: in UTF-8, a half of a pair as U+FFFD. */
static enum rc put_code(struct outlet *outlet, uint32_t code)
{
    enum rc rc;

    if (code < 0x80)
        return put(outlet, (char)code);
    if (code >= 0xd800 && code <= 0xdfff)
        code = 0xfffd;
    if (code < 0x800)
        rc = put(outlet, (char)(0xc0 | code >> 6));
    else
        rc = put(outlet, (char)(0xe0 | code >> 12));
    if (rc == RC_OK && code >= 0x800)
        rc = put(outlet, (char)(0x80 | (code >> 6 & 0x3f)));
    return rc == RC_OK ? put(outlet, (char)(0x80 | (code & 0x3f))) : rc;
}

static enum rc take_escape(struct outlet *outlet, char c)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    struct sift *sift = outlet->sift;
    const char *found = c ? strchr(names, c) : NULL;

    if (c == 'u') {
        sift->place = SIFT_HEX;
        sift->code = 0;
        sift->digits = 0;
        return RC_OK;
    }
    if (!found)
        return err_fail(outlet->err, RC_MALFORMED, "not JSON: a wrong escape in the text of %s",
                        sift->name);
    sift->place = SIFT_STRING;
    return put(outlet, meanings[found - names]);
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum rc take_hex(struct outlet *outlet, char c)
{
    struct sift *sift = outlet->sift;
    int value = hex_of(c);

    if (value < 0)
        return err_fail(outlet->err, RC_MALFORMED, "not JSON: a wrong escape in the text of %s",
                        sift->name);
    sift->code = sift->code << 4 | (uint32_t)value;
    if (++sift->digits < 4)
        return RC_OK;
    sift->place = SIFT_STRING;
    return put_code(outlet, sift->code);
}

/* Up to the end of the string or of the piece; answers in `ret_used` how far that was. */
static enum rc take_string(struct sift *sift, const char *text, size_t length, size_t *ret_used,
                           struct err *err)
{
    struct outlet outlet = {.sift = sift, .err = err};
    enum rc rc = RC_OK;
    size_t i = 0;

    for (; i < length && rc == RC_OK; i++) {
        char c = text[i];

        if (sift->place == SIFT_ESCAPE)
            rc = take_escape(&outlet, c);
        else if (sift->place == SIFT_HEX)
            rc = take_hex(&outlet, c);
        else if (c == '"')
            break;
        else if (c == '\\')
            sift->place = SIFT_ESCAPE;
        else
            rc = put(&outlet, c);
    }
    *ret_used = i;
    return rc == RC_OK ? flush(&outlet) : rc;
}

/* The value is longer than it may be: what was kept of it goes first. */
static enum rc begin_to_take(struct sift *sift, struct buf *kept, struct err *err)
{
    size_t used;
    enum rc rc;

    sift->taking = sift->taken = true;
    sift->place = SIFT_STRING;
    rc = take_string(sift, kept->data + sift->start, kept->length - sift->start, &used, err);
    kept->length = sift->start;
    if (rc != RC_OK)
        return rc;
    return buf_puts(kept, SIFT_STANDIN);
}

static void begin_string(struct sift *sift, const struct buf *kept)
{
    sift->place = SIFT_STRING;
    sift->is_name = sift->depth == 1 && sift->names_next;
    sift->is_value = sift->depth == 1 && !sift->names_next && sift->matches && !sift->taken;
    if (sift->is_name) {
        sift->matches = true;
        sift->matched = 0;
    }
    sift->start = kept->length + 1; /* behind the quotation mark */
}

static void end_string(struct sift *sift)
{
    sift->place = SIFT_OUTSIDE;
    if (sift->is_name)
        sift->matches = sift->matches && sift->name[sift->matched] == '\0';
    sift->is_name = sift->is_value = false;
}

static void follow_outside(struct sift *sift, char c, const struct buf *kept)
{
    switch (c) {
    case '"':
        begin_string(sift, kept);
        return;
    case '{':
    case '[':
        sift->depth++;
        sift->names_next = sift->depth == 1 && c == '{';
        sift->matches = false;
        return;
    case '}':
    case ']':
        sift->depth -= sift->depth > 0;
        return;
    case ':':
        if (sift->depth == 1)
            sift->names_next = false;
        return;
    case ',':
        if (sift->depth == 1) {
            sift->names_next = true;
            sift->matches = false;
        }
        return;
    default:
        return;
    }
}

static void follow_string(struct sift *sift, char c)
{
    if (sift->place == SIFT_ESCAPE) { /* of four digits none can end the string */
        sift->place = SIFT_STRING;
        return;
    }
    if (c == '"') {
        end_string(sift);
        return;
    }
    if (c == '\\')
        sift->place = SIFT_ESCAPE;
    if (sift->is_name)
        sift->matches = sift->matches && sift->name[sift->matched] == c;
    if (sift->is_name && sift->matches)
        sift->matched++;
    if (sift->is_value && (c == '\n' || c == '\r'))
        sift->broken = true;
}

static enum rc keep(struct sift *sift, char c, struct buf *kept, struct err *err)
{
    if (sift->place == SIFT_OUTSIDE)
        follow_outside(sift, c, kept);
    else
        follow_string(sift, c);
    if (buf_putc(kept, c) != RC_OK)
        return RC_TOO_BIG;
    if (sift->is_value && kept->length - MIN(sift->start, kept->length) > sift->most)
        return begin_to_take(sift, kept, err);
    return RC_OK;
}

enum rc sift_feed(struct sift *sift, const char *text, size_t length, struct buf *kept,
                  struct err *err)
{
    enum rc rc = RC_OK;
    size_t used = 0;

    for (size_t i = 0; i < length && rc == RC_OK; i += used) {
        used = 1;
        if (!sift->taking) {
            rc = keep(sift, text[i], kept, err);
            continue;
        }
        rc = take_string(sift, text + i, length - i, &used, err);
        if (rc != RC_OK || i + used == length)
            continue;
        sift->taking = false; /* at the quotation mark, which is kept next */
    }
    return rc;
}
