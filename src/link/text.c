/* SPDX-License-Identifier: Apache-2.0 */
#include "link/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "link/protocol.h"

void link_document_begin(struct json_writer *writer, struct buf *buf)
{
    json_writer_init(writer, buf);
    json_write_object_begin(writer);
    json_member_integer(writer, "version", LINK_VERSION);
}

static enum rc check_version(const struct json_value *document, struct err *err)
{
    const struct json_value *version = NULL;

    if (json_value_kind(document) == JSON_KIND_OBJECT)
        version = json_value_member(document, "version");
    if (!version || json_value_kind(version) != JSON_KIND_INTEGER)
        return err_fail(err, RC_MALFORMED, "not an object with a version");
    if (json_value_integer(version) != LINK_VERSION)
        return err_fail(err, RC_INVALID,
                        "it is of version %" PRId64 " of the link, and this server of %d",
                        json_value_integer(version), LINK_VERSION);
    return RC_OK;
}

enum rc link_document_read(const char *text, size_t length, struct json_value **ret_document,
                           struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    enum rc rc = json_document_read(text, length, &document, err);

    if (rc == RC_OK)
        rc = check_version(document, err);
    if (rc == RC_OK)
        *ret_document = TAKE(document);
    return rc;
}

enum rc link_array_read(const struct json_value *document, const char *name, size_t most,
                        const struct json_value **ret_array, struct err *err)
{
    const struct json_value *array = json_value_member(document, name);

    if (!array || json_value_kind(array) != JSON_KIND_ARRAY)
        return err_fail(err, RC_MALFORMED, "%s must be an array", name);
    if (json_value_count(array) > most)
        return err_fail(err, RC_TOO_BIG, "%s has %zu items, %zu are allowed", name,
                        json_value_count(array), most);
    *ret_array = array;
    return RC_OK;
}

enum rc link_object_read(const struct json_value *object, const struct link_table *table,
                         struct arena *arena, void *ret_struct, struct err *err)
{
    struct problems problems = {.arena = arena};

    if (json_value_kind(object) != JSON_KIND_OBJECT)
        return err_fail(err, RC_MALFORMED, "must be an object, is %s",
                        json_kind_text(json_value_kind(object)));
    if (!fields_read(object, table->fields, table->count, &problems, ret_struct))
        return err_fail(err, RC_MALFORMED, "%s %s", problems.items[0].field,
                        problems.items[0].message);
    return RC_OK;
}

bool link_number_read(const char *text, uint64_t *ret_number)
{
    size_t length = text ? strspn(text, "0123456789") : 0;
    uint64_t number;

    if (length == 0 || length > 19 || text[length])
        return false;
    number = strtoull(text, NULL, 10); /* 19 digits fit */
    if (number > INT64_MAX)
        return false;
    *ret_number = number;
    return true;
}

void link_hex_write(const uint8_t *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * length] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool link_hex_read(const char *text, uint8_t *ret_bytes, size_t length)
{
    if (!text || strlen(text) != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
