/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "adapters/s3/answer.h"
#include "table.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS  " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static struct arena arena;
static struct answer_page page;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void reads_what_was_wrong(void **state)
{
    static const struct {
        const char *text, *code, *message;
    } rows[] = {
        {XML "<Error><Code>NoSuchKey</Code><Message>The resource you requested does not exist"
             "</Message><Resource>/b/k</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>",
         "NoSuchKey", "The resource you requested does not exist"},
        {"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>AccessDenied</Code>"
         "<Message>a &lt;b&gt; &amp; &#228;</Message></Error>",
         "AccessDenied", "a <b> & \xc3\xa4"},
        {"<s3:Error xmlns:s3=\"x\"><s3:Code><![CDATA[A]]>B</s3:Code></s3:Error>", "AB", ""},
        {"<Error/>", "", ""},
        {"<Other><Error><Code>A</Code></Error></Other>", NULL, NULL},
        {"<html><body>502 Bad Gateway</body></html>", NULL, NULL},
        {"<Error><Code>A</Code>", NULL, NULL},
        {"<Error></Error><Error/>", NULL, NULL},
        {"not XML", NULL, NULL},
        {"", NULL, NULL},
        {"<!DOCTYPE Error [<!ENTITY a \"aaaa\">]><Error><Code>&a;</Code></Error>", NULL, NULL},
        {"<!DOCTYPE Error SYSTEM \"file:///etc/passwd\"><Error/>", NULL, NULL},
    };
    struct table table = {.name = "errors"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct answer_error error = {0};
        bool found = answer_read_error(rows[i].text, strlen(rows[i].text), &arena, &error);

        table_equal(&table, rows[i].text, rows[i].code != NULL, found);
        if (!found || !rows[i].code)
            continue;
        table_same(&table, rows[i].text, rows[i].code, error.code);
        table_same(&table, rows[i].text, rows[i].message, error.message);
    }
    table_end(&table);
}

static enum rc read_page(const char *text, struct err *err)
{
    return answer_read_page(text, strlen(text), &arena, &page, err);
}

static void reads_a_page_of_keys(void **state)
{
    (void)state;
    assert_int_equal(
        read_page(XML "<ListBucketResult" NS "><Name>b</Name><Prefix/><KeyCount>2</KeyCount>"
                      "<MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated>"
                      "<Contents><Key>outputs/1/2</Key>"
                      "<LastModified>2009-10-12T17:50:30.000Z</LastModified>"
                      "<ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag>"
                      "<Size>434234</Size><StorageClass>STANDARD</StorageClass></Contents>"
                      "<Contents><Key>x</Key><Size>0</Size><Owner><ID>1</ID></Owner></Contents>"
                      "<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM="
                      "</NextContinuationToken></ListBucketResult>",
                  NULL),
        RC_OK);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.items[0].key, "outputs/1/2");
    assert_int_equal(page.items[0].size, 434234);
    assert_int_equal(page.items[0].stored_at, 1255369830 * SECOND);
    assert_string_equal(page.items[1].key, "x");
    assert_int_equal(page.items[1].size, 0);
    assert_true(page.is_truncated);
    assert_string_equal(page.continuation, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
    assert_int_equal(read_page("<ListBucketResult><IsTruncated>false</IsTruncated>"
                               "</ListBucketResult>",
                               NULL),
                     RC_OK);
    assert_int_equal(page.count, 0);
    assert_false(page.is_truncated);
}

#define LIST(x)  "<ListBucketResult>" x "</ListBucketResult>"
#define ENTRY(x) LIST("<Contents>" x "</Contents>")

static void refuses_pages_that_are_none(void **state)
{
    static const char *const rows[] = {
        "",
        "<",
        "<Error/>",
        "<ListBucketResult>",
        ENTRY("<Key>a</Key>"),
        ENTRY("<Size>1</Size>"),
        ENTRY("<Key>a</Key><Size>-1</Size>"),
        ENTRY("<Key>a</Key><Size>x</Size>"),
        ENTRY("<Key>a</Key><Size></Size>"),
        ENTRY("<Key>a</Key><Size>99999999999999999999</Size>"),
        ENTRY("<Key>a</Key><Size>1</Size><LastModified>yesterday</LastModified>"),
        LIST("<IsTruncated>true</IsTruncated>"),
        "<!DOCTYPE a>" LIST(""),
    };
    struct table table = {.name = "pages"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};

        table_equal(&table, rows[i], RC_IO, read_page(rows[i], &err));
        table_equal(&table, rows[i], true, err.message[0] != '\0');
    }
    table_end(&table);
}

static void refuses_more_than_it_asked_for(void **state)
{
    struct err err = {0};
    struct buf text;

    (void)state;
    buf_init(&text, ANSWER_MAX);
    (void)buf_puts(&text, "<ListBucketResult>");
    for (int i = 0; i <= ANSWER_PAGE; i++)
        (void)buf_puts(&text, "<Contents><Key>a</Key><Size>1</Size></Contents>");
    (void)buf_puts(&text, "</ListBucketResult>");
    assert_int_equal(read_page(text.data, &err), RC_IO);
    buf_reset(&text);
    for (int i = 0; i < 100; i++)
        (void)buf_puts(&text, "<a>");
    assert_int_equal(read_page(text.data, &err), RC_IO);
    assert_non_null(strstr(err.message, "too deep"));
    buf_release(&text);
}

static void reads_the_answers_of_uploads(void **state)
{
    static const char begun[] = XML "<InitiateMultipartUploadResult" NS "><Bucket>b</Bucket>"
                                    "<Key>k</Key><UploadId>VXBsb2FkIElE</UploadId>"
                                    "</InitiateMultipartUploadResult>";
    static const char completed[] = XML "\n   <CompleteMultipartUploadResult" NS "><ETag>x</ETag>"
                                        "</CompleteMultipartUploadResult>";
    static const char failed[] = XML "<Error><Code>InternalError</Code></Error>";
    const char *id = NULL;

    (void)state;
    assert_int_equal(answer_read_upload(begun, strlen(begun), &arena, &id, NULL), RC_OK);
    assert_string_equal(id, "VXBsb2FkIElE");
    assert_int_equal(answer_read_upload(failed, strlen(failed), &arena, &id, NULL), RC_IO);
    assert_int_equal(answer_read_completed(completed, strlen(completed), NULL), RC_OK);
    assert_int_equal(answer_read_completed(failed, strlen(failed), NULL), RC_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(reads_what_was_wrong, release),
        cmocka_unit_test_teardown(reads_a_page_of_keys, release),
        cmocka_unit_test_teardown(refuses_pages_that_are_none, release),
        cmocka_unit_test_teardown(refuses_more_than_it_asked_for, release),
        cmocka_unit_test_teardown(reads_the_answers_of_uploads, release),
    };

    return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
