/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/directory/objects.h: objects as files of a directory, each by the path that is its key.
 *
 * Several processes, also of several machines, may share it: a file is written under a name that is
 * no key, in the folder "~unfinished", and renamed when it is durable. What a crash left there goes
 * when the directory is opened again. Symbolic links are never followed; files are 0600, folders
 * 0700. A folder goes with its last file.
 */
#ifndef CRONJOB_ADAPTERS_DIRECTORY_OBJECTS_H
#define CRONJOB_ADAPTERS_DIRECTORY_OBJECTS_H

#include "ports/objects.h"

/* Made when it is not there, but not the folder that it is in. RC_IO. */
MUST_USE enum rc directory_objects_open(const char *path, struct objects **ret_objects,
                                        struct err *err);

#endif
