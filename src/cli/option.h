/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/option.h: the words of a command line, sorted into options and operands as tables say.
 *
 * Options may stand anywhere before "--": `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`.
 * A lone "-" is an operand. Help texts and completions are made of the same tables. Pure.
 */
#ifndef CRONJOB_CLI_OPTION_H
#define CRONJOB_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct option {
    const char *name;  /* "time-zone", written --time-zone */
    char letter;       /* 'f' for -f, 0 when there is none */
    bool repeats;      /* may be given several times; else the last one counts */
    const char *value; /* what stands behind it, "ZONE"; NULL for a switch */
    const char *help;  /* one line, begins in lower case, no full stop */
};

/* Tables of options, each ended by an option without a name; at most this many a command. */
enum { OPTION_TABLES = 6 };

struct argument {
    const struct option *option;
    const char *value; /* NULL for a switch */
};

/* Memory of the arrays belongs to the arena, that of the words to whoever gave them. */
struct arguments {
    struct argument *items; /* in the order given */
    size_t count;
    const char **operands;
    size_t operand_count;
    const char **rest; /* the words behind "--" */
    size_t rest_count;
    bool has_rest; /* "--" was there */
};

/*
 * `tables` ends with NULL or after OPTION_TABLES. RC_INVALID says which word is wrong, with the
 * nearest option there is for one that is unknown.
 */
MUST_USE enum rc arguments_parse(const struct option *const *tables, const char *const *words,
                                 size_t count, struct arena *arena, struct arguments *ret_arguments,
                                 struct err *err);

bool arguments_have(const struct arguments *arguments, const char *option);
/* The last value given, NULL when the option was not. */
const char *arguments_value(const struct arguments *arguments, const char *option);

/* The candidate that a mistyped word is most like, NULL when none is near. `next` gives the
 * candidates one by one, then NULL. */
const char *nearest_word(const char *word, const char *(*next)(void *context), void *context);

#endif
