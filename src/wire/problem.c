/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/problem.h"

static void write_errors(struct json_writer *writer, const struct problems *problems)
{
    json_write_name(writer, "errors");
    json_write_array_begin(writer);
    for (size_t i = 0; i < problems->count; i++) {
        json_write_object_begin(writer);
        json_member_string(writer, "field", problems->items[i].field);
        json_member_string(writer, "message", problems->items[i].message);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}

void wire_problem_write(struct json_writer *writer, int status, const char *title,
                        const char *detail, const struct problems *problems)
{
    json_write_object_begin(writer);
    json_member_string(writer, "title", title);
    json_member_integer(writer, "status", status);
    json_member_string(writer, "detail", detail);
    if (problems && problems->count)
        write_errors(writer, problems);
    json_write_object_end(writer);
}
