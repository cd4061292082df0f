/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "http/source.h"
#include "table.h"

/* Whether each of the URLs lies below the source; a NULL source: whether it can be read at all. */
static const struct {
    const char *source;
    const char *url;
    bool covered;
} rows[] = {
    {NULL, "http://store.example/x", true},
    {NULL, "HTTPS://Store.Example:8443/x?y=1", true},
    {NULL, "http://192.0.2.1/x", true},
    {NULL, "http://[2001:db8::1]:81/x", true},
    {NULL, "http://store.example", true},
    {NULL, "http://a..b/", false},
    {NULL, "ftp://store.example/x", false},
    {NULL, "gopher://store.example/x", false},
    {NULL, "file:///etc/passwd", false},
    {NULL, "http:///x", false},
    {NULL, "http://user@store.example/", false},
    {NULL, "http://user:password@store.example/", false},
    {NULL, "http://store.example@127.0.0.1/", false},
    {NULL, "http://2130706433/", false},
    {NULL, "http://0x7f000001/", false},
    {NULL, "http://0x7f.0.0.1/", false},
    {NULL, "http://0177.0.0.1/", false},
    {NULL, "http://127.1/", false},
    {NULL, "http://127.0.0.1.5/", false},
    {NULL, "http://[::1/", false},
    {NULL, "http://[127.0.0.1]/", false},
    {NULL, "http://[fe80::1%25eth0]/", false},
    {NULL, "http://::1/", false},
    {NULL, "http://store.example:0/", false},
    {NULL, "http://store.example:65536/", false},
    {NULL, "http://store.example:8x/", false},
    {NULL, "http://store.example:/", false},
    {NULL, "http://store example/", false},
    {NULL, "http://store.example/a b", false},
    {NULL, "http://store.example/a\r\nHost: b", false},
    {NULL, "http://store.example/a#b", false},
    {NULL, "http://store.example\\@127.0.0.1/", false},
    {NULL, "http://store.example/a/../b", false},
    {NULL, "http://store.example/a/%2e%2E/b", false},
    {NULL, "http://store.example/a/.%2e", false},
    {NULL, "http://store.example/./b", false},
    {NULL, "http://store.example/a%2fb", false},
    {NULL, "http://store.example/a%5c..%5cb", false},
    {NULL, "http://store.example/a%00", false},
    {NULL, "http://store.example/a..b/...", true},
    {NULL, "http://st\xc3\xb6re.example/", false},
    {"https://store.example", "https://store.example/x/y", true},
    {"https://store.example/", "https://store.example:443/x/y", true},
    {"https://store.example:443/a/", "https://STORE.example/a/b", true},
    {"https://store.example/a", "https://store.example/a/b", true},
    {"https://store.example/a", "https://store.example/a?b", true},
    {"https://store.example/a", "https://store.example/ab", false},
    {"https://store.example/a/", "https://store.example/a", false},
    {"https://store.example/", "http://store.example/", false},
    {"https://store.example/", "https://store.example:8443/", false},
    {"https://store.example/", "https://store.example.evil/", false},
    {"https://store.example/", "https://xstore.example/", false},
    {"https://store.example/", "https://store.example./", false},
    {"http://127.0.0.1:8080/", "http://127.0.0.1:8080/x", true},
    {"http://127.0.0.1:8080/", "http://localhost:8080/x", false},
    {"http://127.0.0.1:8080/", "http://[::ffff:127.0.0.1]:8080/x", false},
};

static void a_url_is_read_strictly_and_covered_by_its_source(void **state)
{
    struct table table = {"sources", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct http_source allowed, url;
        struct err err = {0};
        enum rc rc = http_source_read(rows[i].url, &url, &err);

        if (!rows[i].source) {
            table_equal(&table, rows[i].url, rows[i].covered, rc == RC_OK);
            assert_true(rc == RC_OK || err.message[0]);
            continue;
        }
        assert_int_equal(http_source_read(rows[i].source, &allowed, NULL), RC_OK);
        table_equal(&table, rows[i].url, rows[i].covered,
                    rc == RC_OK && http_source_covers(&allowed, &url));
    }
    table_end(&table);
}

