/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/directory/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "ports/output_file.h"

enum { TAIL_PATH = OUTPUT_PATH + 8, PARTS = 4 };

struct directory_outputs {
    struct outputs base;
    int fd; /* of DIR/outputs; positions are given with each read, so threads may share it */
};

static struct directory_outputs *self_of(struct outputs *outputs)
{
    return container_of(outputs, struct directory_outputs, base);
}

/* A stretch of the output and where its bytes are. */
struct part {
    int fd;           /* -1: in memory */
    const char *text; /* in memory */
    int64_t offset;   /* in the file */
    int64_t length;
};

/* An output that is being read: the first file, the line, the ring from its oldest byte to its end,
 * the ring from its beginning. */
struct view {
    int head_fd, tail_fd; /* tail_fd -1: there is none */
    char marker[OUTPUT_MARKER];
    struct part parts[PARTS];
    size_t part_count;
};

static void view_release(struct view *view)
{
    if (view->head_fd >= 0)
        (void)close(view->head_fd); /* was only read */
    if (view->tail_fd >= 0)
        (void)close(view->tail_fd); /* was only read */
}

static void add_part(struct view *view, struct part part)
{
    if (part.length > 0)
        view->parts[view->part_count++] = part;
}

static void add_tail(struct view *view, const struct output_ring *ring)
{
    int64_t length = output_ring_length(ring), start = output_ring_start(ring);
    size_t marker = output_marker(ring, view->marker);

    add_part(view, (struct part){.fd = -1, .text = view->marker, .length = (int64_t)marker});
    add_part(view, (struct part){.fd = view->tail_fd,
                                 .offset = OUTPUT_RING_HEAD + start,
                                 .length = length - start});
    add_part(view, (struct part){.fd = view->tail_fd, .offset = OUTPUT_RING_HEAD, .length = start});
}

/* The tail counts when its head is there, which is written last. */
static void open_tail(struct view *view, int directory_fd, const char *path)
{
    char tail_path[TAIL_PATH], head[OUTPUT_RING_HEAD];
    struct output_ring ring;

    (void)snprintf(tail_path, sizeof(tail_path), "%s" OUTPUT_TAIL_SUFFIX, path); /* fits */
    view->tail_fd = openat(directory_fd, tail_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (view->tail_fd >= 0 && pread(view->tail_fd, head, sizeof(head), 0) == sizeof(head) &&
        output_ring_decode(head, &ring))
        add_tail(view, &ring);
}

static enum rc view_open(struct view *view, const struct directory_outputs *self,
                         const struct run_key *run, struct err *err)
{
    char path[OUTPUT_PATH];
    struct stat status;

    *view = (struct view){.tail_fd = -1};
    view->head_fd = openat(self->fd, output_path(run, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (view->head_fd < 0 && errno == ENOENT)
        return err_fail(err, RC_NOT_FOUND, "the run has no output");
    if (view->head_fd < 0)
        return err_errno(err, RC_IO, errno, "opening the output %s", path);
    /* The tail first: once it counts, the first file does not grow any more. */
    open_tail(view, self->fd, path);
    if (fstat(view->head_fd, &status) != 0) {
        (void)err_errno(err, RC_IO, errno, "reading the output %s", path);
        view_release(view);
        return RC_IO;
    }
    if (!status.st_nlink) { /* it is being removed: perhaps the tail is gone already */
        view_release(view);
        return err_fail(err, RC_NOT_FOUND, "the run has no output");
    }
    memmove(view->parts + 1, view->parts, view->part_count * sizeof(struct part));
    view->parts[0] = (struct part){.fd = view->head_fd, .length = status.st_size};
    view->part_count++;
    return RC_OK;
}

static enum rc directory_size(struct outputs *outputs, const struct run_key *run, int64_t *ret_size,
                              struct err *err)
{
    struct view view;
    enum rc rc = view_open(&view, self_of(outputs), run, err);
    int64_t size = 0;

    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < view.part_count; i++)
        size += view.parts[i].length;
    view_release(&view);
    *ret_size = size;
    return RC_OK;
}

/* Up to `capacity` bytes of the part from `offset`; -1 and errno. */
static ssize_t read_part(const struct part *part, int64_t offset, char *data, size_t capacity)
{
    size_t length = (size_t)MIN((int64_t)capacity, part->length - offset);

    if (!part->text)
        return pread(part->fd, data, length, (off_t)(part->offset + offset));
    memcpy(data, part->text + offset, length);
    return (ssize_t)length;
}

static enum rc read_view(const struct view *view, struct output_piece *piece, struct err *err)
{
    char *data = piece->data;
    int64_t offset = piece->offset;
    size_t done = 0;

    for (size_t i = 0; i < view->part_count && done < piece->capacity; i++) {
        const struct part *part = &view->parts[i];

        while (offset < part->length && done < piece->capacity) {
            ssize_t got = read_part(part, offset, data + done, piece->capacity - done);

            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return err_errno(err, RC_IO, errno, "reading an output");
            if (got == 0)
                break;
            offset += got;
            done += (size_t)got;
        }
        offset -= part->length;
        if (offset < 0)
            break;
    }
    piece->length = done;
    return RC_OK;
}

static enum rc directory_read(struct outputs *outputs, const struct run_key *run,
                              struct output_piece *piece, struct err *err)
{
    struct view view;
    enum rc rc = view_open(&view, self_of(outputs), run, err);

    if (rc != RC_OK)
        return rc;
    rc = read_view(&view, piece, err);
    view_release(&view);
    return rc;
}

/* The first file first, so that who has it open sees that the tail is not to be relied on. */
static enum rc directory_remove(struct outputs *outputs, const struct run_key *run, struct err *err)
{
    const struct directory_outputs *self = self_of(outputs);
    char path[OUTPUT_PATH], tail_path[TAIL_PATH];
    bool there;

    (void)snprintf(tail_path, sizeof(tail_path), "%s" OUTPUT_TAIL_SUFFIX,
                   output_path(run, path)); /* fits */
    there = unlinkat(self->fd, path, 0) == 0;
    if (!there && errno != ENOENT)
        return err_errno(err, RC_IO, errno, "removing the output %s", path);
    if (unlinkat(self->fd, tail_path, 0) != 0 && errno != ENOENT)
        return err_errno(err, RC_IO, errno, "removing the output %s", tail_path);
    return there ? RC_OK : err_fail(err, RC_NOT_FOUND, "the run has no output");
}

static void directory_free(struct outputs *outputs)
{
    (void)close(self_of(outputs)->fd); /* was only read */
    free(self_of(outputs));
}

enum rc directory_outputs_open(const char *data_directory, struct outputs **ret_outputs,
                               struct err *err)
{
    static const struct outputs_ops ops = {.name = "directory",
                                           .size = directory_size,
                                           .read = directory_read,
                                           .tail = outputs_find_tail,
                                           .remove = directory_remove,
                                           .free = directory_free};
    AUTO_FREE char *path = xasprintf("%s/" OUTPUT_DIRECTORY, data_directory);
    struct directory_outputs *self;
    int fd;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_errno(err, RC_IO, errno, "making %s", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, RC_IO, errno, "opening %s", path);
    self = xmalloc(sizeof(*self));
    *self = (struct directory_outputs){.base.ops = &ops, .fd = fd};
    *ret_outputs = &self->base;
    return RC_OK;
}
