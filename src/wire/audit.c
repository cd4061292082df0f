/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/audit.h"

#include <string.h>

/* A text that was written as JSON; null when there is none. */
static void write_document(struct json_writer *writer, const char *name, const char *text)
{
    json_write_name(writer, name);
    if (*text)
        json_write_raw(writer, text, strlen(text));
    else
        json_write_null(writer);
}

void wire_audit_write(struct json_writer *writer, const struct audit_record *record)
{
    json_write_object_begin(writer);
    json_member_id(writer, "id", record->id);
    json_member_instant(writer, "at", record->at);
    json_member_text(writer, "who", record->who);
    json_member_string(writer, "source", record->source);
    json_member_string(writer, "action", record->action);
    json_member_string(writer, "subject", record->subject);
    write_document(writer, "before", record->before);
    write_document(writer, "after", record->after);
    json_member_string(writer, "outcome", record->outcome);
    json_write_object_end(writer);
}
