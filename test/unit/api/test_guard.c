/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages may drive a server that trusts loopback, row by row. */
#include "base/compiler.h"

#include "api/guard.h"
#include "testing.h"

struct host_row {
    const char *address; /* listened on */
    const char *host;
    bool allowed;
};

static const struct host_row host_rows[] = {
    {"127.0.0.1", NULL, true},
    {"127.0.0.1", "localhost", true},
    {"127.0.0.1", "LOCALHOST:30000", true},
    {"127.0.0.1", "127.0.0.1:30000", true},
    {"127.0.0.1", "127.8.9.1", true},
    {"127.0.0.1", "[::1]:30000", true},
    {"127.0.0.1", "[::1]", true},
    {"127.0.0.1", "cron.example.org", true},
    {"127.0.0.1", "CRON.example.org:80", true},
    {"127.0.0.1", "", false},
    {"127.0.0.1", ":30000", false},
    {"127.0.0.1", "evil.example", false},
    {"127.0.0.1", "localhost.evil.example", false},
    {"127.0.0.1", "127.evil.example", false},
    {"127.0.0.1", "127.0.0.1.evil.example", false},
    {"127.0.0.1", "localhost:evil", false},
    {"127.0.0.1", "[::1", false},
    {"127.0.0.1", "[::1]evil", false},
    {"127.0.0.1", "10.0.0.1", false},
    {"10.0.0.1", "10.0.0.1:80", true},
    {"10.0.0.1", "10.0.0.2", false},
    {"0.0.0.0", "10.0.0.2", true},
    {"0.0.0.0", "evil.example", false},
    {"::", "[fe80::1]:1", true},
};

static void knows_its_hosts(void **state)
{
    static const char *const allowed[] = {"cron.example.org"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(host_rows); i++) {
        const struct host_row *row = &host_rows[i];
        struct guard guard = {row->address, allowed, 1};

        if (guard_host_is_allowed(&guard, row->host) != row->allowed)
            fail_msg("%s at %s", row->host, row->address);
    }
}

static void knows_its_own_pages(void **state)
{
    (void)state;
    assert_true(guard_origin_is_allowed(NULL, "localhost:1"));
    assert_true(guard_origin_is_allowed("http://localhost:1", "localhost:1"));
    assert_true(guard_origin_is_allowed("https://Cron.example.org", "cron.example.org"));
    assert_false(guard_origin_is_allowed("http://localhost:2", "localhost:1"));
    assert_false(guard_origin_is_allowed("http://localhost:1.evil.example", "localhost:1"));
    assert_false(guard_origin_is_allowed("null", "localhost:1"));
    assert_false(guard_origin_is_allowed("file://localhost:1", "localhost:1"));
    assert_false(guard_origin_is_allowed("http://localhost:1", NULL));
}

static void knows_other_sites(void **state)
{
    (void)state;
    assert_true(guard_site_is_allowed(NULL));
    assert_true(guard_site_is_allowed("none"));
    assert_true(guard_site_is_allowed("same-origin"));
    assert_false(guard_site_is_allowed("same-site"));
    assert_false(guard_site_is_allowed("cross-site"));
    assert_false(guard_site_is_allowed(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_hosts),
        cmocka_unit_test(knows_its_own_pages),
        cmocka_unit_test(knows_other_sites),
    };

    return cmocka_run_group_tests_name("api guard", tests, NULL, NULL);
}
