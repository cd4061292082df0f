/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "guardian/cgroup_find.h"
#include "guardian/group.h"
#include "guardian/tree.h"

enum { BOOT_ID = 40, SWEEPS = 50, PAUSE_MS = 20 };

static const char magic[8] = "CJRUNS1";

struct head {
    char magic[8];
    char boot_id[BOOT_ID];
    char group_path[GROUP_PATH];
};

struct slot {
    int64_t session; /* 0: free */
    uint64_t began;
    struct run_key run;
};

static off_t slot_offset(unsigned slot)
{
    return (off_t)(sizeof(struct head) + slot * sizeof(struct slot));
}

static void read_boot_id(char boot_id[BOOT_ID])
{
    AUTO_FREE char *text = read_text_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id");

    memset(boot_id, 0, BOOT_ID);
    if (text)
        memcpy(boot_id, text, MIN(strcspn(text, "\n"), (size_t)BOOT_ID - 1));
}

/* Kills until nothing is found any more; the dying take a moment, and somebody else reaps them. */
static void sweep_sessions(int fd)
{
    struct slot slot;

    for (unsigned i = 0; pread(fd, &slot, sizeof(slot), slot_offset(i)) == sizeof(slot); i++) {
        int sweeps = 0;

        while (slot.session > 1 && sweeps++ < SWEEPS &&
               tree_kill_leftovers((pid_t)slot.session, slot.began, &slot.run))
            (void)poll(NULL, 0, PAUSE_MS);
    }
}

/* The folder at `own_path` was swept when it was opened. */
static void sweep(int fd, const char *own_path)
{
    char boot_id[BOOT_ID];
    struct head head;

    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
        memcmp(head.magic, magic, sizeof(magic)) != 0)
        return;
    read_boot_id(boot_id);
    if (memcmp(head.boot_id, boot_id, BOOT_ID) != 0)
        return;
    head.group_path[GROUP_PATH - 1] = '\0';
    if (*head.group_path && strcmp(head.group_path, own_path) != 0)
        groups_sweep(head.group_path);
    sweep_sessions(fd);
}

static enum rc begin(int fd, const char *group_path, struct err *err)
{
    struct head head = {0};

    memcpy(head.magic, magic, sizeof(magic));
    read_boot_id(head.boot_id);
    memcpy(head.group_path, group_path, MIN(strlen(group_path), (size_t)GROUP_PATH - 1));
    if (ftruncate(fd, 0) != 0 || pwrite(fd, &head, sizeof(head), 0) != sizeof(head))
        return err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "writing guardian.runs");
    return RC_OK;
}

enum rc registry_open(struct registry *registry, int directory_fd, const char *group_path,
                      struct err *err)
{
    int fd = openat(directory_fd, "guardian.runs", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum rc rc;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "opening guardian.runs");
    sweep(fd, group_path);
    rc = begin(fd, group_path, err);
    if (rc != RC_OK) {
        (void)close(fd);
        return rc;
    }
    *registry = (struct registry){.fd = fd};
    return RC_OK;
}

void registry_close(struct registry *registry)
{
    (void)close(registry->fd);
    free(registry->free_slots);
    *registry = (struct registry){.fd = -1};
}

unsigned registry_add(struct registry *registry, pid_t session, const struct run_key *run)
{
    struct slot slot = {.session = session, .began = process_start_time(session), .run = *run};
    unsigned index =
        registry->free_count ? registry->free_slots[--registry->free_count] : registry->slots++;

    (void)!pwrite(registry->fd, &slot, sizeof(slot), slot_offset(index));
    return index;
}

void registry_remove(struct registry *registry, unsigned slot)
{
    struct slot none = {0};

    (void)!pwrite(registry->fd, &none, sizeof(none), slot_offset(slot));
    if (registry->free_count == registry->free_capacity) {
        registry->free_capacity = MAX(registry->free_capacity * 2, (size_t)64);
        registry->free_slots =
            xrealloc(registry->free_slots, registry->free_capacity, sizeof(unsigned));
    }
    registry->free_slots[registry->free_count++] = slot;
}
