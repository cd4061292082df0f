/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/output_stream.h: what a run wrote, on its way to a client. Private to api/.
 *
 * It may have to be waited for, so it is read on a transfer's thread, a piece each time the client
 * has taken the one before; nothing is held but that. Who follows is woken by news of the run.
 * News may be lost when another process publishes it, so the run is also looked at every
 * FOLLOW_LOOK.
 *
 *     next() --read--> piece --wake--> next() ... --end of run--> close()
 *        '---- nothing new ----> news, or FOLLOW_LOOK ----> next()
 */
#ifndef CRONJOB_API_OUTPUT_STREAM_H
#define CRONJOB_API_OUTPUT_STREAM_H

#include "api/answer.h"
#include "api/call.h"
#include "api/hub.h"
#include "api/transfers.h"

enum output_outcome {
    OUTPUT_PIECE,   /* there is one */
    OUTPUT_NOTHING, /* yet */
    OUTPUT_ENDED,
    OUTPUT_FAILED,
    OUTPUT_BUSY, /* it is to be tried again */
};

struct output {
    struct call *call; /* until it is answered */
    struct api *api;
    struct http_request *request; /* until close() */
    struct run_key run;
    int64_t end; /* INT64_MAX: until the run ends */
    struct transfer transfer;
    struct hub_listener listener;
    bool joined; /* the hub knows of us; next() only */

    int64_t offset; /* of the next byte to read; whoever reads */
    char *piece;    /* the same; then next()'s */

    pthread_mutex_t mutex; /* protects the rest */
    size_t length, sent;   /* of the piece */
    enum output_outcome outcome;
    bool reading;  /* a transfer is under way */
    bool asked;    /* meanwhile there was news */
    bool draining; /* the server is */
    bool closed;
};

struct output *output_new(struct call *call, const struct run_key *run);
void output_free(struct output *output);

/* Answers with the bytes from `offset` to `end`, and gives the output away. */
void output_send(struct output *output, const struct answer *answer);

#endif
