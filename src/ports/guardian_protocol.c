/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/guardian_protocol.h"

#include <string.h>

/* ---- writing ------------------------------------------------------------------------------- */

/* Failures are remembered in buf->failed and looked at once, in end_frame(). */
static void put(struct buf *buf, const void *data, size_t length)
{
    (void)buf_append(buf, data, length);
}

static void put_u8(struct buf *buf, uint8_t value)
{
    put(buf, &value, sizeof(value));
}

static void put_u32(struct buf *buf, uint32_t value)
{
    put(buf, &value, sizeof(value));
}

static void put_i64(struct buf *buf, int64_t value)
{
    put(buf, &value, sizeof(value));
}

enum { NO_TEXT = UINT32_MAX };

/* NULL is a length of NO_TEXT without bytes. */
static void put_text(struct buf *buf, const char *text)
{
    size_t length = text ? strlen(text) : 0;

    put_u32(buf, text ? (uint32_t)MIN(length, (size_t)GUARDIAN_FRAME_MAX) : (uint32_t)NO_TEXT);
    if (text)
        put(buf, text, length + 1);
}

static void put_key(struct buf *buf, const struct run_key *key)
{
    put_i64(buf, key->scheduled_at);
    put_i64(buf, (int64_t)key->job);
    put_u32(buf, key->attempt);
    put_u32(buf, key->target);
}

struct frame {
    size_t start;
    bool failed; /* of the buffer, before this frame */
};

static struct frame begin_frame(struct buf *buf, enum guardian_kind kind)
{
    struct frame frame = {.start = buf->length, .failed = buf->failed};

    buf->failed = false;
    put_u32(buf, 0);
    put_u8(buf, (uint8_t)kind);
    return frame;
}

static enum rc end_frame(struct buf *buf, struct frame frame)
{
    size_t length = buf->length - frame.start;
    uint32_t body = (uint32_t)(length - GUARDIAN_HEAD);
    bool too_big = buf->failed || length > GUARDIAN_FRAME_MAX;

    buf->failed = frame.failed;
    if (too_big) {
        buf->length = frame.start;
        return RC_TOO_BIG;
    }
    memcpy(buf->data + frame.start, &body, sizeof(body));
    return RC_OK;
}

enum rc guardian_put_hello(struct buf *buf, uint32_t version)
{
    struct frame frame = begin_frame(buf, GUARDIAN_HELLO);

    put_u32(buf, version);
    return end_frame(buf, frame);
}

static void put_limits(struct buf *buf, const struct run_limits *limits)
{
    put_i64(buf, limits->memory);
    put(buf, &limits->cpu, sizeof(limits->cpu));
    put_i64(buf, limits->tasks);
    put_i64(buf, limits->output);
    put_u32(buf, (uint32_t)limits->nice);
}

static void put_file(struct buf *buf, const struct launch *launch)
{
    const struct file_stamp *stamp = &launch->file.stamp;

    put_u8(buf, launch->is_script);
    put_i64(buf, (int64_t)stamp->device);
    put_i64(buf, (int64_t)stamp->inode);
    put_i64(buf, stamp->size);
    put_i64(buf, stamp->changed);
    put_text(buf, launch->sha256);
}

/* Version 3 knows the first alone. */
enum { FLAG_FENCED = 1, FLAG_GAINS = 2 };

enum rc guardian_put_start(struct buf *buf, const struct launch *launch)
{
    struct frame frame = begin_frame(buf, GUARDIAN_START);

    put_key(buf, &launch->run);
    put_i64(buf, launch->start_at);
    put_text(buf, launch->account);
    put_text(buf, launch->command);
    put_text(buf, launch->command ? NULL : launch->filename);
    put_u32(buf, (uint32_t)launch->args.count);
    for (size_t i = 0; i < launch->args.count; i++)
        put_text(buf, launch->args.items[i]);
    put_u32(buf, (uint32_t)launch->env.count);
    for (size_t i = 0; i < launch->env.count; i++) {
        put_text(buf, launch->env.items[i].name);
        put_text(buf, launch->env.items[i].value);
    }
    put_text(buf, launch->stdin_text);
    put_text(buf, launch->working_directory);
    put_i64(buf, launch->timeout);
    put_i64(buf, launch->kill_grace);
    put_limits(buf, &launch->limits);
    put_u8(buf,
           (uint8_t)((launch->fenced ? FLAG_FENCED : 0) | (launch->may_gain ? FLAG_GAINS : 0)));
    if (!launch->command)
        put_file(buf, launch);
    return end_frame(buf, frame);
}

