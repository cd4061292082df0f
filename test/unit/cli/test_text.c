/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/split.h"
#include "cli/text.h"
#include "testing.h"

static struct json_value *read(const char *text)
{
    struct json_value *value = NULL;
    assert_int_equal(json_document_read(text, strlen(text), &value, NULL), RC_OK);
    return value;
}

/* ---- values -------------------------------------------------------------------------------- */

static void values_are_one_safe_line(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        {"[null]", "-"},
        {"[true]", "yes"},
        {"[-5]", "-5"},
        {"[0.5]", "0.5"},
        {"[\"\"]", "-"},
        {"[\"a\\nb\\tc\"]", "a b c"},
        {"[\"\\u001b[31m\\u0007\\u007f\"]", "?[31m??"},
        {"[\"\\u009b31m ü\"]", "??31m ü"},
        {"[[\"a\",1,null]]", "a, 1, -"},
        {"[{\"a\":1,\"b\":{\"c\":true,\"d\":\"x\"}}]", "a=1, b={c=yes, d=x}"},
        {"[[]]", "-"},
        {"[{}]", "-"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        AUTO_JSON struct json_value *value = read(rows[i].json);
        assert_string_equal(text_of(json_value_at(value, 0), &arena), rows[i].text);
    }
}

static void members_are_found_by_their_path(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    AUTO_JSON struct json_value *value = read("{\"a\":{\"b\":\"c\",\"n\":7}}");
    assert_string_equal(text_string(value, "a.b", "-"), "c");
    assert_int_equal(text_integer(value, "a.n", 0), 7);
    assert_int_equal(text_integer(value, "a.b", -1), -1);
    assert_null(text_member(value, "a.b.c"));
    assert_null(text_member(value, "x"));
    assert_null(text_member(NULL, "x"));
    assert_string_equal(text_of_member(value, "x.y", &arena), "-");
}

static void pretty_text_reads_back_as_the_same(void **state)
{
    (void)state;
    static const char json[] =
        "{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":[],\"e\":\"x\\ny\",\"f\":0.5}";
    AUTO_BUF struct buf text;
    buf_init(&text, 4096);
    AUTO_JSON struct json_value *value = read(json);
    text_pretty(value, &text);
    assert_string_equal(text.data, "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n"
                                   "  \"c\": {},\n  \"d\": [],\n  \"e\": \"x\\ny\",\n"
                                   "  \"f\": 0.5\n}\n");
}

static void words_are_quoted_for_the_shell(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *quoted;
    } rows[] = {
        {"date", "date"},
        {"--all=/x,y:z@%+", "--all=/x,y:z@%+"},
        {"", "''"},
        {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},
        {"$HOME", "'$HOME'"},
        {"~", "'~'"},
        {"a\nb", "'a\nb'"},
        {"ü", "'ü'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_BUF struct buf buf;
        buf_init(&buf, 256);
        text_quote(rows[i].word, &buf);
        assert_string_equal(buf.data, rows[i].quoted);
    }
}

/* ---- listings ------------------------------------------------------------------------------ */

static const struct column columns[] = {
    {.title = "ID", .path = "id"},
    {.title = "NAME", .path = "name"},
    {.title = "COMMAND", .path = "command"},
};

/* What a listing of these documents prints on a terminal of that width. */
static char *printed(const char *const *documents, size_t width)
{
    AUTO_ARENA struct arena arena = {0};
    struct listing listing = {.columns = columns, .column_count = 3, .arena = &arena};
    for (; *documents; documents++) {
        AUTO_JSON struct json_value *value = read(*documents);
        listing_add(&listing, value);
    }
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    listing_print(&listing, width, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void columns_are_aligned(void **state)
{
    (void)state;
    const char *const documents[] = {"{\"id\":\"12\",\"name\":\"grün\",\"command\":\"date\"}",
                                     "{\"id\":\"7\",\"name\":null,\"command\":\"äbcdefgh\"}", NULL};
    char *text = printed(documents, 0);
    assert_string_equal(text, "ID  NAME  COMMAND\n"
                              "12  grün  date\n"
                              "7   -     äbcdefgh\n");
    free(text);
    text = printed(documents, 16);
    assert_string_equal(text, "ID  NAME  COMMA…\n"
                              "12  grün  date\n"
                              "7   -     äbcde…\n");
    free(text);
    text = printed(documents + 2, 80);
    assert_string_equal(text, "ID  NAME  COMMAND\n");
    free(text);
}

/* ---- lists in pieces ----------------------------------------------------------------------- */

struct seen {
    char text[256];
    size_t most;
    size_t count;
};

static bool note(void *context, const char *text, size_t length)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);
    (void)snprintf(seen->text + used, sizeof seen->text - used, "%.*s|", (int)length, text);
    return ++seen->count < seen->most;
}

static void elements_are_split_wherever_the_pieces_end(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *expected;
        bool ended;
    } rows[] = {
        {"[]", "", true},
        {" [ ]\n", "", true},
        {"[1, 2 ,3]", "1|2|3|", true},
        {"[{\"a\":\"],[\\\"\"}, {\"b\":[1,2]}\n]", "{\"a\":\"],[\\\"\"}|{\"b\":[1,2]}|", true},
        {"[\"a b\",\"\\\\\",\"c\"]", "\"a b\"|\"\\\\\"|\"c\"|", true},
        {"[1,2", "1|", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t piece = 1; piece <= strlen(rows[i].json); piece++) {
            struct split split;
            struct seen seen = {.most = 100};
            split_init(&split);
            for (size_t at = 0; at < strlen(rows[i].json); at += piece)
                assert_int_equal(split_feed(&split, rows[i].json + at,
                                            MIN(piece, strlen(rows[i].json) - at), note, &seen,
                                            NULL),
                                 RC_OK);
            assert_string_equal(seen.text, rows[i].expected);
            assert_int_equal(split.ended, rows[i].ended);
            split_release(&split);
        }
    }
}

static void splitting_stops_when_told_or_lost(void **state)
{
    (void)state;
    struct split split;
    struct seen seen = {.most = 2};
    split_init(&split);
    assert_int_equal(split_feed(&split, "[1,2,3]", 7, note, &seen, NULL), RC_CLOSED);
    assert_string_equal(seen.text, "1|2|");
    split_release(&split);
    split_init(&split);
    assert_int_equal(split_feed(&split, "{\"a\":1}", 7, note, &seen, NULL), RC_MALFORMED);
    split_release(&split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_one_safe_line),
        cmocka_unit_test(members_are_found_by_their_path),
        cmocka_unit_test(pretty_text_reads_back_as_the_same),
        cmocka_unit_test(words_are_quoted_for_the_shell),
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(elements_are_split_wherever_the_pieces_end),
        cmocka_unit_test(splitting_stops_when_told_or_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
