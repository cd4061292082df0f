/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi.h"

#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/embedded.h"
#include "api/handlers.h"
#include "api/route.h"
#include "wire/json.h"
#include "wire/problem.h"

static void write_ref(struct json_writer *writer, const char *schema)
{
    char ref[128];

    (void)snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema); /* names are short */
    json_write_object_begin(writer);
    json_member_string(writer, "$ref", ref);
    json_write_object_end(writer);
}

static void write_words(struct json_writer *writer, const char *const *words)
{
    json_write_name(writer, "enum");
    json_write_array_begin(writer);
    for (; *words; words++)
        json_write_string(writer, *words);
    json_write_array_end(writer);
}

static void write_query_schema(struct json_writer *writer, const struct query_rule *rule)
{
    json_write_name(writer, "schema");
    json_write_object_begin(writer);
    switch (rule->kind) {
    case QUERY_TEXT:
    case QUERY_LABEL:
    case QUERY_RUN:
        json_member_string(writer, "type", "string");
        break;
    case QUERY_INTEGER:
        json_member_string(writer, "type", "integer");
        json_member_integer(writer, "minimum", rule->least);
        json_member_integer(writer, "maximum", rule->most);
        break;
    case QUERY_BOOLEAN:
        json_member_string(writer, "type", "boolean");
        break;
    case QUERY_INSTANT:
        json_member_string(writer, "type", "string");
        json_member_string(writer, "format", "date-time");
        break;
    case QUERY_WORD:
        write_words(writer, rule->words);
        break;
    }
    json_write_object_end(writer);
}

static void write_query_parameter(struct json_writer *writer, const struct query_rule *rule)
{
    json_write_object_begin(writer);
    json_member_string(writer, "name", rule->name);
    json_member_string(writer, "in", "query");
    json_member_string(writer, "description", rule->description);
    json_member_boolean(writer, "required", rule->required);
    write_query_schema(writer, rule);
    json_write_object_end(writer);
}

/* The names in braces. */
static void write_path_parameters(struct json_writer *writer, const char *path)
{
    for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
        char name[32];
        size_t length = strcspn(open + 1, "}");

        (void)snprintf(name, sizeof(name), "%.*s", (int)length, open + 1); /* names are short */
        json_write_object_begin(writer);
        json_member_string(writer, "name", name);
        json_member_string(writer, "in", "path");
        json_member_boolean(writer, "required", true);
        json_write_name(writer, "schema");
        json_write_raw(writer, "{\"type\":\"string\"}", 17);
        json_write_object_end(writer);
    }
}

static void write_body(struct json_writer *writer, const struct api_route *route)
{
    if (route->body == BODY_NONE)
        return;
    json_write_name(writer, "requestBody");
    json_write_object_begin(writer);
    json_member_boolean(writer, "required", route->body != BODY_OPTIONAL);
    json_write_name(writer, "content");
    json_write_object_begin(writer);
    if (route->body == BODY_PATCH) {
        json_write_name(writer, "application/merge-patch+json");
        json_write_object_begin(writer);
        json_write_name(writer, "schema");
        write_ref(writer, route->body_schema);
        json_write_object_end(writer);
    }
    json_write_name(writer, ANSWER_JSON);
    json_write_object_begin(writer);
    json_write_name(writer, "schema");
    write_ref(writer, route->body_schema);
    json_write_object_end(writer);
    json_write_object_end(writer);
    json_write_object_end(writer);
}

static void write_answer_schema(struct json_writer *writer, const struct api_route *route)
{
    json_write_name(writer, "schema");
    if (route->many) {
        json_write_object_begin(writer);
        json_member_string(writer, "type", "array");
        json_write_name(writer, "items");
        write_ref(writer, route->schema);
        json_write_object_end(writer);
    } else if (route->schema) {
        write_ref(writer, route->schema);
    } else {
        json_write_object_begin(writer);
        json_write_object_end(writer);
    }
}

static void write_success(struct json_writer *writer, const struct api_route *route)
{
    char status[16];

    (void)snprintf(status, sizeof(status), "%u", route->status); /* three digits */
    json_write_name(writer, status);
    json_write_object_begin(writer);
    json_member_string(writer, "description", route->summary);
    if (route->type) {
        json_write_name(writer, "content");
        json_write_object_begin(writer);
        json_write_name(writer, route->type);
        json_write_object_begin(writer);
        write_answer_schema(writer, route);
        json_write_object_end(writer);
        json_write_object_end(writer);
    }
    json_write_object_end(writer);
}

