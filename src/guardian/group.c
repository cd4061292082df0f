/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#include "guardian/cgroup_find.h"
#include "guardian/cgroup_hierarchy.h"

enum { SPARE_MAX = 256, CPU_PERIOD = 100000, CPU_QUOTA_MIN = 1000 };

/* Files of a group by version of its hierarchy. */
struct limit_file {
    const char *names[2];
};

static const struct limit_file limit_files[CONTROLLER_COUNT] = {
    [CONTROLLER_MEMORY] = {{"memory.limit_in_bytes", "memory.max"}},
    [CONTROLLER_CPU] = {{"cpu.cfs_quota_us", "cpu.max"}},
    [CONTROLLER_TASKS] = {{"pids.max", "pids.max"}},
};

static const char *const limit_words[CONTROLLER_COUNT] = {
    [CONTROLLER_MEMORY] = "memory", [CONTROLLER_CPU] = "cpu", [CONTROLLER_TASKS] = "tasks"};

void groups_init(struct groups *groups, const char *id)
{
    *groups = (struct groups){0};
    list_init(&groups->spare);
    hierarchies_open(groups->hierarchies, id);
    groups->kills = groups->hierarchies[0].fd >= 0;
    for (size_t i = 0; i < HIERARCHY_MAX; i++)
        if (groups->hierarchies[i].fd >= 0)
            hierarchy_sweep(groups->hierarchies[i].fd);
}

void groups_sweep(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    hierarchy_sweep(fd);
    (void)close(fd);   /* was only read */
    (void)rmdir(path); /* what is not empty stays */
}

static void group_free(struct groups *groups, struct group *group)
{
    for (size_t i = 0; i < group->join_count; i++)
        (void)close(group->join_fds[i]); /* nothing is buffered */
    if (group->folder_fd >= 0)
        (void)close(group->folder_fd); /* a folder */
    for (size_t i = 0; i < HIERARCHY_MAX; i++)
        if (group->used & (1U << i))
            (void)unlinkat(groups->hierarchies[i].fd, group->name, AT_REMOVEDIR); /* or swept */
    free(group);
}

void groups_release(struct groups *groups)
{
    while (!list_is_empty(&groups->spare)) {
        struct group *group = list_first(&groups->spare, struct group, link);

        list_remove(&group->link);
        group_free(groups, group);
    }
    hierarchies_close(groups->hierarchies);
}

static bool is_limited(const struct run_limits *limits, enum controller controller)
{
    switch (controller) {
    case CONTROLLER_MEMORY:
        return limits->memory > 0;
    case CONTROLLER_CPU:
        return limits->cpu > 0;
    case CONTROLLER_TASKS:
        return limits->tasks > 0;
    case CONTROLLER_COUNT:
        break;
    }
    return false;
}

static void format_limit(const struct run_limits *limits, enum controller controller, bool v2,
                         char text[64])
{
    int64_t quota = MAX((int64_t)(limits->cpu * CPU_PERIOD), (int64_t)CPU_QUOTA_MIN);

    if (controller == CONTROLLER_MEMORY)
        (void)snprintf(text, 64, "%" PRId64, limits->memory);
    else if (controller == CONTROLLER_TASKS)
        (void)snprintf(text, 64, "%" PRId64, limits->tasks);
    else if (v2)
        (void)snprintf(text, 64, "%" PRId64 " %d", quota, (int)CPU_PERIOD);
    else
        (void)snprintf(text, 64, "%" PRId64, quota);
}

/* The controllers that this run needs and the machine has; logs once about others. */
static unsigned find_needed(struct groups *groups, const struct run_limits *limits)
{
    unsigned provided = 0, needed = 0;

    for (size_t i = 0; i < HIERARCHY_MAX; i++)
        provided |= groups->hierarchies[i].provides;
    for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
        if (!is_limited(limits, c))
            continue;
        needed |= provided & (1U << c);
        if (!(provided & (1U << c)) && !groups->warned_about[c]) {
            groups->warned_about[c] = true;
            log_warn("limit cannot be enforced on this machine, ignoring",
                     LOG_TEXT("limit", limit_words[c]));
        }
    }
    return needed;
}

static enum rc write_limits(const struct hierarchy *hierarchy, const struct group *group,
                            const struct run_limits *limits, unsigned needed, struct err *err)
{
    for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
        char path[GROUP_NAME + 32], text[64];

        if (!(needed & hierarchy->provides & (1U << c)))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", group->name,
                       limit_files[c].names[hierarchy->v2]); /* fits */
        format_limit(limits, c, hierarchy->v2, text);
        if (!write_text_file(hierarchy->fd, path, text))
            return err_errno(err, RC_IO, errno, "limit %s", limit_words[c]);
    }
    return RC_OK;
}

static enum rc make_in(struct groups *groups, size_t index, struct group *group, struct err *err)
{
    struct hierarchy *hierarchy = &groups->hierarchies[index];
    char path[GROUP_NAME + 32];
    bool made = mkdirat(hierarchy->fd, group->name, 0755) == 0;
    int fd;

