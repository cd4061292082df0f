/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/directory/objects_folder.h: the folders that keys lead through. */
#ifndef CRONJOB_ADAPTERS_DIRECTORY_OBJECTS_FOLDER_H
#define CRONJOB_ADAPTERS_DIRECTORY_OBJECTS_FOLDER_H

#include <errno.h>

#include "ports/objects.h"

/* What begins with it is no key. */
#define OBJECTS_UNFINISHED "~unfinished"

/*
 * Opens the folder that holds `key`, below the folder `root`, through no symbolic link; `ret_name`
 * is what is left of the key. With `make` folders that are missing are made, and all on the way are
 * durable. RC_NOT_FOUND. RC_CONFLICT: one of them is a file.
 */
MUST_USE enum rc objects_folder_open(int root, const char *key, bool make, int *ret_fd,
                                     const char **ret_name, struct err *err);

/* Removes the folders of the key that have become empty. */
void objects_folder_prune(int root, const char *key);

/* RC_FULL when that is what the errno value says, else RC_IO. */
static inline enum rc objects_folder_fail(struct err *err, int error, const char *what,
                                          const char *key)
{
    return err_errno(err, error == ENOSPC || error == EDQUOT ? RC_FULL : RC_IO, error,
                     "%s the object '%s'", what, key);
}

/* ports/objects.h, list() */
MUST_USE enum rc objects_folder_list(int root, const char *prefix, object_visit visit,
                                     void *context, struct err *err);

#endif
