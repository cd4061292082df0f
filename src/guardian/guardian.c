/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#include "guardian/cgroup_hierarchy.h"
#include "guardian/server.h"
#include "guardian/supervise.h"

/* Of a run: its pidfd, pipe, cgroups and output files; a share is for the files of runs that wait;
 * what is left is ours and the launchers'. */
enum { DESCRIPTORS_A_RUN = 8, FILES_SHARE = 8, DESCRIPTORS_OF_OURS = 128, ID_TEXT = 24 };

struct guardian {
    const struct guardian_config *config;
    int directory_fd, lock_fd;
    struct rlimit nofile; /* of runs */
    bool resets_oom;
    struct loop loop;
    struct loop_source signals;
    struct supervisor supervisor;
    struct server server;
    mono_us idle_since; /* LOOP_NO_DEADLINE: it is not */
};

/* ---- the process --------------------------------------------------------------------------- */

/* A run must not get one of the standard descriptors of ours by chance. */
static enum rc fill_standard_descriptors(struct err *err)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return err_errno(err, RC_IO, errno, "opening /dev/null");
    } while (fd <= STDERR_FILENO);
    (void)close(fd);
    return RC_OK;
}

/* Runs inherit what is ignored, so nothing is but SIGPIPE, which start.c puts back. Raw, for glibc
 * keeps its own two signals (32, 33) from us, and a parent may have ignored them. All zeros is the
 * kernel's struct of SIG_DFL without flags. */
static void reset_signals(void)
{
    unsigned long action[4] = {0};

    for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++)
        (void)syscall(SYS_rt_sigaction, signal_number, action, NULL, sizeof(uint64_t));
    (void)signal(SIGPIPE, SIG_IGN);
}

static void raise_descriptor_limit(struct guardian *guardian)
{
    struct rlimit all;

    if (getrlimit(RLIMIT_NOFILE, &guardian->nofile) != 0)
        guardian->nofile = (struct rlimit){.rlim_cur = 1024, .rlim_max = 1024};
    all = guardian->nofile;
    if (guardian->config->run_nofile)
        guardian->nofile.rlim_cur = MIN(guardian->config->run_nofile, all.rlim_max);
    all.rlim_cur = all.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &all); /* then we have fewer */
}

static size_t count_descriptors(void)
{
    struct rlimit limit = {.rlim_cur = 1024};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return (size_t)(MAX(limit.rlim_cur, (rlim_t)DESCRIPTORS_OF_OURS * 2) - DESCRIPTORS_OF_OURS);
}

