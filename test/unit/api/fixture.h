/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An API server on a free port, with a manager behind it and everything in memory; and a client
 * that speaks HTTP by hand, one connection a request.
 */
#ifndef CRONJOB_TEST_UNIT_API_FIXTURE_H
#define CRONJOB_TEST_UNIT_API_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

#include "core/seal.h"

#include "ports/events.h"
#include "ports/objects.h"
#include "ports/outputs.h"
#include "ports/store.h"

#include "api/api.h"
#include "manager/manager.h"

struct fixture {
    struct clock *clock;
    struct zones *zones;
    struct store *store;
    struct events *events;
    struct coordination *coordination;
    struct outputs *outputs;
    struct objects *objects;
    struct manager *manager;
    struct seal_keys seal; /* of both */
    struct api *api;
    atomic_bool store_is_away;  /* every call of the store fails */
    atomic_int objects_fault;   /* enum memory_objects_fault, of every call of the objects */
    atomic_uint objects_stored; /* calls of put */
};

/* What a test may decide: changed after fixture_config() and before fixture_start(). */
struct api_config fixture_config(struct fixture *fixture);
void fixture_start(struct fixture *fixture, const struct api_config *config);
void fixture_stop(struct fixture *fixture);

/* A further API server over the same store and manager. */
void fixture_second_config(const struct fixture *fixture, struct api_config *ret_config);

/* A fake: what a run wrote. */
void fixture_write_output(struct fixture *fixture, const struct run_key *run, const void *data,
                          size_t length);

struct reply {
    unsigned status;
    char *head; /* the status line and the fields, as they came */
    struct buf body;
};

/* `fields`: "Name: value\r\n" as often as needed. `body` NULL: none. */
struct reply ask(struct fixture *fixture, const char *method, const char *target,
                 const char *fields, const char *body);
struct reply get(struct fixture *fixture, const char *target);
struct reply post_json(struct fixture *fixture, const char *target, const char *body);
void reply_release(struct reply *reply);

/* The same for what is not looked at: the status alone. */
unsigned status_of(struct reply reply);

/* The value of a field of the head, in static memory; NULL when there is none. */
const char *reply_field(const struct reply *reply, const char *name);
void assert_body_has(const struct reply *reply, const char *text);
void assert_body_lacks(const struct reply *reply, const char *text);

/* A connection on which a request was sent, to read a stream from. */
int open_stream(struct fixture *fixture, const char *target, const char *fields);
/* Reads until `text` has come, for at most 10 s; everything that came is in `seen`. */
void await_text(int socket, struct buf *seen, const char *text);
/* Reads to the end of the connection. */
void await_end(int socket, struct buf *seen);

#endif
