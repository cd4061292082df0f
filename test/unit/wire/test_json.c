/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "table.h"
#include "wire/json.h"

static const struct {
    const char *text;
    enum rc rc;
} documents[] = {
    {"{}", RC_OK},
    {"[1, -2.5e3, \"x\", null, true, false, {\"a\": []}]", RC_OK},
    {"9223372036854775807", RC_OK},
    {"\"\\u00e4 \\ud83d\\ude00\"", RC_OK},
    {"", RC_MALFORMED},
    {"{", RC_MALFORMED},
    {"{} {}", RC_MALFORMED},
    {"{\"a\":1,\"a\":2}", RC_MALFORMED},
    {"9223372036854775808", RC_MALFORMED},
    {"1e999", RC_MALFORMED},
    {"01", RC_MALFORMED},
    {"NaN", RC_MALFORMED},
    {"'x'", RC_MALFORMED},
    {"[1,]", RC_MALFORMED},
    {"\"\\u0000\"", RC_MALFORMED},
    {"\"\\ud800\"", RC_MALFORMED},
    {"\"\xff\"", RC_MALFORMED},
    {"\"\t\"", RC_MALFORMED},
    {"{\"a\":1}//x", RC_MALFORMED},
};

static void reading_is_strict(void **state)
{
    struct table table = {"reading_is_strict", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        struct json_value *AUTO_JSON document = NULL;

        table_equal(
            &table, documents[i].text, documents[i].rc,
            json_document_read(documents[i].text, strlen(documents[i].text), &document, NULL));
    }
    table_end(&table);
}

static void bytes_past_the_length_do_not_count(void **state)
{
    struct json_value *AUTO_JSON document = NULL;

    (void)state;
    assert_int_equal(json_document_read("{}garbage", 2, &document, NULL), RC_OK);
}

static void nul_is_refused(void **state)
{
    struct json_value *AUTO_JSON document = NULL;

    (void)state;
    assert_int_equal(json_document_read("{}\0", 3, &document, NULL), RC_MALFORMED);
}

static void mistakes_are_located(void **state)
{
    struct json_value *AUTO_JSON document = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(json_document_read("{\n  \"a\": tru\n}", 14, &document, &err), RC_MALFORMED);
    assert_non_null(strstr(err.message, "line 2, column 10"));
}

static enum rc read_nested(int levels)
{
    struct json_value *AUTO_JSON document = NULL;
    char text[256];

    memset(text, '[', (size_t)levels);
    memset(text + levels, ']', (size_t)levels);
    return json_document_read(text, (size_t)levels * 2, &document, NULL);
}

static void depth_is_limited(void **state)
{
    (void)state;
    assert_int_equal(read_nested(LIMIT_JSON_DEPTH), RC_OK);
    assert_int_equal(read_nested(LIMIT_JSON_DEPTH + 1), RC_MALFORMED);
    assert_int_equal(read_nested(100), RC_MALFORMED);
}

static void write_value(struct json_writer *writer, const struct json_value *value);

static bool write_member(void *context, const char *name, const struct json_value *value)
{
    json_write_name(context, name);
    write_value(context, value);
    return true;
}

/* A tree as text again, to look at the whole of it. */
static void write_value(struct json_writer *writer, const struct json_value *value)
{
    switch (json_value_kind(value)) {
    case JSON_KIND_NULL:
        json_write_null(writer);
        return;
    case JSON_KIND_BOOLEAN:
        json_write_boolean(writer, json_value_boolean(value));
        return;
    case JSON_KIND_INTEGER:
        json_write_integer(writer, json_value_integer(value));
        return;
    case JSON_KIND_REAL:
        json_write_number(writer, json_value_number(value));
        return;
    case JSON_KIND_STRING:
        json_write_string(writer, json_value_string(value));
        return;
    case JSON_KIND_ARRAY:
        json_write_array_begin(writer);
        for (size_t i = 0; i < json_value_count(value); i++)
            write_value(writer, json_value_at(value, i));
        json_write_array_end(writer);
        return;
    case JSON_KIND_OBJECT:
        json_write_object_begin(writer);
        json_value_members(value, write_member, writer);
        json_write_object_end(writer);
        return;
    }
}

/* RFC 7396, appendix A, for targets and patches that are objects. */
static const struct {
    const char *target;
    const char *patch;
    const char *result;
} merges[] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    {"{\"a\":1}", "{\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}"},
};

