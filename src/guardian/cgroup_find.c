/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/cgroup_find.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { FILE_MAX = 1 << 20, CHUNK = 4096, FIELDS = 16 };

char *read_text_file(int directory_fd, const char *path)
{
    int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
    struct buf buf;
    ssize_t length = -1;

    if (fd < 0)
        return NULL;
    buf_init(&buf, FILE_MAX);
    while (buf_reserve(&buf, CHUNK) == RC_OK) {
        length = read(fd, buf.data + buf.length, CHUNK);
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0)
            break;
        buf.length += (size_t)length;
        buf.data[buf.length] = '\0';
    }
    (void)close(fd); /* was only read */
    if (length != 0) {
        buf_release(&buf);
        return NULL;
    }
    return buf_take(&buf);
}

bool has_word(const char *text, size_t length, const char *word, char separator)
{
    size_t word_length = strlen(word);

    for (size_t at = 0; at + word_length <= length; at++) {
        bool begins = at == 0 || text[at - 1] == separator;
        bool ends = at + word_length == length || text[at + word_length] == separator;

        if (begins && ends && memcmp(text + at, word, word_length) == 0)
            return true;
    }
    return false;
}

struct part {
    const char *text;
    size_t length;
};

/* The parts of a line, up to FIELDS; the last has the rest. Answers how many there are. */
static size_t split(const char *line, size_t length, char separator, struct part parts[FIELDS])
{
    size_t count = 0;

    while (count < FIELDS - 1) {
        const char *end = memchr(line, separator, length);

        if (!end)
            break;
        parts[count++] = (struct part){line, (size_t)(end - line)};
        length -= (size_t)(end - line) + 1;
        line = end + 1;
    }
    parts[count++] = (struct part){line, length};
    return count;
}

static bool is(struct part part, const char *text)
{
    return part.length == strlen(text) && memcmp(part.text, text, part.length) == 0;
}

/* Calls for each line until one answers true. */
static bool find_line(const char *text, bool (*matches)(const char *, size_t, void *),
                      void *context)
{
    while (*text) {
        size_t length = strcspn(text, "\n");

        if (matches(text, length, context))
            return true;
        text += length + (text[length] == '\n');
    }
    return false;
}

struct search {
    const char *controller;
    struct part root;  /* the cgroup that is mounted */
    struct part point; /* where */
    struct part own;   /* our cgroup */
};

/* cgroups(7): "hierarchy-ID:controller-list:cgroup-path", version 2 is "0::PATH". */
static bool is_own_line(const char *line, size_t length, void *context)
{
    struct search *search = context;
    struct part parts[FIELDS];
    struct part path;

    if (split(line, length, ':', parts) < 3)
        return false;
    path = (struct part){parts[2].text, (size_t)(line + length - parts[2].text)};
    if (search->controller ? !has_word(parts[1].text, parts[1].length, search->controller, ',')
                           : !is(parts[0], "0") || parts[1].length)
        return false;
    search->own = path;
    return true;
}

/* proc(5): "36 35 98:0 ROOT POINT OPTIONS OPTIONAL... - TYPE SOURCE SUPER_OPTIONS". */
static bool is_mount_line(const char *line, size_t length, void *context)
{
    struct search *search = context;
    struct part parts[FIELDS];
    size_t count = split(line, length, ' ', parts), dash = 6;
    struct part options;

    while (dash < count && !is(parts[dash], "-"))
        dash++;
    if (dash + 3 >= count)
        return false;
    options = parts[dash + 3];
    if (search->controller ? !is(parts[dash + 1], "cgroup") ||
                                 !has_word(options.text, options.length, search->controller, ',')
                           : !is(parts[dash + 1], "cgroup2"))
        return false;
    search->root = parts[3];
    search->point = parts[4];
    return true;
}

char *cgroup_find(const char *mounts, const char *own, const char *controller)
{
    struct search search = {.controller = controller};
    struct part path;

    if (!find_line(own, is_own_line, &search) || !find_line(mounts, is_mount_line, &search))
        return NULL;
    path = search.own;
    /* A container may see only a part of the hierarchy, at its mount point. */
    if (search.root.length > 1 && path.length >= search.root.length &&
        memcmp(path.text, search.root.text, search.root.length) == 0) {
        path.text += search.root.length;
        path.length -= search.root.length;
    }
    if (is(path, "/"))
        path.length = 0;
    return xasprintf("%.*s%.*s", (int)search.point.length, search.point.text, (int)path.length,
                     path.text);
}
