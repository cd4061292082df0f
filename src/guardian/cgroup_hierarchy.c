/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/cgroup_hierarchy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"

#include "guardian/cgroup_find.h"

enum { CHUNK = 16 * 1024, PATIENCE = 5, ROUNDS = 100000, WAIT_MS = 1000 };

static const char *const controller_names[CONTROLLER_COUNT] = {
    [CONTROLLER_MEMORY] = "memory", [CONTROLLER_CPU] = "cpu", [CONTROLLER_TASKS] = "pids"};

bool write_text_file(int directory_fd, const char *path, const char *text)
{
    int fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC);
    ssize_t written;
    int error;

    if (fd < 0)
        return false;
    written = write(fd, text, strlen(text));
    error = errno;
    (void)close(fd); /* files of the kernel act on write() */
    errno = error;
    return written == (ssize_t)strlen(text);
}

/* ---- processes of a group ------------------------------------------------------------------ */

typedef bool (*pid_visit)(pid_t pid, int context);

/* Visits the processes that a cgroup.procs file lists, until a visit answers false. */
static void for_each_pid(int procs_fd, pid_visit visit, int context)
{
    AUTO_FREE char *text = xmalloc(CHUNK + 1);
    off_t offset = 0;
    ssize_t length;
    pid_t pid = 0;

    while ((length = pread(procs_fd, text, CHUNK, offset)) > 0) {
        offset += length;
        for (ssize_t i = 0; i < length; i++) {
            if (text[i] != '\n') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            if (pid > 0 && !visit(pid, context)) /* 0: outside our namespace */
                return;
            pid = 0;
        }
    }
}

static bool send_signal(pid_t pid, int signal)
{
    (void)kill(pid, signal); /* gone already, or not ours to signal: nothing to do about either */
    return true;
}

void cgroup_signal(int procs_fd, int signal)
{
    for_each_pid(procs_fd, send_signal, signal);
}

/* Answers false, so that the list is read again: the next one may have gone meanwhile. */
static bool kill_and_wait(pid_t pid, int context)
{
    struct pollfd poller = {.fd = pidfd_open(pid, 0), .events = POLLIN};

    (void)context;
    if (poller.fd < 0)
        return false;
    (void)pidfd_send_signal(poller.fd, SIGKILL, NULL, 0); /* it may be dead */
    (void)poll(&poller, 1, WAIT_MS);
    (void)close(poller.fd);
    return false;
}

/* Kills one process after another until the list is empty. One that does not die (it hangs in the
 * kernel) is waited for PATIENCE times, then left. */
static void kill_all(int directory_fd, const char *name)
{
    AUTO_FREE char *kill_path = xasprintf("%s/cgroup.kill", name);
    AUTO_FREE char *procs_path = xasprintf("%s/cgroup.procs", name);
    int procs_fd = openat(directory_fd, procs_path, O_RDONLY | O_CLOEXEC);
    char first[16], before[16] = "";
    int stuck = 0;

    if (procs_fd < 0)
        return;
    (void)write_text_file(directory_fd, kill_path, "1"); /* version 1 does not have it */
    for (int round = 0; round < ROUNDS && stuck < PATIENCE; round++) {
        ssize_t length = pread(procs_fd, first, sizeof(first) - 1, 0);

        if (length <= 0)
            break;
        first[length] = '\0';
        stuck = strcmp(first, before) == 0 ? stuck + 1 : 0;
        memcpy(before, first, sizeof(before));
        for_each_pid(procs_fd, kill_and_wait, 0);
    }
    (void)close(procs_fd); /* was only read */
}

void hierarchy_sweep(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) { /* NOLINT(concurrency-mt-unsafe): own DIR */
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        kill_all(fd, entry->d_name);
        (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR); /* what is not empty stays */
    }
    if (directory)
        (void)closedir(directory); /* was only read */
}

/* ---- our folders --------------------------------------------------------------------------- */

/* systemd.resource-control(5), Delegate=: what is below a unit so marked is ours to arrange. */
static bool is_delegated(const char *path)
{
    char value;

    return getxattr(path, "trusted.delegate", &value, 1) == 1 ||
           getxattr(path, "user.delegate", &value, 1) == 1;
}

static bool move_pid(pid_t pid, int target_fd)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", (int)pid);
    (void)!write(target_fd, text, strlen(text)); /* it may be gone */
    return true;
}

/* cgroups(7), "no internal processes": a cgroup that hands controllers down has none of its own, so
 * those of a delegated unit move to a leaf. */
static void move_to_leaf(int own_fd)
{
    int procs_fd = openat(own_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    int target_fd;

    (void)mkdirat(own_fd, "cronjob-servers", 0755); /* or it exists */
    target_fd = openat(own_fd, "cronjob-servers/cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (procs_fd >= 0 && target_fd >= 0)
        for_each_pid(procs_fd, move_pid, target_fd);
    if (procs_fd >= 0)
        (void)close(procs_fd);
    if (target_fd >= 0)
        (void)close(target_fd);
}

static bool hand_down(int fd, enum controller controller)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "+%s", controller_names[controller]);
    return write_text_file(fd, "cgroup.subtree_control", text);
}

