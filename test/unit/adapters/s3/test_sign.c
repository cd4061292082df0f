/* SPDX-License-Identifier: Apache-2.0 */
/* The examples that AWS publishes: those of "Signature calculations for the Authorization header"
 * in S3's API reference, the one of its general documentation, and its test suite for signers, as
 * far as that does not ask for what S3 does not want (shortened paths). */
#include "base/crypto.h"

#include "adapters/s3/sign.h"
#include "table.h"

#define BUCKET "examplebucket.s3.amazonaws.com"

struct example {
    const char *name;
    struct sign_request request;
    struct http_header headers[6];
    const char *digest; /* of the canonical request; NULL: not published */
    const char *names;  /* the signed headers */
    const char *signature;
};

/* 2013-05-24T00:00:00Z, us-east-1 */
static const struct example s3_examples[] = {
    {"GET object",
     {"GET", "/test.txt", "", NULL, 0, SIGN_EMPTY},
     {{"Host", BUCKET},
      {"Range", "bytes=0-9"},
      {"x-amz-content-sha256", SIGN_EMPTY},
      {"x-amz-date", "20130524T000000Z"}},
     "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
     "host;range;x-amz-content-sha256;x-amz-date",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT object",
     {"PUT", "/test%24file.text", "", NULL, 0,
      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
     {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"Host", BUCKET},
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
      {"x-amz-date", "20130524T000000Z"},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET bucket lifecycle",
     {"GET", "/", "lifecycle", NULL, 0, SIGN_EMPTY},
     {{"Host", BUCKET}, {"x-amz-content-sha256", SIGN_EMPTY}, {"x-amz-date", "20130524T000000Z"}},
     "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
     "host;x-amz-content-sha256;x-amz-date",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list objects",
     {"GET", "/", "prefix=J&max-keys=2", NULL, 0, SIGN_EMPTY},
     {{"x-amz-date", "20130524T000000Z"}, {"x-amz-content-sha256", SIGN_EMPTY}, {"Host", BUCKET}},
     "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
     "host;x-amz-content-sha256;x-amz-date",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

/* 2015-08-30T12:36:00Z, us-east-1 */
static const struct example general_examples[] = {
    {"iam ListUsers",
     {"GET", "/", "Action=ListUsers&Version=2010-05-08", NULL, 0, SIGN_EMPTY},
     {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
      {"host", "iam.amazonaws.com"},
      {"x-amz-date", "20150830T123600Z"}},
     "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
     "content-type;host;x-amz-date",
     "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
};

/* The test suite's account, of the same instant: service "service". */
#define SUITE_HEADERS                        \
    {                                        \
        {"Host", "example.amazonaws.com"},   \
        {                                    \
            "X-Amz-Date", "20150830T123600Z" \
        }                                    \
    }
static const struct example suite_examples[] = {
    {"get-vanilla",
     {"GET", "/", "", NULL, 0, SIGN_EMPTY},
     SUITE_HEADERS,
     "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key-case",
     {"GET", "/", "Param2=value2&Param1=value1", NULL, 0, SIGN_EMPTY},
     SUITE_HEADERS,
     NULL,
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"post-vanilla",
     {"POST", "/", "", NULL, 0, SIGN_EMPTY},
     SUITE_HEADERS,
     NULL,
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"get-utf8",
     {"GET", "/%E1%88%B4", "", NULL, 0, SIGN_EMPTY},
     SUITE_HEADERS,
     NULL,
     "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-header-value-trim",
     {"GET", "/", "", NULL, 0, SIGN_EMPTY},
     {{"Host", "example.amazonaws.com"},
      {"My-Header1", " value1"},
      {"My-Header2", " \"a   b   c\" "},
      {"X-Amz-Date", "20150830T123600Z"}},
     NULL,
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
};

static const struct sign_account s3_account = {
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"};
static const struct sign_account iam_account = {
    "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "iam"};
static const struct sign_account suite_account = {
    "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service"};

static void check_example(struct table *table, const struct example *example,
                          const struct sign_account *account, const char *when)
{
    struct sign_request request = example->request;
    char expected[1024], digest_text[CRYPTO_DIGEST_TEXT];
    uint8_t digest[CRYPTO_DIGEST];
    instant_us instant;
    struct buf text;

    assert_int_equal(instant_parse(when, &instant, NULL), RC_OK);
    request.headers = example->headers;
    while (request.header_count < 6 && example->headers[request.header_count].name)
        request.header_count++;
    buf_init(&text, 65536);
    sign_canonical(&request, &text);
    crypto_digest(text.data, text.length, digest);
    if (example->digest)
        table_same(table, example->name, example->digest, crypto_digest_text(digest, digest_text));
    buf_reset(&text);
    sign_authorization(&request, account, instant, &text);
    (void)snprintf(expected, sizeof(expected),
                   "AWS4-HMAC-SHA256 Credential=%s/%.4s%.2s%.2s/us-east-1/%s/aws4_request,"
                   "SignedHeaders=%s,Signature=%s",
                   account->key, when, when + 5, when + 8, account->service, example->names,
                   example->signature);
    table_same(table, example->name, expected, text.data);
    buf_release(&text);
}

static void signs_as_published(void **state)
{
    struct table table = {.name = "signatures"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(s3_examples); i++)
        check_example(&table, &s3_examples[i], &s3_account, "2013-05-24T00:00:00Z");
    for (size_t i = 0; i < ARRAY_SIZE(general_examples); i++)
        check_example(&table, &general_examples[i], &iam_account, "2015-08-30T12:36:00Z");
    for (size_t i = 0; i < ARRAY_SIZE(suite_examples); i++)
        check_example(&table, &suite_examples[i], &suite_account, "2015-08-30T12:36:00Z");
    table_end(&table);
}

static void says_what_it_signs(void **state)
{
    const struct http_header headers[] = {{"x-amz-date", "20130524T000000Z"}, {"Host", "h:1"}};
    const struct sign_request request = {"GET", "/b/k", "b=2&a=1&a-b&a=0", headers, 2, SIGN_EMPTY};
    struct buf text;

    (void)state;
    buf_init(&text, 65536);
    sign_canonical(&request, &text);
    assert_string_equal(text.data, "GET\n/b/k\na=0&a=1&a-b=&b=2\nhost:h:1\n"
                                   "x-amz-date:20130524T000000Z\n\nhost;x-amz-date\n" SIGN_EMPTY);
    buf_reset(&text);
    sign_string(&request, &s3_account, 1369353600 * SECOND + 999999, &text);
    assert_memory_equal(text.data,
                        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n",
                        strlen("AWS4-HMAC-SHA256\n20130524T000000Z\n"
                               "20130524/us-east-1/s3/aws4_request\n"));
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_published),
        cmocka_unit_test(says_what_it_signs),
    };

    return cmocka_run_group_tests_name("signatures", tests, NULL, NULL);
}