static void patches_merge_as_the_rfc_says(void **state)
{
    struct table table = {"patches_merge_as_the_rfc_says", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(merges); i++) {
        struct json_value *AUTO_JSON target = NULL;
        struct json_value *AUTO_JSON patch = NULL;
        struct buf AUTO_BUF text;
        struct json_writer writer;

        buf_init(&text, SIZE_MAX);
        json_writer_init(&writer, &text);
        assert_int_equal(
            json_document_read(merges[i].target, strlen(merges[i].target), &target, NULL), RC_OK);
        assert_int_equal(json_document_read(merges[i].patch, strlen(merges[i].patch), &patch, NULL),
                         RC_OK);
        json_document_merge(target, patch);
        write_value(&writer, target);
        table_same(&table, merges[i].patch, merges[i].result, text.data);
    }
    table_end(&table);
}

static const struct {
    const char *text;
    const char *json;
} strings[] = {
    {"", "\"\""},
    {"plain", "\"plain\""},
    {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
    {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
    {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\""},
    {"a\xff"
     "b",
     "\"a\xef\xbf\xbd"
     "b\""},
    {"\xc3", "\"\xef\xbf\xbd\""},
    {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

static void strings_are_escaped_and_mended(void **state)
{
    struct table table = {"strings_are_escaped_and_mended", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        struct buf AUTO_BUF text;
        struct json_writer writer;

        buf_init(&text, SIZE_MAX);
        json_writer_init(&writer, &text);
        json_write_string(&writer, strings[i].text);
        table_same(&table, strings[i].json, strings[i].json, text.data);
    }
    table_end(&table);
}

static void numbers_read_back_as_themselves(void **state)
{
    static const struct {
        double number;
        const char *json;
    } rows[] = {{2, "2"}, {0.1, "0.1"}, {1.5, "1.5"}, {1.0 / 3, "0.33333333333333331"}, {0, "0"}};
    struct table table = {"numbers_read_back_as_themselves", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf AUTO_BUF text;
        struct json_writer writer;

        buf_init(&text, SIZE_MAX);
        json_writer_init(&writer, &text);
        json_write_number(&writer, rows[i].number);
        table_same(&table, rows[i].json, rows[i].json, text.data);
    }
    table_end(&table);
}

static void commas_stand_between_elements(void **state)
{
    struct buf AUTO_BUF text;
    struct json_writer writer;
    struct pair pair = {"k", "v"};

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    json_write_object_begin(&writer);
    json_member_id(&writer, "id", UINT64_MAX);
    json_write_members(&writer, "{\"x\":1,\"y\":[]}", 14);
    json_write_members(&writer, "{}", 2);
    json_member_instant(&writer, "at", 0);
    json_member_instant(&writer, "never", INSTANT_NONE);
    json_member_span(&writer, "for", 90 * SECOND);
    json_member_text(&writer, "none", "");
    json_member_pairs(&writer, "pairs", &(struct pairs){&pair, 1});
    json_write_name(&writer, "list");
    json_write_array_begin(&writer);
    json_write_integer(&writer, INT64_MIN);
    json_write_array_begin(&writer);
    json_write_array_end(&writer);
    json_write_null(&writer);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    assert_string_equal(text.data,
                        "{\"id\":\"18446744073709551615\",\"x\":1,\"y\":[],\"at\":"
                        "\"1970-01-01T00:00:00Z\",\"never\":null,\"for\":\"1m30s\",\"none\":null,"
                        "\"pairs\":{\"k\":\"v\"},\"list\":[-9223372036854775808,[],null]}");
}

static void full_buffer_is_remembered(void **state)
{
    struct buf AUTO_BUF text;
    struct json_writer writer;

    (void)state;
    buf_init(&text, 10);
    json_writer_init(&writer, &text);
    json_write_array_begin(&writer);
    for (int i = 0; i < 100; i++)
        json_write_string(&writer, "text");
    json_write_array_end(&writer);
    assert_true(text.failed);
    assert_true(text.length <= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_is_strict),
        cmocka_unit_test(bytes_past_the_length_do_not_count),
        cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(mistakes_are_located),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(patches_merge_as_the_rfc_says),
        cmocka_unit_test(strings_are_escaped_and_mended),
        cmocka_unit_test(numbers_read_back_as_themselves),
        cmocka_unit_test(commas_stand_between_elements),
        cmocka_unit_test(full_buffer_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