/* What is said of an address that a source turns out to have; "" when it is fine. */
static const struct {
    const char *source;
    const char *address;
    const char *said;
} addresses[] = {
    {"http://a.example/", "192.0.2.1", ""},
    {"http://a.example/", "10.0.0.1", ""},
    {"http://a.example/", "192.168.1.1", ""},
    {"http://a.example/", "2001:db8::1", ""},
    {"http://a.example/", "fd12::1", ""},
    {"http://a.example/", "127.0.0.1", "a.example has the address 127.0.0.1, which is loopback"},
    {"http://a.example/", "127.8.8.8", "a.example has the address 127.8.8.8, which is loopback"},
    {"http://a.example/", "::1", "a.example has the address ::1, which is loopback"},
    {"http://a.example/", "::ffff:127.0.0.1",
     "a.example has the address 127.0.0.1, which is loopback"},
    {"http://a.example/", "::127.0.0.1",
     "a.example has the address ::127.0.0.1, which is loopback"},
    {"http://a.example/", "64:ff9b::7f00:1",
     "a.example has the address 64:ff9b::7f00:1, which is loopback"},
    {"http://a.example/",
     "2002:7f00:1::", "a.example has the address 2002:7f00:1::, which is loopback"},
    {"http://a.example/", "169.254.169.254",
     "a.example has the address 169.254.169.254, which is the metadata service of a cloud"},
    {"http://a.example/", "::ffff:169.254.169.254",
     "a.example has the address 169.254.169.254, which is the metadata service of a cloud"},
    {"http://a.example/", "fd00:ec2::254",
     "a.example has the address fd00:ec2::254, which is the metadata service of a cloud"},
    {"http://a.example/", "100.100.100.200",
     "a.example has the address 100.100.100.200, which is the metadata service of a cloud"},
    {"http://a.example/", "169.254.1.1",
     "a.example has the address 169.254.1.1, which is link-local"},
    {"http://a.example/", "fe80::1", "a.example has the address fe80::1, which is link-local"},
    {"http://a.example/", "febf::1", "a.example has the address febf::1, which is link-local"},
    {"http://a.example/", "fec0::1", "a.example has the address fec0::1, which is site-local"},
    {"http://a.example/", "224.0.0.1", "a.example has the address 224.0.0.1, which is multicast"},
    {"http://a.example/", "ff02::1", "a.example has the address ff02::1, which is multicast"},
    {"http://a.example/", "0.0.0.0", "a.example has the address 0.0.0.0, which is unspecified"},
    {"http://a.example/", "0.1.2.3", "a.example has the address 0.1.2.3, which is unspecified"},
    {"http://a.example/", "::", "a.example has the address ::, which is unspecified"},
    {"http://a.example/", "255.255.255.255",
     "a.example has the address 255.255.255.255, which is reserved"},
    {"http://127.0.0.1/", "127.0.0.1", ""},
    {"http://127.0.0.1/", "127.0.0.2", "127.0.0.1 has the address 127.0.0.2, which is loopback"},
    {"http://[::1]/", "::1", ""},
    {"http://[::1]/", "127.0.0.1", "::1 has the address 127.0.0.1, which is loopback"},
};

static void read_address(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in *four = (void *)address;
    struct sockaddr_in6 *six = (void *)address;

    *address = (struct sockaddr_storage){.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    if (address->ss_family == AF_INET)
        assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
    else
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
}

static void an_address_is_looked_at_whatever_its_name(void **state)
{
    struct table table = {"addresses", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct sockaddr_storage address;
        struct http_source allowed;
        struct err err = {0};
        enum rc rc;

        read_address(addresses[i].address, &address);
        assert_int_equal(http_source_read(addresses[i].source, &allowed, NULL), RC_OK);
        rc = http_source_check_address(&allowed, (struct sockaddr *)&address, &err);
        assert_true(rc == RC_OK || rc == RC_FORBIDDEN);
        table_same(&table, addresses[i].address, addresses[i].said, err.message);
    }
    assert_int_equal(http_source_check_address(&(struct http_source){.host = "a"},
                                               &(struct sockaddr){.sa_family = AF_UNIX}, NULL),
                     RC_FORBIDDEN);
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_read_strictly_and_covered_by_its_source),
        cmocka_unit_test(an_address_is_looked_at_whatever_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
