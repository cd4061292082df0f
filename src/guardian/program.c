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

struct program program_build(const struct launch *launch, const struct account *account,
                             struct arena *arena)
{
    struct environment environment = build_environment(launch, account, arena);
    const char *path = launch->command ? find_shell(&environment) : launch->path;
    char **argv = arena_alloc(arena, (launch->args.count + 5) * sizeof(char *));
    size_t count = 0;

    argv[count++] = exec_argument(path);
    if (launch->command) {
        argv[count++] = exec_argument("-c");
        argv[count++] = exec_argument(launch->command);
        if (launch->args.count)
            argv[count++] = exec_argument(path); /* $0 */
    }
    for (size_t i = 0; i < launch->args.count; i++)
        argv[count++] = exec_argument(launch->args.items[i]);
    argv[count] = NULL;
    return (struct program){.path = path, .argv = argv, .envp = join(&environment, arena)};
}
