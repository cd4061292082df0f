/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/record.h: what is kept of jobs, runs, workers, users and access tokens, as it is read and
 * shown.
 *
 * Pure values. Whoever hands a record out says how long its pointers are valid.
 */
#ifndef CRONJOB_CORE_RECORD_H
#define CRONJOB_CORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#include "core/job.h"
#include "core/rights.h"
#include "core/run.h"

/* Random, made once a batch of claims; says whose a run is. All zeros is no token. */
struct claim_token {
    uint8_t bytes[16];
};

/* A job as it is kept: the facts of the system, the columns that are searched, and the document. */
struct job_record {
    job_id id;
    uint64_t revision; /* from 1, raised by every change of the document */
    enum job_status status;
    bool removed; /* finished because its user removed it */
    const char *owner;
    const char *worker; /* "" when not assigned */
    instant_us created_at;
    instant_us updated_at;
    instant_us
        due_since; /* ticks count only after it: creation, or the last change of when it is due */
    /* From the document, for the agenda and for searching: */
    const char *name; /* "" when none */
    const char *schedule;
    const char *time_zone;
    const char *sha256; /* of its script's or binary's bytes; "" when none */
    enum job_type type;
    bool enabled;
    instant_us starts_at;
    instant_us ends_at;
    span_us jitter;
    enum concurrency concurrency;
    enum catch_up catch_up;
    span_us catch_up_window;
    enum worker_loss on_worker_loss;
    struct retries retries;
    /* Parts, present when the query asks for them: */
    const char
        *document; /* the user's fields as JSON text, an object with every default; else NULL */
    size_t document_length;
    struct pairs placement;     /* JOB_PART_PLACEMENT: labels that its worker must have */
    const struct run *last_run; /* the newest run, else NULL */
    instant_us cursor; /* JOB_PART_CURSOR: the last tick accounted for by any schedule, catch_up
                          or reboot run; INSTANT_NONE */
};

struct run_record {
    struct run run;
    struct claim_token token;
    const char *owner; /* of its job; "" when the job was purged */
};

struct worker_record {
    const char *name;
    const char *url; /* "" when it has none */
    const char *version;
    const char *backend; /* how it keeps its jobs on schedule: core/backend.h */
    struct pairs labels;
    bool draining;
    int64_t running;         /* runs that go on */
    int64_t tasks;           /* jobs on its agenda */
    span_us clock_offset;    /* its clock minus the store's */
    bool clock_synchronised; /* the kernel says that its clock follows a time server */
    instant_us started_at;
    instant_us lease_until; /* past this instant it may be dead */
};

/* The manager that leads, or led last. */
struct leader_record {
    uint64_t epoch; /* grows with every change of leader; 0: there never was one */
    char name[LIMIT_NAME + 1];
    char url[LIMIT_URL + 1]; /* where it takes changes; "" when only within its process */
};

/* Somebody who is told apart from the accounts of the machines: with a password, or with other
 * rights than the account of this name has. */
struct user_record {
    const char *name;
    enum user_role role;
    bool privileged;
    bool disabled;           /* may do nothing, wherever it comes from */
    struct strings accounts; /* that its jobs may run as */
    const char *password;    /* its hash, never shown; "": it cannot sign in */
    instant_us created_at;
    const char *seal; /* for all above but created_at: wire/seal.h; NULL or "": none */
};

/* What of it a change is about. */
enum user_part {
    USER_ROLE = 1,
    USER_PRIVILEGED = 2,
    USER_DISABLED = 4,
    USER_ACCOUNTS = 8,
    USER_PASSWORD = 16,
    USER_ALL = 31,
};

/* The parts become those of `change`, whose texts are borrowed. */
void user_record_change(struct user_record *user, const struct user_record *change, unsigned parts);

struct access_token {
    const char *id; /* 8 characters, shown */
    const char *name;
    const char *account;  /* as whom it acts: a user, or an account of the machine */
    bool admin;           /* holds every right, whoever it acts as */
    bool session;         /* made by signing in; goes with the password it was made by */
    enum user_role scope; /* the most that it may do */
    uint8_t hash[32];     /* SHA-256 of the secret */
    instant_us created_at;
    instant_us expires_at;   /* INSTANT_NONE: never */
    instant_us last_used_at; /* to a minute; INSTANT_NONE: never */
    const char *seal;        /* for all above but created_at and last_used_at; NULL or "": none */
};

/* Something that was asked for: who asked, from where, for what, and what became of it. */
struct audit_record {
    uint64_t id; /* grows; given by the store */
    instant_us at;
    const char *who;     /* a user or account; "" when not known */
    const char *source;  /* the address it came from, in words */
    const char *action;  /* "job.create", "login", "refused" */
    const char *subject; /* what it is about: an id or a name */
    const char *before;  /* JSON of what it was, as far as it changed; "" when there is nothing */
    const char *after;
    const char *outcome; /* "done", or why not */
};

struct store_summary {
    int64_t jobs[JOB_STATUS_COUNT];
    int64_t running;
    int64_t queued;
};

#endif
