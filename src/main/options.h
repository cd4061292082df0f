/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/options.h: what a server is told by its configuration file, its environment and its flags.
 *
 * One table of keys for all roles, so that one file can serve them all; a section like [worker] is
 * for that role alone: `log-level` is `log-level = debug` in the file, CRONJOB_LOG_LEVEL in the
 * environment, --log-level as a flag. Of the three the later one wins: file, environment, flag. A
 * key that repeats (label, allowed-host) is taken from the last source that has it, from a variable
 * as "a=b,c=d".
 */
#ifndef CRONJOB_MAIN_OPTIONS_H
#define CRONJOB_MAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/log.h"

#include "core/job.h"

#include "cli/option.h"
#include "main/place.h"

#define CONFIG_DEFAULT "/etc/cronjob/cronjob.conf"

/* What a process is in a system; sets of them are or-ed. */
enum role {
    ROLE_STANDALONE = 1, /* all three on embedded adapters */
    ROLE_API = 2,
    ROLE_MANAGER = 4,
    ROLE_WORKER = 8,
    ROLE_ANY = 16, /* whoever only looks at the settings */
};

enum scheduler { SCHEDULER_TIMER, SCHEDULER_CRONTAB };

/* All memory belongs to the arena it was made with. */
struct server_options {
    const char *address;      /* "127.0.0.1": a number, as HTTP servers bind to */
    uint16_t port;            /* 0: a free one */
    const char *socket;       /* the path of a Unix socket besides; NULL: none */
    const char *data;         /* the directory of all that is kept */
    struct store_place store; /* a file in `data` unless told otherwise */
    struct coordination_place coordination;
    struct objects_place objects;    /* a directory in `data` unless told otherwise; of a role of a
                                        cluster that was not told, the path "" */
    const char *objects_credentials; /* the file of key and secret; NULL when none */
    const char *objects_key;    /* CRONJOB_OBJECTS_KEY and _SECRET, which no flag can say, for */
    const char *objects_secret; /* everybody sees flags; NULL when not both are set */
    int64_t cache_limit;        /* bytes of a worker's copies of scripts and binaries */
    enum scheduler scheduler;   /* of a worker */
    const char *crontab_file;
    const char *crontab_command; /* NULL: the file */
    const char *name;            /* of manager and worker; the host's unless told otherwise */
    const char *advertise;       /* the URL by which others reach this manager or worker */
    const char *cluster_secret;  /* the file of the secret that the roles share; NULL when none */
    const char *tls_certificate; /* files of PEM: HTTPS by these two; NULL: clear text */
    const char *tls_key;
    const char *tls_ca;    /* the file of those who vouch for other servers; NULL: the system's */
    bool allow_plaintext;  /* clear text beyond loopback */
    struct pairs labels;   /* of the worker */
    struct strings run_as; /* accounts that jobs may run as on this node; empty: any */
    bool new_privileges;   /* jobs may gain them by set-user-ID programs */
    bool unsigned_jobs;    /* a worker executes what no manager has signed yet */
    bool allow_root;       /* API server or manager as root */
    enum log_level log_level;
    enum log_format log_format;
    const char *time_zone;          /* of jobs that name none; "" is the machine's own */
    struct strings allowed_hosts;   /* names of this server beside its address and localhost */
    int64_t upload_limit;           /* bytes of a script or binary */
    struct strings allowed_sources; /* URLs below which files may be fetched from */
    uint32_t request_limit;         /* of who is no administrator: a second; 0: none */
    uint32_t jobs_per_owner;        /* 0: as many as they like */
    uint32_t runs_per_owner;        /* that wait */
    span_us minimal_interval;       /* between two ticks of a job */
    bool token_only;                /* a loopback connection's account counts for nothing */
    uint32_t threads;               /* of the HTTP server */
    uint32_t connection_limit;
    span_us drain_timeout;  /* how long requests under way may take when it stops */
    span_us keep_runs_for;  /* a run older than this is erased, but never a job's newest */
    span_us keep_files_for; /* a file that nobody needs is erased that long after it was stored */
    span_us keep_audit_for; /* a record of who did what is erased after that */
    uint32_t keep_runs;     /* and those beyond the newest so many of a job */
};

/* The keys that a role has, as options of its command, and --config. Pointers are valid always. */
const struct option *server_options_of(enum role role);

/* Where the settings come from. */
struct option_sources {
    enum role role;
    const char *file; /* the name of the configuration file, NULL when there is none */
    const char *file_text;
    size_t file_length;
    const char *const *environment; /* "NAME=value", ended by NULL */
    const struct arguments *arguments;
};

/* Pure. RC_INVALID names the place: "FILE:LINE: ", "CRONJOB_KEY: ", "--key: ". */
MUST_USE enum rc server_options_read(const struct option_sources *sources, struct arena *arena,
                                     struct server_options *ret_options, struct err *err);

/*
 * Reads the file that --config or CRONJOB_CONFIG names, else CONFIG_DEFAULT if it exists, and fills
 * in the host's name. Also RC_IO: the file can't be read.
 */
MUST_USE enum rc server_options_load(enum role role, const struct arguments *arguments,
                                     const char *const *environment, struct arena *arena,
                                     struct server_options *ret_options, struct err *err);

#endif
