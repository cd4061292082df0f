/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"

/* A line of up to PIPE_BUF bytes is never torn or mixed with another (POSIX, write()). */
enum { LINE_SIZE = 4096, LINE_TAIL = 8 };

struct line {
    size_t length;
    char text[LINE_SIZE];
};

/* Written by log_init() before threads exist, except `dropped`, which the lock guards. */
static struct {
    struct log_config config;
    bool journal; /* stderr is systemd's journal */
    uint64_t dropped;
} state = {.config = {.level = LEVEL_INFO, .fd = STDERR_FILENO}};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_texts[] = {"error", "warn", "info", "debug"};
static const char *const format_texts[] = {"text", "json"};
static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"}; /* sd-daemon(3) */

/* systemd.exec(5): $JOURNAL_STREAM is "DEVICE:INODE" of the socket that leads to the journal. */
static bool leads_to_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM"); /* NOLINT(concurrency-mt-unsafe): at start */
    char expected[64];
    struct stat status;

    if (!stream || fstat(fd, &status) != 0)
        return false;
    (void)snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino); /* fits: two numbers */
    return strcmp(stream, expected) == 0;
}

void log_init(const struct log_config *config)
{
    state.config = *config;
    state.journal = leads_to_journal(config->fd);
}

enum rc log_level_parse(const char *text, enum log_level *ret_level, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_texts); i++) {
        if (strcmp(text, level_texts[i]) == 0) {
            *ret_level = (enum log_level)i;
            return RC_OK;
        }
    }
    return err_fail(err, RC_INVALID, "log level '%.32s' is not error, warn, info or debug", text);
}

enum rc log_format_parse(const char *text, enum log_format *ret_format, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(format_texts); i++) {
        if (strcmp(text, format_texts[i]) == 0) {
            *ret_format = (enum log_format)i;
            return RC_OK;
        }
    }
    return err_fail(err, RC_INVALID, "log format '%.32s' is not text or json", text);
}

bool log_is_written(enum log_level level)
{
    return level <= state.config.level;
}

/* LINE_TAIL bytes stay free for the closing quote, the brace and the end of the line. */
static size_t room(const struct line *line)
{
    size_t end = sizeof(line->text) - LINE_TAIL;

    return line->length < end ? end - line->length : 0;
}

/* What does not fit is left out as a whole. */
static bool put(struct line *line, const char *text, size_t length)
{
    if (length > room(line))
        return false;
    memcpy(line->text + line->length, text, length);
    line->length += length;
    return true;
}

static bool put_text(struct line *line, const char *text)
{
    return put(line, text, strlen(text));
}

static bool PRINTF(2, 3) put_format(struct line *line, const char *format, ...)
{
    char text[96];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* numbers and our own words only */
    va_end(args);
    return put_text(line, text);
}

/* One character of user text, or one byte that is none; answers how many bytes it used, 0: full. */
static size_t put_character(struct line *line, const char *text, size_t left)
{
    bool json = state.config.format == LOG_FORMAT_JSON;
    size_t length = utf8_length(text, left);
    uint8_t byte = (uint8_t)*text;
    bool c1_control = length == 2 && byte == 0xC2 && (uint8_t)text[1] < 0xA0;

    if (length == 0)
        return (json ? put_text(line, "\\ufffd") : put_format(line, "\\x%02x", byte)) ? 1 : 0;
    if (c1_control)
        return put_format(line, "\\u%04x", (uint8_t)text[1]) ? 2 : 0;
    if (byte == '"' || byte == '\\')
        return put_format(line, "\\%c", byte) ? 1 : 0;
    if (byte < ' ' || byte == 0x7F)
        return put_format(line, json ? "\\u%04x" : "\\x%02x", byte) ? 1 : 0;
    return put(line, text, length) ? length : 0;
}

static void put_quoted(struct line *line, const char *text)
{
    size_t left = strlen(text);

    if (!put(line, "\"", 1))
        return;
    while (left) {
        size_t used = put_character(line, text, left);

        if (!used)
            break;
        text += used;
        left -= used;
    }
    line->text[line->length++] = '"'; /* in the room that LINE_TAIL keeps */
}

static bool is_plain(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-_./:+,@%";

    return *text && text[strspn(text, plain)] == '\0';
}

static void put_value(struct line *line, const struct log_field *field)
{
    bool json = state.config.format == LOG_FORMAT_JSON;
    char span[SPAN_TEXT];

    switch (field->kind) {
    case LOG_FIELD_U64:
        (void)put_format(line, "%llu", (unsigned long long)field->number);
        return;
    case LOG_FIELD_I64:
        (void)put_format(line, "%lld", (long long)field->number);
        return;
    case LOG_FIELD_SPAN:
        (void)put_format(line, json ? "\"%s\"" : "%s", span_format((span_us)field->number, span));
        return;
    case LOG_FIELD_TEXT:
        if (!json && field->text && is_plain(field->text))
            (void)put_text(line, field->text);
        else
            put_quoted(line, field->text ? field->text : "");
        return;
    }
}

static bool begins_object(const struct line *line)
{
    return line->length && line->text[line->length - 1] == '{';
}

/* A field that has no room for its name is left out; a value is cut. */
static void put_field(struct line *line, const struct log_field *field)
{
    bool json = state.config.format == LOG_FORMAT_JSON;
    size_t longest_number = 64;

    if (strlen(field->name) + longest_number > room(line))
        return;
    if (json)
        (void)put_format(line, "%s\"%s\":", begins_object(line) ? "" : ",", field->name);
    else
        (void)put_format(line, "%s=", field->name);
    put_value(line, field);
    if (!json)
        (void)put(line, " ", 1);
}

static void put_head(struct line *line, enum log_level level, const char *event)
{
    char stamp[INSTANT_TEXT];

    if (state.journal)
        (void)put_text(line, priorities[level]);
    if (state.config.format == LOG_FORMAT_JSON)
        (void)put(line, "{", 1);
    if (state.config.now)
        put_field(line,
                  &LOG_TEXT("time", instant_format(state.config.now(state.config.context), stamp)));
    put_field(line, &LOG_TEXT("level", level_texts[level]));
    put_field(line, &LOG_TEXT("event", event));
}

static void put_end(struct line *line)
{
    if (state.config.format == LOG_FORMAT_JSON)
        line->text[line->length++] = '}';
    else
        line->length -= line->text[line->length - 1] == ' ';
    line->text[line->length++] = '\n';
}

/*
 * O_NONBLOCK belongs to the open file, which others share with us, so it is not ours to set: a
 * socket is told for this one message, and anything else is asked first whether it takes a line.
 */
static bool send_line(const struct line *line)
{
    struct pollfd poller = {.fd = state.config.fd, .events = POLLOUT};
    ssize_t sent = send(state.config.fd, line->text, line->length, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno == ENOTSOCK && poll(&poller, 1, 0) == 1 && (poller.revents & POLLOUT))
        sent = write(state.config.fd, line->text, line->length);
    return sent == (ssize_t)line->length;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    int saved_errno = errno;
    struct line line;

    line.length = 0;
    put_head(&line, level, event);
    for (size_t i = 0; i < count; i++)
        if (fields[i].name)
            put_field(&line, &fields[i]);
    (void)pthread_mutex_lock(&lock); /* cannot fail: a plain, initialised mutex */
    if (state.dropped)
        put_field(&line, &LOG_U64("dropped", state.dropped));
    put_end(&line);
    state.dropped = send_line(&line) ? 0 : state.dropped + 1;
    (void)pthread_mutex_unlock(&lock);
    errno = saved_errno;
}
