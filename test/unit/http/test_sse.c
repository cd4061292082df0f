/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of Server-Sent Events. */
#include <string.h>

#include "http/sse.h"
#include "testing.h"

static void frames_events(void **state)
{
    static const struct {
        const char *id, *event, *data, *framed;
    } rows[] = {
        {"12", "job", "{\"id\":1}", "id: 12\nevent: job\ndata: {\"id\":1}\n\n"},
        {NULL, NULL, "", "data: \n\n"},
        {NULL, "x", "a\nb\r\nc\rd\n", "event: x\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
        {NULL, NULL, "a\n\nevent: forged", "data: a\ndata: \ndata: event: forged\n\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_BUF struct buf buf;

        buf_init(&buf, 1000);
        http_sse_event(&buf, rows[i].id, rows[i].event, rows[i].data, strlen(rows[i].data));
        assert_string_equal(buf.data, rows[i].framed);
    }
}

static void frames_the_rest(void **state)
{
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    http_sse_comment(&buf, "hb");
    http_sse_retry(&buf, 1500 * MILLISECOND);
    assert_string_equal(buf.data, ": hb\n\nretry: 1500\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_events),
        cmocka_unit_test(frames_the_rest),
    };

    return cmocka_run_group_tests_name("http sse", tests, NULL, NULL);
}
