/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sqlite/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"

enum { PID_TEXT = 32 };

static enum rc busy(const char *path, int fd, struct err *err)
{
    char holder[PID_TEXT] = "";
    ssize_t length = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[length > 0 ? strcspn(holder, "\n") : 0] = '\0';
    return err_fail(err, RC_BUSY, "another cronjob process%s%s uses %s", holder[0] ? ", pid " : "",
                    holder, path);
}

static enum rc mark(int fd, struct err *err)
{
    char *AUTO_FREE text = xasprintf("%ld\n", (long)getpid());

    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
        return err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "writing the lock file");
    return RC_OK;
}

enum rc sqlite_lock_take(const char *path, struct sqlite_lock *ret_lock, struct err *err)
{
    char *AUTO_FREE name = xasprintf("%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char content;
    bool unclean;
    enum rc rc;

    if (fd < 0)
        return err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "opening %s", name);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? busy(path, fd, err)
                                  : err_errno(err, RC_IO, errno, "locking %s", name);
        (void)close(fd);
        return rc;
    }
    unclean = pread(fd, &content, 1, 0) == 1;
    rc = mark(fd, err);
    if (rc != RC_OK) {
        (void)close(fd);
        return rc;
    }
    *ret_lock = (struct sqlite_lock){.fd = fd, .unclean = unclean};
    return RC_OK;
}

void sqlite_lock_release(struct sqlite_lock *lock, bool clean)
{
    if (lock->fd < 0)
        return;
    if (clean)
        (void)!ftruncate(lock->fd, 0); /* a mark that stays costs the next start a check */
    (void)close(lock->fd);
    lock->fd = -1;
}
