/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crontab_line.h"

#include <string.h>

#include "base/compiler.h"

/* The second line of a file, and what follows it. */
#define OWNER "# Data directory: "

static const char head[] =
    "# Kept by cronjob's worker: it undoes changes, and takes the file away when `scheduler` is\n"
    "# no longer `crontab`. Each line hands the tick of a job to the worker.\n";

#define BLOCK_BEGIN "# BEGIN cronjob "
#define BLOCK_END   "# END cronjob "
#define BLOCK_NOTE  ": kept by its worker, which undoes changes"

/* A worker that is away is no news: it makes up for its ticks by itself. */
#define QUIET " 2>/dev/null"

/* ---- what a line can say ------------------------------------------------------------------- */

/* UTC has several names; of two other zones with the same rules nobody needs to know. */
static bool same_zone(const struct zone *a, const struct zone *b)
{
    if (strcmp(zone_name(a), zone_name(b)) == 0)
        return true;
    return zone_next_change(a, 0) == INT64_MAX && zone_next_change(b, 0) == INT64_MAX &&
           zone_offset(a, 0) == zone_offset(b, 0);
}

static bool has_special_days(const struct schedule *schedule)
{
    unsigned special = schedule->days_from_last | schedule->days_nearest | schedule->weekdays_last;

    for (size_t i = 0; i < ARRAY_SIZE(schedule->weekdays_nth); i++)
        special |= schedule->weekdays_nth[i];
    return special;
}

static const char *schedule_obstacle(const struct schedule *schedule)
{
    enum { PLAIN_FIELDS = 5 };

    if (schedule->kind != SCHEDULE_CRON)
        return "an @ form that is no set of fields";
    if (schedule->fields != PLAIN_FIELDS)
        return "seconds or years";
    if (schedule_is_drawn(schedule))
        return "values drawn by H or ~";
    return has_special_days(schedule) ? "days by L, W or #" : NULL;
}

const char *crontab_obstacle(const struct crontab_timing *timing)
{
    const char *obstacle = schedule_obstacle(timing->schedule);

    if (obstacle)
        return obstacle;
    if (!same_zone(timing->zone, timing->local))
        return "a time zone that is not the node's";
    if (timing->starts_at != INSTANT_NONE || timing->ends_at != INSTANT_NONE)
        return "a beginning or an end";
    return timing->jitter > 0 ? "jitter" : NULL;
}

bool crontab_fields(const struct crontab_timing *timing, char fields[CRONTAB_FIELDS])
{
    struct buf AUTO_BUF buf;

    buf_init(&buf, CRONTAB_FIELDS - 1);
    if (crontab_obstacle(timing) || schedule_print(timing->schedule, &buf) != RC_OK)
        return false;
    memcpy(fields, buf.data, buf.length + 1);
    return true;
}

/* ---- the lines ----------------------------------------------------------------------------- */

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static enum rc check_path(const char *what, const char *path, struct err *err)
{
    size_t length = strlen(path);

    if (path[0] != '/' || path[strspn(path, PLAIN "/._+,@:=-")])
        return err_fail(err, RC_INVALID,
                        "%s '%.64s' cannot stand in a crontab line: it must begin with / and have "
                        "nothing but letters, digits and /._+,@:=-",
                        what, path);
    if (length > CRONTAB_WORD)
        return err_fail(err, RC_INVALID,
                        "%s '%.64s...' is longer than %d bytes, too long for a "
                        "crontab line",
                        what, path, CRONTAB_WORD);
    return RC_OK;
}

enum rc crontab_frame_check(const struct crontab_frame *frame, struct err *err)
{
    const char *account = frame->account;
    enum rc rc = check_path("the program", frame->executable, err);

    if (rc == RC_OK)
        rc = check_path("the data directory", frame->data, err);
    if (rc == RC_OK && account && (!*account || account[strspn(account, PLAIN "_.-")]))
        return err_fail(err, RC_INVALID,
                        "the account '%.64s' cannot stand in a crontab line: it "
                        "may have nothing but letters, digits and _.-",
                        account);
    return rc;
}

static void print_head(const struct crontab_frame *frame, struct buf *buf)
{
    if (!frame->account)
        return;                /* the marks of its block say whose it is */
    (void)buf_puts(buf, head); /* buf->failed tells at the end, here and below */
    (void)buf_printf(buf, OWNER "%s\nMAILTO=\"\"\n", frame->data);
}

