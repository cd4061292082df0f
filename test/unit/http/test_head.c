/* SPDX-License-Identifier: Apache-2.0 */
/* What the header fields of a request say about its framing. */
#include <string.h>

#include "base/compiler.h"

#include "http/head.h"
#include "testing.h"

struct row {
    const char *fields[4][2];
    bool is_1_0;
    const char *problem; /* what it contains; NULL: none */
    uint64_t length;
    bool chunked;
};

static const struct row rows[] = {
    {{{"Host", "a"}}, false, NULL, 0, false},
    {{{"hOST", "a"}, {"CONTENT-LENGTH", "12"}}, false, NULL, 12, false},
    {{{"Host", ""}, {"Content-Length", "0012 \t"}}, false, NULL, 12, false},
    {{{"Host", "a"}, {"Content-Length", "999999999999999999"}},
     false,
     NULL,
     999999999999999999u,
     false},
    {{{"Host", "a"}, {"Transfer-Encoding", "Chunked "}}, false, NULL, 0, true},
    {{{"Host", "a"}, {"Hostess", "b"}, {"Content-Lengths", "x"}}, false, NULL, 0, false},
    {{{"Content-Length", "1"}}, true, NULL, 1, false},
    {{{"Content-Length", "1"}}, false, "no Host", 0, false},
    {{{"Host", "a"}, {"Host", "a"}}, false, "more than one Host", 0, false},
    {{{"Host", "a"}, {"Host", "a"}}, true, "more than one Host", 0, false},
    {{{"Host", "a"}, {"Content-Length", "1"}, {"content-length", "1"}},
     false,
     "more than one Content-Length",
     0,
     false},
    {{{"Host", "a"}, {"Content-Length", ""}}, false, "not a number", 0, false},
    {{{"Host", "a"}, {"Content-Length", "+1"}}, false, "not a number", 0, false},
    {{{"Host", "a"}, {"Content-Length", "1, 1"}}, false, "not a number", 0, false},
    {{{"Host", "a"}, {"Content-Length", "1000000000000000000"}}, false, "not a number", 0, false},
    {{{"Host", "a"}, {"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}},
     false,
     "both",
     0,
     false},
    {{{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}},
     false,
     "other than chunked",
     0,
     false},
    {{{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
     false,
     "other than chunked",
     0,
     false},
    {{{"Transfer-Encoding", "chunked"}}, true, "HTTP/1.0", 0, false},
    {{{"Host", "a"}, {"Content-Length ", "1"}}, false, "token", 0, false},
    {{{"Host", "a"}, {"", "1"}}, false, "token", 0, false},
    {{{"Host", "a"}, {"X(", "1"}}, false, "token", 0, false},
    {{{"Host", "a"}, {"X", "a\rb"}}, false, "control byte", 0, false},
    {{{"Host", "a"}, {"X", "a\tb\xc3\xa9"}}, false, NULL, 0, false},
};

static void judges_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct http_head head = {0};
        const char *problem;

        for (size_t j = 0; j < 4 && row->fields[j][0]; j++)
            http_head_take(&head, row->fields[j][0], strlen(row->fields[j][0]), row->fields[j][1],
                           strlen(row->fields[j][1]));
        problem = http_head_problem(&head, row->is_1_0);
        if (!problem != !row->problem || (problem && !strstr(problem, row->problem)))
            fail_msg("row %zu: %s", i, problem ? problem : "no problem");
        if (problem)
            continue;
        assert_int_equal(head.length, row->length);
        assert_int_equal(head.chunked, row->chunked);
        assert_int_equal(http_head_has_body(&head), row->chunked || row->length);
    }
}

static void keeps_what_else_matters(void **state)
{
    struct http_head head = {0};

    (void)state;
    http_head_take(&head, "Content-Type", 12, "text/plain", 10);
    http_head_take(&head, "Content-Type", 12, "text/html", 9);
    http_head_take(&head, "Expect", 6, "100-Continue", 12);
    assert_string_equal(head.type, "text/plain");
    assert_true(head.expects_continue);
    assert_false(http_head_has_body(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_framing),
        cmocka_unit_test(keeps_what_else_matters),
    };

    return cmocka_run_group_tests_name("http head", tests, NULL, NULL);
}
