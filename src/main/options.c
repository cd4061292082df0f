/* SPDX-License-Identifier: Apache-2.0 */
#include "main/options.h"

#include <stdio.h>
#include <string.h>

#include "main/config.h"
#include "main/option_value.h"

/* clang-format off */
#define ALL     (ROLE_STANDALONE | ROLE_API | ROLE_MANAGER | ROLE_WORKER)
#define CLUSTER (ROLE_API | ROLE_MANAGER | ROLE_WORKER)
#define SERVING (ROLE_STANDALONE | ROLE_API)
#define LEADING (ROLE_STANDALONE | ROLE_MANAGER)
#define RUNNING (ROLE_STANDALONE | ROLE_WORKER)
#define MEMBERS (ROLE_MANAGER | ROLE_WORKER)

#define SERVER_KEYS(X)                                                                                 \
  /* key               roles    repeats value        default            setter              range             */ \
  X("listen",            ALL, false, "ADDR:PORT", "", option_set_listen, address, 0, 0, \
    "where it answers [127.0.0.1:30000, a manager :30001, a worker :30002]") \
  X("socket",            SERVING, false, "PATH", NULL, option_set_path, socket, 0, 0, \
    "also answers at a Unix socket, where the kernel says who asks") \
  X("advertise",         MEMBERS, false, "URL", "", option_set_advertise, advertise, 0, 0, \
    "where API servers and managers reach it [by its --listen]") \
  X("data",              RUNNING, false, "DIR", "/var/lib/cronjob", option_set_path, data, 0, 0, \
    "the directory of all that is kept [/var/lib/cronjob]") \
  X("store",             ALL, false, "URL", "", option_set_store, store, 0, 0, \
    "sqlite:PATH or mysql://USER:PASSWORD@HOST[,HOST]/DATABASE [cronjob.db in the data directory]") \
  X("coordination",      ALL & ~ROLE_API, false, "URL", "local:", option_set_coordination, coordination, 0, 0, \
    "zookeeper://HOST:PORT[,HOST:PORT]/PATH, or local: within one process [local:]") \
  X("cluster-secret",    CLUSTER, false, "FILE", NULL, option_set_path, cluster_secret, 0, 0, \
    "holds the secret that all roles of a cluster share") \
  X("tls-certificate",   ALL, false, "FILE", NULL, option_set_path, tls_certificate, 0, 0, \
    "answers by HTTPS with this certificate, and those that vouch for it (PEM)") \
  X("tls-key",           ALL, false, "FILE", NULL, option_set_path, tls_key, 0, 0, \
    "holds the certificate's private key (PEM)") \
  X("tls-ca",            ALL, false, "FILE", NULL, option_set_path, tls_ca, 0, 0, \
    "vouches for the other servers, instead of whom the system trusts (PEM)") \
  X("allow-plaintext",   ALL, false, NULL, "no", option_set_switch, allow_plaintext, 0, 0, \
    "others may reach it, though not by HTTPS") \
  X("objects",           ALL, false, "URL", "", option_set_objects, objects, 0, 0, \
    "file:DIR or s3://BUCKET[/PREFIX]?endpoint=URL&region=R [standalone: objects in the data directory]") \
  X("objects-credentials", ALL, false, "FILE", NULL, option_set_path, objects_credentials, 0, 0, \
    "holds `key = ...` and `secret = ...` for s3:") \
  X("cache-limit",       RUNNING, false, "SIZE", "1GiB", option_set_size, cache_limit, 0, (int64_t)1 << 50, \
    "the most that this worker's copies of scripts and binaries may take [1GiB]") \
  X("scheduler",         RUNNING, false, "WORD", "timer", option_set_scheduler, scheduler, 0, 0, \
    "timer, or crontab: jobs that a plain line can say are called for by this node's cron [timer]") \
  X("crontab-file",      RUNNING, false, "FILE", "/etc/cron.d/cronjob", option_set_crontab_file, crontab_file, 0, 0, \
    "what a worker with that scheduler keeps its lines in [/etc/cron.d/cronjob]") \
  X("crontab-command",   RUNNING, false, "PROGRAM", NULL, option_set_program, crontab_command, 0, 0, \
    "instead of a file: crontab(1), by which they go into the crontab of the worker's account") \
  X("name",              ALL & ~ROLE_API, false, "NAME", "", option_set_name, name, 0, 0, \
    "of this manager or worker [the host's name]") \
  X("label",             RUNNING, true, "K=V", NULL, option_set_label, labels, 0, 0, \
    "a label of this worker") \
  X("run-as",            RUNNING, true, "ACCOUNT", NULL, option_set_account, run_as, 0, 0, \
    "an account that jobs may run as on this node; with none given, any [any]") \
  X("new-privileges",    RUNNING, false, NULL, "no", option_set_switch, new_privileges, 0, 0, \
    "what jobs execute may gain privileges, as by sudo") \
  X("unsigned-jobs",     ROLE_WORKER, false, NULL, "no", option_set_switch, unsigned_jobs, 0, 0, \
    "jobs that no manager has signed are executed as well, for an upgrade") \
  X("allow-root",        ROLE_API | ROLE_MANAGER, false, NULL, "no", option_set_switch, allow_root, 0, 0, \
    "it may run as root, though it needs no privilege") \
  X("log-level",         ALL, false, "LEVEL", "info", option_set_level, log_level, 0, 0, \
    "error, warn, info or debug [info]") \
  X("log-format",        ALL, false, "FORMAT", "text", option_set_format, log_format, 0, 0, \
    "text or json [text]") \
  X("time-zone",         SERVING, false, "ZONE", "", option_set_zone, time_zone, 0, 0, \
    "of jobs that name none [the machine's]") \
  X("allowed-host",      SERVING, true, "HOST", NULL, option_set_host, allowed_hosts, 0, 0, \
    "a name this server is asked for by, beside its address and localhost") \
  X("upload-limit",      SERVING, false, "SIZE", "64MiB", option_set_size, upload_limit, 1, (int64_t)1 << 30, \
    "the most that a script or binary may have [64MiB]") \
  X("allowed-source",    SERVING, true, "URL", NULL, option_set_source, allowed_sources, 0, 0, \
    "scripts and binaries may be fetched from below it, like https://store.example/path/") \
  X("request-limit",     SERVING, false, "N", "100", option_set_count, request_limit, 0, 1000000, \
    "requests a second of a user or account that is no administrator; 0 is none [100]") \
  X("jobs-per-owner",    SERVING, false, "N", "10000", option_set_count, jobs_per_owner, 0, 100000000, \
    "jobs that a user or account may have; 0 is as many as they like [10000]") \
  X("runs-per-owner",    SERVING, false, "N", "1000", option_set_count, runs_per_owner, 0, 100000000, \
    "runs of its jobs that may wait; 0 is as many as they like [1000]") \
  X("minimal-interval",  SERVING, false, "SPAN", "1s", option_set_span, minimal_interval, 0, 366 * DAY, \
    "the least between two ticks of a job [1s]") \
  X("token-only",        SERVING, false, NULL, "no", option_set_switch, token_only, 0, 0, \
    "nobody is known by a local connection alone") \
  X("threads",           SERVING, false, "N", "4", option_set_count, threads, 1, 256, \
    "threads that answer requests [4]") \
  X("connection-limit",  SERVING, false, "N", "4096", option_set_count, connection_limit, 8, 65536, \
    "connections at once [4096]") \
  X("drain-timeout",     SERVING, false, "SPAN", "30s", option_set_span, drain_timeout, 0, DAY, \
    "how long requests under way may take when it stops [30s]") \
  X("keep-runs-for",     LEADING, false, "SPAN", "90d", option_set_span, keep_runs_for, MINUTE, 36500 * DAY, \
    "older runs are erased, but never a job's newest [90d]") \
  X("keep-runs",         LEADING, false, "N", "1000", option_set_count, keep_runs, 1, 1000000, \
    "and those beyond the newest so many of a job [1000]") \
  X("keep-audit-for",    LEADING, false, "SPAN", "365d", option_set_span, keep_audit_for, MINUTE, 36500 * DAY, \
    "older records of who did what are erased [365d]") \
  X("keep-files-for",    SERVING | ROLE_MANAGER, false, "SPAN", "24h", option_set_span, keep_files_for, SECOND, 36500 * DAY, \
    "a script or binary that no job and no run has any more is erased after that [24h]")

