/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/directory/files.h: copies of files in DATA/cache/<first two digits>/<hash>.
 *
 * Folders are 0700. Files are 0555: nobody reaches one by its name, and whoever is given the
 * descriptor can read and execute it, whatever account he runs as. What is being written is in
 * DATA/cache/unfinished, which is emptied at the start. Nothing is synced: the bytes of a copy are
 * read and hashed before they are believed the first time after a start, so one that a crash has
 * torn is found out. Which copy is used least is told by the times of the files, which the kernel
 * keeps to a day (relatime).
 */
#ifndef CRONJOB_ADAPTERS_DIRECTORY_FILES_H
#define CRONJOB_ADAPTERS_DIRECTORY_FILES_H

#include "ports/files.h"

#define FILES_DIRECTORY "cache" /* in the data directory */

/* RC_IO. */
MUST_USE enum rc directory_files_open(const char *data_directory, struct files **ret_files,
                                      struct err *err);

#endif
