/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "table.h"
#include "wire/base64.h"

/* Reads in two pieces; "" or what is said of it. */
static const char *said_of(const char *text, size_t cut, uint8_t *data, size_t *ret_length)
{
    static struct err err;
    struct base64_reader reader = {0};
    size_t first = 0, second = 0;
    enum rc rc;

    err = (struct err){0};
    rc = base64_read(&reader, text, cut, data, &first, &err);
    if (rc == RC_OK)
        rc = base64_read(&reader, text + cut, strlen(text) - cut, data + first, &second, &err);
    if (rc == RC_OK)
        rc = base64_end(&reader, &err);
    *ret_length = first + second;
    assert_true(rc == RC_OK || rc == RC_INVALID);
    return rc == RC_OK ? "" : err.message;
}

/* RFC 4648, section 10, and what its alphabet has beside. */
static const struct {
    const char *data;
    const char *text;
} vectors[] = {
    {"f", "Zg=="},
    {"of", "b2Y="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
    {"\xff\xff", "//8="},
    {"#!/bin/sh\n", "IyEvYmluL3NoCg=="},
};

static void vectors_are_read_and_written(void **state)
{
    struct table table = {"vectors_are_read_and_written", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        size_t size = strlen(vectors[i].data), length;
        char text[64] = "";
        uint8_t data[64];

        base64_write((const uint8_t *)vectors[i].data, size, text);
        table_same(&table, vectors[i].text, vectors[i].text, text);
        assert_int_equal(BASE64_TEXT(size), strlen(text));
        for (size_t cut = 0; cut <= strlen(text); cut++) {
            table_same(&table, text, "", said_of(text, cut, data, &length));
            assert_int_equal(length, size);
            assert_memory_equal(data, vectors[i].data, size);
        }
    }
    table_end(&table);
}

static const struct {
    const char *text;
    const char *said;
} mistakes[] = {
    {"", "is an empty file"},
    {"Zm9v\nYmFy", "has white space at character 5; BASE64 is to be one line, as `base64 -w0` "
                   "prints it"},
    {"Zm9v ", "has white space at character 5; BASE64 is to be one line, as `base64 -w0` prints "
              "it"},
    {"Zm8=\n", "has white space at character 5; BASE64 is to be one line, as `base64 -w0` prints "
               "it"},
    {"Zm-v", "has '-' at character 3, which is of the alphabet for URLs; the standard one of "
             "BASE64 has + and /"},
    {"Zm9*", "has '*' at character 4; BASE64 has only A-Z a-z 0-9 + / and = at its end"},
    {"Zm\xc3\xa9", "has the byte 0xc3 at character 3; BASE64 has only A-Z a-z 0-9 + / and = at its "
                   "end"},
    {"Zm9vY", "is truncated: 5 characters, and BASE64 has groups of four, the last one filled up "
              "with ="},
    {"Zm8", "is truncated: 3 characters, and BASE64 has groups of four, the last one filled up "
            "with ="},
    {"Zg=", "has bad padding: it ends with one = where two belong"},
    {"=", "has bad padding: no = may stand at character 1, where a group of four has just begun"},
    {"Z===", "has bad padding: no = may stand at character 2, where a group of four has just "
             "begun"},
    {"Zg==Zg==", "has bad padding: 'Z' at character 5 follows the = that ends it"},
    {"Zg=v", "has bad padding: 'v' at character 4 follows the = that ends it"},
    {"Zm8==", "has bad padding: '=' at character 5 follows the = that ends it"},
    {"Zh==", "has bad padding: the character before it, 2, has bits that belong to no byte"},
    {"Zm9=", "has bad padding: the character before it, 3, has bits that belong to no byte"},
};

static void mistakes_are_told_apart(void **state)
{
    struct table table = {"mistakes_are_told_apart", 0, 0};
    uint8_t data[64];
    size_t length;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
        for (size_t cut = 0; cut <= strlen(mistakes[i].text); cut++)
            table_same(&table, mistakes[i].text, mistakes[i].said,
                       said_of(mistakes[i].text, cut, data, &length));
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_read_and_written),
        cmocka_unit_test(mistakes_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