static void write_further(struct json_writer *writer, const char *status)
{
    json_write_name(writer, status);
    json_write_object_begin(writer);
    if (status[0] < '4') {
        json_member_string(writer, "description", "See the description of the API");
    } else {
        json_member_string(writer, "description", "Refused, with the reason");
        json_write_name(writer, "content");
        json_write_object_begin(writer);
        json_write_name(writer, WIRE_PROBLEM_TYPE);
        json_write_object_begin(writer);
        json_write_name(writer, "schema");
        write_ref(writer, "Problem");
        json_write_object_end(writer);
        json_write_object_end(writer);
    }
    json_write_object_end(writer);
}

static void write_answers(struct json_writer *writer, const struct api_route *route)
{
    json_write_name(writer, "responses");
    json_write_object_begin(writer);
    write_success(writer, route);
    for (const char *at = route->failures; at && *at; at += strspn(at, " ")) {
        char status[4] = {at[0], at[1], at[2]};

        write_further(writer, status);
        at += 3;
    }
    if (route->access != ACCESS_OPEN) {
        write_further(writer, "401");
        write_further(writer, "403");
        write_further(writer, "429");
    }
    if (route->body != BODY_NONE) {
        write_further(writer, "400");
        write_further(writer, "413");
        write_further(writer, "415");
    }
    if (route->access != ACCESS_OPEN)
        write_further(writer, "422");
    write_further(writer, "503");
    json_write_object_end(writer);
}

static void write_operation(struct json_writer *writer, const struct api_route *route)
{
    char method[8] = {0};

    for (size_t i = 0; route->method[i] && i + 1 < sizeof(method); i++)
        method[i] = (char)(route->method[i] | 0x20); /* lower case */
    json_write_name(writer, method);
    json_write_object_begin(writer);
    json_member_string(writer, "operationId", route->operation);
    json_member_string(writer, "summary", route->summary);
    json_write_name(writer, "tags");
    json_write_array_begin(writer);
    json_write_string(writer, route->tag);
    json_write_array_end(writer);
    json_write_name(writer, "parameters");
    json_write_array_begin(writer);
    write_path_parameters(writer, route->path);
    for (size_t i = 0; i < route->query_count; i++)
        write_query_parameter(writer, &route->query[i]);
    json_write_array_end(writer);
    write_body(writer, route);
    write_answers(writer, route);
    if (route->access == ACCESS_OPEN) {
        json_write_name(writer, "security");
        json_write_array_begin(writer);
        json_write_array_end(writer);
    }
    json_write_object_end(writer);
}

/* Routes of one path stand next to each other in the table. */
static void write_paths(struct json_writer *writer)
{
    json_write_name(writer, "paths");
    json_write_object_begin(writer);
    for (size_t i = 0; i < api_route_count; i++) {
        bool first = i == 0 || strcmp(api_routes[i - 1].path, api_routes[i].path) != 0;
        bool last =
            i + 1 == api_route_count || strcmp(api_routes[i + 1].path, api_routes[i].path) != 0;

        if (first) {
            json_write_name(writer, api_routes[i].path);
            json_write_object_begin(writer);
        }
        write_operation(writer, &api_routes[i]);
        if (last)
            json_write_object_end(writer);
    }
    json_write_object_end(writer);
}

static void write_security(struct json_writer *writer)
{
    static const char schemes[] =
        "{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"Needed from other "
        "machines. Over loopback a request without a token acts as the account that owns the "
        "connection.\"}}";
    static const char security[] = "[{\"token\":[]},{}]";

    json_write_name(writer, "components");
    json_write_object_begin(writer);
    json_write_name(writer, "securitySchemes");
    json_write_raw(writer, schemes, sizeof(schemes) - 1);
    json_write_name(writer, "schemas");
    json_write_raw(writer, embedded_schemas, embedded_schemas_length);
    json_write_object_end(writer);
    json_write_name(writer, "security");
    json_write_raw(writer, security, sizeof(security) - 1);
}

void openapi_write(struct buf *buf, const char *version)
{
    struct json_writer writer;

    json_writer_init(&writer, buf);
    json_write_object_begin(&writer);
    json_member_string(&writer, "openapi", "3.1.0");
    json_write_name(&writer, "info");
    json_write_object_begin(&writer);
    json_member_string(&writer, "title", "Distributed Cronjob");
    json_member_string(&writer, "version", version);
    json_write_name(&writer, "license");
    json_write_object_begin(&writer);
    json_member_string(&writer, "name", "Apache-2.0");
    json_member_string(&writer, "identifier", "Apache-2.0");
    json_write_object_end(&writer);
    json_write_object_end(&writer);
    write_paths(&writer);
    write_security(&writer);
    json_write_object_end(&writer);
}

void handle_openapi(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_JSON);

    answer_send(call, &answer, &call->api->openapi);
}
