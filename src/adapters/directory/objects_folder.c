/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/directory/objects_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

static enum rc fail_open(struct err *err, int error, const char *key)
{
    if (error == ENOENT)
        return err_fail(err, RC_NOT_FOUND, "there is no object '%s'", key);
    if (error == ENOTDIR || error == ELOOP)
        return err_fail(err, RC_CONFLICT, "a folder of the object '%s' is a file or a link", key);
    return objects_folder_fail(err, error, "finding", key);
}

/* ---- the way to a key ------------------------------------------------------------------------ */

/* The folder `name` in `parent`, or -1 and errno. */
static int enter(int parent, const char *name, bool make)
{
    if (make && mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    /* Also when another process has made it, which may not have come to this yet. */
    if (make && fsync(parent) != 0)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

enum rc objects_folder_open(int root, const char *key, bool make, int *ret_fd,
                            const char **ret_name, struct err *err)
{
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *slash;

    for (const char *at = key; fd >= 0; at = slash + 1) {
        char name[OBJECT_SEGMENT_MAX + 1] = {0};
        int parent = fd, error;

        slash = strchr(at, '/');
        if (!slash) {
            *ret_fd = fd;
            *ret_name = at;
            return RC_OK;
        }
        memcpy(name, at, (size_t)(slash - at)); /* fits: object_key_check() */
        fd = enter(parent, name, make);
        error = errno;
        (void)close(parent); /* was only read */
        errno = error;
    }
    return fail_open(err, errno, key);
}

void objects_folder_prune(int root, const char *key)
{
    AUTO_FREE char *folder = xstrdup(key);
    char *slash;

    while ((slash = strrchr(folder, '/'))) {
        const char *name;
        int fd, failed;

        *slash = '\0';
        if (objects_folder_open(root, folder, false, &fd, &name, NULL) != RC_OK)
            return;
        failed = unlinkat(fd, name, AT_REMOVEDIR); /* usually: it is not empty */
        (void)close(fd);                           /* was only read */
        if (failed)
            return;
    }
}

/* ---- all keys -------------------------------------------------------------------------------- */

struct entry {
    char *name; /* of a folder with a slash at its end: so its order is that of its keys */
    struct object_info info;
};

struct walk {
    const char *prefix;
    size_t prefix_length;
    object_visit visit;
    void *context;
    struct buf key;
    bool ended;
};

struct entries {
    struct entry *items;
    size_t count, capacity;
};

static void entries_release(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].name);
    free(entries->items);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void add_entry(struct entries *entries, int fd, const char *name)
{
    struct stat status;
    bool folder;

    if (object_key_check(name, NULL) != RC_OK ||
        fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) /* has gone meanwhile */
        return;
    folder = S_ISDIR(status.st_mode);
    if (!folder && !S_ISREG(status.st_mode))
        return;
    entries->items =
        xgrow(entries->items, entries->count, &entries->capacity, sizeof(struct entry));
    entries->items[entries->count++] = (struct entry){
        .name = xasprintf("%s%s", name, folder ? "/" : ""),
        .info = {.size = status.st_size,
                 .stored_at = status.st_mtim.tv_sec * SECOND + status.st_mtim.tv_nsec / 1000},
    };
}

static enum rc read_entries(int fd, struct entries *entries, struct err *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    int error;

    if (!folder) {
        error = errno;
        if (copy >= 0)
            (void)close(copy); /* was only read */
        return err_errno(err, RC_IO, error, "listing objects");
    }
    errno = 0;
    while ((entry = readdir(folder))) { /* NOLINT(concurrency-mt-unsafe): own DIR */
        add_entry(entries, fd, entry->d_name);
        errno = 0;
    }
    error = errno;
    (void)closedir(folder); /* was only read */
    if (error)
        return err_errno(err, RC_IO, error, "listing objects");
    if (entries->count)
        qsort(entries->items, entries->count, sizeof(struct entry), compare_entries);
    return RC_OK;
}

/* Whether what begins with `key` and what begins with the prefix have something in common. */
static bool is_wanted(const struct walk *walk)
{
    return !strncmp(walk->key.data, walk->prefix, MIN(walk->key.length, walk->prefix_length));
}

static enum rc walk_folder(struct walk *walk, int fd, struct err *err);

static enum rc walk_into(struct walk *walk, int parent, const char *entry, struct err *err)
{
    char name[OBJECT_SEGMENT_MAX + 1];
    int fd;
    enum rc rc;

    (void)snprintf(name, sizeof(name), "%.*s", (int)strlen(entry) - 1, entry); /* fits */
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return RC_OK;
    if (fd < 0)
        return err_errno(err, RC_IO, errno, "listing the objects of '%s'", walk->key.data);
    rc = walk_folder(walk, fd, err);
    (void)close(fd); /* was only read */
    return rc;
}

static enum rc walk_entry(struct walk *walk, int fd, const struct entry *entry, struct err *err)
{
    size_t before = walk->key.length;
    enum rc rc = RC_OK;

    if (buf_puts(&walk->key, entry->name) != RC_OK)
        return RC_OK; /* longer than a key may be: not ours */
    if (!is_wanted(walk))
        rc = RC_OK;
    else if (entry->name[strlen(entry->name) - 1] == '/')
        rc = walk_into(walk, fd, entry->name, err);
    else if (walk->key.length >= walk->prefix_length)
        walk->ended = !walk->visit(walk->context, walk->key.data, &entry->info);
    walk->key.length = before;
    walk->key.data[before] = '\0';
    return rc;
}

/* As deep as a key has slashes. */
static enum rc walk_folder(struct walk *walk, int fd, struct err *err)
{
    struct entries entries = {0};
    enum rc rc = read_entries(fd, &entries, err);

    for (size_t i = 0; rc == RC_OK && i < entries.count && !walk->ended; i++)
        rc = walk_entry(walk, fd, &entries.items[i], err);
    entries_release(&entries);
    return rc;
}

enum rc objects_folder_list(int root, const char *prefix, object_visit visit, void *context,
                            struct err *err)
{
    struct walk walk = {
        .prefix = prefix, .prefix_length = strlen(prefix), .visit = visit, .context = context};
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rc rc;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "listing objects");
    buf_init(&walk.key, OBJECT_KEY_MAX);
    rc = walk_folder(&walk, fd, err);
    buf_release(&walk.key);
    (void)close(fd); /* was only read */
    return rc;
}
