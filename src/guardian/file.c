/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

static uint64_t hash_of(const struct file_stamp *stamp)
{
    return hash_mix(stamp->inode ^ hash_mix(stamp->device));
}

static struct kept_file *find(const struct kept_files *files, const struct file_stamp *stamp)
{
    struct table_node *node = table_first(&files->by_inode, hash_of(stamp));

    for (; node; node = table_next(node)) {
        struct kept_file *file = container_of(node, struct kept_file, node);

        if (file->found.device == stamp->device && file->found.inode == stamp->inode)
            return file;
    }
    return NULL;
}

/* A script gets the descriptor itself: it must not be a way to write. */
static enum rc check_descriptor(int fd, struct file_stamp *ret_stamp, struct err *err)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY || (flags & O_PATH))
        return err_fail(err, RC_INVALID, "the file was not opened for reading only");
    return file_stamp_read(fd, ret_stamp, err);
}

enum rc kept_files_take(struct kept_files *files, int fd, struct kept_file **ret_file,
                        struct err *err)
{
    struct file_stamp stamp;
    struct kept_file *file;
    enum rc rc = check_descriptor(fd, &stamp, err);

    if (rc != RC_OK) {
        (void)close(fd); /* was only read */
        return rc;
    }
    file = find(files, &stamp);
    if (file) {
        (void)close(fd); /* was only read */
    } else {
        file = xcalloc(1, sizeof(*file));
        file->found = stamp;
        file->fd = fd;
        table_insert(&files->by_inode, &file->node, hash_of(&stamp));
    }
    file->users++;
    *ret_file = file;
    return RC_OK;
}

void kept_files_give_back(struct kept_files *files, struct kept_file *file)
{
    if (!file || --file->users)
        return;
    table_remove(&files->by_inode, &file->node);
    (void)close(file->fd); /* was only read */
    free(file);
}

void kept_files_release(struct kept_files *files)
{
    table_release(&files->by_inode);
}

/* A file that has lost its name has another stamp, and its bytes still: reading them all holds
 * everybody up, and is rare. */
static enum rc check_unchanged(const struct kept_file *file, const struct launch *launch,
                               struct err *err)
{
    struct file_stamp now;
    bool is_same = false;
    enum rc rc = file_stamp_read(file->fd, &now, err);

    if (rc != RC_OK || file_stamp_equal(&now, &launch->file.stamp))
        return rc;
    rc = file_has_hash(file->fd, launch->sha256, &is_same, err);
    if (rc == RC_OK && !is_same)
        return err_fail(err, RC_INVALID, "the file was changed after its bytes were checked");
    return rc;
}

static enum rc read_head(int fd, char data[FILE_HEAD], struct file_head *ret_head, struct err *err)
{
    ssize_t length;

    do
        length = pread(fd, data, FILE_HEAD, 0);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return err_errno(err, RC_INVALID, errno, "reading the file");
    *ret_head = (struct file_head){.data = data, .length = (size_t)length};
    return RC_OK;
}

/* exec would only say "Permission denied". */
static enum rc check_mount(int fd, struct err *err)
{
    struct statvfs status;

    if (fstatvfs(fd, &status) == 0 && (status.f_flag & ST_NOEXEC))
        return err_fail(err, RC_INVALID,
                        "binaries cannot be executed: the worker's data directory is on a file "
                        "system mounted noexec");
    return RC_OK;
}

enum rc kept_file_check(const struct kept_file *file, const struct launch *launch,
                        struct interpreter *ret_interpreter, struct err *err)
{
    enum job_type type = launch->is_script ? JOB_SCRIPT : JOB_BINARY;
    char data[FILE_HEAD];
    struct file_head head;
    enum rc rc = check_unchanged(file, launch, err);

    if (rc == RC_OK)
        rc = read_head(file->fd, data, &head, err);
    if (rc == RC_OK)
        rc = file_check_here(type, &head, err);
    if (rc != RC_OK)
        return rc;
    return launch->is_script ? file_interpreter(&head, ret_interpreter, err)
                             : check_mount(file->fd, err);
}
