/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/file_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "wire/base64.h"

enum { GROUPS = 4096, BYTES = 3 * GROUPS, CHARACTERS = 4 * GROUPS };

static const char tail[] = "\"}";
enum { TAIL = sizeof tail - 1 };

/* ---- the file ------------------------------------------------------------------------------ */

static int complain(const char *path, int error)
{
    cli_complain("%s: %s", strcmp(path, "-") == 0 ? "standard input" : path,
                 strerrordesc_np(error));
    return CLI_FAILED;
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno != EINTR)
            return false;
        data += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* All of it, into a file that goes with its descriptor; -1 with errno. */
static int copy_stream(int from)
{
    char data[16 * 1024];
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    ssize_t length = fd < 0 ? -1 : 1;
    while (length > 0) {
        length = read(from, data, sizeof data);
        if (length < 0 && errno == EINTR)
            length = 1;
        else if (length > 0 && !write_all(fd, data, (size_t)length))
            length = -1;
    }
    if (length == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = error;
    return -1;
}

static int open_file(const char *path)
{
    struct stat status;
    int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0 || S_ISREG(status.st_mode))
        return fd;
    int copy = copy_stream(fd);
    int error = errno;
    (void)close(fd);
    errno = error;
    return copy;
}

int file_body_open(struct file_body *body, const char *path, const struct buf *head)
{
    struct stat status;
    int fd = open_file(path);
    if (fd < 0)
        return complain(path, errno);
    if (fstat(fd, &status) < 0) {
        int error = errno;
        (void)close(fd);
        return complain(path, error);
    }
    *body = (struct file_body){.fd = fd, .size = (size_t)status.st_size, .head = head};
    if (status.st_size > 0)
        return CLI_DONE;
    file_body_close(body);
    cli_complain("%s: is empty", path);
    return CLI_FAILED;
}

void file_body_close(struct file_body *body)
{
    (void)close(body->fd);
    body->fd = -1;
}

const char *file_body_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(path, "-") == 0)
        return NULL;
    return slash ? slash + 1 : path;
}

/* ---- the body ------------------------------------------------------------------------------ */

size_t file_body_length(const struct file_body *body)
{
    return body->head->length + BASE64_TEXT(body->size) + TAIL;
}

static size_t read_bytes(const struct file_body *body, size_t offset, uint8_t data[BYTES])
{
    size_t length = 0;
    while (length < BYTES) {
        ssize_t got = pread(body->fd, data + length, BYTES - length, (off_t)(offset + length));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    return length;
}

/* The text from this character on, as far as one reading goes; 0 when the file is shorter now. */
static size_t give_text(const struct file_body *body, size_t from, char *data, size_t capacity)
{
    uint8_t bytes[BYTES];
    char text[CHARACTERS];
    size_t group = from / 4;
    size_t skipped = from % 4;
    size_t wanted = MIN(body->size - 3 * group, (size_t)BYTES);
    if (read_bytes(body, 3 * group, bytes) < wanted)
        return 0;
    base64_write(bytes, wanted, text);
    size_t length = MIN(BASE64_TEXT(wanted) - skipped, capacity);
    memcpy(data, text + skipped, length);
    return length;
}

static size_t give_part(const char *part, size_t length, size_t from, void *data, size_t capacity)
{
    size_t given = MIN(length - from, capacity);
    memcpy(data, part + from, given);
    return given;
}

size_t file_body_give(void *context, size_t offset, void *data, size_t capacity)
{
    const struct file_body *body = context;
    size_t head = body->head->length;
    size_t text = BASE64_TEXT(body->size);
    if (offset < head)
        return give_part(body->head->data, head, offset, data, capacity);
    if (offset < head + text)
        return give_text(body, offset - head, data, capacity);
    return give_part(tail, TAIL, offset - head - text, data, capacity);
}
