/* SPDX-License-Identifier: Apache-2.0 */
/* link/text.h: what the bodies of all calls are made of. Pure. */
#ifndef CRONJOB_LINK_TEXT_H
#define CRONJOB_LINK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#include "wire/field.h"
#include "wire/json.h"

/* {"version":1, and the caller goes on with members and the end of the object. */
void link_document_begin(struct json_writer *writer, struct buf *buf);

/* RC_MALFORMED: no JSON, or no object with a version. RC_INVALID: another version, in words. */
MUST_USE enum rc link_document_read(const char *text, size_t length,
                                    struct json_value **ret_document, struct err *err);

/* The array that the member is, of at most so many items. RC_MALFORMED, RC_TOO_BIG. */
MUST_USE enum rc link_array_read(const struct json_value *document, const char *name, size_t most,
                                 const struct json_value **ret_array, struct err *err);

/* An item of an array into a struct, by a table; what is wrong is RC_MALFORMED, in words. Memory is
 * the arena's. */
struct link_table {
    const struct field *fields;
    size_t count;
};
MUST_USE enum rc link_object_read(const struct json_value *object, const struct link_table *table,
                                  struct arena *arena, void *ret_struct, struct err *err);

/* A decimal number in text, from 0 to INT64_MAX; false for anything else and for NULL. */
bool link_number_read(const char *text, uint64_t *ret_number);

/* 2 digits a byte, lower case; `text` is as long as that, and a NUL. */
void link_hex_write(const uint8_t *bytes, size_t length, char *text);
/* False unless it is exactly so many bytes. */
bool link_hex_read(const char *text, uint8_t *ret_bytes, size_t length);

#endif