static enum rc put_about_run(struct buf *buf, enum guardian_kind kind, const struct run_key *run)
{
    struct frame frame = begin_frame(buf, kind);

    put_key(buf, run);
    return end_frame(buf, frame);
}

enum rc guardian_put_kill(struct buf *buf, const struct run_key *run)
{
    return put_about_run(buf, GUARDIAN_KILL, run);
}

enum rc guardian_put_acknowledge(struct buf *buf, const struct run_key *run)
{
    return put_about_run(buf, GUARDIAN_ACKNOWLEDGE, run);
}

enum rc guardian_put_event(struct buf *buf, const struct launch_event *event)
{
    struct frame frame = begin_frame(buf, GUARDIAN_EVENT);
    const struct run_result *result = &event->result;

    put_u8(buf, (uint8_t)event->kind);
    put_key(buf, &event->run);
    put_u8(buf, (uint8_t)result->status);
    put_i64(buf, result->started_at);
    put_i64(buf, result->finished_at);
    put_u32(buf, (uint32_t)result->exit_code);
    put_u32(buf, (uint32_t)result->signal);
    put_i64(buf, result->output_bytes);
    put_u8(buf, result->output_truncated);
    put_i64(buf, result->cpu);
    put_i64(buf, result->max_rss);
    put_text(buf, event->reason ? event->reason : "");
    return end_frame(buf, frame);
}

enum rc guardian_put_stopping(struct buf *buf)
{
    return end_frame(buf, begin_frame(buf, GUARDIAN_STOPPING));
}

enum rc guardian_put_lease(struct buf *buf, mono_us until)
{
    struct frame frame = begin_frame(buf, GUARDIAN_LEASE);

    put_i64(buf, until);
    return end_frame(buf, frame);
}

/* ---- reading ------------------------------------------------------------------------------- */

struct reader {
    const char *at;
    size_t left;
    struct arena *arena;
    bool failed; /* then every value read is 0, "" or NULL */
};

static void get(struct reader *reader, void *value, size_t length)
{
    memset(value, 0, length);
    if (reader->failed || reader->left < length) {
        reader->failed = true;
        return;
    }
    memcpy(value, reader->at, length);
    reader->at += length;
    reader->left -= length;
}

static uint8_t get_u8(struct reader *reader)
{
    uint8_t value;

    get(reader, &value, sizeof(value));
    return value;
}

static uint32_t get_u32(struct reader *reader)
{
    uint32_t value;

    get(reader, &value, sizeof(value));
    return value;
}

static int64_t get_i64(struct reader *reader)
{
    int64_t value;

    get(reader, &value, sizeof(value));
    return value;
}

static int64_t get_amount(struct reader *reader)
{
    int64_t value = get_i64(reader);

    reader->failed |= value < 0;
    return value;
}

static const char *get_optional_text(struct reader *reader)
{
    uint32_t length = get_u32(reader);
    const char *text = reader->at;

    if (reader->failed || length == NO_TEXT)
        return NULL;
    if (length >= reader->left || text[length] != '\0' || memchr(text, '\0', length)) {
        reader->failed = true;
        return NULL;
    }
    reader->at += length + 1;
    reader->left -= length + 1;
    return text;
}

static const char *get_text(struct reader *reader)
{
    const char *text = get_optional_text(reader);

    reader->failed |= !text;
    return text ? text : "";
}

static struct run_key get_key(struct reader *reader)
{
    struct run_key key = {.scheduled_at = get_i64(reader)};

    key.job = (job_id)get_i64(reader);
    key.attempt = get_u32(reader);
    key.target = get_u32(reader);
    return key;
}

/* A number of things of at least `smallest` bytes each, so that nobody makes us reserve more memory
 * than he sent. */
static size_t get_count(struct reader *reader, size_t smallest)
{
    size_t count = get_u32(reader);

    reader->failed |= count > reader->left / smallest;
    return reader->failed ? 0 : count;
}

enum { SMALLEST_TEXT = 5 }; /* its length and its NUL */

static struct strings get_strings(struct reader *reader)
{
    struct strings strings = {.count = get_count(reader, SMALLEST_TEXT)};

    strings.items = arena_calloc(reader->arena, strings.count * sizeof(char *));
    for (size_t i = 0; i < strings.count; i++)
        strings.items[i] = get_text(reader);
    return strings;
}

static struct pairs get_pairs(struct reader *reader)
{
    struct pairs pairs = {.count = get_count(reader, (size_t)SMALLEST_TEXT * 2)};

