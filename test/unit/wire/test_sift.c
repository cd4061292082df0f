/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "table.h"
#include "wire/json.h"
#include "wire/sift.h"

enum { MOST = 4, LIMIT = 4096 };

struct sifted {
    struct sift sift;
    struct buf kept;
    struct buf taken;
    struct err err;
};

static enum rc take(void *context, const char *text, size_t length, struct err *err)
{
    struct sifted *sifted = context;

    (void)err;
    assert_true(length > 0);
    return buf_append(&sifted->taken, text, length);
}

static void begin(struct sifted *sifted)
{
    *sifted = (struct sifted){
        .sift = {.name = "executable", .most = MOST, .take = take, .context = sifted}};
    buf_init(&sifted->kept, LIMIT);
    buf_init(&sifted->taken, LIMIT);
}

static void release(struct sifted *sifted)
{
    buf_release(&sifted->kept);
    buf_release(&sifted->taken);
}

/* In two pieces, cut there. */
static enum rc sift_cut(struct sifted *sifted, const char *text, size_t cut)
{
    size_t length = strlen(text);
    enum rc rc;

    begin(sifted);
    rc = sift_feed(&sifted->sift, text, cut, &sifted->kept, &sifted->err);
    if (rc == RC_OK)
        rc = sift_feed(&sifted->sift, text + cut, length - cut, &sifted->kept, &sifted->err);
    return rc;
}

/* What goes where; `kept` NULL: all of the text, and nothing is taken. */
static const struct {
    const char *text;
    const char *kept;
    const char *taken;
} rows[] = {
    {"{\"executable\":\"abcd\"}", NULL, ""},
    {"{\"executable\":\"abcde\"}", "{\"executable\":\"taken\"}", "abcde"},
    {"{ \"a\" : 1 , \"executable\" : \"abcdefgh\" , \"b\":\"executable\"}",
     "{ \"a\" : 1 , \"executable\" : \"taken\" , \"b\":\"executable\"}", "abcdefgh"},
    {"{\"executable\":\"ab\\/\\u002Bcd\\n\"}", "{\"executable\":\"taken\"}", "ab/+cd\n"},
    {"{\"executable\":\"\\u0041\\u0042\"}", "{\"executable\":\"taken\"}", "AB"},
    {"{\"executable\":\"\\u00e9\\u20ac\\ud800xxxx\"}", "{\"executable\":\"taken\"}",
     "\xc3\xa9\xe2\x82\xac\xef\xbf\xbdxxxx"},
    {"{\"executable\":\"say \\\"x\\\" \\\\\"}", "{\"executable\":\"taken\"}", "say \"x\" \\"},
    {"{\"executable\":\"abcdef\",\"executable\":\"ghijkl\"}",
     "{\"executable\":\"taken\",\"executable\":\"ghijkl\"}", "abcdef"},
    {"{\"a\":{\"executable\":\"abcdef\"}}", NULL, ""},
    {"{\"a\":[\"executable\",\"abcdef\"]}", NULL, ""},
    {"[{\"executable\":\"abcdef\"}]", NULL, ""},
    {"[\"executable\",\"abcdef\"]", NULL, ""},
    {"{\"executable\":[\"abcdef\"]}", NULL, ""},
    {"{\"executable\":{\"x\":\"abcdef\"},\"y\":\"abcdef\"}", NULL, ""},
    {"{\"executable\":17,\"y\":\"abcdef\"}", NULL, ""},
    {"{\"executables\":\"abcdef\",\"executabl\":\"abcdef\"}", NULL, ""},
    {"{\"x\":\"executable\",\"y\":\"abcdef\"}", NULL, ""},
    {"{\"x\\\"executable\":\"abcdef\"}", NULL, ""},
    {"{\"a\":\"}{[\\\\\\\"\",\"executable\":\"abcdef\"}",
     "{\"a\":\"}{[\\\\\\\"\",\"executable\":\"taken\"}", "abcdef"},
    {"{\"a\":[{\"b\":[1,2]},3],\"executable\":\"abcdef\"}",
     "{\"a\":[{\"b\":[1,2]},3],\"executable\":\"taken\"}", "abcdef"},
    {"{\"executable\":\"abcdef", "{\"executable\":\"taken", "abcdef"},
    {"]]}}\"", NULL, ""},
};

