/* SPDX-License-Identifier: Apache-2.0 */
/* Targets, routes and media types. */
#include <string.h>

#include "http/route.h"
#include "testing.h"

static void none(struct http_request *request)
{
    (void)request;
}

static const struct http_route routes[] = {
    {"GET", "/", none, NULL, 0, .data = "root"},
    {"GET", "/jobs", none, NULL, 0, .data = "jobs"},
    {"POST", "/jobs", none, NULL, 0, .data = "add"},
    {"GET", "/jobs/recent", none, NULL, 0, .data = "recent"},
    {"GET", "/jobs/{id}", none, NULL, 0, .data = "job"},
    {"PUT", "/jobs/{id}", none, NULL, 0, .data = "put"},
    {"GET", "/jobs/{id}/runs/{run}", none, NULL, 0, .data = "run"},
};

struct match_row {
    const char *method;
    const char *path;
    enum http_match_outcome outcome;
    const char *route;
    const char *id;
    const char *run;
};

static const struct match_row match_rows[] = {
    {"GET", "/", HTTP_MATCHED, "root", NULL, NULL},
    {"HEAD", "/jobs", HTTP_MATCHED, "jobs", NULL, NULL},
    {"POST", "/jobs", HTTP_MATCHED, "add", NULL, NULL},
    {"GET", "/jobs/recent", HTTP_MATCHED, "recent", NULL, NULL},
    {"PUT", "/jobs/recent", HTTP_MATCHED, "put", "recent", NULL},
    {"GET", "/jobs/a%20%C3%A9%2F", HTTP_MATCHED, "job", "a \xc3\xa9/", NULL},
    {"GET", "/jobs/a+b", HTTP_MATCHED, "job", "a+b", NULL},
    {"GET", "/jobs/...", HTTP_MATCHED, "job", "...", NULL},
    {"GET", "/jobs/1/runs/2", HTTP_MATCHED, "run", "1", "2"},
    {"DELETE", "/jobs/1", HTTP_NO_METHOD, NULL, NULL, NULL},
    {"POST", "/", HTTP_NO_METHOD, NULL, NULL, NULL},
    {"GET", "/jobs/", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "//", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "//jobs", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/Jobs", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/job%73", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/1/runs", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/1/runs/2/", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/jobs//runs/2", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/%2e%2e", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/.", HTTP_NO_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/%", HTTP_BAD_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/%4", HTTP_BAD_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/%g0", HTTP_BAD_PATH, NULL, NULL, NULL},
    {"GET", "/jobs/%00", HTTP_BAD_PATH, NULL, NULL, NULL},
};

static const char *parameter(const struct http_match *match, const char *name)
{
    for (size_t i = 0; i < match->parameter_count; i++)
        if (strcmp(match->parameters[i].name, name) == 0)
            return match->parameters[i].value;
    return NULL;
}

static void check_match(const struct match_row *row)
{
    AUTO_ARENA struct arena arena = {0};
    struct http_match match = {0};

    if (http_route_match(routes, ARRAY_SIZE(routes), row->method, row->path, &arena, &match) !=
        row->outcome)
        fail_msg("%s %s", row->method, row->path);
    if (row->outcome != HTTP_MATCHED)
        return;
    assert_string_equal(match.route->data, row->route);
    if (row->id)
        assert_string_equal(parameter(&match, "id"), row->id);
    if (row->run)
        assert_string_equal(parameter(&match, "run"), row->run);
}

static void matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(match_rows); i++)
        check_match(&match_rows[i]);
}

static void lists_the_methods_of_a_path(void **state)
{
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, 256);
    http_route_allow(routes, ARRAY_SIZE(routes), "/jobs/recent", &buf);
    assert_string_equal(buf.data, "GET, HEAD, PUT");
}

struct target_row {
    const char *text;
    const char *path; /* NULL: RC_MALFORMED */
    const char *query;
};

static const struct target_row target_rows[] = {
    {"/jobs", "/jobs", ""},
    {"/jobs?", "/jobs", ""},
    {"/jobs?a=1&b=%26%3D+x&a=2", "/jobs", "a=1;b=&= x;a=2;"},
    {"/jobs?&&a&=v&b==&c=?", "/jobs", "a=;=v;b==;c=?;"},
    {"/%2f%20?x", "/%2f%20", "x=;"},
    {"http://host:30000/jobs?a=1", "/jobs", "a=1;"},
    {"HTTPS://host/", "/", ""},
    {"http://host", NULL, NULL},
    {"http://host?x", NULL, NULL},
    {"", NULL, NULL},
    {"*", NULL, NULL},
    {"jobs", NULL, NULL},
    {"ftp://host/", NULL, NULL},
    {"/a b", NULL, NULL},
    {"/a\tb", NULL, NULL},
    {"/a#b", NULL, NULL},
    {"/a\x7f", NULL, NULL},
    {"/?a=%", NULL, NULL},
    {"/?%0=1", NULL, NULL},
    {"/?a=%00", NULL, NULL},
};

static void reads_targets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(target_rows); i++) {
        const struct target_row *row = &target_rows[i];
        AUTO_ARENA struct arena arena = {0};
        AUTO_BUF struct buf query;
        struct http_target target;
        struct err err;
        enum rc rc = http_target_parse(&arena, row->text, &target, &err);

        buf_init(&query, 1000);
        if (rc != (row->path ? RC_OK : RC_MALFORMED))
            fail_msg("%s", row->text);
        if (rc != RC_OK)
            continue;
        for (size_t j = 0; j < target.query_count; j++)
            (void)buf_printf(&query, "%s=%s;", target.query[j].name, target.query[j].value);
        assert_string_equal(target.path, row->path);
        assert_string_equal(query.data, row->query);
    }
}

static void compares_media_types(void **state)
{
    static const char types[] = "application/json, application/merge-patch+json";

    (void)state;
    assert_true(http_type_is("application/json", types));
    assert_true(http_type_is("Application/JSON; charset=utf-8", types));
    assert_true(http_type_is("application/merge-patch+json;", types));
    assert_false(http_type_is("application/jso", types));
    assert_false(http_type_is("application/json2", types));
    assert_false(http_type_is("", types));
    assert_false(http_type_is(";", types));
    assert_false(http_type_is(", ", types));
    assert_false(http_type_is("text/plain", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(lists_the_methods_of_a_path),
        cmocka_unit_test(reads_targets),
        cmocka_unit_test(compares_media_types),
    };

    return cmocka_run_group_tests_name("http route", tests, NULL, NULL);
}
