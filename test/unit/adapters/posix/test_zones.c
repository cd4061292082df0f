/* SPDX-License-Identifier: Apache-2.0 */
/* Zones from a directory, and the machine's own choice. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/posix/zones.h"
#include "table.h"
#include "tzif.h"

struct fixture {
    char root[64];
};

static char *path_of(const struct fixture *fixture, const char *name)
{
    return xasprintf("%s/%s", fixture->root, name);
}

static void write_file(const struct fixture *fixture, const char *name, const void *data,
                       size_t length)
{
    char *path AUTO_FREE = path_of(fixture, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, length), length);
    assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
    static const int32_t offsets[] = {3600};
    static const struct tzif tzif = {'2', offsets, 1, NULL, 0, "CET-1CEST,M3.5.0,M10.5.0/3", 0};
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    char *directory AUTO_FREE = NULL;
    struct buf AUTO_BUF buf;

    (void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_zones.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(fixture->root));
    directory = path_of(fixture, "Area");
    assert_int_equal(mkdir(directory, 0700), 0);
    buf_init(&buf, 4096);
    tzif_write(&buf, &tzif);
    write_file(fixture, "Area/Town", buf.data, buf.length);
    write_file(fixture, "cut", buf.data, buf.length - 3);
    write_file(fixture, "text", "not a zone\n", 11);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"Area/Town", "Area", "cut",       "text",
                                        "fifo",      "huge", "localtime", "timezone"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path AUTO_FREE = path_of(fixture, names[i]);

        (void)remove(path); /* not every test makes every file */
    }
    assert_int_equal(rmdir(fixture->root), 0);
    free(fixture);
    return 0;
}

static void gives_the_same_zone_each_time(void **state)
{
    const struct fixture *fixture = *state;
    struct zones *zones = posix_zones_new(fixture->root, fixture->root);
    const struct zone *first, *again;

    assert_int_equal(zones_get(zones, "Area/Town", &first, NULL), RC_OK);
    assert_int_equal(zones_get(zones, "Area/Town", &again, NULL), RC_OK);
    assert_ptr_equal(first, again);
    assert_string_equal(zone_name(first), "Area/Town");
    assert_int_equal(zone_offset(first, 0), 3600);
    zones_free(zones);
}

static void refuses_what_is_no_zone(void **state)
{
    static const struct {
        const char *name;
        const char *message;
    } rows[] = {
        {"Area/Nowhere", "there is no time zone 'Area/Nowhere'"},
        {"Area/Town/x", "there is no time zone 'Area/Town/x'"},
        {"Area", "'Area' is not a time zone"},
        {"fifo", "'fifo' is not a time zone"},
        {"huge", "'huge' is not a time zone"},
        {"text", "time zone 'text': not a good TZif file: it does not begin with a header"},
        {"cut", "time zone 'cut': not a good TZif file: its footer is not one line"},
        {"../etc/passwd", "'../etc/passwd' is not the name of a time zone"},
        {"/etc/localtime", "'/etc/localtime' is not the name of a time zone"},
        {"Area//Town", "'Area//Town' is not the name of a time zone"},
        {"", "'' is not the name of a time zone"},
    };
    const struct fixture *fixture = *state;
    char *fifo AUTO_FREE = path_of(fixture, "fifo");
    char *huge AUTO_FREE = path_of(fixture, "huge");
    struct zones *zones = posix_zones_new(fixture->root, fixture->root);
    struct table table = {"refuses_what_is_no_zone", 0, 0};

    assert_int_equal(mkfifo(fifo, 0600), 0);
    write_file(fixture, "huge", "x", 1);
    assert_int_equal(truncate(huge, (1 << 20) + 1), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct zone *zone;
        struct err err = {0};

        table_equal(&table, rows[i].name, RC_INVALID, zones_get(zones, rows[i].name, &zone, &err));
        table_same(&table, rows[i].name, rows[i].message, err.message);
    }
    zones_free(zones);
    table_end(&table);
}

static void has_utc_without_any_tzdata(void **state)
{
    struct zones *zones = posix_zones_new("/nonexistent/zoneinfo", "/nonexistent");
    const struct zone *zone;
    struct err err;

    (void)state;
    assert_int_equal(zones_get(zones, "UTC", &zone, NULL), RC_OK);
    assert_ptr_equal(zone, zone_utc());
    assert_int_equal(zones_get(zones, "Area/Town", &zone, &err), RC_INVALID);
    assert_string_equal(err.message,
                        "time zone 'Area/Town': there is no /nonexistent/zoneinfo: install tzdata");
    assert_string_equal(zones_local_name(zones), "UTC");
    zones_free(zones);
}

static void assert_local_name(const struct fixture *fixture, const char *expected)
{
    struct zones *zones = posix_zones_new(fixture->root, fixture->root);

    assert_string_equal(zones_local_name(zones), expected);
    zones_free(zones);
}

static void finds_the_local_zone(void **state)
{
    const struct fixture *fixture = *state;
    char *link AUTO_FREE = path_of(fixture, "localtime");

    assert_local_name(fixture, "UTC");
    write_file(fixture, "timezone", "Area/Nowhere\n", 13);
    assert_local_name(fixture, "UTC");
    write_file(fixture, "timezone", "Area/Town\n", 10);
    assert_local_name(fixture, "Area/Town");
    write_file(fixture, "timezone", "UTC\n", 4);
    assert_int_equal(symlink("../usr/share/zoneinfo/Area/Town", link), 0);
    assert_local_name(fixture, "Area/Town");
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("/usr/share/zoneinfo/../../../Area/Town", link), 0);
    assert_local_name(fixture, "UTC");
}

static void *get_many_times(void *zones)
{
    const struct zone *zone = NULL;

    for (int i = 0; i < 1000; i++) {
        if (zones_get(zones, "Area/Town", &zone, NULL) != RC_OK)
            return NULL;
    }
    return (void *)(uintptr_t)zone;
}

static void serves_threads_at_once(void **state)
{
    const struct fixture *fixture = *state;
    struct zones *zones = posix_zones_new(fixture->root, fixture->root);
    pthread_t threads[4];
    void *found[4];

    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_many_times, zones), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_join(threads[i], &found[i]), 0);
    assert_non_null(found[0]);
    for (size_t i = 1; i < ARRAY_SIZE(threads); i++)
        assert_ptr_equal(found[0], found[i]);
    zones_free(zones);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_same_zone_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_utc_without_any_tzdata, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_the_local_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(serves_threads_at_once, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
