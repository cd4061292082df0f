/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes are a time zone. */
#include "base/instant.h"

#include "core/zone.h"

#include "table.h"
#include "tzif.h"
#include "zone_load.h"

static const int32_t offsets[] = {0, 3600};
static const struct tzif_change changes[] = {{1000000, 1}, {2000000, 0}};
static const struct tzif plain = {'2', offsets, 2, changes, 2, "CET-1CEST,M3.5.0,M10.5.0/3", 0};

/* The byte of a file that `tzif_write` made, counted from the header of the second block. */
enum { SECOND_BLOCK = 44 + 2 * 4 + 2 + 2 * 6 + 4, TYPE_COUNT = 36, INDEXES = 44 + 2 * 8 };

static enum rc read_bytes(const struct buf *buf, struct err *err)
{
    struct zone *zone = NULL;
    enum rc rc = zone_parse("Test/File", buf->data, buf->length, &zone, err);

    zone_free(zone);
    return rc;
}

static void refuses_every_shorter_file(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4096);
    tzif_write(&buf, &plain);
    assert_int_equal(read_bytes(&buf, NULL), RC_OK);
    while (buf.length--)
        assert_int_equal(read_bytes(&buf, NULL), RC_INVALID);
    buf_release(&buf);
}

static void reads_all_versions(void **state)
{
    static const char versions[] = {0, '2', '3', '4'};

    (void)state;
    for (size_t i = 0; i < sizeof(versions); i++) {
        struct tzif tzif = plain;
        struct zone *zone;
        struct buf buf;

        tzif.version = versions[i];
        buf_init(&buf, 4096);
        tzif_write(&buf, &tzif);
        assert_int_equal(zone_parse("Test/Version", buf.data, buf.length, &zone, NULL), RC_OK);
        assert_string_equal(zone_name(zone), "Test/Version");
        assert_int_equal(zone_offset(zone, 999999), 0);
        assert_int_equal(zone_offset(zone, 1000000), 3600);
        assert_int_equal(zone_offset(zone, 1999999), 3600);
        assert_int_equal(zone_next_change(zone, 0), 1000000);
        assert_int_equal(zone_offset(zone, 4102444800), versions[i] ? 3600 : 0);
        zone_free(zone);
        buf_release(&buf);
    }
}

/* One byte of a good file changed. */
static void refuses_what_contradicts_itself(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        unsigned char byte;
        const char *message;
    } rows[] = {
        {"magic", 0, 't', "it does not begin with a header"},
        {"version", 4, '1', "its version is not one of 1 to 4"},
        {"version", 4, '5', "its version is not one of 1 to 4"},
        {"version", 4, 1, "its version is not one of 1 to 4"},
        {"second magic", SECOND_BLOCK, 'x', "it does not begin with a header"},
        {"second version", SECOND_BLOCK + 4, '3', "its two headers differ"},
        {"no types", SECOND_BLOCK + TYPE_COUNT + 3, 0, "its header's counts contradict each other"},
        {"many types", SECOND_BLOCK + TYPE_COUNT + 2, 2,
         "its header's counts contradict each other"},
        {"huge count", SECOND_BLOCK + 32, 255, "it is cut off"},
        {"isutcnt", SECOND_BLOCK + 23, 1, "its header's counts contradict each other"},
        {"isstdcnt", SECOND_BLOCK + 27, 1, "its header's counts contradict each other"},
        {"no designations", SECOND_BLOCK + 43, 0, "its header's counts contradict each other"},
        {"order", SECOND_BLOCK + 44 + 5, 255, "its changes are not in order"},
        {"far away", SECOND_BLOCK + 44 + 8, 127, "its changes are not in order"},
        {"type", SECOND_BLOCK + INDEXES, 2, "a change points nowhere"},
        {"offset", SECOND_BLOCK + INDEXES + 2 + 1, 2, "an offset from UTC is more than a day"},
        {"isdst", SECOND_BLOCK + INDEXES + 2 + 4, 2, "a local time type points nowhere"},
        {"designation", SECOND_BLOCK + INDEXES + 2 + 5, 4, "a local time type points nowhere"},
        {"end", SECOND_BLOCK + INDEXES + 2 + 12 + 3, 'X', "a designation has no end"},
        {"footer", SECOND_BLOCK + INDEXES + 2 + 12 + 4, 'X', "it has no footer"},
        {"footer", SECOND_BLOCK + INDEXES + 2 + 12 + 9, '\n', "its footer is not one line"},
        {"footer", SECOND_BLOCK + INDEXES + 2 + 12 + 9, '\0', "its footer is not text"},
    };
    struct table table = {"refuses_what_contradicts_itself", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};
        char expected[128];
        struct buf buf;

        buf_init(&buf, 4096);
        tzif_write(&buf, &plain);
        buf.data[rows[i].at] = (char)rows[i].byte;
        (void)snprintf(expected, sizeof(expected), "not a good TZif file: %s", rows[i].message);
        table_equal(&table, rows[i].what, RC_INVALID, read_bytes(&buf, &err));
        table_same(&table, rows[i].what, expected, err.message);
        buf_release(&buf);
    }
    table_end(&table);
}

