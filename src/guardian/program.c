/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/program.h"

#include <stdbool.h>
#include <string.h>

#include "base/exec.h"

static const char default_shell[] = "/bin/sh";

struct environment {
    struct pair *pairs;
    size_t count;
};

/* The later of two pairs with one name wins. */
static void set(struct environment *environment, const char *name, const char *value)
{
    struct pair *pair = environment->pairs;

    while (pair < environment->pairs + environment->count && strcmp(pair->name, name) != 0)
        pair++;
    if (pair == environment->pairs + environment->count)
        environment->count++;
    *pair = (struct pair){.name = name, .value = value};
}

static struct environment build_environment(const struct launch *launch,
                                            const struct account *account, struct arena *arena)
{
    struct environment environment = {
        .pairs = arena_alloc(arena, (launch->env.count + 5) * sizeof(struct pair))};

    set(&environment, "HOME", account->home);
    set(&environment, "LOGNAME", account->name);
    set(&environment, "USER", account->name);
    set(&environment, "SHELL", default_shell);
    set(&environment, "PATH", "/usr/bin:/bin");
    for (size_t i = 0; i < launch->env.count; i++) {
        const struct pair *pair = &launch->env.items[i];

        if (strcmp(pair->name, "LOGNAME") != 0 && strcmp(pair->name, "USER") != 0)
            set(&environment, pair->name, pair->value);
    }
    return environment;
}

static char **join(const struct environment *environment, struct arena *arena)
{
    char **envp = arena_alloc(arena, (environment->count + 1) * sizeof(char *));

    for (size_t i = 0; i < environment->count; i++) {
        const struct pair *pair = &environment->pairs[i];
        size_t name = strlen(pair->name), value = strlen(pair->value);

        envp[i] = arena_alloc(arena, name + value + 2);
        memcpy(envp[i], pair->name, name);
        envp[i][name] = '=';
        memcpy(envp[i] + name + 1, pair->value, value + 1);
    }
    envp[environment->count] = NULL;
    return envp;
}

static const char *find_shell(const struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        if (strcmp(environment->pairs[i].name, "SHELL") == 0 &&
            environment->pairs[i].value[0] == '/')
            return environment->pairs[i].value;
    return default_shell;
}

struct command_line {
    char **argv; /* with room for what goes before the launch's arguments */
    size_t count;
};

static void add(struct command_line *line, const char *argument)
{
    line->argv[line->count++] = exec_argument(argument);
}

static void add_shell(struct command_line *line, const char *shell, const struct launch *launch)
{
    add(line, shell);
    add(line, "-c");
    add(line, launch->command);
    if (launch->args.count)
        add(line, shell); /* $0 */
}

static void add_interpreter(struct command_line *line, const struct interpreter *interpreter)
{
    add(line, interpreter->path);
    if (*interpreter->argument)
        add(line, interpreter->argument);
    add(line, PROGRAM_FILE_PATH);
}

struct program program_build(const struct launch *launch, const struct interpreter *interpreter,
                             const struct account *account, struct arena *arena)
{
    struct environment environment = build_environment(launch, account, arena);
    struct command_line line = {.argv =
                                    arena_alloc(arena, (launch->args.count + 5) * sizeof(char *))};
    struct program program = {.path = NULL};

    if (launch->command) {
        program.path = find_shell(&environment);
        add_shell(&line, program.path, launch);
    } else if (launch->is_script) {
        program.path = interpreter->path;
        program.keeps_file = true;
        add_interpreter(&line, interpreter);
    } else {
        add(&line, *launch->filename ? launch->filename : PROGRAM_FILE_PATH);
    }
    for (size_t i = 0; i < launch->args.count; i++)
        add(&line, launch->args.items[i]);
    line.argv[line.count] = NULL;
    program.argv = line.argv;
    program.envp = join(&environment, arena);
    return program;
}
