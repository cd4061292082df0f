/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"

/* Visits each option of a command, --help too. */
typedef void (*option_visit)(const struct command *command, const struct option *option);

static void each_option(const struct command *command, option_visit visit)
{
    for (size_t t = 0; t < OPTION_TABLES && command->options[t]; t++)
        for (const struct option *option = command->options[t]; option->name; option++)
            visit(command, option);
    for (const struct option *option = help_options; option->name; option++)
        visit(command, option);
}

static bool takes_file(const struct option *option)
{
    return option->value &&
           (strcmp(option->value, "FILE") == 0 || strcmp(option->value, "DIR") == 0);
}

/* The first word of a name, and whether an earlier command of the table had the same. */
static bool is_first_of_group(const struct command *const *commands, size_t at)
{
    size_t length = strcspn(commands[at]->name, " ");
    for (size_t i = 0; i < at; i++)
        if (strncmp(commands[i]->name, commands[at]->name, length + 1) == 0)
            return false;
    return true;
}

static void print_words(const struct command *const *commands)
{
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden && is_first_of_group(commands, i))
            (void)printf(" %.*s", (int)strcspn(commands[i]->name, " "), commands[i]->name);
}

/* ---- bash ---------------------------------------------------------------------------------- */

static void print_bash_option(const struct command *command, const struct option *option)
{
    (void)command;
    (void)printf(" --%s", option->name);
}

static void print_bash(const struct command *const *commands)
{
    (void)puts("# bash completion of cronjob\n"
               "_cronjob()\n"
               "{\n"
               "    local cur=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[1]} options=\n"
               "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    (void)printf("        mapfile -t COMPREPLY < <(compgen -W '");
    print_words(commands);
    (void)puts("' -- \"$cur\")\n"
               "        return\n"
               "    fi\n"
               "    [[ $name == token || $name == user ]] && name+=\" ${COMP_WORDS[2]}\"\n"
               "    case $name in");
    for (; *commands; commands++) {
        if ((*commands)->hidden)
            continue;
        (void)printf("        '%s') options='", (*commands)->name);
        each_option(*commands, print_bash_option);
        (void)puts("' ;;");
    }
    (void)puts("        token*) options='create list revoke' ;;\n"
               "        user*) options='add list change remove password' ;;\n"
               "    esac\n"
               "    if [[ $cur == -* || $name == *' '* && $COMP_CWORD -eq 2 ]]; then\n"
               "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
               "    else\n"
               "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
               "    fi\n"
               "}\n"
               "complete -o filenames -F _cronjob cronjob");
}

/* ---- zsh ----------------------------------------------------------------------------------- */

/* A text inside single quotes and, in zsh, brackets. */
static void print_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            (void)fputs("'\\''", stdout);
        else if (*text == '[' || *text == ']' || *text == ':')
            (void)printf("\\%c", *text);
        else
            (void)putchar(*text);
    }
}

static void print_zsh_option(const struct command *command, const struct option *option)
{
    (void)command;
    (void)printf(" \\\n                '%s--%s[", option->repeats ? "*" : "", option->name);
    print_escaped(option->help);
    (void)putchar(']');
    if (option->value)
        (void)printf(":%s:%s", option->value, takes_file(option) ? "_files" : "");
    (void)putchar('\'');
}

static void print_zsh(const struct command *const *commands)
{
    (void)puts("#compdef cronjob\n"
               "_cronjob() {\n"
               "    if (( CURRENT == 2 )); then\n"
               "        local -a names=(");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden || !is_first_of_group(commands, i))
            continue;
        (void)printf("            '%.*s:", (int)strcspn(commands[i]->name, " "), commands[i]->name);
        print_escaped(commands[i]->summary);
        (void)puts("'");
    }
    (void)puts("        )\n"
               "        _describe command names\n"
               "        return\n"
               "    fi\n"
               "    local name=$words[2]\n"
               "    if [[ $name == token ]]; then\n"
               "        if (( CURRENT == 3 )); then\n"
               "            compadd create list revoke\n"
               "            return\n"
               "        fi\n"
               "        name=\"token $words[3]\"\n"
               "    fi\n"
               "    if [[ $name == user ]]; then\n"
               "        if (( CURRENT == 3 )); then\n"
               "            compadd add list change remove password\n"
               "            return\n"
               "        fi\n"
               "        name=\"user $words[3]\"\n"
               "    fi\n"
               "    case $name in");
    for (; *commands; commands++) {
        if ((*commands)->hidden)
            continue;
        (void)printf("        '%s')\n            _arguments '*:operand:_files'", (*commands)->name);
        each_option(*commands, print_zsh_option);
        (void)puts(" ;;");
    }
    (void)puts("    esac\n"
               "}\n"
               "_cronjob \"$@\"");
}

/* ---- fish ---------------------------------------------------------------------------------- */

static void print_fish_text(const char *text)
{
    (void)putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            (void)putchar('\\');
        (void)putchar(*text);
    }
    (void)putchar('\'');
}

static void print_fish_option(const struct command *command, const struct option *option)
{
    const char *second = strchr(command->name, ' ');
    (void)printf("complete -c cronjob -n '__fish_seen_subcommand_from %.*s",
                 (int)strcspn(command->name, " "), command->name);
    if (second)
        (void)printf("; and __fish_seen_subcommand_from%s", second);
    (void)printf("' -l %s", option->name);
    if (option->letter)
        (void)printf(" -s %c", option->letter);
    if (option->value)
        (void)fputs(takes_file(option) ? " -r -F" : " -x", stdout);
    (void)fputs(" -d ", stdout);
    print_fish_text(option->help);
    (void)putchar('\n');
}

static void print_fish(const struct command *const *commands)
{
    (void)puts(
        "# fish completion of cronjob\n"
        "complete -c cronjob -n '__fish_seen_subcommand_from token' -a 'create list revoke'\n"
        "complete -c cronjob -n '__fish_seen_subcommand_from user'"
        " -a 'add list change remove password'");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        if (is_first_of_group(commands, i)) {
            (void)printf("complete -c cronjob -n __fish_use_subcommand -f -a %.*s -d ",
                         (int)strcspn(commands[i]->name, " "), commands[i]->name);
            print_fish_text(commands[i]->summary);
            (void)putchar('\n');
        }
        each_option(commands[i], print_fish_option);
    }
}

static int run_completions(struct cli *cli, const struct arguments *arguments)
{
    static const struct {
        const char *name;
        void (*print)(const struct command *const *commands);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
        if (strcmp(shells[i].name, arguments->operands[0]) != 0)
            continue;
        shells[i].print(cli->commands);
        return CLI_DONE;
    }
    return cli_usage("completions: the shells are bash, zsh and fish, not '%s'",
                     arguments->operands[0]);
}

const struct command command_completions = {
    .name = "completions",
    .operands = "bash|zsh|fish",
    .summary = "Print the completion of a shell",
    .least = 1,
    .most = 1,
    .hidden = true,
    .run = run_completions,
};
