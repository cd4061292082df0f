/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/s3/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crypto.h"

enum { TEXT_MAX = 64 * 1024, DATE = 8 };

#define ALGORITHM "AWS4-HMAC-SHA256"

const char *sign_stamp(instant_us instant, char text[SIGN_STAMP])
{
    char full[INSTANT_TEXT];
    size_t length = 0;

    /* "2013-05-24T00:00:00Z" without its dashes and colons */
    (void)instant_format(instant / SECOND * SECOND, full);
    for (const char *c = full; *c; c++)
        if (*c != '-' && *c != ':' && length < SIGN_STAMP - 1)
            text[length++] = *c;
    text[length] = '\0';
    return text;
}

/* ---- the canonical request ------------------------------------------------------------------- */

/* A stretch of a text. */
struct piece {
    const char *text;
    size_t length;
};

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *one = a, *two = b;
    int order = memcmp(one->text, two->text, MIN(one->length, two->length));

    return order ? order : (one->length > two->length) - (one->length < two->length);
}

/* By name, then by value, as the bytes go; "=" stands below all that a name is made of but "-" and
 * "." and "%", so names are compared without it. */
static int compare_parameters(const void *a, const void *b)
{
    const struct piece *one = a, *two = b;
    const char *equal[2] = {memchr(one->text, '=', one->length),
                            memchr(two->text, '=', two->length)};
    struct piece names[2] = {
        {one->text, equal[0] ? (size_t)(equal[0] - one->text) : one->length},
        {two->text, equal[1] ? (size_t)(equal[1] - two->text) : two->length},
    };
    int order = compare_pieces(&names[0], &names[1]);

    return order ? order : compare_pieces(one, two);
}

