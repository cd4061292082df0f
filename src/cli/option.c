/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option.h"

#include <string.h>

#include "base/mem.h"

struct scan {
    const struct option *const *tables;
    const char *const *words;
    size_t count;
    size_t at; /* the word that is looked at */
    struct arguments *arguments;
};

static const struct option *find_long(const struct scan *scan, const char *name, size_t length)
{
    for (size_t t = 0; t < OPTION_TABLES && scan->tables[t]; t++)
        for (const struct option *option = scan->tables[t]; option->name; option++)
            if (strncmp(option->name, name, length) == 0 && option->name[length] == '\0')
                return option;
    return NULL;
}

static const struct option *find_letter(const struct scan *scan, char letter)
{
    for (size_t t = 0; t < OPTION_TABLES && scan->tables[t]; t++)
        for (const struct option *option = scan->tables[t]; option->name; option++)
            if (option->letter == letter)
                return option;
    return NULL;
}

struct walk {
    const struct option *const *tables;
    size_t table;
    size_t at;
};

static const char *next_option(void *context)
{
    struct walk *walk = context;
    while (walk->table < OPTION_TABLES && walk->tables[walk->table]) {
        const char *name = walk->tables[walk->table][walk->at].name;
        if (name) {
            walk->at++;
            return name;
        }
        walk->table++;
        walk->at = 0;
    }
    return NULL;
}

static enum rc refuse_unknown(const struct scan *scan, const char *name, size_t length,
                              struct err *err)
{
    char word[64] = {0};
    memcpy(word, name, MIN(length, sizeof word - 1));
    struct walk walk = {.tables = scan->tables};
    const char *nearest = nearest_word(word, next_option, &walk);
    if (nearest)
        return err_fail(err, RC_INVALID, "unknown option --%s; did you mean --%s?", word, nearest);
    return err_fail(err, RC_INVALID, "unknown option --%s", word);
}

static void add_argument(struct scan *scan, const struct option *option, const char *value)
{
    scan->arguments->items[scan->arguments->count++] =
        (struct argument){.option = option, .value = value};
}

/* The value that is no part of its option's word: the next word. */
static enum rc take_next(struct scan *scan, const struct option *option, struct err *err)
{
    if (scan->at + 1 == scan->count)
        return err_fail(err, RC_INVALID, "--%s needs a value: --%s %s", option->name, option->name,
                        option->value);
    add_argument(scan, option, scan->words[++scan->at]);
    return RC_OK;
}

static enum rc take_long(struct scan *scan, const char *text, struct err *err)
{
    size_t length = strcspn(text, "=");
    const struct option *option = find_long(scan, text, length);
    if (!option)
        return refuse_unknown(scan, text, length, err);
    bool has_value = text[length] == '=';
    if (!option->value && has_value)
        return err_fail(err, RC_INVALID, "--%s takes no value", option->name);
    if (option->value && !has_value)
        return take_next(scan, option, err);
    add_argument(scan, option, has_value ? text + length + 1 : NULL);
    return RC_OK;
}

/* Letters may share one word; the first that takes a value takes what is left of it. */
static enum rc take_letters(struct scan *scan, const char *text, struct err *err)
{
    for (; *text != '\0'; text++) {
        const struct option *option = find_letter(scan, *text);
        if (!option)
            return err_fail(err, RC_INVALID, "unknown option -%c", *text);
        if (option->value && text[1] == '\0')
            return take_next(scan, option, err);
        add_argument(scan, option, option->value ? text + 1 : NULL);
        if (option->value)
            break;
    }
    return RC_OK;
}

static enum rc take_word(struct scan *scan, const char *word, struct err *err)
{
    if (word[0] == '-' && word[1] == '-')
        return take_long(scan, word + 2, err);
    if (word[0] == '-' && word[1] != '\0')
        return take_letters(scan, word + 1, err);
    scan->arguments->operands[scan->arguments->operand_count++] = word;
    return RC_OK;
}

/* Letters may share a word, so the words' lengths bound the number of options. */
static size_t most_options(const char *const *words, size_t count)
{
    size_t most = 1;
    for (size_t i = 0; i < count; i++)
        most += words[i][0] == '-' && words[i][1] != '-' ? strlen(words[i]) : 1;
    return most;
}

enum rc arguments_parse(const struct option *const *tables, const char *const *words, size_t count,
                        struct arena *arena, struct arguments *ret_arguments, struct err *err)
{
    struct arguments arguments = {
        .items = arena_calloc(arena, most_options(words, count) * sizeof *arguments.items),
        .operands = arena_calloc(arena, (count + 1) * sizeof *arguments.operands),
        .rest = arena_calloc(arena, (count + 1) * sizeof *arguments.rest),
    };
    struct scan scan = {.tables = tables, .words = words, .count = count, .arguments = &arguments};
    for (; scan.at < count && !arguments.has_rest; scan.at++) {
        if (strcmp(words[scan.at], "--") == 0) {
            arguments.has_rest = true;
            continue;
        }
        enum rc rc = take_word(&scan, words[scan.at], err);
        if (rc != RC_OK)
            return rc;
    }
    for (; scan.at < count; scan.at++)
        arguments.rest[arguments.rest_count++] = words[scan.at];
    *ret_arguments = arguments;
    return RC_OK;
}

bool arguments_have(const struct arguments *arguments, const char *option)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (strcmp(arguments->items[i].option->name, option) == 0)
            return true;
    return false;
}

const char *arguments_value(const struct arguments *arguments, const char *option)
{
    for (size_t i = arguments->count; i > 0; i--)
        if (strcmp(arguments->items[i - 1].option->name, option) == 0)
            return arguments->items[i - 1].value;
    return NULL;
}

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST)
        return LONGEST;
    for (size_t i = 0; i <= b_length; i++)
        row[i] = i;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_length; k++) {
            size_t replaced = diagonal + (a[i - 1] != b[k - 1]);
            diagonal = row[k];
            row[k] = MIN(replaced, MIN(row[k], row[k - 1]) + 1);
        }
    }
    return row[b_length];
}

const char *nearest_word(const char *word, const char *(*next)(void *context), void *context)
{
    const char *nearest = NULL;
    size_t least = 3;
    for (const char *candidate = next(context); candidate; candidate = next(context)) {
        size_t letters = MIN(strlen(word), strlen(candidate));
        size_t steps = distance(word, candidate);
        if (steps < least && steps < letters) {
            least = steps;
            nearest = candidate;
        }
    }
    return nearest;
}
