/* SPDX-License-Identifier: Apache-2.0 */
/* test/contract/objects_suite.h: the clauses of ports/objects.h, and what they are about. */
#ifndef CRONJOB_TEST_CONTRACT_OBJECTS_SUITE_H
#define CRONJOB_TEST_CONTRACT_OBJECTS_SUITE_H

#include "ports/objects.h"

#include "testing.h"

struct objects_fixture {
    struct objects *objects;
    struct clock *clock;
    char directory[64];
};

/* How an adapter comes to be, and goes with all that it held. Not 0: it cannot be tested here. */
struct objects_maker {
    const char *name;
    int (*begin)(void);
    void (*open)(struct objects_fixture *fixture);
    void (*close)(struct objects_fixture *fixture);
    int (*own)(void); /* its own clauses; how many failed. May be NULL */
};

extern const struct objects_maker objects_memory_maker;
extern const struct objects_maker objects_directory_maker;
extern const struct objects_maker objects_s3_maker;

/* ---- short words --------------------------------------------------------------------------------
 */

/* A file without a name that holds these bytes; closed with objects_source_close(). */
struct object_source objects_source(const void *data, size_t length);
void objects_source_close(const struct object_source *source);

enum rc objects_put_bytes(struct objects *objects, const char *key, const void *data,
                          size_t length);
void objects_put_text(struct objects *objects, const char *key, const char *text);

/* What get() gave; `rc` is what it answered. */
struct objects_got {
    enum rc rc;
    char *data;
    size_t length;
    struct err err;
};
struct objects_got objects_get_all(struct objects *objects, const char *key, int64_t offset,
                                   int64_t length);
void objects_assert_text(struct objects *objects, const char *key, const char *expected);
void objects_assert_missing(struct objects *objects, const char *key);

/* All keys that begin with the prefix, each followed by a blank. The caller frees it. */
char *objects_keys(struct objects *objects, const char *prefix);

/* Bytes that repeat nowhere near. The caller frees them. */
char *objects_noise(size_t length);

#endif
