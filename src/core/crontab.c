/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crontab.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#include "core/schedule.h"
#include "core/zone.h"

enum { FIELDS = 5, RANDOM_DELAY_MAX = 1440 /* minutes */, ACCOUNT_MAX = 32, SHOWN = 40 };

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* The state of reading: what the settings so far amount to. */
struct reader {
    struct arena *arena;
    enum crontab_form form;
    struct crontab *crontab;
    size_t line;
    struct pair settings[LIMIT_ENV];
    size_t setting_count;
    struct pairs env; /* a copy of the settings that entries share, while `env_is_current` */
    bool env_is_current;
    const char *time_zone;
    span_us jitter;
};

/* The items, moved to twice the room when `count` has filled it. */
static void *with_room(struct arena *arena, void *items, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    char *larger = arena_alloc(arena, (count ? 2 * count : 1) * size);
    if (count)
        memcpy(larger, items, count * size);
    return larger;
}

static void add_problem(struct reader *reader, const char *message)
{
    struct crontab *crontab = reader->crontab;
    crontab->problems = with_room(reader->arena, crontab->problems, crontab->problem_count,
                                  sizeof *crontab->problems);
    crontab->problems[crontab->problem_count++] =
        (struct crontab_problem){.line = reader->line, .message = message};
}

/* ---- settings ------------------------------------------------------------------------------ */

static bool is_variable_name(const char *name)
{
    if (name[0] == '\0' || (name[0] >= '0' && name[0] <= '9'))
        return false;
    return name[strspn(name, NAME_CHARACTERS)] == '\0';
}

static void set_jitter(struct reader *reader, const char *value)
{
    char *end = NULL;
    unsigned long minutes = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || minutes > RANDOM_DELAY_MAX)
        add_problem(reader,
                    arena_printf(reader->arena, "RANDOM_DELAY '%.*s' is not in 0-%d minutes", SHOWN,
                                 value, RANDOM_DELAY_MAX));
    else
        reader->jitter = (span_us)minutes * MINUTE;
}

static void set_time_zone(struct reader *reader, const char *value)
{
    if (*value != '\0' && !zone_name_is_valid(value))
        add_problem(reader, arena_printf(reader->arena, "CRON_TZ '%.*s' is not a time zone's name",
                                         SHOWN, value));
    else
        reader->time_zone = value;
}

static void set_variable(struct reader *reader, const struct pair *setting)
{
    size_t i = 0;
    while (i < reader->setting_count && strcmp(reader->settings[i].name, setting->name) != 0)
        i++;
    if (i == LIMIT_ENV) {
        add_problem(reader, arena_printf(reader->arena, "more than %d settings", LIMIT_ENV));
        return;
    }
    reader->settings[i] = *setting;
    reader->setting_count = MAX(reader->setting_count, i + 1);
    reader->env_is_current = false;
}

static void read_setting(struct reader *reader, const struct pair *setting)
{
    if (strcmp(setting->name, "CRON_TZ") == 0)
        set_time_zone(reader, setting->value);
    else if (strcmp(setting->name, "RANDOM_DELAY") == 0)
        set_jitter(reader, setting->value);
    else if (!is_variable_name(setting->name))
        add_problem(reader, arena_printf(reader->arena, "'%.*s' is not a variable's name", SHOWN,
                                         setting->name));
    else if (strlen(setting->value) > LIMIT_ENV_VALUE)
        add_problem(reader, arena_printf(reader->arena, "the value of %s is longer than %d bytes",
                                         setting->name, LIMIT_ENV_VALUE));
    else
        set_variable(reader, setting);
}

static struct pairs current_env(struct reader *reader)
{
    if (!reader->env_is_current) {
        size_t size = reader->setting_count * sizeof *reader->settings;
        reader->env = (struct pairs){.count = reader->setting_count};
        if (size) {
            reader->env.items = arena_alloc(reader->arena, size);
            memcpy(reader->env.items, reader->settings, size);
        }
        reader->env_is_current = true;
    }
    return reader->env;
}

/* ---- entries ------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static const char *end_of_word(const char *text)
{
    return text + strcspn(text, " \t");
}

/* How many words a schedule that begins like this has. */
static int schedule_words(const char *text)
{
    if (*text != '@')
        return FIELDS;
    size_t length = (size_t)(end_of_word(text) - text);
    bool has_argument = (length == 6 && strncmp(text, "@every", length) == 0) ||
                        (length == 3 && strncmp(text, "@at", length) == 0);
    return has_argument ? 2 : 1;
}

/* The words of the schedule at *text, joined by one blank; *text moves behind them. */
static char *take_schedule(struct reader *reader, const char **text)
{
    char *schedule = arena_alloc(reader->arena, strlen(*text) + 1);
    size_t length = 0;
    for (int words = schedule_words(*text); words > 0 && **text != '\0'; words--) {
        const char *end = end_of_word(*text);
        if (length)
            schedule[length++] = ' ';
        memcpy(schedule + length, *text, (size_t)(end - *text));
        length += (size_t)(end - *text);
        *text = skip_blanks(end);
    }
    schedule[length] = '\0';
    return schedule;
}

/* What useradd of Debian takes: [a-z_][a-z0-9_.-]*[$]?, here of any case. */
static bool is_account(const char *name)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strspn(name, allowed);
    bool begins_well =
        (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z') || name[0] == '_';
    return begins_well && length <= ACCOUNT_MAX &&
           (name[length] == '\0' || strcmp(name + length, "$") == 0);
}

/* The command up to the first % without a backslash, with \% made %. */
static const char *take_command(struct reader *reader, const char **text)
{
    const char *from = *text;
    char *command = arena_alloc(reader->arena, strlen(from) + 1);
    size_t length = 0;
    for (; *from != '\0' && *from != '%'; from++) {
        if (from[0] == '\\' && from[1] == '%')
            from++;
        command[length++] = *from;
    }
    command[length] = '\0';
    *text = from;
    return command;
}

