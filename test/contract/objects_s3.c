/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects in a real S3 server, from the environment: CRONJOB_TEST_S3 is a URL as --objects takes
 * it, CRONJOB_TEST_S3_KEY and CRONJOB_TEST_S3_SECRET are who asks. Each clause has a prefix of its
 * own, and leaves nothing there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/posix/clock.h"
#include "adapters/s3/objects.h"
#include "contract/objects_suite.h"
#include "main/place.h"

static struct arena arena; /* of the place */
static struct objects_place place;
static struct clock *clock;
static unsigned count; /* of prefixes */

static const char *told(const char *name)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */

    return text ? text : "";
}

static int begin(void)
{
    const char *url = told("CRONJOB_TEST_S3");
    struct err err = {0};

    if (!*url) {
        (void)fprintf(stderr, "CRONJOB_TEST_S3 names no server: skipped\n");
        return 1;
    }
    if (place_objects_read(url, &arena, &place, &err) != RC_OK || place.kind != OBJECTS_S3) {
        (void)fprintf(stderr, "CRONJOB_TEST_S3: %s\n", err.message);
        exit(2); /* NOLINT(concurrency-mt-unsafe): one thread */
    }
    clock = posix_clock_new();
    return 0;
}

static struct s3_objects_config config_of(const char *prefix)
{
    return (struct s3_objects_config){.endpoint = place.endpoint,
                                      .bucket = place.bucket,
                                      .prefix = prefix,
                                      .region = place.region,
                                      .in_host = place.in_host,
                                      .key = told("CRONJOB_TEST_S3_KEY"),
                                      .secret = told("CRONJOB_TEST_S3_SECRET"),
                                      .clock = clock};
}

static struct objects *open_with(const struct s3_objects_config *config)
{
    struct objects *objects = NULL;
    struct err err = {0};

    if (s3_objects_new(config, &objects, &err) != RC_OK)
        fail_msg("%s", err.message);
    return objects;
}

static void open_s3(struct objects_fixture *fixture)
{
    AUTO_FREE char *prefix = xasprintf("contract-%d/%u", (int)getpid(), count++);
    const struct s3_objects_config config = config_of(prefix);

    fixture->objects = open_with(&config);
}

/* Takes the list as objects_keys() gives it. */
static void remove_all(struct objects *objects, char *keys)
{
    for (char *key = keys, *end; *key; key = end) {
        end = strchr(key, ' ');
        *end++ = '\0';
        assert_int_equal(objects_remove(objects, key, NULL), RC_OK);
    }
    free(keys);
}

static void close_s3(struct objects_fixture *fixture)
{
    char *keys = objects_keys(fixture->objects, "");

    remove_all(fixture->objects, keys);
    objects_free(fixture->objects);
}

/* ---- what only a server can say -------------------------------------------------------------- */

static struct clock skewed;
static span_us skew;

static instant_us skewed_now(struct clock *self)
{
    (void)self;
    return clock_now(clock) + skew;
}

static mono_us skewed_mono(struct clock *self)
{
    (void)self;
    return clock_mono(clock);
}

static const struct clock_ops skewed_ops = {
    .name = "skewed", .now = skewed_now, .mono = skewed_mono};

/* All of them say the same, and `words` are in the message. */
static void assert_refused(const struct s3_objects_config *config, enum rc rc, const char *words)
{
    struct objects *objects = open_with(config);
    struct object_source source = objects_source("x", 1);
    const struct object_range all = {0, -1};
    struct object_info info;
    struct err errs[4] = {0};

    assert_int_equal(objects_put(objects, "a", &source, &errs[0]), rc);
    assert_int_equal(objects_get(objects, "a", &all, NULL, NULL, &errs[1]), rc);
    assert_int_equal(objects_stat(objects, "a", &info, &errs[2]), rc);
    assert_int_equal(objects_list(objects, "", NULL, NULL, &errs[3]), rc);
    for (size_t i = 0; i < 4; i++) {
        if (!strstr(errs[i].message, words))
            fail_msg("%zu: %s", i, errs[i].message);
        assert_null(strstr(errs[i].message, config->secret));
    }
    objects_source_close(&source);
    objects_free(objects);
}

