/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/guardian_protocol.h: what a launcher and its guardian say to each other.
 *
 * A stream socket in the data directory carries frames: a length of four bytes, then a body that
 * begins with its kind. Numbers are in the machine's own order, for both ends are on it; texts
 * carry their length and a NUL, so a decoded message points into its body. HELLO comes first from
 * either side, with the version; the guardian's is followed by KNOWN events and CONNECTED. A peer
 * that does not keep to this is cut off. With the first byte of a START that executes a file comes
 * its descriptor (SCM_RIGHTS). Version 3 is this without `may_gain`, version 2 also without files.
 * Pure functions: nothing here reads or writes a socket.
 */
#ifndef CRONJOB_PORTS_GUARDIAN_PROTOCOL_H
#define CRONJOB_PORTS_GUARDIAN_PROTOCOL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"

#include "ports/launcher.h"

enum {
    GUARDIAN_VERSION = 4,
    GUARDIAN_VERSION_FILES = 3,           /* knows nothing of `may_gain` */
    GUARDIAN_VERSION_COMMANDS = 2,        /* knows commands only */
    GUARDIAN_FRAME_MAX = 8 * 1024 * 1024, /* bytes, head included */
    GUARDIAN_HEAD = 4,                    /* bytes in front of a body */
    GUARDIAN_RUNS_MAX = 100000,           /* handed over and not acknowledged */
};

/* In the data directory. */
#define GUARDIAN_SOCKET "guardian.sock"

enum guardian_kind {
    GUARDIAN_HELLO = 1,   /* both ways: version */
    GUARDIAN_START,       /* to the guardian: launch */
    GUARDIAN_KILL,        /* to the guardian: run */
    GUARDIAN_ACKNOWLEDGE, /* to the guardian: run */
    GUARDIAN_EVENT,       /* from it: event */
    GUARDIAN_STOPPING,    /* from it: it takes no more runs */
    GUARDIAN_LEASE,       /* to the guardian: lease_until */
};

struct guardian_message {
    enum guardian_kind kind;
    uint32_t version;
    struct launch launch;
    struct run_key run;
    struct launch_event event;
    mono_us
        lease_until; /* CLOCK_BOOTTIME, which is the machine's: a delay on the way adds nothing */
};

/* Whether we can speak with a peer of this version. */
static inline bool guardian_knows(uint32_t version)
{
    return version >= GUARDIAN_VERSION_COMMANDS && version <= GUARDIAN_VERSION;
}

/* Each appends one frame; RC_TOO_BIG leaves the buffer as it was. Of a launch's file the stamp is
 * written; the descriptor that is read is -1. */
MUST_USE enum rc guardian_put_hello(struct buf *buf, uint32_t version);
MUST_USE enum rc guardian_put_start(struct buf *buf, const struct launch *launch);
MUST_USE enum rc guardian_put_kill(struct buf *buf, const struct run_key *run);
MUST_USE enum rc guardian_put_acknowledge(struct buf *buf, const struct run_key *run);
MUST_USE enum rc guardian_put_event(struct buf *buf, const struct launch_event *event);
MUST_USE enum rc guardian_put_stopping(struct buf *buf);
MUST_USE enum rc guardian_put_lease(struct buf *buf, mono_us until);

/* The length of the frame that `data` begins with, 0 when more bytes are needed; RC_TOO_BIG. */
MUST_USE enum rc guardian_frame(const char *data, size_t length, size_t *ret_frame);

/* Reads a body (a frame without its head). Pointers in the message lead into `body`, arrays belong
 * to the arena. RC_MALFORMED for anything that the functions above do not write. */
MUST_USE enum rc guardian_decode(const char *body, size_t length, struct arena *arena,
                                 struct guardian_message *ret_message, struct err *err);

#endif
