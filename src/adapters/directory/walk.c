/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/directory/walk.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"

#include "ports/output_file.h"

enum { FOLDERS = 256 };

static DIR *open_folder(const struct output_walk *walk, unsigned folder)
{
    char path[LIMIT_PATH + sizeof("/" OUTPUT_DIRECTORY "/00")];
    int length =
        snprintf(path, sizeof(path), "%s/" OUTPUT_DIRECTORY "/%02x", walk->data_directory, folder);

    return length > 0 && (size_t)length < sizeof(path) ? opendir(path) : NULL;
}

/* Other files, such as the ends of long outputs, are not runs. */
static bool read_folder(DIR *files, struct run_key *ret_run)
{
    const struct dirent *entry;

    while ((entry = readdir(files))) { /* NOLINT(concurrency-mt-unsafe): own DIR */
        if (entry->d_name[0] != '.' && !strstr(entry->d_name, OUTPUT_TAIL_SUFFIX) &&
            run_id_parse(entry->d_name, ret_run, NULL) == RC_OK)
            return true;
    }
    return false;
}

void output_walk_release(struct output_walk *walk)
{
    if (walk->files)
        (void)closedir(walk->files); /* was only read */
    walk->files = NULL;
}

bool output_walk_next(struct output_walk *walk, struct run_key *ret_run)
{
    for (;;) {
        if (walk->files && read_folder(walk->files, ret_run))
            return true;
        output_walk_release(walk);
        if (walk->folder == FOLDERS) {
            walk->folder = 0;
            return false;
        }
        walk->files = open_folder(walk, walk->folder++);
    }
}
