/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of a character, -1 when it has none. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

static enum rc refuse(const struct base64_reader *reader, char c, struct err *err)
{
    unsigned long long position = reader->position + 1;

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return err_fail(err, RC_INVALID,
                        "has white space at character %llu; BASE64 is to be one line, as "
                        "`base64 -w0` prints it",
                        position);
    if (c == '-' || c == '_')
        return err_fail(err, RC_INVALID,
                        "has '%c' at character %llu, which is of the alphabet for URLs; the "
                        "standard one of BASE64 has + and /",
                        c, position);
    if (c > ' ' && c < 127)
        return err_fail(err, RC_INVALID,
                        "has '%c' at character %llu; BASE64 has only A-Z a-z 0-9 + / and = at "
                        "its end",
                        c, position);
    return err_fail(err, RC_INVALID,
                    "has the byte 0x%02x at character %llu; BASE64 has only A-Z a-z 0-9 + / and "
                    "= at its end",
                    (unsigned)(unsigned char)c, position);
}

static enum rc read_padding(struct base64_reader *reader, struct err *err)
{
    if (reader->count < 2)
        return err_fail(err, RC_INVALID,
                        "has bad padding: no = may stand at character %llu, where a group of four "
                        "has just begun",
                        (unsigned long long)reader->position + 1);
    reader->bits <<= 6;
    reader->padding++;
    return RC_OK;
}

static enum rc read_character(struct base64_reader *reader, char c, struct err *err)
{
    int value = value_of(c);

    if (reader->padding && (reader->count == 0 || c != '=') && (value >= 0 || c == '='))
        return err_fail(err, RC_INVALID,
                        "has bad padding: '%c' at character %llu follows the = that ends it", c,
                        (unsigned long long)reader->position + 1);
    if (c == '=')
        return read_padding(reader, err);
    if (value < 0)
        return refuse(reader, c, err);
    reader->bits = reader->bits << 6 | (uint32_t)value;
    return RC_OK;
}

/* The bytes of a complete group. Bits that are left over are 0, or two texts were one file. */
static enum rc end_group(struct base64_reader *reader, uint8_t *data, size_t *length,
                         struct err *err)
{
    uint32_t left_over = reader->padding == 2 ? 0xffff : reader->padding == 1 ? 0xff : 0;

    if (reader->bits & left_over)
        return err_fail(err, RC_INVALID,
                        "has bad padding: the character before it, %llu, has bits that belong to "
                        "no byte",
                        (unsigned long long)reader->position - reader->padding);
    data[(*length)++] = (uint8_t)(reader->bits >> 16);
    if (reader->padding < 2)
        data[(*length)++] = (uint8_t)(reader->bits >> 8);
    if (reader->padding < 1)
        data[(*length)++] = (uint8_t)reader->bits;
    reader->bits = 0;
    reader->count = 0;
    return RC_OK;
}

enum rc base64_read(struct base64_reader *reader, const char *text, size_t length, uint8_t *data,
                    size_t *ret_length, struct err *err)
{
    size_t decoded = 0;

    for (size_t i = 0; i < length; i++) {
        enum rc rc = read_character(reader, text[i], err);

        if (rc != RC_OK)
            return rc;
        reader->position++;
        if (++reader->count == 4)
            rc = end_group(reader, data, &decoded, err);
        if (rc != RC_OK)
            return rc;
    }
    *ret_length = decoded;
    return RC_OK;
}

enum rc base64_end(const struct base64_reader *reader, struct err *err)
{
    if (reader->position == 0)
        return err_fail(err, RC_INVALID, "is an empty file");
    if (reader->count && reader->padding)
        return err_fail(err, RC_INVALID, "has bad padding: it ends with one = where two belong");
    if (reader->count)
        return err_fail(err, RC_INVALID,
                        "is truncated: %llu characters, and BASE64 has groups of four, the last "
                        "one filled up with =",
                        (unsigned long long)reader->position);
    return RC_OK;
}

void base64_write(const uint8_t *data, size_t length, char *text)
{
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t bits = (uint32_t)data[i] << 16;

        bits |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= left > 2 ? data[i + 2] : 0;
        *text++ = alphabet[bits >> 18];
        *text++ = alphabet[bits >> 12 & 63];
        *text++ = '=';
        *text++ = '=';
        if (left > 1)
            text[-2] = alphabet[bits >> 6 & 63];
        if (left > 2)
            text[-1] = alphabet[bits & 63];
    }
}