static void one_long_string_is_taken_wherever_the_text_is_cut(void **state)
{
    struct table table = {"one_long_string_is_taken", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t cut = 0; cut <= strlen(rows[i].text); cut++) {
            struct sifted sifted;

            assert_int_equal(sift_cut(&sifted, rows[i].text, cut), RC_OK);
            table_same(&table, rows[i].text, rows[i].kept ? rows[i].kept : rows[i].text,
                       sifted.kept.data ? sifted.kept.data : "");
            table_same(&table, rows[i].text, rows[i].taken,
                       sifted.taken.data ? sifted.taken.data : "");
            assert_int_equal(sifted.sift.taken, rows[i].kept != NULL);
            release(&sifted);
        }
    }
    table_end(&table);
}

/* What is taken is what a reader of the whole finds there. */
static void a_plain_reader_finds_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct json_value *AUTO_JSON whole = NULL;
        struct json_value *AUTO_JSON kept = NULL;
        struct sifted sifted;

        if (json_document_read(rows[i].text, strlen(rows[i].text), &whole, NULL) != RC_OK)
            continue;
        assert_int_equal(sift_cut(&sifted, rows[i].text, 0), RC_OK);
        assert_int_equal(json_document_read(sifted.kept.data, sifted.kept.length, &kept, NULL),
                         RC_OK);
        if (sifted.sift.taken)
            assert_string_equal(sifted.taken.data,
                                json_value_string(json_value_member(whole, "executable")));
        release(&sifted);
    }
}

static void wrong_escapes_are_refused_where_nobody_else_sees_them(void **state)
{
    static const char *const texts[] = {
        "{\"executable\":\"abcdef\\x\"}", "{\"executable\":\"abcdef\\u00g0\"}",
        "{\"executable\":\"\\xabcdef\"}", "{\"executable\":\"abcdef\\u\"00\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        for (size_t cut = 0; cut <= strlen(texts[i]); cut++) {
            struct sifted sifted;

            assert_int_equal(sift_cut(&sifted, texts[i], cut), RC_MALFORMED);
            assert_string_equal(sifted.err.message,
                                "not JSON: a wrong escape in the text of executable");
            release(&sifted);
        }
    }
}

static void what_is_kept_has_a_limit_and_what_is_taken_has_none(void **state)
{
    struct sifted sifted;
    char piece[1000];

    (void)state;
    memset(piece, 'x', sizeof(piece));
    begin(&sifted);
    sifted.taken.limit = SIZE_MAX;
    assert_int_equal(sift_feed(&sifted.sift, "{\"executable\":\"", 15, &sifted.kept, NULL), RC_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sift_feed(&sifted.sift, piece, sizeof(piece), &sifted.kept, NULL), RC_OK);
    assert_int_equal(sifted.taken.length, 100 * sizeof(piece));
    assert_int_equal(sift_feed(&sifted.sift, "\",\"a\":\"", 7, &sifted.kept, NULL), RC_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sift_feed(&sifted.sift, piece, sizeof(piece), &sifted.kept, NULL), RC_OK);
    assert_int_equal(sift_feed(&sifted.sift, piece, sizeof(piece), &sifted.kept, NULL), RC_TOO_BIG);
    release(&sifted);
}

static void a_line_break_is_noticed(void **state)
{
    struct sifted sifted;

    (void)state;
    assert_int_equal(sift_cut(&sifted, "{\"executable\":\"a\nb\"}", 3), RC_OK);
    assert_true(sifted.sift.broken);
    release(&sifted);
    assert_int_equal(sift_cut(&sifted, "{\"a\":\"a\nb\",\n\"executable\":\"a\"\n}", 3), RC_OK);
    assert_false(sifted.sift.broken);
    release(&sifted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_long_string_is_taken_wherever_the_text_is_cut),
        cmocka_unit_test(a_plain_reader_finds_the_same),
        cmocka_unit_test(wrong_escapes_are_refused_where_nobody_else_sees_them),
        cmocka_unit_test(what_is_kept_has_a_limit_and_what_is_taken_has_none),
        cmocka_unit_test(a_line_break_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
