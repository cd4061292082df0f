/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts and binaries: from a request into the object store and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "adapters/memory/clock.h"
#include "adapters/memory/objects.h"
#include "fixture.h"
#include "testing.h"
#include "wire/base64.h"

enum { LIMIT = 1024 * 1024, SEEN = 4096 };

static struct fixture fixture;

static int setup(void **state)
{
    static const char *const sources[] = {"http://files.example/a/"};
    struct api_config config = fixture_config(&fixture);

    (void)state;
    config.allowed_sources = sources;
    config.allowed_source_count = 1;
    fixture_start(&fixture, &config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

/* So many bytes that repeat nothing, in BASE64. */
static char *content(size_t size, char sha256[CRYPTO_DIGEST_TEXT])
{
    uint8_t *AUTO_FREE data = xmalloc(size + 1), digest[CRYPTO_DIGEST];
    char *text = xcalloc(1, BASE64_TEXT(size) + 1);

    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 + i / 251);
    base64_write(data, size, text);
    crypto_digest(data, size, digest);
    (void)crypto_digest_text(digest, sha256);
    return text;
}

/* A job of that content, with further members. */
static char *job_of(const char *text, const char *members)
{
    return xasprintf("{\"type\":\"binary\",\"schedule\":\"@daily\",\"executable\":\"%s\"%s}", text,
                     members);
}

static struct reply send_job(const char *method, const char *target, const char *fields, char *body)
{
    char *AUTO_FREE whole = xasprintf("Content-Type: application/json\r\n%s", fields);
    struct reply reply = ask(&fixture, method, target, whole, body);

    free(body);
    return reply;
}

static struct reply post(char *body)
{
    return send_job("POST", "/jobs", "", body);
}

/* Answers with that status, and a detail that has the text. */
static void expect(struct reply reply, unsigned status, const char *text)
{
    if (reply.status != status)
        fail_msg("%u instead of %u: %s", reply.status, status, reply.body.data);
    assert_body_has(&reply, text);
    reply_release(&reply);
}

static void a_file_of_any_size_is_stored_by_its_hash(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 1000, 49151, 49152, 49153, 100000, LIMIT};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        char sha256[CRYPTO_DIGEST_TEXT], target[64];
        char *AUTO_FREE text = content(sizes[i], sha256);
        char *AUTO_FREE members = xasprintf(",\"sha256\":\"%s\",\"filename\":\"a b\"", sha256);
        char *AUTO_FREE url =
            xasprintf("\"executable\":\"%s/executables/%s\"", objects_url(fixture.objects), sha256);
        struct reply reply;

        expect(post(job_of(text, members)), 201, url);
        (void)snprintf(target, sizeof(target), "/jobs/%zu/executable", i + 1);
        reply = get(&fixture, target);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.length, sizes[i]);
        assert_string_equal(reply_field(&reply, "Content-Disposition"),
                            "attachment; filename*=UTF-8''a%20b");
        assert_non_null(strstr(reply_field(&reply, "ETag"), sha256));
        reply_release(&reply);
    }
}

static void the_same_bytes_are_one_object(void **state)
{
    char sha256[CRYPTO_DIGEST_TEXT];
    char *AUTO_FREE text = content(1000, sha256);

    (void)state;
    for (int i = 0; i < 20; i++)
        expect(post(job_of(text, "")), 201, sha256);
    assert_int_equal(fixture.objects_stored, 1);
}

