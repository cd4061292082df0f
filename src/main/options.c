/* SPDX-License-Identifier: Apache-2.0 */
#include "main/options.h"

#include <stdio.h>
#include <string.h>

#include "main/config.h"
#include "main/option_value.h"

/* clang-format off */
#define SERVER_KEYS(X)                                                                                 \
  /* key               repeats value        default            setter              range             */ \
  X("listen",           false, "ADDR:PORT", "127.0.0.1:30000", option_set_listen,  address,          0, 0, \
    "where the API answers [127.0.0.1:30000]")                                                         \
  X("data",             false, "DIR",       "/var/lib/cronjob", option_set_path,   data,             0, 0, \
    "the directory of all that is kept [/var/lib/cronjob]")                                            \
  X("store",            false, "URL",       "",                option_set_store,   store,            0, 0, \
    "sqlite:PATH: jobs and runs [cronjob.db in the data directory]")                                   \
  X("coordination",     false, "URL",       "local:",          option_set_coordination, store,       0, 0, \
    "local: within the process [local:]")                                                              \
  X("objects",          false, "URL",       "",                option_set_objects, objects,          0, 0, \
    "file:DIR: uploaded files [objects in the data directory]")                                        \
  X("name",             false, "NAME",      "",                option_set_name,    name,             0, 0, \
    "of this manager and worker [the host's name]")                                                    \
  X("label",            true,  "K=V",       NULL,              option_set_label,   labels,           0, 0, \
    "a label of this worker")                                                                          \
  X("log-level",        false, "LEVEL",     "info",            option_set_level,   log_level,        0, 0, \
    "error, warn, info or debug [info]")                                                               \
  X("log-format",       false, "FORMAT",    "text",            option_set_format,  log_format,       0, 0, \
    "text or json [text]")                                                                             \
  X("time-zone",        false, "ZONE",      "",                option_set_zone,    time_zone,        0, 0, \
    "of jobs that name none [the machine's]")                                                          \
  X("allowed-host",     true,  "HOST",      NULL,              option_set_host,    allowed_hosts,    0, 0, \
    "a name this server is asked for by, beside its address and localhost")                            \
  X("token-only",       false, NULL,        "no",              option_set_switch,  token_only,       0, 0, \
    "nobody is known by a local connection alone")                                                     \
  X("threads",          false, "N",         "4",               option_set_count,   threads,          1, 256, \
    "threads that answer requests [4]")                                                                \
  X("connection-limit", false, "N",         "4096",            option_set_count,   connection_limit, 8, 65536, \
    "connections at once [4096]")                                                                      \
  X("drain-timeout",    false, "SPAN",      "30s",             option_set_span,    drain_timeout,    0, DAY, \
    "how long requests under way may take when it stops [30s]")                                        \
  X("keep-runs-for",    false, "SPAN",      "90d",             option_set_span,    keep_runs_for,    MINUTE, 36500 * DAY, \
    "older runs are erased, but never a job's newest [90d]")                                           \
  X("keep-runs",        false, "N",         "1000",            option_set_count,   keep_runs,        1, 1000000, \
    "and those beyond the newest so many of a job [1000]")

#define SERVER_OPTION(key_, repeats_, value_, default_, set_, member_, least_, most_, help_)           \
    {.name = (key_), .repeats = (repeats_), .value = (value_), .help = (help_)},
#define SERVER_KEY(key_, repeats_, value_, default_, set_, member_, least_, most_, help_)              \
    {.name = (key_), .repeats = (repeats_), .initial = (default_), .set = (set_),                      \
     .target = {.offset = offsetof(struct server_options, member_), .least = (least_), .most = (most_)}},
/* clang-format on */

const struct option server_option_table[] = {
    {.name = "config",
     .value = "FILE",
     .help = "the configuration file [/etc/cronjob/cronjob.conf, if there is one]"},
    SERVER_KEYS(SERVER_OPTION){0},
};

static const struct key {
    const char *name;
    bool repeats;
    const char *initial; /* NULL when there is none */
    option_setter set;
    struct option_target target;
} keys[] = {SERVER_KEYS(SERVER_KEY)};

enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_ARGUMENTS };

struct reading {
    struct arena *arena;
    struct server_options options;
    enum source source;
    enum source given_by[ARRAY_SIZE(keys)];
};

