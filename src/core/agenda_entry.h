/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/agenda_entry.h: how the agenda remembers a job and its runs. For core/agenda*.c only.
 *
 * A quiet job is a `struct entry` of 80 bytes and nothing else. While something goes on it also has
 * a `struct activity`: its runs, stretches still to be recorded, and how its next tick is faring.
 */
#ifndef CRONJOB_CORE_AGENDA_ENTRY_H
#define CRONJOB_CORE_AGENDA_ENTRY_H

#include "base/heap.h"
#include "base/map.h"
#include "base/pool.h"

#include "core/agenda.h"
#include "core/agenda_ticks.h"
#include "core/agenda_timing.h"

/* clang-format off */
/*
 *              CLAIM           won              START         finished
 *     DUE ------------> CLAIMING -----> WON ------------> ACTIVE -----> gone
 *      ^                  |  |           `-- SKIP --> gone
 *      `--failed, void----'  `--taken--> gone
 *
 * A tick begins as CLAIMING and is gone when its claim fails or is void: the entry's own tick
 * stands for it until it is tried again. WON is a run that is ours and waits for its turn.
 */
enum live_state { LIVE_DUE, LIVE_CLAIMING, LIVE_WON, LIVE_ACTIVE };
enum live_kind { LIVE_TICK, LIVE_RETRY, LIVE_DEMAND };
/* clang-format on */

struct live {
    struct live *next;
    struct run_key key;
    uint64_t revision;
    instant_us at;       /* DUE: when to claim it */
    instant_us tried_at; /* when it was first claimed, or INSTANT_NONE */
    const char *refused; /* WON: it will never start, and why; else NULL */
    uint32_t lost;       /* how many attempts before it were lost with their worker */
    uint32_t failures;   /* answers in a row that were no answer or void */
    uint32_t offers;     /* how often nobody wanted it, of a retry that is to go elsewhere */
    enum run_trigger trigger;
    enum run_status refused_as;
    enum live_kind kind;
    enum live_state state;
    bool stale;   /* CLAIMING a tick: the entry's tick was set anew meanwhile */
    bool owed;    /* CLAIMING a tick: to be recorded if nobody gets it, although its job went */
    bool unknown; /* a claim of it may have taken effect unseen */
    bool killed;  /* ACTIVE: KILL was decided */
};

/* Ticks that end unexecuted: those in (since, until]. */
struct gap {
    struct ticks ticks;
    instant_us since;
    instant_us until;
    enum run_status status;
    const char *reason;
};

/* What is still to be recorded whatever becomes of the job: a gap, or one run. */
struct past {
    struct past *next;
    struct schedule schedule; /* of the gap */
    struct gap gap;
    struct run_key run; /* run.job 0: it is a gap */
};

struct activity {
    struct live *lives; /* in order of arrival */
    struct past *pasts;
    instant_us backlog_until; /* ticks up to it wait for their turn, whatever catch_up says */
    instant_us claimed;       /* the newest tick that was won or taken */
    instant_us tried;         /* the tick that was claimed last, first at tried_at */
    instant_us tried_at;
    instant_us again_at; /* with failures: not to be claimed before */
    uint32_t failures;   /* claims in a row of the next tick that failed or were void */
    bool unknown;        /* one of them failed, so it may have taken effect */
};

struct entry {
    job_id id;
    uint64_t revision;
    instant_us since; /* the last tick accounted for, or due_since */
    instant_us tick;  /* the next one, or TICK_NEVER */
    instant_us anchor;
    struct activity *activity; /* NULL: quiet */
    const struct schedule *schedule;
    struct heap_node wake;
    uint32_t policy;
    bool starts_at_anchor : 1;
    bool dormant : 1;
    bool removed : 1;
    bool elsewhere : 1; /* dormant: another worker follows it */
    bool finished : 1;  /* it was said that it has no more ticks */
    bool failed : 1;    /* its last run did not succeed: status error */
    bool held : 1;      /* somebody else calls for its ticks */
    bool fired : 1;     /* it was called: `tick` is not held */
};
_Static_assert(sizeof(struct entry) <= 80, "there may be a million");

struct agenda {
    struct agenda_config config;
    struct map entries; /* job -> struct entry * */
    struct pool pool;
    struct heap wakes;
    struct timings timings;
    instant_us now;  /* of the last call */
    instant_us high; /* the latest `now` since the clock was last set back */
    size_t job_count;
    size_t active_count; /* runs WON or ACTIVE */
};

