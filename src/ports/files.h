/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/files.h: copies of scripts and binaries on this node, by the SHA-256 of their bytes.
 *
 * Contract:
 * - A hash is a text of 64 lower-case hexadecimal digits.
 * - A copy is there whole or not at all: what was begun and not kept is gone.
 * - open() answers RC_OK only for a descriptor whose bytes have the hash: it reads them all, unless
 * the copy is the one of a stamp that is known. A copy that has become another is removed, and is
 * RC_NOT_FOUND with words that say so. What is opened can be read and executed by everybody who is
 * given the descriptor, whatever becomes of the copy.
 * - Copies outlive whoever made them, but for those that were not kept.
 * - RC_NOT_FOUND; RC_FULL: no space; RC_STALE; RC_IO.
 * - All but open() with a known stamp may wait for a disk. Different hashes: safe from any thread;
 * one hash: one call at a time, but open() beside open().
 */
#ifndef CRONJOB_PORTS_FILES_H
#define CRONJOB_PORTS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

struct files;

/* Which file, and in which state: with an equal stamp, the bytes are the same. Whoever writes to a
 * file changes the time of its last change, and cannot set it. */
struct file_stamp {
    uint64_t device, inode;
    int64_t size;
    int64_t changed; /* nanoseconds */
};

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);
/* RC_INVALID: it is no regular file. */
MUST_USE enum rc file_stamp_read(int fd, struct file_stamp *ret_stamp, struct err *err);
/* Whether the bytes have this hash; reads them all, by positions. */
MUST_USE enum rc file_has_hash(int fd, const char *hash, bool *ret_has, struct err *err);

struct file_copy {
    int fd; /* the caller's; only to be read */
    struct file_stamp stamp;
};

/* A copy that is being made; an adapter's own. */
struct file_draft;

/* False ends the visit, RC_OK. */
typedef bool (*file_visit)(void *context, const char *hash, int64_t size, instant_us used_at);

struct files_ops {
    const char *name;
    /* What there is, in no order; used_at is a guess, good enough for which to give up first. What
     * does not belong here is removed or left out. Not while anything else goes on. */
    enum rc (*list)(struct files *files, file_visit visit, void *context, struct err *err);
    /* `known` NULL: the bytes are read. Else RC_STALE unless it is the one of this stamp. */
    enum rc (*open)(struct files *files, const char *hash, const struct file_stamp *known,
                    struct file_copy *ret_copy, struct err *err);
    enum rc (*begin)(struct files *files, const char *hash, struct file_draft **ret_draft,
                     struct err *err);
    enum rc (*append)(struct files *files, struct file_draft *draft, const void *data,
                      size_t length, struct err *err);
    /* The draft is done with, whatever is answered. The caller says that the bytes have the hash:
     * he hashed them as they came. */
    enum rc (*keep)(struct files *files, struct file_draft *draft, struct file_copy *ret_copy,
                    struct err *err);
    void (*drop)(struct files *files, struct file_draft *draft);
    /* RC_OK also when it is not there. */
    enum rc (*remove)(struct files *files, const char *hash, struct err *err);
    void (*free)(struct files *files);
};

struct files {
    const struct files_ops *ops;
};

MUST_USE static inline enum rc files_list(struct files *files, file_visit visit, void *context,
                                          struct err *err)
{
    return files->ops->list(files, visit, context, err);
}

MUST_USE static inline enum rc files_open(struct files *files, const char *hash,
                                          const struct file_stamp *known,
                                          struct file_copy *ret_copy, struct err *err)
{
    return files->ops->open(files, hash, known, ret_copy, err);
}

MUST_USE static inline enum rc files_begin(struct files *files, const char *hash,
                                           struct file_draft **ret_draft, struct err *err)
{
    return files->ops->begin(files, hash, ret_draft, err);
}

MUST_USE static inline enum rc files_append(struct files *files, struct file_draft *draft,
                                            const void *data, size_t length, struct err *err)
{
    return files->ops->append(files, draft, data, length, err);
}

MUST_USE static inline enum rc files_keep(struct files *files, struct file_draft *draft,
                                          struct file_copy *ret_copy, struct err *err)
{
    return files->ops->keep(files, draft, ret_copy, err);
}

static inline void files_drop(struct files *files, struct file_draft *draft)
{
    files->ops->drop(files, draft);
}

MUST_USE static inline enum rc files_remove(struct files *files, const char *hash, struct err *err)
{
    return files->ops->remove(files, hash, err);
}

static inline void files_free(struct files *files)
{
    if (files)
        files->ops->free(files);
}

#endif
