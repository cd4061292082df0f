/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
    const char *text;
    bool final;
} statuses[] = {
#define STATUS_ROW(code, text, final) [code] = {text, final},
    RUN_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

static const char *const triggers[] = {
#define TRIGGER_ROW(code, text) [code] = text,
    RUN_TRIGGER_TABLE(TRIGGER_ROW)
#undef TRIGGER_ROW
};

const char *run_id_format(const struct run_key *key, char text[RUN_ID_TEXT])
{
    int64_t micros = key->scheduled_at % SECOND;
    int length =
        snprintf(text, RUN_ID_TEXT, "%" PRIu64 "-%" PRId64, key->job, key->scheduled_at / SECOND);

    if (micros)
        length += snprintf(text + length, RUN_ID_TEXT - (size_t)length, ".%06" PRId64, micros);
    length += snprintf(text + length, RUN_ID_TEXT - (size_t)length, "-%" PRIu32, key->attempt);
    if (key->target)
        (void)snprintf(text + length, RUN_ID_TEXT - (size_t)length, "-%" PRIu32, key->target);
    return text;
}

/* A decimal number of 1 to 18 digits at *text, moved past. */
static bool read_number(const char **text, int64_t *ret_number)
{
    int64_t number = 0;
    int digits = 0;

    for (; **text >= '0' && **text <= '9' && digits < 19; (*text)++, digits++)
        number = digits < 18 ? number * 10 + (**text - '0') : -1;
    if (!digits || number < 0)
        return false;
    *ret_number = number;
    return true;
}

static bool read_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool read_id(const char *text, struct run_key *ret_key)
{
    int64_t job, seconds, micros = 0, attempt, target = 0;

    if (!read_number(&text, &job) || !read_char(&text, '-') || !read_number(&text, &seconds))
        return false;
    if (read_char(&text, '.') && !read_number(&text, &micros))
        return false;
    if (!read_char(&text, '-') || !read_number(&text, &attempt))
        return false;
    if (read_char(&text, '-') && !read_number(&text, &target))
        return false;
    if (*text || job < 1 || seconds > INSTANT_MAX / SECOND || micros >= SECOND || attempt < 1 ||
        attempt > UINT32_MAX || target > UINT32_MAX)
        return false;
    *ret_key = (struct run_key){.scheduled_at = seconds * SECOND + micros,
                                .job = (job_id)job,
                                .attempt = (uint32_t)attempt,
                                .target = (uint32_t)target};
    return true;
}

enum rc run_id_parse(const char *text, struct run_key *ret_key, struct err *err)
{
    char canonical[RUN_ID_TEXT];
    struct run_key key;

    /* One run has one id: "012-5-1" and "12-5.5-1" are none. */
    if (!read_id(text, &key) || strcmp(text, run_id_format(&key, canonical)) != 0)
        return err_fail(err, RC_INVALID, "'%.80s' is not the id of a run, like 12-1764000000-1",
                        text);
    *ret_key = key;
    return RC_OK;
}

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int run_key_compare(const struct run_key *a, const struct run_key *b)
{
    if (a->scheduled_at != b->scheduled_at)
        return a->scheduled_at < b->scheduled_at ? -1 : 1;
    if (a->job != b->job)
        return order(a->job, b->job);
    if (a->attempt != b->attempt)
        return order(a->attempt, b->attempt);
    return order(a->target, b->target);
}

const char *run_status_text(enum run_status status)
{
    return statuses[status].text;
}

bool run_status_is_final(enum run_status status)
{
    return statuses[status].final;
}

enum rc run_status_parse(const char *text, enum run_status *ret_status, struct err *err)
{
    for (unsigned i = 0; i < RUN_STATUS_COUNT; i++) {
        if (!strcmp(statuses[i].text, text)) {
            *ret_status = (enum run_status)i;
            return RC_OK;
        }
    }
    return err_fail(err, RC_INVALID,
                    "'%.40s' is not one of queued, running, succeeded, failed, timed_out, killed, "
                    "lost, skipped, missed",
                    text);
}

const char *run_trigger_text(enum run_trigger trigger)
{
    return triggers[trigger];
}

enum rc run_trigger_parse(const char *text, enum run_trigger *ret_trigger, struct err *err)
{
    for (unsigned i = 0; i < RUN_TRIGGER_COUNT; i++) {
        if (!strcmp(triggers[i], text)) {
            *ret_trigger = (enum run_trigger)i;
            return RC_OK;
        }
    }
    return err_fail(err, RC_INVALID,
                    "'%.40s' is not one of schedule, manual, retry, catch_up, after, reboot", text);
}

bool run_result_is_same(const struct run_result *kept, const struct run_result *reported)
{
    if (kept->started_at == INSTANT_NONE && reported->started_at == INSTANT_NONE)
        return kept->status == reported->status; /* nothing was executed, whenever that was said */
    return kept->status == reported->status && kept->started_at == reported->started_at &&
           kept->finished_at == reported->finished_at && kept->exit_code == reported->exit_code &&
           kept->signal == reported->signal;
}

/* The bytes of the longest beginning of `text` that fits and ends with a whole character. */
static size_t fitting(const char *text, size_t limit)
{
    size_t length = strlen(text), at = 0;

    while (at < length) {
        size_t character = utf8_length(text + at, length - at);

        character = character ? character : 1;
        if (at + character > limit)
            break;
        at += character;
    }
    return at;
}

const char *run_reason_late(const char *reason, const struct run_result *late,
                            char text[LIMIT_REASON + 1])
{
    char note[80];
    size_t length, kept;

    if (strstr(reason, "late result: ")) {
        (void)snprintf(text, LIMIT_REASON + 1, "%s", reason); /* it fitted before */
        return text;
    }
    if (late->exit_code >= 0)
        (void)snprintf(note, sizeof(note), "late result: %s, exit code %" PRId32,
                       run_status_text(late->status), late->exit_code);
    else if (late->signal)
        (void)snprintf(note, sizeof(note), "late result: %s, signal %" PRId32,
                       run_status_text(late->status), late->signal);
    else
        (void)snprintf(note, sizeof(note), "late result: %s", run_status_text(late->status));
    length = strlen(note);
    kept = fitting(reason, LIMIT_REASON - length - 2);
    (void)snprintf(text, LIMIT_REASON + 1, "%.*s%s%s", (int)kept, reason, kept ? "; " : "", note);
    return text;
}
