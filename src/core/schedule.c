/* SPDX-License-Identifier: Apache-2.0 */
#include "core/schedule.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"

#include "core/schedule_internal.h"

_Static_assert(sizeof(struct schedule) == 88, "struct schedule has no padding");

enum { FIELDS_MIN = 5, FIELDS_MAX = 7 };

static const char blanks[] = " \t";

/* A piece of the text. */
struct word {
    const char *text;
    size_t length;
};

static enum rc parse_plain(const char *text, uint64_t identity, struct schedule *schedule,
                           struct err *err);

static bool is_word(const struct word *word, const char *text)
{
    return strlen(text) == word->length && strncasecmp(word->text, text, word->length) == 0;
}

/* The next word at *text, moved past; its length is 0 at the end. */
static struct word next_word(const char **text)
{
    struct word word;

    word.text = *text + strspn(*text, blanks);
    word.length = strcspn(word.text, blanks);
    *text = word.text + word.length;
    return word;
}

static enum rc parse_every(const char *argument, struct schedule *schedule, struct err *err)
{
    enum rc rc = span_parse(argument, &schedule->value_us, err);

    if (rc != RC_OK)
        return err_prefix(err, rc, "@every");
    if (schedule->value_us < SECOND || schedule->value_us % SECOND)
        return err_fail(err, RC_INVALID, "@every takes whole seconds, at least 1s");
    schedule->kind = SCHEDULE_EVERY;
    return RC_OK;
}

static enum rc parse_at(const char *argument, struct schedule *schedule, struct err *err)
{
    enum rc rc = instant_parse(argument, &schedule->value_us, err);

    if (rc != RC_OK)
        return err_prefix(err, rc, "@at");
    schedule->kind = SCHEDULE_AT;
    return RC_OK;
}

/* The rest of an @ form as one argument, without the blanks around it. */
static enum rc parse_argument(const struct word *macro, const char *rest, struct schedule *schedule,
                              struct err *err)
{
    char argument[64];
    size_t length;

    rest += strspn(rest, blanks);
    length = strlen(rest);
    while (length && strchr(blanks, rest[length - 1]))
        length--;
    if (!length)
        return err_fail(err, RC_INVALID, "%s",
                        is_word(macro, "@every") ? "@every needs a duration: @every 90s"
                                                 : "@at needs a time: @at 2030-01-31T09:00:00Z");
    length = MIN(length, sizeof(argument) - 1);
    memcpy(argument, rest, length);
    argument[length] = '\0';
    return is_word(macro, "@every") ? parse_every(argument, schedule, err)
                                    : parse_at(argument, schedule, err);
}

static enum rc parse_macro(const struct word *macro, const char *rest, struct schedule *schedule,
                           struct err *err)
{
    static const struct {
        const char *name;
        enum schedule_kind kind;
        const char *fields;
    } macros[] = {
        {"@yearly", SCHEDULE_CRON, "0 0 1 1 *"},  {"@annually", SCHEDULE_CRON, "0 0 1 1 *"},
        {"@monthly", SCHEDULE_CRON, "0 0 1 * *"}, {"@weekly", SCHEDULE_CRON, "0 0 * * 0"},
        {"@daily", SCHEDULE_CRON, "0 0 * * *"},   {"@midnight", SCHEDULE_CRON, "0 0 * * *"},
        {"@hourly", SCHEDULE_CRON, "0 * * * *"},  {"@reboot", SCHEDULE_REBOOT, NULL},
        {"@manual", SCHEDULE_MANUAL, NULL},
    };
    char quote[SCHEDULE_QUOTE];

    if (is_word(macro, "@every") || is_word(macro, "@at"))
        return parse_argument(macro, rest, schedule, err);
    for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
        if (!is_word(macro, macros[i].name))
            continue;
        if (rest[strspn(rest, blanks)])
            return err_fail(err, RC_INVALID, "%s takes nothing after it", macros[i].name);
        if (macros[i].fields)
            return parse_plain(macros[i].fields, 0, schedule, err);
        schedule->kind = macros[i].kind;
        return RC_OK;
    }
    return err_fail(err, RC_INVALID,
                    "'%s' is not one of @yearly @annually @monthly @weekly @daily @midnight "
                    "@hourly @every @at @reboot @manual",
                    schedule_quote(macro->text, macro->length, quote));
}

/* What fields leave open: second 0, every year. Stars count where they change when a job is due. */
static void complete(struct schedule *schedule, int fields)
{
    schedule->fields = (uint8_t)fields;
    if (fields == FIELDS_MIN)
        schedule->seconds = 1;
    else
        schedule->stars &= SCHEDULE_STAR_DAY | SCHEDULE_STAR_WEEKDAY;
    if (fields == FIELDS_MAX && schedule_is_full(schedule, FIELD_YEAR)) {
        memset(schedule->years, 0, sizeof(schedule->years));
        schedule->fields = FIELDS_MAX - 1;
    }
}

static enum rc refuse_never(const struct schedule *schedule, struct err *err)
{
    const char *month = schedule_month_names[__builtin_ctz((unsigned)schedule->months) - 1];
    const char *years = schedule->fields == FIELDS_MAX ? " in these years" : "";
    bool one_month = __builtin_popcount((unsigned)schedule->months) == 1;
    bool plain = !schedule->days_from_last && !schedule->days_nearest &&
                 schedule_is_full(schedule, FIELD_WEEKDAY);

    if (plain && one_month)
        return err_fail(err, RC_INVALID, "never due: no %s %d%s", month,
                        __builtin_ctz(schedule->days), years);
    if (plain)
        return err_fail(err, RC_INVALID, "never due: no day %d in any of these months%s",
                        __builtin_ctz(schedule->days), years);
    return err_fail(err, RC_INVALID, "never due: no date matches these days and months%s", years);
}