static void what_is_no_file_is_refused_in_words(void **state)
{
    static const struct {
        const char *text, *members;
        unsigned status;
        const char *said;
    } rows[] = {
        {"", "", 422, "executable: is an empty file"},
        {"aGk=", ",\"sha256\":\"00\"", 422, "sha256: is 00, but the file has 8f434346648f6b96"},
        {"aGk=", ",\"filename\":\"a/b\"", 422, "filename: 'a/b' is not the name of a file"},
        {"aG k", "", 422, "executable: has white space at character 3"},
        {"aGk=\\n", "", 422, "executable: has white space at character 5"},
        {"aGk=\n", "", 400, "line breaks; BASE64 is to be one line"},
        {"aGk", "", 422, "executable: is truncated"},
        {"aGk==", "", 422, "executable: has bad padding"},
        {"aG*=", "", 422, "executable: has '*' at character 3"},
        {"s3://elsewhere/executables/x", "", 422, "is no executable of the object store"},
        {"file:///etc/passwd", "", 422, "is no executable of the object store"},
        {"http://169.254.169.254/latest", "", 422, "is not on a server that files may be fetched"},
        {"http://files.example/b/x", "", 422, "is not on a server that files may be fetched from"},
        {"http://user@files.example/a/x", "", 422, "a name or password in it is not taken"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect(post(job_of(rows[i].text, rows[i].members)), rows[i].status, rows[i].said);
    assert_int_equal(fixture.objects_stored, 0);
}

static void a_long_text_that_is_no_file_is_refused_in_words(void **state)
{
    char sha256[CRYPTO_DIGEST_TEXT];
    char *AUTO_FREE text = content(100000, sha256), *AUTO_FREE large = content(LIMIT + 1, sha256);

    (void)state;
    text[90000] = '*';
    expect(post(job_of(text, "")), 422, "executable: has '*' at character 90001");
    expect(post(xasprintf("{\"type\":\"command\",\"schedule\":\"@daily\",\"executable\":\"%s\"}",
                          text)),
           422, "executable: has more than 65536 bytes");
    expect(post(job_of(large, "")), 413, "a file may have at most 1048576 bytes (upload-limit)");
    memset(text, ' ', 90000);
    expect(post(xasprintf("{\"type\":\"command\",\"description\":\"%s%s%s%s%s%s%s%s%s\"}", text,
                          text, text, text, text, text, text, text, text)),
           413, "larger than 1048576 bytes without its file");
}

static void the_same_key_is_the_same_file(void **state)
{
    char sha256[CRYPTO_DIGEST_TEXT], other[CRYPTO_DIGEST_TEXT];
    char *AUTO_FREE text = content(100000, sha256), *AUTO_FREE second = content(100001, other);
    struct reply reply;

    (void)state;
    expect(send_job("POST", "/jobs", "Idempotency-Key: k\r\n", job_of(text, "")), 201,
           "\"id\":\"1\"");
    reply = send_job("POST", "/jobs", "Idempotency-Key: k\r\n", job_of(text, ""));
    assert_string_equal(reply_field(&reply, "Idempotency-Replayed"), "true");
    expect(reply, 201, "\"id\":\"1\"");
    expect(send_job("POST", "/jobs", "Idempotency-Key: k\r\n", job_of(second, "")), 422,
           "another request");
}

static void a_job_s_file_changes_with_it(void **state)
{
    char sha256[CRYPTO_DIGEST_TEXT];
    char *AUTO_FREE text = content(70000, sha256);
    char *AUTO_FREE patch = xasprintf("{\"executable\":\"%s\"}", text);
    struct reply reply;

    (void)state;
    expect(post(job_of("aGk=", ",\"filename\":\"hi\"")), 201, "\"filename\":\"hi\"");
    expect(send_job("PATCH", "/jobs/1", "", xstrdup("{\"description\":\"x\"}")), 200,
           "\"sha256\":\"8f434346648f6b96");
    assert_int_equal(fixture.objects_stored, 1);
    expect(send_job("PATCH", "/jobs/1", "", xstrdup(patch)), 200, sha256);
    assert_int_equal(fixture.objects_stored, 2);
    fixture.objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    reply = get(&fixture, "/jobs/1"); /* what was answered can be sent back, whatever is away */
    expect(send_job("PUT", "/jobs/1", "", xstrndup(reply.body.data, reply.body.length)), 200,
           sha256);
    reply_release(&reply);
    expect(
        send_job("PATCH", "/jobs/1", "", xstrdup("{\"type\":\"command\",\"executable\":\"date\"}")),
        200, "\"sha256\":null");
    expect(get(&fixture, "/jobs/1/executable"), 404, "is a command: it has no file");
}

static void a_file_that_is_stored_is_named_by_its_url(void **state)
{
    char *AUTO_FREE known =
        xasprintf("%s/executables/%s", objects_url(fixture.objects),
                  "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4");
    char *AUTO_FREE unknown =
        xasprintf("%s/executables/%s", objects_url(fixture.objects),
                  "0000000000000000000000000000000000000000000000000000000000000000");

    (void)state;
    expect(post(job_of("aGk=", "")), 201, known);
    expect(post(job_of(known, "")), 201, "\"sha256\":\"8f434346648f6b96");
    expect(post(job_of(known, ",\"sha256\":\"00\"")), 422, "sha256: is 00, but the file has 8f43");
    expect(post(job_of(unknown, "")), 422, "there is no file 000");
    known[strlen(known) - 1] = '/';
    expect(post(job_of(known, "")), 422, "is no executable of the object store");
}

/* Whoever names an object that is old by now must not lose it to the manager. */
static void an_old_file_is_stored_again(void **state)
{
    struct clock *clock = memory_clock_new(SECOND);
    struct api_config config;
    struct fixture old;
    char *url;
    struct object_info before, after;
    static const char key[] =
        OBJECT_EXECUTABLES "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";

    (void)state;
    config = fixture_config(&old);
    objects_free(old.objects);
    config.objects = old.objects =
        memory_objects_new(&(struct memory_objects_config){.clock = clock});
    fixture_start(&old, &config);
    url = job_of("aGk=", "");
    assert_int_equal(status_of(post_json(&old, "/jobs", url)), 201);
    free(url);
    assert_int_equal(objects_stat(old.objects, key, &before, NULL), RC_OK);
    memory_clock_advance(clock, SECOND);
    url = xasprintf("{\"type\":\"binary\",\"schedule\":\"@daily\",\"executable\":\"%s/%s\"}",
                    objects_url(old.objects), key);
    assert_int_equal(status_of(post_json(&old, "/jobs", url)), 201);
    free(url);
    assert_int_equal(objects_stat(old.objects, key, &after, NULL), RC_OK);
    assert_int_equal(after.stored_at - before.stored_at, SECOND);
    assert_int_equal(after.size, before.size);
    fixture_stop(&old);
    clock_free(clock);
}

static void a_server_without_an_object_store_says_so(void **state)
{
    struct api_config config;
    struct fixture bare;
    struct reply reply;
    char *body = job_of("aGk=", "");

    (void)state;
    config = fixture_config(&bare);
    config.objects = objects_absent();
    fixture_start(&bare, &config);
    reply = post_json(&bare, "/jobs", body);
    assert_int_equal(reply.status, 503);
    assert_body_has(&reply, "was not told where to keep files");
    reply_release(&reply);
    free(body);
    fixture_stop(&bare);
}

static void an_object_store_that_fails_fails_the_request(void **state)
{
    static const struct {
        enum memory_objects_fault fault;
        unsigned status;
    } rows[] = {
        {MEMORY_OBJECTS_FAULT_FAIL, 503},
        {MEMORY_OBJECTS_FAULT_REFUSE, 503},
        {MEMORY_OBJECTS_FAULT_FULL, 507},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fixture.objects_fault = (int)rows[i].fault;
        expect(post(job_of("aGk=", "")), rows[i].status, "the object store: ");
    }
    fixture.objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    expect(post(job_of("aGk=", "")), 201, "\"id\":\"1\"");
    fixture.objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    assert_int_equal(status_of(get(&fixture, "/jobs/1/executable")), 503);
}

static void bytes_that_are_not_the_job_s_break_the_answer_off(void **state)
{
    struct buf seen;
    int client;

    (void)state;
    expect(post(job_of("aGk=", "")), 201, "\"id\":\"1\"");
    fixture.objects_fault = MEMORY_OBJECTS_FAULT_CORRUPT;
    buf_init(&seen, SEEN);
    client = open_stream(&fixture, "/jobs/1/executable", "Connection: close\r\n");
    await_end(client, &seen);
    assert_non_null(strstr(seen.data, "Content-Length: 2\r\n"));
    assert_string_equal(strstr(seen.data, "\r\n\r\n"), "\r\n\r\n");
    (void)close(client);
    buf_release(&seen);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_file_of_any_size_is_stored_by_its_hash),
        TEST(the_same_bytes_are_one_object),
        TEST(what_is_no_file_is_refused_in_words),
        TEST(a_long_text_that_is_no_file_is_refused_in_words),
        TEST(the_same_key_is_the_same_file),
        TEST(a_job_s_file_changes_with_it),
        TEST(a_file_that_is_stored_is_named_by_its_url),
        cmocka_unit_test(a_server_without_an_object_store_says_so),
        cmocka_unit_test(an_old_file_is_stored_again),
        TEST(an_object_store_that_fails_fails_the_request),
        TEST(bytes_that_are_not_the_job_s_break_the_answer_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