static void a_wrong_secret_is_told(void **state)
{
    struct s3_objects_config config = config_of("");

    (void)state;
    config.secret = "not-the-secret";
    assert_refused(&config, RC_FORBIDDEN, "refuses the key or its secret");
}

static void an_unknown_key_is_told(void **state)
{
    struct s3_objects_config config = config_of("");

    (void)state;
    config.key = "nobody";
    assert_refused(&config, RC_FORBIDDEN, " the key ");
}

static void a_clock_that_is_off_is_told(void **state)
{
    struct s3_objects_config config = config_of("");

    (void)state;
    skewed.ops = &skewed_ops;
    config.clock = &skewed;
    skew = 25 * MINUTE;
    assert_refused(&config, RC_FORBIDDEN, "whose clock is 2");
    assert_refused(&config, RC_FORBIDDEN, "ahead");
    skew = -3 * HOUR;
    assert_refused(&config, RC_FORBIDDEN, "behind");
}

/* Not RC_NOT_FOUND: what was put may be there when somebody makes it again. */
static void a_missing_bucket_is_told(void **state)
{
    struct s3_objects_config config = config_of("");

    (void)state;
    config.bucket = "no-such-bucket-here";
    assert_refused(&config, RC_UNAVAILABLE, "there is no bucket 'no-such-bucket-here'");
}

static void nobody_at_the_address_is_told(void **state)
{
    struct s3_objects_config config = config_of("");

    (void)state;
    config.endpoint = "http://127.0.0.1:1";
    config.patience = SECOND;
    assert_refused(&config, RC_UNAVAILABLE, "does not answer");
}

/* Style: the bucket is in the host's name, of which the last part is the machine itself. */
static void a_bucket_may_be_in_the_name_of_the_host(void **state)
{
    struct s3_objects_config config = config_of("in-host");
    const char *port = strrchr(place.endpoint, ':');
    AUTO_FREE char *endpoint = xasprintf("http://localhost%s", port);
    struct objects *objects;
    char *keys;

    (void)state;
    if (place.in_host || strncmp(place.endpoint, "http://127.0.0.1:", 17) != 0)
        skip();
    config.endpoint = endpoint;
    config.in_host = true;
    objects = open_with(&config);
    objects_put_text(objects, "a/b", "text");
    objects_assert_text(objects, "a/b", "text");
    keys = objects_keys(objects, "");
    assert_string_equal(keys, "a/b ");
    free(keys);
    assert_int_equal(objects_remove(objects, "a/b", NULL), RC_OK);
    objects_free(objects);
}

/* More than a page, and keys of others beside them. */
static void lists_go_on_over_pages(void **state)
{
    struct s3_objects_config config = config_of("pages");
    struct objects *objects = open_with(&config);
    char *keys;
    size_t blanks = 0;

    (void)state;
    for (unsigned i = 0; i < 1005; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "many/%04u", i);
        objects_put_text(objects, key, "");
    }
    keys = objects_keys(objects, "many/");
    for (const char *c = keys; *c; c++)
        blanks += *c == ' ';
    assert_int_equal(blanks, 1005);
    assert_memory_equal(keys, "many/0000 many/0001 ", 20);
    remove_all(objects, keys);
    objects_free(objects);
}

static int own(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_secret_is_told),
        cmocka_unit_test(an_unknown_key_is_told),
        cmocka_unit_test(a_clock_that_is_off_is_told),
        cmocka_unit_test(a_missing_bucket_is_told),
        cmocka_unit_test(nobody_at_the_address_is_told),
        cmocka_unit_test(a_bucket_may_be_in_the_name_of_the_host),
        cmocka_unit_test(lists_go_on_over_pages),
    };
    int failed = cmocka_run_group_tests_name("objects in S3", tests, NULL, NULL);

    clock_free(clock);
    arena_release(&arena);
    return failed;
}

const struct objects_maker objects_s3_maker = {
    .name = "s3", .begin = begin, .open = open_s3, .close = close_s3, .own = own};