static enum rc set(struct reading *reading, const struct key *key, const char *value,
                   struct err *err)
{
    enum source *given_by = &reading->given_by[key - keys];
    struct option_value target = {.options = &reading->options,
                                  .target = &key->target,
                                  .arena = reading->arena,
                                  .is_first = *given_by != reading->source};
    *given_by = reading->source;
    return key->set(&target, value, err);
}

/* A variable holds all values of a key that repeats, with commas between. */
static enum rc set_listed(struct reading *reading, const struct key *key, const char *value,
                          struct err *err)
{
    if (!key->repeats)
        return set(reading, key, value, err);
    for (enum rc rc = RC_OK; *value != '\0'; value += *value == ',') {
        size_t length = strcspn(value, ",");
        if (length)
            rc = set(reading, key, arena_strndup(reading->arena, value, length), err);
        if (rc != RC_OK)
            return rc;
        value += length;
    }
    return RC_OK;
}

/* Whether the word is the key, with "_" as good as "-". */
static bool is_key(const char *key, const char *word)
{
    while (*key != '\0' && (*key == *word || (*key == '-' && *word == '_'))) {
        key++;
        word++;
    }
    return *key == '\0' && *word == '\0';
}

static const char *next_key(void *context)
{
    size_t *at = context;
    return *at < ARRAY_SIZE(keys) ? keys[(*at)++].name : NULL;
}

static enum rc set_from_file(void *context, const char *word, const char *value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!is_key(keys[i].name, word))
            continue;
        enum rc rc = set(context, &keys[i], value, err);
        return rc == RC_OK ? rc : err_prefix(err, rc, "%s", word);
    }
    size_t at = 0;
    const char *nearest = nearest_word(word, next_key, &at);
    return err_fail(err, RC_INVALID, "unknown key '%.64s'%s%s%s", word,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* "CRONJOB_LOG_LEVEL" */
static const char *variable_name(const char *key, char text[64])
{
    size_t length = (size_t)snprintf(text, 64, "CRONJOB_%s", key);
    for (size_t i = 0; i < length && i < 63; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
        else if (text[i] == '-')
            text[i] = '_';
    }
    return text;
}

static const char *variable(const char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static enum rc read_environment(struct reading *reading, const char *const *environment,
                                struct err *err)
{
    char name[64];
    reading->source = SOURCE_ENVIRONMENT;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *value = variable(environment, variable_name(keys[i].name, name));
        enum rc rc = value && *value ? set_listed(reading, &keys[i], value, err) : RC_OK;
        if (rc != RC_OK)
            return err_prefix(err, rc, "%s", name);
    }
    return RC_OK;
}

static enum rc read_arguments(struct reading *reading, const struct arguments *arguments,
                              struct err *err)
{
    reading->source = SOURCE_ARGUMENTS;
    for (size_t i = 0; i < arguments->count; i++) {
        const char *name = arguments->items[i].option->name;
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
            if (strcmp(keys[k].name, name) != 0)
                continue;
            const char *value = arguments->items[i].value;
            enum rc rc = set(reading, &keys[k], value ? value : "yes", err);
            if (rc != RC_OK)
                return err_prefix(err, rc, "--%s", name);
        }
    }
    return RC_OK;
}

static enum rc read_sources(struct reading *reading, const struct option_sources *sources,
                            struct err *err)
{
    struct config_text text = {
        .file = sources->file, .text = sources->file_text, .length = sources->file_length};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        enum rc rc = keys[i].initial ? set(reading, &keys[i], keys[i].initial, err) : RC_OK;
        if (rc != RC_OK)
            return err_prefix(err, rc, "default of %s", keys[i].name);
    }
    reading->source = SOURCE_FILE;
    enum rc rc =
        sources->file ? config_read(&text, reading->arena, set_from_file, reading, err) : RC_OK;
    if (rc == RC_OK)
        rc = read_environment(reading, sources->environment, err);
    if (rc == RC_OK && sources->arguments)
        rc = read_arguments(reading, sources->arguments, err);
    return rc;
}

enum rc server_options_read(const struct option_sources *sources, struct arena *arena,
                            struct server_options *ret_options, struct err *err)
{
    struct reading reading = {.arena = arena};
    enum rc rc = read_sources(&reading, sources, err);
    if (rc != RC_OK)
        return rc;
    struct server_options *options = &reading.options;
    if (*options->store == '\0')
        options->store = arena_printf(arena, "%s/cronjob.db", options->data);
    if (*options->objects == '\0')
        options->objects = arena_printf(arena, "%s/objects", options->data);
    *ret_options = *options;
    return RC_OK;
}
