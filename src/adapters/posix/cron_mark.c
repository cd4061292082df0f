/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/cron_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/posix/cron_command.h"
#include "adapters/posix/cron_file.h"

#define FILE_WORD    "file "
#define COMMAND_WORD "command "

enum { MARK_MAX = 8192 };

/* "file PATH" or "command PATH"; "" when there is no mark. */
static enum rc read_mark(const char *path, char mark[MARK_MAX], struct err *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t length;

    mark[0] = '\0';
    if (fd < 0)
        return errno == ENOENT ? RC_OK : err_errno(err, RC_IO, errno, "%s", path);
    length = read(fd, mark, MARK_MAX - 1);
    (void)close(fd); /* it was only read */
    if (length < 0)
        return err_errno(err, RC_IO, errno, "%s", path);
    mark[length] = '\0';
    mark[strcspn(mark, "\n")] = '\0';
    return RC_OK;
}

static enum rc write_mark(const char *path, const char *mark, struct err *err)
{
    char *next AUTO_FREE = xasprintf("%s.new", path);
    char *line AUTO_FREE = xasprintf("%s\n", mark);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum rc rc = RC_OK;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "%s", next);
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line) || fsync(fd) != 0)
        rc = err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "%s", next);
    if (close(fd) != 0 && rc == RC_OK)
        rc = err_errno(err, RC_IO, errno, "%s", next);
    if (rc == RC_OK && rename(next, path) != 0)
        rc = err_errno(err, RC_IO, errno, "%s", path);
    return rc;
}

static enum rc take_away(const char *mark, const char *data, struct err *err)
{
    struct cron_table *table = NULL;
    enum cron_found found;
    enum rc rc = RC_OK;

    if (strncmp(mark, FILE_WORD, strlen(FILE_WORD)) == 0)
        rc = cron_file_new(&(struct cron_file_config){.path = mark + strlen(FILE_WORD),
                                                      .data = data,
                                                      .owner = geteuid()},
                           &table, err);
    else if (strncmp(mark, COMMAND_WORD, strlen(COMMAND_WORD)) == 0)
        rc = cron_command_new(
            &(struct cron_command_config){.program = mark + strlen(COMMAND_WORD), .data = data},
            &table, err);
    if (rc == RC_OK && table)
        rc = cron_table_keep(table, "", 0, &found, err);
    cron_table_free(table);
    return rc;
}

enum rc cron_mark_move(const char *data, const struct cron_place *place, struct err *err)
{
    char *path AUTO_FREE = xasprintf("%s/crontab", data);
    char *mark AUTO_FREE = place->file      ? xasprintf(FILE_WORD "%s", place->file)
                           : place->command ? xasprintf(COMMAND_WORD "%s", place->command)
                                            : xstrdup("");
    char old[MARK_MAX];
    enum rc rc = read_mark(path, old, err);

    if (rc != RC_OK || strcmp(old, mark) == 0)
        return rc;
    rc = take_away(old, data, err);
    if (rc != RC_OK)
        return rc;
    if (*mark)
        return write_mark(path, mark, err);
    return unlink(path) == 0 || errno == ENOENT ? RC_OK : err_errno(err, RC_IO, errno, "%s", path);
}
