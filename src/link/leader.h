/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/leader.h: who leads, as the store says, remembered until a call shows that it is wrong.
 *
 * Safe from any thread. The answer to a call that went to one who does not lead is the text
 *
 *     {"version":1,"leader":{"name":"m2","url":"http://10.0.0.2:30001","epoch":"5"}}
 *
 * without the member `leader` when nobody is known to.
 */
#ifndef CRONJOB_LINK_LEADER_H
#define CRONJOB_LINK_LEADER_H

#include "base/buf.h"

#include "ports/store.h"

struct link_leader;

struct link_leader *link_leader_new(struct store *store); /* the store is not owned */
void link_leader_free(struct link_leader *leader);

/* RC_UNAVAILABLE: nobody leads, or nobody that can be reached; else what the store answers. */
MUST_USE enum rc link_leader_find(struct link_leader *leader, struct leader_record *ret_leader,
                                  struct err *err);

/* The one of this epoch did not answer as a leader: the store is read again next time. */
void link_leader_doubt(struct link_leader *leader, uint64_t epoch);
/* As link_leader_doubt(); and the answer of one who does not lead says who does, which is believed
 * when it is newer than what is known. */
void link_leader_learn(struct link_leader *leader, uint64_t epoch, const struct buf *answer);

/* The answer above; `record` NULL, or of epoch 0: nobody. */
void link_leader_write(struct buf *buf, const struct leader_record *record);
/* Epoch 0: it names nobody. RC_MALFORMED, RC_INVALID. */
MUST_USE enum rc link_leader_read(const char *text, size_t length, struct leader_record *ret_leader,
                                  struct err *err);

#endif
