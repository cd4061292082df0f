/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#include "guardian/cgroup_find.h"

enum { MARKER = RUN_ID_TEXT + 16 };

struct member {
    pid_t pid, parent, session;
    uint64_t began;
    char state;
    bool belongs;
};

struct members {
    struct member *items;
    size_t count, capacity;
};

/* proc(5), /proc/PID/stat: "PID (COMMAND) STATE PPID PGRP SESSION ..."; COMMAND may hold anything,
 * so what follows is looked for from the right. The numbers of fields, from 1: */
enum { STAT_STATE = 3, STAT_PARENT = 4, STAT_SESSION = 6, STAT_BEGAN = 22 };

static bool read_stat(int proc_fd, const char *pid, struct member *ret_member)
{
    AUTO_FREE char *path = xasprintf("%s/stat", pid);
    AUTO_FREE char *text = read_text_file(proc_fd, path);
    const char *at = text ? strrchr(text, ')') : NULL;
    struct member member = {.pid = (pid_t)strtol(pid, NULL, 10)};

    for (int field = STAT_STATE; field <= STAT_BEGAN; field++) {
        at = at ? strchr(at, ' ') : NULL;
        if (!at)
            return false;
        at++;
        if (field == STAT_STATE)
            member.state = *at;
        else if (field == STAT_PARENT)
            member.parent = (pid_t)strtol(at, NULL, 10);
        else if (field == STAT_SESSION)
            member.session = (pid_t)strtol(at, NULL, 10);
        else if (field == STAT_BEGAN)
            member.began = strtoull(at, NULL, 10);
    }
    *ret_member = member;
    return true;
}

static void scan(int proc_fd, struct members *members)
{
    int copy = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) { /* NOLINT(concurrency-mt-unsafe): own DIR */
        struct member member;

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
            !read_stat(proc_fd, entry->d_name, &member))
            continue;
        if (members->count == members->capacity) {
            members->capacity = MAX(members->capacity * 2, (size_t)256);
            members->items = xrealloc(members->items, members->capacity, sizeof(struct member));
        }
        members->items[members->count++] = member;
    }
    if (directory)
        (void)closedir(directory); /* was only read */
}

static void write_marker(const struct run_key *run, char marker[MARKER])
{
    char id[RUN_ID_TEXT];

    (void)snprintf(marker, MARKER, "CRONJOB_RUN_ID=%s", run_id_format(run, id)); /* fits */
}

static bool has_marker(int proc_fd, pid_t pid, const char *marker)
{
    AUTO_FREE char *path = xasprintf("%d/environ", (int)pid);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    char text[64 * 1024];
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

    if (fd >= 0)
        (void)close(fd); /* was only read */
    return got > 0 && has_word(text, (size_t)got, marker, '\0');
}

static bool is_parent_known(const struct members *members, const struct member *child)
{
    for (size_t i = 0; i < members->count; i++)
        if (members->items[i].belongs && members->items[i].pid == child->parent)
            return true;
    return false;
}

static void mark_descendants(struct members *members)
{
    bool grew;

    do {
        grew = false;
        for (size_t i = 0; i < members->count; i++) {
            struct member *member = &members->items[i];

            if (!member->belongs && is_parent_known(members, member))
                member->belongs = grew = true;
        }
    } while (grew);
}

/* A zombie is no more than a number that somebody has not asked for. */
static bool is_alive(const struct member *member)
{
    return member->state != 'Z' && member->state != 'X';
}

static bool signal_members(const struct members *members, int signal)
{
    bool any = false;

    for (size_t i = 0; i < members->count; i++) {
        const struct member *member = &members->items[i];

        if (!member->belongs || !is_alive(member))
            continue;
        any = true;
        if (signal)
            (void)kill(member->pid, signal); /* it may be gone */
    }
    return any;
}

bool tree_signal(pid_t session, const struct run_key *run, int signal)
{
    int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct members members = {0};
    char marker[MARKER];
    pid_t self = getpid();
    bool any;

    write_marker(run, marker);
    scan(proc_fd, &members);
    for (size_t i = 0; i < members.count; i++) {
        struct member *member = &members.items[i];

        member->belongs = member->session == session ||
                          (member->parent == self && has_marker(proc_fd, member->pid, marker));
    }
    mark_descendants(&members);
    any = signal_members(&members, signal);
    free(members.items);
    (void)close(proc_fd); /* was only read */
    return any;
}

bool tree_has_orphans(bool (*is_main)(void *context, pid_t pid), void *context)
{
    AUTO_FREE char *path = xasprintf("/proc/self/task/%d/children", (int)syscall(SYS_gettid));
    AUTO_FREE char *text = read_text_file(AT_FDCWD, path);
    char *at = text;

    if (!text)
        return true; /* a kernel that does not list them: perhaps */
    for (;;) {
        char *end;
        long pid = strtol(at, &end, 10);

        if (end == at)
            return false;
        if (!is_main(context, (pid_t)pid))
            return true;
        at = end;
    }
}

uint64_t process_start_time(pid_t pid)
{
    int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct member member = {0};
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", (int)pid);
    if (!read_stat(proc_fd, text, &member))
        member.began = 0;
    (void)close(proc_fd); /* was only read */
    return member.began;
}

static bool is_ancestor(const struct members *members, pid_t pid)
{
    pid_t at = getpid();

    while (at > 1 && at != pid) {
        size_t i = 0;

        while (i < members->count && members->items[i].pid != at)
            i++;
        if (i == members->count)
            return false;
        at = members->items[i].parent;
    }
    return at == pid;
}

bool tree_kill_leftovers(pid_t session, uint64_t began, const struct run_key *run)
{
    int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct members members = {0};
    bool reused = false, any = false;
    char marker[MARKER];

    write_marker(run, marker);
    scan(proc_fd, &members);
    for (size_t i = 0; i < members.count; i++)
        reused |= members.items[i].pid == session && members.items[i].began != began;
    for (size_t i = 0; i < members.count; i++) {
        struct member *member = &members.items[i];

        if (member->began < began)
            continue;
        member->belongs =
            (member->session == session && !reused) ||
            (is_ancestor(&members, member->parent) && has_marker(proc_fd, member->pid, marker));
    }
    mark_descendants(&members);
    any = signal_members(&members, SIGKILL);
    free(members.items);
    (void)close(proc_fd); /* was only read */
    return any;
}
