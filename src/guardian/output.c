/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"

/* Without root, the kernel may refuse (pipe-user-pages-soft): the pipe then stays at 64 KiB. */
enum { PIPE_SIZE = 256 * 1024, DIRECTORY_PART = 2, TAIL_PATH = OUTPUT_PATH + 8 };

void output_init(struct output *output, int pipe_fd, int64_t limit)
{
    *output = (struct output){.pipe_fd = pipe_fd,
                              .head_fd = -1,
                              .tail_fd = -1,
                              .head_max = limit - limit / 2,
                              .ring = {.room = limit / 2}};
}

static int create(int outputs_fd, char path[TAIL_PATH])
{
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(outputs_fd, path, flags, 0600);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    path[DIRECTORY_PART] = '\0';
    (void)mkdirat(outputs_fd, path, 0700); /* another run may have made it just now */
    path[DIRECTORY_PART] = '/';
    return openat(outputs_fd, path, flags, 0600);
}

static int create_file(int outputs_fd, const struct run_key *run, const char *suffix)
{
    char path[TAIL_PATH], name[OUTPUT_PATH];

    (void)snprintf(path, sizeof(path), "%s%s", output_path(run, name), suffix); /* fits */
    return create(outputs_fd, path);
}

static bool write_all(int fd, const char *data, size_t length, off_t offset)
{
    while (length) {
        ssize_t written = pwrite(fd, data, length, offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        length -= (size_t)written;
        offset += written;
    }
    return true;
}

/* Keeps the first bytes; answers how many of `length` it took. */
static size_t keep_head(struct output *output, int outputs_fd, const struct run_key *run,
                        const char *data, size_t length)
{
    size_t room = (size_t)(output->head_max - output->kept_head);

    length = MIN(length, room);
    if (!length)
        return 0;
    if (output->head_fd < 0) {
        output->head_fd = create_file(outputs_fd, run, "");
        (void)fcntl(output->pipe_fd, F_SETPIPE_SZ, PIPE_SIZE);
    }
    if (output->head_fd < 0 || !write_all(output->head_fd, data, length, output->kept_head)) {
        output->broken = true;
        return 0;
    }
    output->kept_head += (int64_t)length;
    output->ring.newline = data[length - 1] == '\n';
    return length;
}

/* Keeps the last bytes, in a ring. */
static void keep_tail(struct output *output, int outputs_fd, const struct run_key *run,
                      const char *data, size_t length)
{
    struct output_ring *ring = &output->ring;

    if (!ring->room || !length)
        return;
    if (output->tail_fd < 0)
        output->tail_fd = create_file(outputs_fd, run, OUTPUT_TAIL_SUFFIX);
    output->broken |= output->tail_fd < 0;
    while (length && !output->broken) {
        int64_t at = ring->total % ring->room;
        size_t part = MIN(length, (size_t)(ring->room - at));

        output->broken = !write_all(output->tail_fd, data, part, OUTPUT_RING_HEAD + at);
        ring->total += (int64_t)part;
        data += part;
        length -= part;
    }
}

enum output_state output_read(struct output *output, int outputs_fd, const struct run_key *run,
                              char *chunk, int reads)
{
    while (reads-- > 0) {
        ssize_t got = read(output->pipe_fd, chunk, OUTPUT_CHUNK);
        size_t length, head;

        if (got == 0)
            return OUTPUT_CLOSED;
        if (got < 0)
            return errno == EINTR ? OUTPUT_OPEN : OUTPUT_DRAINED;
        length = (size_t)got;
        output->written += got;
        if (output->broken)
            continue;
        head = keep_head(output, outputs_fd, run, chunk, length);
        if (!output->broken)
            keep_tail(output, outputs_fd, run, chunk + head, length - head);
    }
    return OUTPUT_OPEN;
}

static void close_file(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* every write was checked; outputs are not synced */
    *fd = -1;
}

/* The ring becomes readable by its head. One that has lost bytes to a full disk is left without,
 * and so is ignored. */
void output_finish(struct output *output)
{
    char head[OUTPUT_RING_HEAD];

    close_file(&output->pipe_fd);
    if (output->tail_fd >= 0 && !output->broken) {
        output_ring_encode(&output->ring, head);
        output->broken = !write_all(output->tail_fd, head, sizeof(head), 0);
    }
    close_file(&output->head_fd);
    close_file(&output->tail_fd);
}

bool output_is_truncated(const struct output *output)
{
    return output->broken ||
           output->written > output->kept_head + output_ring_length(&output->ring);
}