    pairs.items = arena_calloc(reader->arena, pairs.count * sizeof(struct pair));
    for (size_t i = 0; i < pairs.count; i++) {
        pairs.items[i].name = get_text(reader);
        pairs.items[i].value = get_text(reader);
    }
    return pairs;
}

static bool get_flag(struct reader *reader)
{
    uint8_t value = get_u8(reader);

    reader->failed |= value > 1;
    return value != 0;
}

static struct run_limits get_limits(struct reader *reader)
{
    struct run_limits limits = {.memory = get_amount(reader)};

    get(reader, &limits.cpu, sizeof(limits.cpu));
    reader->failed |= !(limits.cpu >= 0 && limits.cpu <= 1e6);
    limits.tasks = get_amount(reader);
    limits.output = get_amount(reader);
    limits.nice = (int32_t)get_u32(reader);
    return limits;
}

static void get_file(struct reader *reader, struct launch *launch)
{
    struct file_stamp *stamp = &launch->file.stamp;

    launch->is_script = get_flag(reader);
    stamp->device = (uint64_t)get_i64(reader);
    stamp->inode = (uint64_t)get_i64(reader);
    stamp->size = get_amount(reader);
    stamp->changed = get_i64(reader);
    launch->sha256 = get_text(reader);
}

static struct launch get_launch(struct reader *reader)
{
    struct launch launch = {.run = get_key(reader), .file.fd = -1};
    uint8_t flags;

    launch.start_at = get_i64(reader);
    launch.account = get_text(reader);
    launch.command = get_optional_text(reader);
    launch.filename = get_optional_text(reader);
    launch.args = get_strings(reader);
    launch.env = get_pairs(reader);
    launch.stdin_text = get_optional_text(reader);
    launch.working_directory = get_text(reader);
    launch.timeout = get_amount(reader);
    launch.kill_grace = get_amount(reader);
    launch.limits = get_limits(reader);
    flags = get_u8(reader);
    reader->failed |= (flags & ~(FLAG_FENCED | FLAG_GAINS)) != 0;
    launch.fenced = flags & FLAG_FENCED;
    launch.may_gain = flags & FLAG_GAINS;
    reader->failed |= !launch.command == !launch.filename;
    if (!launch.command)
        get_file(reader, &launch);
    return launch;
}

static struct launch_event get_event(struct reader *reader)
{
    struct launch_event event = {.kind = get_u8(reader)};
    struct run_result *result = &event.result;

    event.run = get_key(reader);
    result->status = get_u8(reader);
    result->started_at = get_i64(reader);
    result->finished_at = get_i64(reader);
    result->exit_code = (int32_t)get_u32(reader);
    result->signal = (int32_t)get_u32(reader);
    result->output_bytes = get_i64(reader);
    result->output_truncated = get_u8(reader) != 0;
    result->cpu = get_i64(reader);
    result->max_rss = get_i64(reader);
    event.reason = get_text(reader);
    reader->failed |= event.kind > LAUNCH_FINISHED || result->status >= RUN_STATUS_COUNT;
    return event;
}

enum rc guardian_frame(const char *data, size_t length, size_t *ret_frame)
{
    uint32_t body;

    if (length < GUARDIAN_HEAD) {
        *ret_frame = 0;
        return RC_OK;
    }
    memcpy(&body, data, sizeof(body));
    if (body > GUARDIAN_FRAME_MAX - GUARDIAN_HEAD)
        return RC_TOO_BIG;
    *ret_frame = length - GUARDIAN_HEAD >= body ? body + (size_t)GUARDIAN_HEAD : 0;
    return RC_OK;
}

enum rc guardian_decode(const char *body, size_t length, struct arena *arena,
                        struct guardian_message *ret_message, struct err *err)
{
    struct reader reader = {.at = body, .left = length, .arena = arena};
    struct guardian_message message = {.kind = get_u8(&reader)};

    switch (message.kind) {
    case GUARDIAN_HELLO:
        message.version = get_u32(&reader);
        break;
    case GUARDIAN_START:
        message.launch = get_launch(&reader);
        break;
    case GUARDIAN_KILL:
    case GUARDIAN_ACKNOWLEDGE:
        message.run = get_key(&reader);
        break;
    case GUARDIAN_EVENT:
        message.event = get_event(&reader);
        break;
    case GUARDIAN_STOPPING:
        break;
    case GUARDIAN_LEASE:
        message.lease_until = get_i64(&reader);
        break;
    default:
        reader.failed = true;
    }
    if (reader.failed || reader.left)
        return err_fail(err, RC_MALFORMED, "a message of kind %d cannot be read",
                        (int)message.kind);
    *ret_message = message;
    return RC_OK;
}
