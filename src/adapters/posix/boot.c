/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

enum { LINE_MAX_BYTES = 128, BOOT_ID = 36 };

/* The beginning of a file as text; "" when there is none. */
static void read_line(const char *path, char line[LINE_MAX_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    memset(line, 0, LINE_MAX_BYTES);
    if (fd < 0)
        return;
    if (read(fd, line, LINE_MAX_BYTES - 1) < 0)
        line[0] = '\0';
    (void)close(fd); /* it was only read */
}

static enum rc write_file(const char *path, const char *text, struct err *err)
{
    char *next AUTO_FREE = xasprintf("%s.new", path);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    enum rc rc = RC_OK;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "%s", next);
    if (write(fd, text, length) != (ssize_t)length || fsync(fd))
        rc = err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "%s", next);
    if (close(fd) && rc == RC_OK)
        rc = err_errno(err, RC_IO, errno, "%s", next);
    if (rc == RC_OK && rename(next, path))
        rc = err_errno(err, RC_IO, errno, "%s", path);
    return rc;
}

enum rc posix_boot_instant(const char *directory, struct clock *clock, instant_us *ret_boot_at,
                           struct err *err)
{
    char *path AUTO_FREE = xasprintf("%s/boot", directory);
    char id[LINE_MAX_BYTES], line[LINE_MAX_BYTES], text[LINE_MAX_BYTES];
    long long boot_at;
    enum rc rc;

    read_line(BOOT_ID_FILE, id);
    id[strcspn(id, "\n")] = '\0';
    read_line(path, line);
    if (strlen(id) == BOOT_ID && !strncmp(line, id, BOOT_ID) && line[BOOT_ID] == ' ') {
        char *end;

        errno = 0;
        boot_at = strtoll(line + BOOT_ID + 1, &end, 10);
        if (!errno && *end == '\n') {
            *ret_boot_at = boot_at;
            return RC_OK;
        }
    }
    boot_at = clock_now(clock) - clock_mono(clock);
    (void)snprintf(text, sizeof(text), "%s %lld\n", id, boot_at); /* fits by the sizes */
    rc = write_file(path, text, err);
    if (rc == RC_OK)
        *ret_boot_at = boot_at;
    return rc;
}
