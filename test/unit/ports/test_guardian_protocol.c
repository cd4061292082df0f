/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is read back, and nothing else is read. */
#include <string.h>

#include "ports/guardian_protocol.h"

#include "testing.h"

static const struct run_key key = {
    .scheduled_at = 17, .job = UINT64_MAX, .attempt = 2, .target = 3};

static const char *args[] = {"a b", "", "\xff\n"};
static struct pair env[] = {{"A", "1"}, {"B", ""}};

static struct launch full_launch(void)
{
    return (struct launch){.run = key,
                           .start_at = -5,
                           .account = "nobody",
                           .command = "echo \"$1\"",
                           .args = {args, 3},
                           .env = {env, 2},
                           .stdin_text = "in",
                           .working_directory = "/tmp",
                           .timeout = SECOND,
                           .kill_grace = 2 * SECOND,
                           .limits = {.memory = 1, .cpu = 0.5, .tasks = 2, .output = 3, .nice = -4},
                           .fenced = true};
}

static enum rc decode(const struct buf *buf, struct arena *arena, struct guardian_message *message)
{
    size_t frame;

    assert_int_equal(guardian_frame(buf->data, buf->length, &frame), RC_OK);
    assert_int_equal(frame, buf->length);
    return guardian_decode(buf->data + GUARDIAN_HEAD, frame - GUARDIAN_HEAD, arena, message, NULL);
}

static void reads_back_a_start(void **state)
{
    AUTO_ARENA struct arena arena = {0};
    struct launch launch = full_launch();
    struct guardian_message message;
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_start(&buf, &launch), RC_OK);
    assert_int_equal(decode(&buf, &arena, &message), RC_OK);
    assert_int_equal(message.kind, GUARDIAN_START);
    assert_int_equal(run_key_compare(&message.launch.run, &key), 0);
    assert_int_equal(message.launch.start_at, -5);
    assert_string_equal(message.launch.account, "nobody");
    assert_string_equal(message.launch.command, launch.command);
    assert_null(message.launch.filename);
    assert_int_equal(message.launch.args.count, 3);
    assert_string_equal(message.launch.args.items[2], args[2]);
    assert_string_equal(message.launch.env.items[1].name, "B");
    assert_string_equal(message.launch.stdin_text, "in");
    assert_true(memcmp(&message.launch.limits.cpu, &launch.limits.cpu, sizeof(double)) == 0);
    assert_int_equal(message.launch.limits.nice, -4);
    assert_true(message.launch.fenced);
    assert_false(message.launch.may_gain);
}

static void reads_back_each_flag(void **state)
{
    (void)state;
    for (int flags = 0; flags < 4; flags++) {
        AUTO_ARENA struct arena arena = {0};
        struct launch launch = full_launch();
        struct guardian_message message;
        AUTO_BUF struct buf buf;

        launch.fenced = flags & 1;
        launch.may_gain = flags & 2;
        buf_init(&buf, GUARDIAN_FRAME_MAX);
        assert_int_equal(guardian_put_start(&buf, &launch), RC_OK);
        assert_int_equal(decode(&buf, &arena, &message), RC_OK);
        assert_int_equal(message.launch.fenced, launch.fenced);
        assert_int_equal(message.launch.may_gain, launch.may_gain);
    }
}

static void reads_back_a_start_of_a_file(void **state)
{
    AUTO_ARENA struct arena arena = {0};
    struct launch launch = full_launch();
    struct guardian_message message;
    AUTO_BUF struct buf buf;

    (void)state;
    launch.command = NULL;
    launch.filename = "backup.sh";
    launch.is_script = true;
    launch.sha256 = "abc";
    launch.file = (struct file_copy){
        .fd = 7, .stamp = {.device = UINT64_MAX, .inode = 2, .size = 3, .changed = -4}};
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_start(&buf, &launch), RC_OK);
    assert_int_equal(decode(&buf, &arena, &message), RC_OK);
    assert_null(message.launch.command);
    assert_string_equal(message.launch.filename, "backup.sh");
    assert_true(message.launch.is_script);
    assert_string_equal(message.launch.sha256, "abc");
    assert_int_equal(message.launch.file.fd, -1);
    assert_true(file_stamp_equal(&message.launch.file.stamp, &launch.file.stamp));
}