enum rc crontab_print(const struct crontab_frame *frame, const struct crontab_line *lines,
                      size_t count, struct buf *buf)
{
    const char *account = frame->account ? frame->account : "";
    const char *blank = frame->account ? " " : "";
    const char *quiet = frame->account ? "" : QUIET;

    print_head(frame, buf);
    for (size_t i = 0; i < count && !buf->failed; i++)
        (void)buf_printf(buf, "%s %s%s%s fire %llu --data %s%s\n", lines[i].fields, account, blank,
                         frame->executable, (unsigned long long)lines[i].job, frame->data, quiet);
    return buf->failed ? RC_TOO_BIG : RC_OK;
}

/* ---- the block in an account's crontab ------------------------------------------------------ */

/* A line without its newline. */
struct line {
    const char *text;
    size_t length;
};

static bool next_line(const char **text, const char *end, struct line *ret_line)
{
    const char *newline;

    if (*text == end)
        return false;
    newline = memchr(*text, '\n', (size_t)(end - *text));
    *ret_line = (struct line){*text, (size_t)((newline ? newline : end) - *text)};
    *text = newline ? newline + 1 : end;
    return true;
}

static bool begins(const struct line *line, const char *text)
{
    return line->length >= strlen(text) && memcmp(line->text, text, strlen(text)) == 0;
}

/* "# BEGIN cronjob DATA" and perhaps more: DATA has no blank and no colon at its end. */
static bool is_mark(const struct line *line, const char *mark, const char *data)
{
    struct line rest = *line;

    if (!begins(line, mark))
        return false;
    rest.text += strlen(mark);
    rest.length -= strlen(mark);
    if (!begins(&rest, data))
        return false;
    return rest.length == strlen(data) ||
           begins(&(struct line){rest.text + strlen(data), rest.length - strlen(data)}, BLOCK_NOTE);
}

static bool ends(const struct line *line, size_t end, const char *text, size_t *ret_begin)
{
    size_t length = strlen(text);

    if (end < length || memcmp(line->text + end - length, text, length) != 0)
        return false;
    *ret_begin = end - length;
    return true;
}

/* "... fire 12 --data DATA 2>/dev/null" */
static bool calls_for(const struct line *line, const char *data)
{
    size_t end = line->length;

    return ends(line, end, QUIET, &end) && ends(line, end, data, &end) &&
           ends(line, end, " --data ", &end);
}

static bool has_end(const char *text, const char *end, const char *data)
{
    struct line line;

    while (next_line(&text, end, &line)) {
        if (is_mark(&line, BLOCK_END, data))
            return true;
        if (is_mark(&line, BLOCK_BEGIN, data))
            return false;
    }
    return false;
}

static void put_block(const char *data, const char *block, struct buf *buf)
{
    if (*block)
        (void)buf_printf(buf, BLOCK_BEGIN "%s" BLOCK_NOTE "\n%s" BLOCK_END "%s\n", data, block,
                         data);
}

static void put_line(const struct line *line, struct buf *buf)
{
    (void)buf_append(buf, line->text, line->length);
    (void)buf_putc(buf, '\n');
}

enum rc crontab_put_block(const char *old, size_t length, const char *data, const char *block,
                          struct buf *buf, struct err *err)
{
    const char *end = old + length;
    bool within = false, placed = false;
    struct line line;

    if (length > CRONTAB_FOREIGN + CRONTAB_TEXT)
        return err_fail(err, RC_TOO_BIG, "the crontab is too long");
    if (length && memchr(old, '\0', length))
        return err_fail(err, RC_INVALID, "the crontab has a NUL byte");
    while (next_line(&old, end, &line)) {
        bool begin = is_mark(&line, BLOCK_BEGIN, data), over = is_mark(&line, BLOCK_END, data);

        within = (within && !over) || (begin && has_end(old, end, data));
        if (begin && !placed) {
            put_block(data, block, buf);
            placed = true;
        }
        if (!within && !begin && !over && !calls_for(&line, data))
            put_line(&line, buf);
    }
    if (!placed)
        put_block(data, block, buf);
    return buf->failed ? err_fail(err, RC_TOO_BIG, "the crontab is too long") : RC_OK;
}

/* ---- whose a file is ----------------------------------------------------------------------- */

const char *crontab_owner(const char *text, size_t length, size_t *ret_length)
{
    const char *end = text + length;
    struct line line;

    if (length < sizeof(head) - 1 || memcmp(text, head, sizeof(head) - 1) != 0)
        return NULL;
    text += sizeof(head) - 1;
    if (!next_line(&text, end, &line) || !begins(&line, OWNER))
        return NULL;
    *ret_length = line.length - (sizeof(OWNER) - 1);
    return line.text + sizeof(OWNER) - 1;
}
