/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/command.h"
#include "cli/option.h"
#include "testing.h"

static const struct option first[] = {
    {.name = "limit", .letter = 'n', .value = "N"},
    {.name = "label", .repeats = true, .value = "K=V"},
    {0},
};
static const struct option second[] = {
    {.name = "follow", .letter = 'f'},
    {.name = "quiet", .letter = 'q'},
    {0},
};
static const struct option *const tables[OPTION_TABLES] = {first, second};

/* The arguments as text: "limit=5 follow | operands | rest". */
static const char *shown(const struct arguments *arguments, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < arguments->count; i++) {
        const struct argument *item = &arguments->items[i];
        text = arena_printf(arena, "%s%s%s%s ", text, item->option->name, item->value ? "=" : "",
                            item->value ? item->value : "");
    }
    text = arena_printf(arena, "%s|", text);
    for (size_t i = 0; i < arguments->operand_count; i++)
        text = arena_printf(arena, "%s %s", text, arguments->operands[i]);
    text = arena_printf(arena, "%s |", text);
    for (size_t i = 0; i < arguments->rest_count; i++)
        text = arena_printf(arena, "%s %s", text, arguments->rest[i]);
    return text;
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

static void words_are_sorted(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *expected;
    } rows[] = {
        {{"a", "b"}, "| a b |"},
        {{"--limit", "5", "a"}, "limit=5 | a |"},
        {{"a", "--limit=5"}, "limit=5 | a |"},
        {{"--limit="}, "limit= | |"},
        {{"-n", "5"}, "limit=5 | |"},
        {{"-n5", "-f"}, "limit=5 follow | |"},
        {{"-fqn5"}, "follow quiet limit=5 | |"},
        {{"-fn", "5", "x"}, "follow limit=5 | x |"},
        {{"--label", "a=1", "--label=b=2"}, "label=a=1 label=b=2 | |"},
        {{"--limit", "-5"}, "limit=-5 | |"},
        {{"-"}, "| - |"},
        {{"a", "--", "--limit", "-f", "--"}, "| a | --limit -f --"},
        {{"--"}, "| |"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct arguments arguments;
        assert_int_equal(arguments_parse(tables, rows[i].words, count_words(rows[i].words), &arena,
                                         &arguments, NULL),
                         RC_OK);
        assert_string_equal(shown(&arguments, &arena), rows[i].expected);
    }
}

static void wrong_words_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        const char *message;
    } rows[] = {
        {{"--nothing"}, "unknown option --nothing"},
        {{"--limt", "5"}, "unknown option --limt; did you mean --limit?"},
        {{"--folow=5"}, "unknown option --folow; did you mean --follow?"},
        {{"-x"}, "unknown option -x"},
        {{"-fx"}, "unknown option -x"},
        {{"--limit"}, "--limit needs a value: --limit N"},
        {{"-n"}, "--limit needs a value: --limit N"},
        {{"--follow=yes"}, "--follow takes no value"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct arguments arguments;
        struct err err = {0};
        assert_int_equal(arguments_parse(tables, rows[i].words, count_words(rows[i].words), &arena,
                                         &arguments, &err),
                         RC_INVALID);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void the_last_value_counts(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct arguments arguments;
    const char *const words[] = {"--limit", "1", "-n2", "-f"};
    assert_int_equal(arguments_parse(tables, words, ARRAY_SIZE(words), &arena, &arguments, NULL),
                     RC_OK);
    assert_string_equal(arguments_value(&arguments, "limit"), "2");
    assert_null(arguments_value(&arguments, "label"));
    assert_true(arguments_have(&arguments, "follow"));
    assert_false(arguments_have(&arguments, "quiet"));
}

static void commands_are_found_by_one_word_or_two(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        const char *name; /* NULL: none */
        size_t taken;
    } rows[] = {
        {{"add", "x"}, "add", 1},  {{"run"}, "run", 1},
        {{"runs"}, "runs", 1},     {{"token", "list", "x"}, "token list", 2},
        {{"token", "x"}, NULL, 0}, {{"token"}, NULL, 0},
        {{"ad"}, NULL, 0},         {{""}, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t taken = 0;
        const struct command *found =
            command_find(cli_commands, rows[i].words, count_words(rows[i].words), &taken);
        assert_int_equal(found != NULL, rows[i].name != NULL);
        if (!found)
            continue;
        assert_string_equal(found->name, rows[i].name);
        assert_int_equal(taken, rows[i].taken);
    }
    assert_true(command_is_group(cli_commands, "token"));
    assert_false(command_is_group(cli_commands, "list"));
    assert_string_equal(command_nearest(cli_commands, "lst"), "list");
    assert_null(command_nearest(cli_commands, "frobnicate"));
}

/* Help and completions are made of the tables, so these must be fit for it. */
static void every_command_and_option_explains_itself(void **state)
{
    (void)state;
    for (const struct command *const *at = cli_commands; *at; at++) {
        const struct command *command = *at;
        assert_non_null(command->summary);
        assert_non_null(command->operands);
        assert_non_null(command->run);
        assert_true(command->least <= command->most || command->most == OPERANDS_ANY);
        assert_null(command->options[OPTION_TABLES - 1]);
        for (size_t t = 0; command->options[t]; t++)
            for (const struct option *option = command->options[t]; option->name; option++) {
                assert_non_null(option->help);
                assert_true(strlen(option->help) < 80);
                assert_null(strchr(option->name, '_'));
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_sorted),
        cmocka_unit_test(wrong_words_are_told),
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(commands_are_found_by_one_word_or_two),
        cmocka_unit_test(every_command_and_option_explains_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
