/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "main/place.h"
#include "testing.h"

/* What a URL comes to, as one line: "USER|PASSWORD|HOST:PORT,...|PATH", or the message. */
static const char *told(enum rc rc, const struct place_hosts *hosts, const struct err *err,
                        struct arena *arena)
{
    const char *shown;

    if (rc != RC_OK)
        return err->message;
    shown = place_hosts_text("x", hosts, arena) + strlen("x://");
    return arena_printf(arena, "%s|%s|%s", hosts->user, hosts->password, shown);
}

static void stores_are_read(void **state)
{
    static const struct {
        const char *url;
        const char *expected;
    } rows[] = {
        {"mysql://cron:geheim@db/cronjob", "cron|geheim|db:3306/cronjob"},
        {"mysql://cron@a:1,b,[::1]:3/x", "cron||a:1,b:3306,::1:3/x"},
        {"mysql://c%40n:p%2Fw%3a@db/cron%5Fjob", "c@n|p/w:|db:3306/cron_job"},
        {"mysql://c:p@@db/x", "c|p@|db:3306/x"},
        {"mysql://c:p@db/x?ca=/etc/ca%2Epem", "c|p|db:3306/x|/etc/ca.pem"},
        {"mysql://c:secret@db/x?ca=", "ca: the path is empty"},
        {"mysql://c:secret@db/x?tls=yes", "'tls' is not known; ca is"},
        {"mysql://c:secret@db/x?ca", "'ca' is not NAME=VALUE"},
        {"mysql://db/x", "a user is missing: mysql://USER:PASSWORD@HOST/DATABASE"},
        {"mysql://c:secret@db", "a database is missing: mysql://USER:PASSWORD@HOST/DATABASE"},
        {"mysql://c:secret@db/a/b", "a database is missing: mysql://USER:PASSWORD@HOST/DATABASE"},
        {"mysql://c:secret@/x", "'' is not the name of a host"},
        {"mysql://c:secret@a,,b/x", "'' is not the name of a host"},
        {"mysql://c:secret@a b/x", "'a b' is not the name of a host"},
        {"mysql://c:secret@db:0/x", "what follows the host 'db' is not a port in 1-65535"},
        {"mysql://c:secret@db:65536/x", "what follows the host 'db' is not a port in 1-65535"},
        {"mysql://c:secret@[::1/x", "'[' is not the name of a host"},
        {"mysql://c:se%zzcret@db/x",
         "user and password: % must be followed by two hexadecimal digits"},
        {"mysql://c:s%0", "what follows the host 'c' is not a port in 1-65535"},
        {"mysql://c:s%00@db/x", "user and password: % must be followed by two hexadecimal digits"},
        {"postgres://u:secret@h/d",
         "postgres: is not known, but sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE"},
        {"cron", "not a URL that begins with sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE"},
        {"sqlite:", "the path is empty"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena AUTO_ARENA arena = {0};
        struct store_place place = {0};
        struct err err = {0};
        enum rc rc = place_store_read(rows[i].url, &arena, &place, &err);
        const char *text = told(rc, &place.hosts, &err, &arena);

        if (place.ca_file)
            text = arena_printf(&arena, "%s|%s", text, place.ca_file);
        assert_true(rc == RC_OK || !strstr(text, "secret"));
        if (strncmp(text, rows[i].expected, strlen(rows[i].expected)) != 0)
            fail_msg("%s: %s, expected %s", rows[i].url, text, rows[i].expected);
    }
}

/* "file|PATH", "BUCKET|PREFIX|ENDPOINT|REGION|STYLE|CA", or the message. */
static const char *told_objects(enum rc rc, const struct objects_place *place,
                                const struct err *err, struct arena *arena)
{
    if (rc != RC_OK)
        return err->message;
    if (place->kind == OBJECTS_DIRECTORY)
        return arena_printf(arena, "file|%s", place->path);
    return arena_printf(arena, "%s|%s|%s|%s|%s|%s", place->bucket, place->prefix, place->endpoint,
                        place->region, place->in_host ? "host" : "path",
                        place->ca_file ? place->ca_file : "");
}

static void objects_are_read(void **state)
{
    static const struct {
        const char *url;
        const char *expected;
    } rows[] = {
        {"", "file|"},
        {"file:/srv/x", "file|/srv/x"},
        {"file:///srv/x", "file|/srv/x"},
        {"file:", "the path is empty"},
        {"s3://bucket", "bucket||https://s3.us-east-1.amazonaws.com|us-east-1|host|"},
        {"s3://a.bucket/?region=eu-central-1",
         "a.bucket||https://s3.eu-central-1.amazonaws.com|eu-central-1|path|"},
        {"s3://bucket/a/b/?endpoint=http://[::1]:8000/&region=r",
         "bucket|a/b|http://[::1]:8000|r|path|"},
        {"s3://bucket?endpoint=https%3A%2F%2Fs3.example.com&style=host&ca=/etc/ca.pem",
         "bucket||https://s3.example.com|us-east-1|host|/etc/ca.pem"},
        {"s3://ab", "bucket 'ab' is not 3 to 63 of"},
        {"s3://", "bucket '' is not 3 to 63 of"},
        {"s3://my bucket", "bucket 'my bucket' is not 3 to 63 of"},
        {"s3://bucket/a//b", "prefix 'a//b' is not of"},
        {"s3://bucket/../b", "prefix '../b' is not of"},
        {"s3://key:secret@bucket", "key and secret stand elsewhere: see objects-credentials"},
        {"s3://bucket?endpoint=s3.example.com",
         "endpoint 's3.example.com' does not begin with http:// or https://"},
        {"s3://bucket?endpoint=http://h/path", "endpoint 'http://h/path' has a path"},
        {"s3://bucket?endpoint=http://", "endpoint: '' is not the name of a host"},
        {"s3://bucket?endpoint=http://h:99999",
         "endpoint: what follows the host 'h' is not a port"},
        {"s3://bucket?region=", "region '' is not 1 to 64 of"},
        {"s3://bucket?style=virtual", "style 'virtual' is neither path nor host"},
        {"s3://bucket?secret=x", "'secret' is not known; endpoint, region, style and ca are"},
        {"s3://bucket?endpoint", "'endpoint' is not NAME=VALUE"},
        {"s3://bucket?region=%zz", "% must be followed by two hexadecimal digits"},
        {"gs://bucket", "gs: is not known, but file:DIR or s3://BUCKET/PREFIX?"},
        {"/srv/x", "not a URL that begins with file:DIR or s3://"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena AUTO_ARENA arena = {0};
        struct objects_place place = {0};
        struct err err = {0};
        enum rc rc = place_objects_read(rows[i].url, &arena, &place, &err);
        const char *text = told_objects(rc, &place, &err, &arena);

        if (rc == RC_OK ? strcmp(text, rows[i].expected) != 0
                        : strncmp(text, rows[i].expected, strlen(rows[i].expected)) != 0)
            fail_msg("%s: %s, expected %s", rows[i].url, text, rows[i].expected);
    }
}

static void coordination_is_read(void **state)
{
    static const struct {
        const char *url;
        const char *expected;
    } rows[] = {
        {"zookeeper://a,b:1/cron", "||a:2181,b:1/cron"},
        {"zookeeper://u:p@a/cron/job", "u|p|a:2181/cron/job"},
        {"zookeeper://a", "a path is missing: zookeeper://HOST:PORT/PATH"},
        {"local:x", "nothing may follow local:"},
        {"etcd://a/x", "etcd: is not known, but local: or zookeeper://HOST:PORT/PATH"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena AUTO_ARENA arena = {0};
        struct coordination_place place = {0};
        struct err err = {0};
        enum rc rc = place_coordination_read(rows[i].url, &arena, &place, &err);
        const char *text = told(rc, &place.hosts, &err, &arena);

        if (strncmp(text, rows[i].expected, strlen(rows[i].expected)) != 0)
            fail_msg("%s: %s, expected %s", rows[i].url, text, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_are_read),
        cmocka_unit_test(objects_are_read),
        cmocka_unit_test(coordination_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