#define SERVER_OPTION(key_, roles_, repeats_, value_, default_, set_, member_, least_, most_, help_)           \
    {.name = (key_), .repeats = (repeats_), .value = (value_), .help = (help_)},
#define SERVER_KEY(key_, roles_, repeats_, value_, default_, set_, member_, least_, most_, help_)              \
    {.name = (key_), .roles = (roles_), .repeats = (repeats_), .initial = (default_), .set = (set_),                      \
     .target = {.offset = offsetof(struct server_options, member_), .least = (least_), .most = (most_)}},
/* clang-format on */

static const struct option key_options[] = {SERVER_KEYS(SERVER_OPTION)};

static const struct key {
    const char *name;
    unsigned roles; /* that have it: enum role, or-ed */
    bool repeats;
    const char *initial; /* NULL when there is none */
    option_setter set;
    struct option_target target;
} keys[] = {SERVER_KEYS(SERVER_KEY)};

/* ---- what a role has ------------------------------------------------------------------------- */

enum { ROLES = 5, CONFIG_OPTION = 1, END = 1 };

static const struct {
    enum role role;
    const char *section;
    const char *listen;
} roles[ROLES] = {
    {ROLE_ANY, "cronjob", "127.0.0.1:30000"}, /* the section for all */
    {ROLE_STANDALONE, "standalone", "127.0.0.1:30000"}, {ROLE_API, "api", "127.0.0.1:30000"},
    {ROLE_MANAGER, "manager", "127.0.0.1:30001"},       {ROLE_WORKER, "worker", "127.0.0.1:30002"},
};