static void refuses_a_bad_name(void **state)
{
    struct zone *zone;
    struct buf buf;

    (void)state;
    buf_init(&buf, 4096);
    tzif_write(&buf, &plain);
    assert_int_equal(zone_parse("../x", buf.data, buf.length, &zone, NULL), RC_INVALID);
    buf_release(&buf);
}

static void refuses_leap_seconds(void **state)
{
    struct tzif tzif = plain;
    struct err err;
    struct buf buf;

    (void)state;
    tzif.leaps = 1;
    buf_init(&buf, 4096);
    tzif_write(&buf, &tzif);
    assert_int_equal(read_bytes(&buf, &err), RC_INVALID);
    assert_string_equal(err.message, "a zone that counts leap seconds cannot be used");
    buf_release(&buf);
}

static void knows_the_rules(void **state)
{
    static const struct {
        const char *rule;
        char version;
        bool good;
    } rows[] = {
        {"", '2', true},
        {"UTC0", '2', true},
        {"<+0545>-5:45", '2', true},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", '3', true},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", '2', false},
        {"EST5EDT,M3.2.0/24,M11.1.0", '2', true},
        {"EST5EDT,M3.2.0/25,M11.1.0", '2', false},
        {"EST5EDT,M3.2.0/167:59:59,M11.1.0", '3', true},
        {"EST5EDT,M3.2.0/168,M11.1.0", '3', false},
        {"EST5EDT4,0,365", '2', true},
        {"EST5EDT,J1,J365", '2', true},
        {"EST5EDT", '2', false},
        {"EST5EDT,M3.2.0", '2', false},
        {"EST5EDT,M3.2.0,M11.1.0,", '2', false},
        {"EST5EDT,M13.2.0,M11.1.0", '2', false},
        {"EST5EDT,M3.0.0,M11.1.0", '2', false},
        {"EST5EDT,M3.6.0,M11.1.0", '2', false},
        {"EST5EDT,M3.2.7,M11.1.0", '2', false},
        {"EST5EDT,M3.2,M11.1.0", '2', false},
        {"EST5EDT,J0,J365", '2', false},
        {"EST5EDT,J1,J366", '2', false},
        {"EST5EDT,0,366", '2', false},
        {"EST", '2', false},
        {"ES5", '2', false},
        {"<ES5", '2', false},
        {"EST25", '2', false},
        {"EST5:60", '2', false},
        {"EST5:00:60", '2', false},
        {"EST5 ", '2', false},
        {":UTC", '2', false},
    };
    struct table table = {"knows_the_rules", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tzif tzif = plain;
        struct buf buf;

        tzif.version = rows[i].version;
        tzif.footer = rows[i].rule;
        buf_init(&buf, 4096);
        tzif_write(&buf, &tzif);
        table_equal(&table, rows[i].rule, rows[i].good ? RC_OK : RC_INVALID,
                    read_bytes(&buf, NULL));
        buf_release(&buf);
    }
    table_end(&table);
}

static void limits_the_rule(void **state)
{
    char footer[400];
    struct tzif tzif = plain;
    struct buf buf;

    (void)state;
    memset(footer, 'A', sizeof(footer));
    footer[sizeof(footer) - 2] = '0';
    footer[sizeof(footer) - 1] = '\0';
    tzif.footer = footer;
    buf_init(&buf, 4096);
    tzif_write(&buf, &tzif);
    assert_int_equal(read_bytes(&buf, NULL), RC_INVALID);
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_shorter_file),
        cmocka_unit_test(reads_all_versions),
        cmocka_unit_test(refuses_what_contradicts_itself),
        cmocka_unit_test(refuses_a_bad_name),
        cmocka_unit_test(refuses_leap_seconds),
        cmocka_unit_test(knows_the_rules),
        cmocka_unit_test(limits_the_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