struct out {
    struct decision *items;
    size_t capacity;
    size_t count;
};

static inline bool out_is_full(const struct out *out)
{
    return out->count == out->capacity;
}

/* A new decision about a run of the job; there is room. */
struct decision *out_add(struct out *out, enum decision_kind kind, const struct entry *entry,
                         const struct run_key *run);

/* ---- agenda.c ------------------------------------------------------------------------------ */

/* Every call with a `now` begins here: it answers the instant to reckon with, and notices a clock
 * that was set back. */
instant_us agenda_tell(struct agenda *agenda, instant_us now);
struct entry *agenda_find(const struct agenda *agenda, job_id job);
/* The entry has changed: sets when it is due next, gives back what it no longer needs, itself too.
 */
void agenda_settle(struct agenda *agenda, struct entry *entry);

/* ---- agenda_entry.c ------------------------------------------------------------------------ */

const struct policy *entry_policy(const struct agenda *agenda, const struct entry *entry);
struct ticks entry_ticks(const struct agenda *agenda, const struct entry *entry);
/* Its share of the jitter: its runs start at tick + jitter. */
span_us entry_jitter(const struct agenda *agenda, const struct entry *entry);
/* Due is tick + offset: the jitter, and how long the tick is held. */
span_us entry_offset(const struct agenda *agenda, const struct entry *entry);
/* Ticks up to it are due at `now`, or nearly. */
instant_us entry_horizon(const struct agenda *agenda, const struct entry *entry, instant_us now);
/* All ticks up to `since` are accounted for. */
void entry_pass(const struct agenda *agenda, struct entry *entry, instant_us since);
/* Whether its schedule is followed. */
bool entry_is_followed(const struct entry *entry);
/* Whether it is by somebody: what is ours is wanted. */
bool entry_goes_on(const struct entry *entry);

struct activity *entry_activity(struct entry *entry); /* made if need be */
struct live *entry_find_live(const struct entry *entry, const struct run_key *run);
struct live *entry_add_live(struct entry *entry, const struct run_key *run, enum live_kind kind,
                            enum live_state state);
void entry_drop_live(struct agenda *agenda, struct entry *entry, struct live *live);
void live_set_state(struct agenda *agenda, struct live *live, enum live_state state);
/* A run of the job is ours and has not ended, and the job allows only one at a time. */
bool entry_is_busy(const struct agenda *agenda, const struct entry *entry);
/* The tick whose claim is in flight, else NULL. */
struct live *entry_claiming_tick(const struct entry *entry);
/* A run that is ours will not start. */
void live_refuse(struct live *live, enum run_status status, const char *reason);

/* To be recorded: the ticks in (since, until] of the present schedule, or one run. */
void entry_leave_gap(const struct agenda *agenda, struct entry *entry, instant_us since,
                     instant_us until, const char *reason);
void entry_leave_run(struct entry *entry, const struct run_key *run, const char *reason);

/* 100 ms, 200 ms, ... 2 s. */
span_us claim_backoff(uint32_t failures);

/* ---- agenda_due.c: ticks ------------------------------------------------------------------- */

/* When due_decide() has something to decide; TICK_NEVER: not before something else happens. */
instant_us due_wake(const struct agenda *agenda, const struct entry *entry);
void due_decide(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out);
/* Records the gap as far as there is room; true when all of it is. */
bool gap_record(struct gap *gap, const struct entry *entry, struct out *out);
/* A run of the job has ended: those that waited for it under concurrency queue get their turn. */
void due_slot_freed(const struct agenda *agenda, struct entry *entry, instant_us now);
void due_claimed(struct agenda *agenda, struct entry *entry, struct live *live,
                 enum claim_outcome outcome, instant_us now);

/* ---- agenda_turn.c: runs that wait for their turn ------------------------------------------ */

instant_us turn_wake(const struct agenda *agenda, const struct entry *entry);
void turn_decide(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out);

/* ---- agenda_step.c: one job's decisions ---------------------------------------------------- */

instant_us step_wake(const struct agenda *agenda, const struct entry *entry);
void step_decide(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out);

/* Whether the job has nothing more to come: FINISHED. */
bool step_is_over(const struct agenda *agenda, const struct entry *entry);

#endif