static size_t role_index(enum role role)
{
    size_t index = 0;
    while (roles[index].role != role)
        index++;
    return index;
}

const struct option *server_options_of(enum role role)
{
    static struct option tables[ROLES][CONFIG_OPTION + ARRAY_SIZE(key_options) + END];
    struct option *table = tables[role_index(role)];
    size_t count = 0;

    table[count++] =
        (struct option){.name = "config",
                        .value = "FILE",
                        .help = "the configuration file [" CONFIG_DEFAULT ", if there is one]"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].roles & role)
            table[count++] = key_options[i];
    table[count] = (struct option){0};
    return table;
}

/* ---- where a value comes from ---------------------------------------------------------------- */

enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_ARGUMENTS };

struct reading {
    struct arena *arena;
    struct server_options options;
    enum source source;
    const char *section; /* of the file, that counts now */
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

static enum rc set_from_file(void *context, const struct config_line *line, struct err *err)
{
    struct reading *reading = context;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!is_key(keys[i].name, line->key))
            continue;
        if (strcmp(line->section, reading->section) != 0)
            return RC_OK;
        enum rc rc = set(context, &keys[i], line->value, err);
        return rc == RC_OK ? rc : err_prefix(err, rc, "%s", line->key);
    }
    size_t at = 0;
    const char *nearest = nearest_word(line->key, next_key, &at);
    return err_fail(err, RC_INVALID, "unknown key '%.64s'%s%s%s", line->key,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* What is for all roles, then what is for this one. */
static enum rc read_file(struct reading *reading, const struct option_sources *sources,
                         struct err *err)
{
    const char *sections[ROLES + 1] = {NULL};
    struct config_text text = {.file = sources->file,
                               .text = sources->file_text,
                               .length = sources->file_length,
                               .sections = sections};
    const char *const order[] = {roles[0].section, roles[role_index(sources->role)].section};
    enum rc rc = RC_OK;
    for (size_t i = 0; i < ROLES; i++)
        sections[i] = roles[i].section;
    reading->source = SOURCE_FILE;
    for (size_t i = 0; rc == RC_OK && i < ARRAY_SIZE(order); i++) {
        reading->section = order[i];
        rc = config_read(&text, reading->arena, set_from_file, reading, err);
    }
    return rc;
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
    enum rc rc = RC_OK;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *initial = keys[i].set == option_set_listen
                                  ? roles[role_index(sources->role)].listen
                                  : keys[i].initial;
        if (initial)
            rc = set(reading, &keys[i], initial, err);
        if (rc != RC_OK)
            return err_prefix(err, rc, "default of %s", keys[i].name);
    }
    if (sources->file)
        rc = read_file(reading, sources, err);
    if (rc == RC_OK)
        rc = read_environment(reading, sources->environment, err);
    if (rc == RC_OK && sources->arguments)
        rc = read_arguments(reading, sources->arguments, err);
    return rc;
}