/* The calendar repeats itself after 400 years, week days included: what does not come in one cycle
 * never comes. */
static enum rc check_due(const struct schedule *schedule, struct err *err)
{
    int64_t first = days_from_civil(SCHEDULE_YEAR_FIRST, 1, 1);
    int64_t last = days_from_civil(SCHEDULE_YEAR_FIRST + 400, 1, 1);
    int64_t day;

    return schedule_next_day(schedule, first, last, &day) ? RC_OK : refuse_never(schedule, err);
}

/* Irregular years can be written shorter ("1970/2,1971/6") than they are printed. */
static enum rc check_length(const struct schedule *schedule, struct err *err)
{
    struct buf AUTO_BUF text;
    enum rc rc;

    buf_init(&text, SCHEDULE_TEXT_MAX);
    rc = schedule_print(schedule, &text);
    if (rc == RC_TOO_BIG)
        return err_fail(err, RC_INVALID, "the schedule has too many irregular values");
    return rc;
}

static enum rc parse_fields(const struct word *words, int count, uint64_t identity,
                            struct schedule *schedule, struct err *err)
{
    static const enum schedule_field order[FIELDS_MAX] = {
        FIELD_SECOND, FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY, FIELD_YEAR};
    int first = count == FIELDS_MIN;
    enum rc rc = RC_OK;

    schedule->kind = SCHEDULE_CRON;
    for (int i = 0; i < count && rc == RC_OK; i++)
        rc = schedule_field_parse(schedule, order[first + i], words[i].text, words[i].length,
                                  identity, err);
    if (rc != RC_OK)
        return rc;
    complete(schedule, count);
    rc = check_due(schedule, err);
    return rc == RC_OK && schedule->fields == FIELDS_MAX ? check_length(schedule, err) : rc;
}

static enum rc parse_plain(const char *text, uint64_t identity, struct schedule *schedule,
                           struct err *err)
{
    struct word words[FIELDS_MAX];
    const char *at = text;
    int count = 0;

    for (struct word word = next_word(&at); word.length; word = next_word(&at)) {
        if (count < FIELDS_MAX)
            words[count] = word;
        count++;
    }
    if (count < FIELDS_MIN || count > FIELDS_MAX)
        return err_fail(err, RC_INVALID, "expected %d to %d fields, found %d", FIELDS_MIN,
                        FIELDS_MAX, count);
    return parse_fields(words, count, identity, schedule, err);
}

enum rc schedule_parse(const char *text, uint64_t identity, struct schedule *ret_schedule,
                       struct err *err)
{
    struct schedule schedule = {0};
    const char *rest = text;
    struct word first;
    enum rc rc;

    if (strnlen(text, SCHEDULE_TEXT_MAX + 1) > SCHEDULE_TEXT_MAX)
        return err_fail(err, RC_INVALID, "the schedule is longer than %d bytes", SCHEDULE_TEXT_MAX);
    first = next_word(&rest);
    if (!first.length)
        return err_fail(err, RC_INVALID, "the schedule is empty");
    rc = first.text[0] == '@' ? parse_macro(&first, rest, &schedule, err)
                              : parse_plain(text, identity, &schedule, err);
    if (rc == RC_OK)
        *ret_schedule = schedule;
    return rc;
}

/* The value after "CRON_TZ=": in quotes, or up to the next blank. */
static struct word zone_value(const char *text, const char **ret_rest)
{
    struct word word = {text, strcspn(text, blanks)};
    const char *end;

    *ret_rest = text + word.length;
    if (*text != '"' && *text != '\'')
        return word;
    end = strchr(text + 1, *text);
    if (!end)
        return word;
    *ret_rest = end + 1;
    return (struct word){text + 1, (size_t)(end - text - 1)};
}

enum rc schedule_split_zone(const char *text, char zone_name[ZONE_NAME_MAX], const char **ret_rest,
                            struct err *err)
{
    const char *at = text + strspn(text, blanks);
    char quote[SCHEDULE_QUOTE], name[ZONE_NAME_MAX];
    struct word word;
    size_t prefix = strncmp(at, "CRON_TZ=", 8) == 0 ? 8 : strncmp(at, "TZ=", 3) == 0 ? 3 : 0;

    if (!prefix) {
        zone_name[0] = '\0';
        *ret_rest = text;
        return RC_OK;
    }
    word = zone_value(at + prefix, &at);
    if (*at && !strchr(blanks, *at))
        return err_fail(err, RC_INVALID, "a blank must follow the time zone");
    if (word.length < sizeof(name)) {
        memcpy(name, word.text, word.length);
        name[word.length] = '\0';
    }
    if (word.length >= sizeof(name) || !zone_name_is_valid(name))
        return err_fail(err, RC_INVALID, "'%s' is not the name of a time zone",
                        schedule_quote(word.text, word.length, quote));
    memcpy(zone_name, name, sizeof(name));
    *ret_rest = at + strspn(at, blanks);
    return RC_OK;
}

bool schedule_equal(const struct schedule *a, const struct schedule *b)
{
    return memcmp(a, b, offsetof(struct schedule, drawn)) == 0;
}

/* FNV-1a. */
uint64_t schedule_hash(const struct schedule *schedule)
{
    const unsigned char *bytes = (const unsigned char *)schedule;
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < offsetof(struct schedule, drawn); i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3U;
    return hash;
}

bool schedule_is_drawn(const struct schedule *schedule)
{
    return schedule->drawn;
}

bool schedule_is_fixed(const struct schedule *schedule)
{
    return schedule->kind == SCHEDULE_CRON && schedule->fields == FIELDS_MIN &&
           !(schedule->stars & (SCHEDULE_STAR_MINUTE | SCHEDULE_STAR_HOUR));
}