/* Which controllers of version 2 our folder's groups have, after trying to get them all. */
static unsigned enable_controllers(int own_fd, const char *own_path, int folder_fd)
{
    AUTO_FREE char *available = read_text_file(own_fd, "cgroup.controllers");
    size_t length = available ? strcspn(available, "\n") : 0;
    unsigned enabled = 0;

    for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
        bool handed;

        if (!available || !has_word(available, length, controller_names[c], ' '))
            continue;
        handed = hand_down(own_fd, c);
        if (!handed && errno == EBUSY && is_delegated(own_path)) {
            move_to_leaf(own_fd);
            handed = hand_down(own_fd, c);
        }
        if (handed && hand_down(folder_fd, c))
            enabled |= 1U << c;
    }
    return enabled;
}

/* The folder "cronjob-ID" in the cgroup at `own_fd`. */
static void open_folder(struct hierarchy *hierarchy, int own_fd, const char *own_path,
                        const char *id)
{
    AUTO_FREE char *name = xasprintf("cronjob-%s", id);

    if (mkdirat(own_fd, name, 0755) != 0 && errno != EEXIST)
        return;
    hierarchy->fd = openat(own_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (hierarchy->fd >= 0)
        hierarchy->path = xasprintf("%s/%s", own_path, name);
}

static void open_v2(struct hierarchy *hierarchy, const char *own_path, const char *id)
{
    int own_fd = open(own_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    hierarchy->v2 = true;
    if (own_fd < 0)
        return;
    /* A process may move only where it may write, and from where it may. */
    if (faccessat(own_fd, "cgroup.procs", W_OK, AT_EACCESS) == 0)
        open_folder(hierarchy, own_fd, own_path, id);
    if (hierarchy->fd >= 0)
        hierarchy->provides = enable_controllers(own_fd, own_path, hierarchy->fd);
    (void)close(own_fd);
}

/* Version 1 may have several controllers in one hierarchy, where one folder serves them. */
static void open_v1(struct hierarchy hierarchies[HIERARCHY_MAX], const char *own_path,
                    const char *id, enum controller controller)
{
    struct hierarchy *hierarchy = &hierarchies[1 + controller];
    int own_fd = open(own_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (own_fd < 0)
        return;
    open_folder(hierarchy, own_fd, own_path, id);
    (void)close(own_fd);
    for (size_t i = 1; i < 1 + (size_t)controller && hierarchy->fd >= 0; i++) {
        if (hierarchies[i].fd < 0 || strcmp(hierarchies[i].path, hierarchy->path) != 0)
            continue;
        (void)close(hierarchy->fd);
        free(hierarchy->path);
        *hierarchy = (struct hierarchy){.fd = -1};
        hierarchy = &hierarchies[i];
    }
    if (hierarchy->fd >= 0)
        hierarchy->provides |= 1U << controller;
}

void hierarchies_open(struct hierarchy hierarchies[HIERARCHY_MAX], const char *id)
{
    AUTO_FREE char *mounts = read_text_file(AT_FDCWD, "/proc/self/mountinfo");
    AUTO_FREE char *own = read_text_file(AT_FDCWD, "/proc/self/cgroup");

    for (size_t i = 0; i < HIERARCHY_MAX; i++)
        hierarchies[i] = (struct hierarchy){.fd = -1};
    if (!mounts || !own)
        return;
    for (size_t i = 0; i < HIERARCHY_MAX; i++) {
        enum controller controller = (enum controller)(i - 1);
        AUTO_FREE char *path = cgroup_find(mounts, own, i ? controller_names[controller] : NULL);

        if (path && i == 0)
            open_v2(&hierarchies[0], path, id);
        else if (path && !(hierarchies[0].provides & (1U << controller)))
            open_v1(hierarchies, path, id, controller);
    }
}

bool hierarchy_restore(struct hierarchy *hierarchy)
{
    int fd;

    if (mkdir(hierarchy->path, 0755) != 0 && errno != EEXIST)
        return false;
    fd = open(hierarchy->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)close(hierarchy->fd); /* of a folder that is gone */
    hierarchy->fd = fd;
    for (enum controller c = 0; hierarchy->v2 && c < CONTROLLER_COUNT; c++) {
        if (hierarchy->provides & (1U << c))
            (void)hand_down(fd, c); /* a limit that cannot be written then fails its run */
    }
    return true;
}

void hierarchies_close(struct hierarchy hierarchies[HIERARCHY_MAX])
{
    for (size_t i = 0; i < HIERARCHY_MAX; i++) {
        if (hierarchies[i].fd < 0)
            continue;
        (void)close(hierarchies[i].fd);
        (void)rmdir(hierarchies[i].path); /* what is not empty stays */
        free(hierarchies[i].path);
        hierarchies[i] = (struct hierarchy){.fd = -1};
    }
}