    if (!made && errno == ENOENT && hierarchy_restore(hierarchy))
        made = mkdirat(hierarchy->fd, group->name, 0755) == 0;
    if (!made)
        return err_errno(err, RC_BUSY, errno, "making a cgroup");
    group->used |= 1U << index;
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", group->name); /* fits */
    fd = openat(hierarchy->fd, path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, RC_BUSY, errno, "opening a cgroup");
    group->join_fds[group->join_count++] = fd;
    if (hierarchy->v2)
        group->folder_fd = openat(hierarchy->fd, group->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return RC_OK;
}

static enum rc make(struct groups *groups, const struct run_limits *limits, unsigned needed,
                    struct group **ret_group, struct err *err)
{
    struct group *group = xcalloc(1, sizeof(*group));
    enum rc rc = RC_OK;

    (void)snprintf(group->name, sizeof(group->name), "%" PRIu64, ++groups->made);
    group->limited = needed != 0;
    group->folder_fd = -1;
    for (size_t i = 0; i < HIERARCHY_MAX && rc == RC_OK; i++) {
        const struct hierarchy *hierarchy = &groups->hierarchies[i];

        if (hierarchy->fd < 0 || !(i == 0 || (hierarchy->provides & needed)))
            continue;
        rc = make_in(groups, i, group, err);
        if (rc == RC_OK)
            rc = write_limits(hierarchy, group, limits, needed, err);
    }
    if (rc != RC_OK) {
        group_free(groups, group);
        return rc;
    }
    *ret_group = group;
    return RC_OK;
}

/* A spare group that was not removed behind our back; NULL: there is none. */
static struct group *take_spare(struct groups *groups)
{
    while (!list_is_empty(&groups->spare)) {
        struct group *group = list_first(&groups->spare, struct group, link);

        list_remove(&group->link);
        groups->spare_count--;
        if (faccessat(groups->hierarchies[0].fd, group->name, F_OK, 0) == 0)
            return group;
        group_free(groups, group);
    }
    return NULL;
}

enum rc groups_take(struct groups *groups, const struct run_limits *limits,
                    struct group **ret_group, struct err *err)
{
    unsigned needed = find_needed(groups, limits);

    if (!needed && !groups->kills) {
        *ret_group = NULL;
        return RC_OK;
    }
    *ret_group = needed ? NULL : take_spare(groups);
    return *ret_group ? RC_OK : make(groups, limits, needed, ret_group, err);
}

void groups_give_back(struct groups *groups, struct group *group)
{
    if (!group)
        return;
    if (group->limited || group->killed || groups->spare_count >= SPARE_MAX ||
        !group_is_empty(groups, group)) {
        group_free(groups, group);
        return;
    }
    list_append(&groups->spare, &group->link);
    groups->spare_count++;
}

/* A file of the group in the hierarchy at `index`, as text; NULL when it cannot be read. */
static char *read_group_file(const struct groups *groups, size_t index, const struct group *group,
                             const char *name)
{
    char path[GROUP_NAME + 32];

    (void)snprintf(path, sizeof(path), "%s/%s", group->name, name); /* fits */
    return read_text_file(groups->hierarchies[index].fd, path);
}

/* The number behind `key` in lines of "key number"; -1 when there is none. */
static int64_t find_number(const char *text, const char *key)
{
    size_t length = strlen(key);

    for (; text && *text; text = strchr(text, '\n'), text += text ? 1 : 0)
        if (strncmp(text, key, length) == 0 && text[length] == ' ')
            return strtoll(text + length, NULL, 10);
    return -1;
}

bool group_is_empty(const struct groups *groups, const struct group *group)
{
    AUTO_FREE char *text = read_group_file(groups, 0, group, "cgroup.events");

    return find_number(text, "populated") == 0;
}

void group_signal(const struct groups *groups, struct group *group, int signal)
{
    char path[GROUP_NAME + 32];

    (void)snprintf(path, sizeof(path), "%s/cgroup.kill", group->name); /* fits */
    if (signal == SIGKILL && write_text_file(groups->hierarchies[0].fd, path, "1")) {
        group->killed = true;
        return;
    }
    cgroup_signal(group->join_fds[0], signal);
}

span_us group_cpu(const struct groups *groups, struct group *group)
{
    AUTO_FREE char *text = read_group_file(groups, 0, group, "cpu.stat");
    int64_t usage = find_number(text, "usage_usec");
    span_us spent = usage - group->cpu_before;

    if (usage < 0)
        return -1;
    group->cpu_before = usage;
    return spent;
}

bool group_was_out_of_memory(const struct groups *groups, const struct group *group)
{
    for (size_t i = 0; i < HIERARCHY_MAX; i++) {
        bool v2 = groups->hierarchies[i].v2;
        AUTO_FREE char *text = NULL;

        if (!group->limited || !(group->used & (1U << i)) ||
            !(groups->hierarchies[i].provides & (1U << CONTROLLER_MEMORY)))
            continue;
        text = read_group_file(groups, i, group, v2 ? "memory.events" : "memory.oom_control");
        return find_number(text, "oom_kill") > 0;
    }
    return false;
}