/* A cluster's roles are processes of their own: what is embedded in one is of no use to others. */
static enum rc check_places(const struct server_options *options, enum role role, struct err *err)
{
    bool local = options->coordination.kind == COORDINATION_LOCAL;

    if (role == ROLE_ANY)
        return RC_OK;
    if (role == ROLE_STANDALONE)
        return local ? RC_OK
                     : err_fail(err, RC_INVALID,
                                "coordination: standalone needs none but local:; "
                                "in a cluster run cronjob api, manager and worker");
    if (options->store.kind != STORE_MYSQL)
        return err_fail(
            err, RC_INVALID,
            "store: the roles of a cluster share one: mysql://USER:PASSWORD@HOST/DATABASE");
    if (role != ROLE_API && local)
        return err_fail(err, RC_INVALID, "coordination: needed, like zookeeper://HOST:PORT/PATH");
    if (role != ROLE_API && !*options->advertise && !options->port)
        return err_fail(err, RC_INVALID, "listen: port 0 needs advertise, for others to reach it");
    if (!options->cluster_secret)
        return err_fail(err, RC_INVALID, "cluster-secret: needed, a file that all roles share");
    return RC_OK;
}

/* A secret comes by a file or the environment, never by a flag. */
static void set_objects(struct server_options *options, const struct option_sources *sources,
                        struct arena *arena)
{
    const char *key = variable(sources->environment, "CRONJOB_OBJECTS_KEY");
    const char *secret = variable(sources->environment, "CRONJOB_OBJECTS_SECRET");
    struct objects_place *place = &options->objects;

    if (key && *key && secret && *secret) {
        options->objects_key = arena_strdup(arena, key);
        options->objects_secret = arena_strdup(arena, secret);
    }
    if (place->kind == OBJECTS_DIRECTORY && !*place->path && sources->role == ROLE_STANDALONE)
        place->path = arena_printf(arena, "%s/objects", options->data);
}

static enum rc check_objects(const struct server_options *options, enum role role, struct err *err)
{
    if (role == ROLE_ANY || options->objects.kind != OBJECTS_S3 || options->objects_key ||
        options->objects_credentials)
        return RC_OK;
    return err_fail(err, RC_INVALID,
                    "objects: s3: needs a key and a secret, by objects-credentials or by "
                    "CRONJOB_OBJECTS_KEY and CRONJOB_OBJECTS_SECRET");
}

static enum rc check_tls(const struct server_options *options, struct err *err)
{
    if (!options->tls_certificate == !options->tls_key)
        return RC_OK;
    return err_fail(err, RC_INVALID, "%s",
                    options->tls_key ? "tls-key: there is no tls-certificate for it"
                                     : "tls-certificate: there is no tls-key for it");
}

enum rc server_options_read(const struct option_sources *sources, struct arena *arena,
                            struct server_options *ret_options, struct err *err)
{
    struct reading reading = {.arena = arena};
    struct server_options *options = &reading.options;
    enum rc rc;
    rc = read_sources(&reading, sources, err);
    if (rc == RC_OK)
        rc = check_places(options, sources->role, err);
    if (rc == RC_OK)
        rc = check_tls(options, err);
    if (rc != RC_OK)
        return rc;
    if (*options->store.path == '\0')
        options->store.path = arena_printf(arena, "%s/cronjob.db", options->data);
    set_objects(options, sources, arena);
    rc = check_objects(options, sources->role, err);
    if (rc != RC_OK)
        return rc;
    *ret_options = *options;
    return RC_OK;
}