/* What follows the first %, with % made newline and \% made %; it ends in a newline. */
static const char *take_input(struct reader *reader, const char *from)
{
    char *input = arena_alloc(reader->arena, strlen(from) + 2);
    size_t length = 0;
    for (; *from != '\0'; from++) {
        bool escaped = from[0] == '\\' && from[1] == '%';
        from += escaped;
        input[length++] = *from == '%' && !escaped ? '\n' : *from;
    }
    if (length && input[length - 1] != '\n')
        input[length++] = '\n';
    input[length] = '\0';
    return input;
}

static int count_words(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text = skip_blanks(end_of_word(text)))
        count++;
    return count;
}

/* What is wrong with a schedule, or NULL. */
static const char *schedule_fault(struct reader *reader, const char *text)
{
    struct schedule schedule;
    struct err err = {0};
    if (*text != '@' && count_words(text) < FIELDS)
        return arena_printf(reader->arena, "expected %d fields and a command, found %d word%s",
                            FIELDS, count_words(text), count_words(text) == 1 ? "" : "s");
    enum rc rc = schedule_parse(text, 0, &schedule, &err);
    return rc == RC_OK ? NULL : arena_strdup(reader->arena, err_message(&err, rc));
}

static const char *entry_fault(struct reader *reader, const struct crontab_entry *entry)
{
    const char *fault = schedule_fault(reader, entry->schedule);
    if (fault)
        return fault;
    if (reader->form == CRONTAB_SYSTEM && !is_account(entry->user))
        return *entry->user
                   ? arena_printf(reader->arena, "'%.*s' is not a user's name", SHOWN, entry->user)
                   : "no user and no command after the schedule";
    if (*entry->command == '\0')
        return reader->form == CRONTAB_SYSTEM ? "no command after the user"
                                              : "no command after the schedule";
    if (strlen(entry->command) > LIMIT_EXECUTABLE)
        return arena_printf(reader->arena, "the command is longer than %d bytes", LIMIT_EXECUTABLE);
    if (entry->stdin_text && strlen(entry->stdin_text) > LIMIT_STDIN)
        return arena_printf(reader->arena, "the standard input is longer than %d bytes",
                            LIMIT_STDIN);
    return NULL;
}

static void read_entry(struct reader *reader, const char *text)
{
    struct crontab_entry entry = {
        .line = reader->line,
        .user = "",
        .time_zone = reader->time_zone,
        .jitter = reader->jitter,
    };
    entry.schedule = take_schedule(reader, &text);
    if (reader->form == CRONTAB_SYSTEM) {
        const char *end = end_of_word(text);
        entry.user = arena_strndup(reader->arena, text, (size_t)(end - text));
        text = skip_blanks(end);
    }
    entry.command = take_command(reader, &text);
    if (*text == '%')
        entry.stdin_text = take_input(reader, text + 1);
    const char *fault = entry_fault(reader, &entry);
    if (fault) {
        add_problem(reader, fault);
        return;
    }
    entry.env = current_env(reader);
    struct crontab *crontab = reader->crontab;
    crontab->entries =
        with_room(reader->arena, crontab->entries, crontab->entry_count, sizeof entry);
    crontab->entries[crontab->entry_count++] = entry;
}

/* ---- lines --------------------------------------------------------------------------------- */

static bool is_utf8(const char *text, size_t length)
{
    for (size_t step = 0; length > 0; text += step, length -= step) {
        step = utf8_length(text, length);
        if (step == 0)
            return false;
    }
    return true;
}

/* A line that was meant as a setting: a variable's name and =. */
static bool resembles_setting(const char *line)
{
    size_t length = strspn(line, NAME_CHARACTERS);
    return length > 0 && *skip_blanks(line + length) == '=';
}

static void read_line(struct reader *reader, const char *text, size_t length)
{
    while (length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    if (length == 0 || *text == '#')
        return;
    struct pair setting;
    const char *line = arena_strndup(reader->arena, text, length);
    if (memchr(text, '\0', length))
        add_problem(reader, "a NUL byte in the line");
    else if (!is_utf8(text, length))
        add_problem(reader, "the line is not UTF-8");
    else if (text[length - 1] == '\r')
        add_problem(reader, "a carriage return at the end of the line: cron would take it for a "
                            "part of the line");
    else if (crontab_setting(line, reader->arena, &setting))
        read_setting(reader, &setting);
    else if (resembles_setting(line))
        add_problem(reader, "the value begins with a quote that does not end the line");
    else
        read_entry(reader, line);
}

enum rc crontab_parse(const char *text, size_t length, enum crontab_form form, struct arena *arena,
                      struct crontab *ret_crontab, struct err *err)
{
    if (length > LIMIT_CRONTAB)
        return err_fail(err, RC_TOO_BIG, "a crontab of more than %d bytes", LIMIT_CRONTAB);
    struct crontab crontab = {0};
    struct reader reader = {.arena = arena, .form = form, .crontab = &crontab, .time_zone = ""};
    for (const char *end = text + length, *next = NULL; text < end; text = next) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line_length = (size_t)((newline ? newline : end) - text);
        next = newline ? newline + 1 : end;
        if (++reader.line > LIMIT_CRONTAB_LINES)
            return err_fail(err, RC_TOO_BIG, "a crontab of more than %d lines",
                            LIMIT_CRONTAB_LINES);
        if (!newline)
            crontab.unterminated = reader.line;
        read_line(&reader, text, line_length);
    }
    *ret_crontab = crontab;
    return RC_OK;
}