static void reads_back_a_lease(void **state)
{
    AUTO_ARENA struct arena arena = {0};
    struct guardian_message message;
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_lease(&buf, 1LL << 50), RC_OK);
    assert_int_equal(decode(&buf, &arena, &message), RC_OK);
    assert_int_equal(message.kind, GUARDIAN_LEASE);
    assert_true(message.lease_until == 1LL << 50);
}

static void reads_back_an_event(void **state)
{
    const struct launch_event event = {.kind = LAUNCH_FINISHED,
                                       .run = key,
                                       .result = {.status = RUN_FAILED,
                                                  .started_at = INSTANT_NONE,
                                                  .finished_at = 9,
                                                  .exit_code = -1,
                                                  .signal = 11,
                                                  .output_bytes = 1LL << 40,
                                                  .output_truncated = true},
                                       .reason = "exec: no"};
    AUTO_ARENA struct arena arena = {0};
    struct guardian_message message;
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_event(&buf, &event), RC_OK);
    assert_int_equal(decode(&buf, &arena, &message), RC_OK);
    assert_int_equal(message.event.kind, LAUNCH_FINISHED);
    assert_int_equal(message.event.result.exit_code, -1);
    assert_int_equal(message.event.result.signal, 11);
    assert_true(message.event.result.output_bytes == 1LL << 40);
    assert_true(message.event.result.output_truncated);
    assert_string_equal(message.event.reason, "exec: no");
}

/* Every shorter body, and one that goes on, is refused. */
static void refuses_what_is_cut_or_too_long(void **state)
{
    AUTO_ARENA struct arena arena = {0};
    struct launch launch = full_launch();
    struct guardian_message message;
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_start(&buf, &launch), RC_OK);
    for (size_t length = 0; length < buf.length - GUARDIAN_HEAD; length++)
        assert_int_equal(guardian_decode(buf.data + GUARDIAN_HEAD, length, &arena, &message, NULL),
                         RC_MALFORMED);
    assert_int_equal(buf_putc(&buf, 'x'), RC_OK);
    assert_int_equal(guardian_decode(buf.data + GUARDIAN_HEAD, buf.length - GUARDIAN_HEAD, &arena,
                                     &message, NULL),
                     RC_MALFORMED);
}

static void refuses_a_launch_of_nothing(void **state)
{
    AUTO_ARENA struct arena arena = {0};
    struct launch launch = full_launch();
    struct guardian_message message;
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    launch.filename = launch.command = NULL;
    assert_int_equal(guardian_put_start(&buf, &launch), RC_OK);
    assert_int_equal(decode(&buf, &arena, &message), RC_MALFORMED);
}

static void knows_where_a_frame_ends(void **state)
{
    const uint32_t too_big = GUARDIAN_FRAME_MAX;
    AUTO_BUF struct buf buf;
    size_t frame;

    (void)state;
    buf_init(&buf, GUARDIAN_FRAME_MAX);
    assert_int_equal(guardian_put_hello(&buf, GUARDIAN_VERSION), RC_OK);
    assert_int_equal(guardian_put_kill(&buf, &key), RC_OK);
    for (size_t length = 0; length < 9; length++) {
        assert_int_equal(guardian_frame(buf.data, length, &frame), RC_OK);
        assert_int_equal(frame, 0);
    }
    assert_int_equal(guardian_frame(buf.data, buf.length, &frame), RC_OK);
    assert_int_equal(frame, 9);
    assert_int_equal(guardian_frame((const char *)&too_big, 4, &frame), RC_TOO_BIG);
}

static void leaves_the_buffer_when_there_is_no_room(void **state)
{
    struct launch launch = full_launch();
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, 40);
    assert_int_equal(guardian_put_kill(&buf, &key), RC_OK);
    assert_int_equal(guardian_put_start(&buf, &launch), RC_TOO_BIG);
    assert_int_equal(buf.length, 29);
    assert_false(buf.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_a_start),
        cmocka_unit_test(reads_back_each_flag),
        cmocka_unit_test(reads_back_an_event),
        cmocka_unit_test(reads_back_a_lease),
        cmocka_unit_test(refuses_what_is_cut_or_too_long),
        cmocka_unit_test(reads_back_a_start_of_a_file),
        cmocka_unit_test(refuses_a_launch_of_nothing),
        cmocka_unit_test(knows_where_a_frame_ends),
        cmocka_unit_test(leaves_the_buffer_when_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
