/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/file.h: the files of runs that wait, one descriptor for each.
 *
 * A hundred thousand runs may wait, and mostly for the same few files: a descriptor of an inode
 * that is held already is closed, and the one held is counted. So nothing that happens to the
 * worker's copies matters between the hand-over and the start.
 */
#ifndef CRONJOB_GUARDIAN_FILE_H
#define CRONJOB_GUARDIAN_FILE_H

#include "base/table.h"

#include "core/file_kind.h"

#include "ports/launcher.h"

struct kept_file {
    struct table_node node;
    struct file_stamp found; /* when it came; its device and inode are the key */
    int fd;
    size_t users;
};

struct kept_files {
    struct table by_inode;
};

/* Takes the descriptor over, whatever is answered. RC_INVALID: nothing that can be executed. */
MUST_USE enum rc kept_files_take(struct kept_files *files, int fd, struct kept_file **ret_file,
                                 struct err *err);
void kept_files_give_back(struct kept_files *files, struct kept_file *file); /* NULL is fine */
void kept_files_release(struct kept_files *files);

/* Just before the launch: that the bytes are those that the worker has checked, and that this
 * machine can execute them. Of a script, its interpreter. RC_INVALID, in words for the run's
 * reason. */
MUST_USE enum rc kept_file_check(const struct kept_file *file, const struct launch *launch,
                                 struct interpreter *ret_interpreter, struct err *err);

#endif