static enum rc prepare_process(struct guardian *guardian, struct err *err)
{
    reset_signals();
    (void)umask(077);
    raise_descriptor_limit(guardian);
    /* Without root it may not be lowered. */
    guardian->resets_oom = write_text_file(AT_FDCWD, "/proc/self/oom_score_adj", "-900");
    if (chdir("/") != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return err_errno(err, RC_IO, errno, "becoming the reaper");
    return RC_OK;
}

/* ---- the data directory -------------------------------------------------------------------- */

static enum rc lock_directory(struct guardian *guardian, struct err *err)
{
    guardian->directory_fd =
        open(guardian->config->data_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (guardian->directory_fd < 0)
        return err_errno(err, RC_IO, errno, "opening the data directory");
    guardian->lock_fd = openat(guardian->directory_fd, "guardian.lock",
                               O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (guardian->lock_fd < 0)
        return err_errno(err, RC_IO, errno, "opening guardian.lock");
    if (flock(guardian->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_errno(err, errno == EWOULDBLOCK ? RC_CONFLICT : RC_IO, errno,
                         "locking guardian.lock");
    return RC_OK;
}

/* The same for every guardian of this directory, and no other's, also when another directory later
 * has its path or its inode. */
static void make_id(int directory_fd, char id[ID_TEXT])
{
    struct statx status = {0};
    uint64_t number;

    (void)statx(directory_fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status);
    number = hash_mix(status.stx_ino ^ hash_mix((uint64_t)status.stx_btime.tv_sec ^
                                                hash_mix(status.stx_btime.tv_nsec)));
    number ^= hash_mix(((uint64_t)status.stx_dev_major << 32) | status.stx_dev_minor);
    (void)snprintf(id, ID_TEXT, "%016" PRIx64, number);
}

/* ---- signals ------------------------------------------------------------------------------- */

static void on_signal(struct loop_source *source, uint32_t events)
{
    struct guardian *guardian = container_of(source, struct guardian, signals);
    struct signalfd_siginfo info;

    (void)events;
    if (read(source->fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGCHLD) {
        supervisor_note_children(&guardian->supervisor);
        return;
    }
    log_info("guardian was asked to stop", LOG_U64("runs", supervisor_runs(&guardian->supervisor)));
    server_stop(&guardian->server);
}

static enum rc watch_signals(struct guardian *guardian, struct err *err)
{
    sigset_t mask;
    int error;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    error = pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (error)
        return err_errno(err, RC_IO, error, "pthread_sigmask");
    guardian->signals = (struct loop_source){.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK),
                                             .ready = on_signal};
    if (guardian->signals.fd < 0)
        return err_errno(err, RC_IO, errno, "signalfd");
    return loop_add(&guardian->loop, &guardian->signals, EPOLLIN, err);
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum rc open_all(struct guardian *guardian, struct err *err)
{
    size_t descriptors;
    char id[ID_TEXT];
    enum rc rc;

    rc = lock_directory(guardian, err);
    if (rc == RC_OK)
        rc = prepare_process(guardian, err);
    if (rc == RC_OK)
        rc = watch_signals(guardian, err);
    if (rc != RC_OK)
        return rc;
    make_id(guardian->directory_fd, id);
    descriptors = count_descriptors();
    rc = supervisor_init(
        &guardian->supervisor,
        &(struct supervisor_config){.loop = &guardian->loop,
                                    .clock = guardian->config->clock,
                                    .directory_fd = guardian->directory_fd,
                                    .id = id,
                                    .nofile = &guardian->nofile,
                                    .live_max = (descriptors - descriptors / FILES_SHARE) /
                                                DESCRIPTORS_A_RUN,
                                    .files_max = descriptors / FILES_SHARE,
                                    .resets_oom = guardian->resets_oom,
                                    .sink = server_tell,
                                    .context = &guardian->server},
        err);
    if (rc != RC_OK)
        return rc;
    rc = server_init(&guardian->server, &guardian->loop, &guardian->supervisor,
                     guardian->directory_fd, err);
    if (rc != RC_OK)
        supervisor_release(&guardian->supervisor);
    return rc;
}

static void tell_ready(const struct guardian_config *config)
{
    if (config->ready_fd < 0)
        return;
    (void)!write(config->ready_fd, "1", 1); /* whoever waited may be gone */
    (void)close(config->ready_fd);
}

/* Whether there is nothing left to stand by; `*again` is moved to when it must be asked again. */
static bool is_over(struct guardian *guardian, mono_us *again)
{
    bool runs = supervisor_runs(&guardian->supervisor) > 0;
    mono_us now = clock_mono(guardian->config->clock);

    if (runs || (guardian->server.client_count > 0 && !guardian->server.stopping)) {
        guardian->idle_since = LOOP_NO_DEADLINE;
        return false;
    }
    if (guardian->server.stopping)
        return true;
    if (guardian->idle_since == LOOP_NO_DEADLINE)
        guardian->idle_since = now;
    *again = MIN(*again, guardian->idle_since + guardian->config->idle);
    return now >= guardian->idle_since + guardian->config->idle;
}

static void run(struct guardian *guardian)
{
    for (;;) {
        mono_us again = supervisor_work(&guardian->supervisor);

        server_flush(&guardian->server);
        if (is_over(guardian, &again))
            return;
        (void)loop_run_once(&guardian->loop, again);
    }
}

static void close_all(struct guardian *guardian)
{
    if (guardian->signals.fd >= 0)
        (void)close(guardian->signals.fd);
    if (guardian->lock_fd >= 0)
        (void)close(guardian->lock_fd);
    if (guardian->directory_fd >= 0)
        (void)close(guardian->directory_fd);
}

enum rc guardian_run(const struct guardian_config *config, struct err *err)
{
    struct guardian guardian = {.config = config,
                                .directory_fd = -1,
                                .lock_fd = -1,
                                .signals = {.fd = -1},
                                .idle_since = LOOP_NO_DEADLINE};
    enum rc rc;

    rc = fill_standard_descriptors(err);
    if (rc == RC_OK)
        rc = loop_init(&guardian.loop, err);
    if (rc != RC_OK)
        return rc;
    rc = open_all(&guardian, err);
    if (rc == RC_OK) {
        log_info("guardian started", LOG_TEXT("data", config->data_directory));
        tell_ready(config);
        run(&guardian);
        server_release(&guardian.server);
        supervisor_release(&guardian.supervisor);
        log_info("guardian ended", LOG_TEXT("data", config->data_directory));
    }
    close_all(&guardian);
    loop_release(&guardian.loop);
    return rc;
}