static void add_query(const char *query, struct buf *text)
{
    struct piece parameters[SIGN_QUERIES];
    size_t count = 0;

    while (*query) {
        size_t length = strcspn(query, "&");

        CHECK(count < SIGN_QUERIES);
        if (length)
            parameters[count++] = (struct piece){query, length};
        query += length + (query[length] == '&');
    }
    if (count)
        qsort(parameters, count, sizeof(parameters[0]), compare_parameters);
    for (size_t i = 0; i < count; i++) {
        (void)buf_puts(text, i ? "&" : ""); /* buf->failed is looked at by whoever ends */
        (void)buf_append(text, parameters[i].text, parameters[i].length);
        if (!memchr(parameters[i].text, '=', parameters[i].length))
            (void)buf_putc(text, '=');
    }
    (void)buf_putc(text, '\n');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int compare_headers(const void *a, const void *b)
{
    const struct http_header *const *one = a, *const *two = b;
    const char *x = (*one)->name, *y = (*two)->name;

    while (*x && lower(*x) == lower(*y)) {
        x++;
        y++;
    }
    return (unsigned char)lower(*x) - (unsigned char)lower(*y);
}

static void sort_headers(const struct sign_request *request,
                         const struct http_header *sorted[SIGN_HEADERS])
{
    CHECK(request->header_count && request->header_count <= SIGN_HEADERS);
    for (size_t i = 0; i < request->header_count; i++)
        sorted[i] = &request->headers[i];
    qsort(sorted, request->header_count, sizeof(const struct http_header *), /* NOLINT: pointers */
          compare_headers);
}

static void add_lower(const char *name, struct buf *text)
{
    for (; *name; name++)
        (void)buf_putc(text, lower(*name));
}

/* Without blanks around it, and with one for several within. */
static void add_value(const char *value, struct buf *text)
{
    bool first = true;

    for (value += strspn(value, " \t"); *value; value += strspn(value, " \t")) {
        size_t length = strcspn(value, " \t");

        (void)buf_puts(text, first ? "" : " ");
        (void)buf_append(text, value, length);
        value += length;
        first = false;
    }
}

/* "host;x-amz-date" */
static void add_names(const struct sign_request *request, struct buf *text)
{
    const struct http_header *sorted[SIGN_HEADERS];

    sort_headers(request, sorted);
    for (size_t i = 0; i < request->header_count; i++) {
        (void)buf_puts(text, i ? ";" : "");
        add_lower(sorted[i]->name, text);
    }
}

void sign_canonical(const struct sign_request *request, struct buf *text)
{
    const struct http_header *sorted[SIGN_HEADERS];

    sort_headers(request, sorted);
    (void)buf_printf(text, "%s\n%s\n", request->method, request->path);
    add_query(request->query, text);
    for (size_t i = 0; i < request->header_count; i++) {
        add_lower(sorted[i]->name, text);
        (void)buf_putc(text, ':');
        add_value(sorted[i]->value, text);
        (void)buf_putc(text, '\n');
    }
    (void)buf_putc(text, '\n');
    add_names(request, text);
    (void)buf_printf(text, "\n%s", request->payload);
}

/* ---- the signature --------------------------------------------------------------------------- */

/* "20130524/us-east-1/s3/aws4_request" */
static void add_scope(const struct sign_account *account, const char *stamp, struct buf *text)
{
    (void)buf_printf(text, "%.*s/%s/%s/aws4_request", DATE, stamp, account->region,
                     account->service);
}

void sign_string(const struct sign_request *request, const struct sign_account *account,
                 instant_us instant, struct buf *text)
{
    char stamp[SIGN_STAMP], digest_text[CRYPTO_DIGEST_TEXT];
    uint8_t digest[CRYPTO_DIGEST];
    AUTO_BUF struct buf canonical;

    buf_init(&canonical, TEXT_MAX);
    sign_canonical(request, &canonical);
    CHECK(!canonical.failed);
    crypto_digest(canonical.data, canonical.length, digest);
    (void)buf_printf(text, ALGORITHM "\n%s\n", sign_stamp(instant, stamp));
    add_scope(account, stamp, text);
    (void)buf_printf(text, "\n%s", crypto_digest_text(digest, digest_text));
}

/* HMAC of `text` by the digest in `mac`, which it replaces. */
static void chain(uint8_t mac[CRYPTO_DIGEST], const void *text, size_t length)
{
    const struct crypto_key key = {mac, CRYPTO_DIGEST};
    uint8_t next[CRYPTO_DIGEST];

    crypto_authenticate(&key, text, length, next);
    memcpy(mac, next, sizeof(next));
    crypto_forget(next, sizeof(next));
}

/* kSigning = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request") */
static void derive(const struct sign_account *account, const char *stamp,
                   uint8_t key[CRYPTO_DIGEST])
{
    AUTO_BUF struct buf secret;
    struct crypto_key first;

    buf_init(&secret, TEXT_MAX);
    CHECK(buf_printf(&secret, "AWS4%s", account->secret) == RC_OK);
    first = (struct crypto_key){secret.data, secret.length};
    crypto_authenticate(&first, stamp, DATE, key);
    crypto_forget(secret.data, secret.length);
    chain(key, account->region, strlen(account->region));
    chain(key, account->service, strlen(account->service));
    chain(key, "aws4_request", strlen("aws4_request"));
}

void sign_authorization(const struct sign_request *request, const struct sign_account *account,
                        instant_us instant, struct buf *text)
{
    char stamp[SIGN_STAMP], signature[CRYPTO_DIGEST_TEXT];
    uint8_t mac[CRYPTO_DIGEST];
    AUTO_BUF struct buf string;

    buf_init(&string, TEXT_MAX);
    sign_string(request, account, instant, &string);
    CHECK(!string.failed);
    derive(account, sign_stamp(instant, stamp), mac);
    chain(mac, string.data, string.length);
    (void)buf_printf(text, ALGORITHM " Credential=%s/", account->key);
    add_scope(account, stamp, text);
    (void)buf_puts(text, ",SignedHeaders=");
    add_names(request, text);
    (void)buf_printf(text, ",Signature=%s", crypto_digest_text(mac, signature));
    crypto_forget(mac, sizeof(mac));
}
