/* SPDX-License-Identifier: Apache-2.0 */
#include "main/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"

enum { MACHINE_ID = 32, LARGE = 64 * 1024 }; /* bytes */

static uint64_t descriptors; /* as it was; written before the first thread */

/* Thousands of connections and of runs need as many descriptors as the system allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    descriptors = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_warn("limit of open files was not raised, ignoring");
}

/* Pages of writes and documents come and go: what is large goes back to the system at once, rather
 * than to stay as part of a process that does nothing. glibc's own limit grows with what it sees.
 */
static void give_memory_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

static sigset_t awaited_signals(void)
{
    sigset_t set;

    CHECK(!sigemptyset(&set));
    CHECK(!sigaddset(&set, SIGTERM));
    CHECK(!sigaddset(&set, SIGINT));
    CHECK(!sigaddset(&set, SIGHUP));
    return set;
}

void process_begin(void)
{
    sigset_t set = awaited_signals();

    give_memory_back();
    raise_descriptor_limit();
    CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL));
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

uint64_t process_descriptors(void)
{
    return descriptors;
}

void process_wait_for_end(void (*again)(void *context), void *context)
{
    sigset_t set = awaited_signals();
    int number;

    CHECK(!sigwait(&set, &number));
    while (number == SIGHUP) {
        again(context);
        CHECK(!sigwait(&set, &number));
    }
    log_info("cronjob is stopping", LOG_TEXT("signal", sigdescr_np(number)));
}

void process_fill_random(void *data, size_t length)
{
    CHECK(getrandom(data, length, 0) == (ssize_t)length);
}

enum rc process_make_directory(const char *path, struct err *err)
{
    if (!mkdir(path, 0700) || errno == EEXIST)
        return RC_OK;
    return err_errno(err, RC_IO, errno, "data directory %s cannot be made", path);
}

/* machine-id(5) is made when a system is installed, and may be copied with it. */
const char *process_identity(const char *data, struct arena *arena)
{
    char machine[MACHINE_ID + 1] = {0}, host[HOST_NAME_MAX + 1] = {0};
    char *path = realpath(data, NULL);
    int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
    const char *identity;

    (void)gethostname(host, sizeof(host) - 1); /* empty at worst, as is the machine's */
    if (fd >= 0)
        (void)!read(fd, machine, MACHINE_ID);
    if (fd >= 0)
        (void)close(fd);
    identity = arena_printf(arena, "%s:%s:%s", machine, host, path ? path : data);
    free(path);
    return identity;
}

bool process_is_loopback(const char *address)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return !strcmp(address, "::1") || !strcmp(address, "localhost");
}
