/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/contract/launcher_fixture.h: a launcher, its guardian and all it has told so far.
 *
 * The same for the real ones in a directory of their own and for those in memory. There, a command
 * line is read as "[sleep SECONDS;] exit CODE", or "fail", and time passes as fast as it can.
 */
#ifndef CRONJOB_TEST_CONTRACT_LAUNCHER_FIXTURE_H
#define CRONJOB_TEST_CONTRACT_LAUNCHER_FIXTURE_H

#include "ports/clock.h"
#include "ports/launcher.h"

#include "adapters/memory/launcher.h"

enum { HEARD_REASON = 256, HANDED_MAX = 512 };

struct heard {
    struct launch_event event;
    char reason[HEARD_REASON];
};

struct fixture {
    bool real;
    struct clock *clock;
    struct launcher *launcher;
    struct heard *heard; /* oldest first */
    size_t heard_count, heard_capacity;
    struct run_key handed[HANDED_MAX]; /* started with this guardian */
    size_t handed_count;
    enum rc start_while_away;         /* the answer to a start() during DISCONNECTED */
    char directory[64];               /* real: the data directory */
    struct memory_guardian *guardian; /* memory */
};

/* What the real guardian is started from. */
extern const char *guardian_executable;

void fixture_open(struct fixture *fixture, bool real); /* connected */
/* Kills the runs, ends the guardian, removes the directory. */
void fixture_close(struct fixture *fixture);

/* The worker dies, and a new one connects. */
void fixture_restart_worker(struct fixture *fixture);
void fixture_kill_guardian(struct fixture *fixture); /* -9 */
int fixture_guardian_pid(const struct fixture *fixture);

struct launch launch_of(const struct fixture *fixture, job_id job, const char *command);
/* Opens a file to be executed; its hash is valid until the next call, and the caller closes
 * launch->file.fd. */
void launch_use_file(struct launch *launch, const char *path, bool is_script);
void fixture_start(struct fixture *fixture, const struct launch *launch);
void fixture_acknowledge(struct fixture *fixture, const struct run_key *run);

/* Lets time pass until this was heard (job 0: of any run), `times` times since the fixture was
 * opened or forgot; at most `limit`. The last of them, NULL when it was not heard in time. */
const struct heard *fixture_wait(struct fixture *fixture, enum launch_event_kind kind, job_id job,
                                 size_t times, span_us limit);
/* The same, and fails the test when it is not heard in ten seconds. */
const struct heard *fixture_expect(struct fixture *fixture, enum launch_event_kind kind,
                                   job_id job);
size_t fixture_count(const struct fixture *fixture, enum launch_event_kind kind, job_id job);
void fixture_forget(struct fixture *fixture);
/* Lets time pass. */
void fixture_pass(struct fixture *fixture, span_us span);

#endif
