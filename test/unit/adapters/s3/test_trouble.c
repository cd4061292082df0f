/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/s3/trouble.h"
#include "table.h"

#define NOW (1800000000 * SECOND)

static const struct row {
    unsigned status;
    struct answer_error error;
    span_us behind; /* our clock */
    enum rc rc;
    bool may_pass;
    const char *message;
} rows[] = {
    {404,
     {"NoSuchKey", "gone", ""},
     0,
     RC_NOT_FOUND,
     false,
     "there is no object 'k' in s3://b at "},
    {404, {"", "", ""}, 0, RC_NOT_FOUND, false, "there is no object 'k' in s3://b at http://h"},
    {404,
     {"NoSuchBucket", "", ""},
     0,
     RC_UNAVAILABLE,
     false,
     "s3://b at http://h: there is no bucket 'b' there (404 NoSuchBucket: )"},
    {404, {"NoSuchUpload", "", ""}, 0, RC_NOT_FOUND, false, "s3://b at http://h has forgotten"},
    {403, {"", "", ""}, 0, RC_FORBIDDEN, false, "s3://b at http://h does not allow it (403)"},
    {403,
     {"AccessDenied", "No", ""},
     0,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h does not allow it (403 AccessDenied: No)"},
    {403,
     {"SignatureDoesNotMatch", "", ""},
     0,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h refuses the key or its secret"},
    {403,
     {"InvalidAccessKeyId", "", ""},
     0,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h does not know the key"},
    {403,
     {"RequestTimeTooSkewed", "", ""},
     20 * MINUTE,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h takes no requests of this machine, whose clock is 20m behind"},
    {403,
     {"RequestTimeTooSkewed", "", ""},
     -HOUR,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h takes no requests of this machine, whose clock is 1h ahead"},
    {400,
     {"AuthorizationHeaderMalformed", "x", "eu"},
     0,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h has the bucket in the region 'eu', not in 'us'"},
    {301,
     {"", "", ""},
     0,
     RC_FORBIDDEN,
     false,
     "s3://b at http://h has the bucket elsewhere than in the region 'us' (301)"},
    {400,
     {"XAmzContentSHA256Mismatch", "", ""},
     0,
     RC_IO,
     true,
     "s3://b at http://h got other bytes than were sent"},
    {400, {"RequestTimeout", "", ""}, 0, RC_UNAVAILABLE, true, "s3://b at http://h cannot answer"},
    {500, {"InternalError", "", ""}, 0, RC_UNAVAILABLE, true, "s3://b at http://h cannot answer"},
    {503, {"SlowDown", "", ""}, 0, RC_UNAVAILABLE, true, "s3://b at http://h cannot answer now"},
    {502, {"", "", ""}, 0, RC_UNAVAILABLE, true, "s3://b at http://h cannot answer now (502)"},
    {429, {"", "", ""}, 0, RC_UNAVAILABLE, true, "s3://b at http://h cannot answer now (429)"},
    {507, {"", "", ""}, 0, RC_FULL, false, "s3://b at http://h is full (507)"},
    {403, {"QuotaExceeded", "", ""}, 0, RC_FULL, false, "s3://b at http://h is full"},
    {400,
     {"InvalidArgument", "odd", ""},
     0,
     RC_IO,
     false,
     "s3://b at http://h refuses a request (400 InvalidArgument: odd)"},
};

static void says_what_to_mend(void **state)
{
    struct table table = {.name = "trouble"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        const struct trouble trouble = {"s3://b at http://h", "k",        "b", "us",
                                        row->status,          row->error, NOW, NOW + row->behind};
        char begin[512];
        struct err err = {0};
        enum rc rc = trouble_tell(&trouble, &err);

        table_equal(&table, row->message, row->rc, rc);
        table_equal(&table, row->message, row->may_pass, trouble_may_pass(&trouble));
        (void)snprintf(begin, sizeof(begin), "%.*s", (int)strlen(row->message), err.message);
        table_same(&table, row->message, row->message, begin);
        table_equal(&table, row->message, rc, trouble_tell(&trouble, NULL));
    }
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_to_mend)};

    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
