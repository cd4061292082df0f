/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/sift.h: a JSON text on its way in, out of which one long string is taken. Pure.
 *
 * A file in a request's body is megabytes of text in one member of an object, and all else is
 * small. So the text is followed as it comes: when the string that is the value of the member
 * `name` of the object at the top grows longer than `most` bytes, it goes to take() as it comes,
 * without its escapes, and SIFT_STANDIN takes its place in what is kept. Whoever reads what is kept
 * finds every mistake in it; here only the ends of strings and the depth are followed. A name that
 * is spelled with escapes is not recognised.
 */
#ifndef CRONJOB_WIRE_SIFT_H
#define CRONJOB_WIRE_SIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SIFT_STANDIN "taken"

enum sift_place { SIFT_OUTSIDE, SIFT_STRING, SIFT_ESCAPE, SIFT_HEX };

/* The first four members are the user's to set, the others begin as zeros. */
struct sift {
    const char *name;
    size_t most;
    enum rc (*take)(void *context, const char *text, size_t length, struct err *err);
    void *context;

    bool taking; /* in the middle of it */
    bool taken;  /* the value went to take(), from its beginning on */
    bool broken; /* the value has a line break, which JSON does not have in a string */
    enum sift_place place;
    size_t depth;
    bool names_next; /* at depth 1: the next string is a name */
    bool is_name;    /* the string here is a name of depth 1 */
    bool matches;    /* as far as it has come it is `name`, or the last one was */
    size_t matched;  /* bytes of it */
    bool is_value;   /* the string here is the value that may be taken */
    size_t start;    /* of the value, in what is kept */
    uint32_t code;   /* of \uXXXX */
    unsigned digits;
};

/* Follows a piece. RC_TOO_BIG: what is kept is full. RC_MALFORMED: an escape that JSON does not
 * have, in what is taken. What take() answers. */
MUST_USE enum rc sift_feed(struct sift *sift, const char *text, size_t length, struct buf *kept,
                           struct err *err);

#endif
