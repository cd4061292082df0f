/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/cron_command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/exec.h"
#include "base/mem.h"

/* crontab(1) says so on its standard error, and ends with 1, when the account has none. */
#define NO_CRONTAB "no crontab for "

enum { PATIENCE_MS = 5000, COMPLAINT = 256 };

struct cron_command {
    struct cron_table base;
    char *program, *data;
};

static struct cron_command *self_of(struct cron_table *table)
{
    return container_of(table, struct cron_command, base);
}

/* ---- one call of the program ------------------------------------------------------------------
 */

/* Its files are memory: nobody has to read and write at once. -1 where there is none. */
struct call {
    int in, out, complaints;
    int status; /* as of waitpid() */
};

static bool call_open(struct call *call)
{
    *call = (struct call){
        .in = memfd_create("crontab", MFD_CLOEXEC),
        .out = memfd_create("crontab", MFD_CLOEXEC),
        .complaints = memfd_create("crontab", MFD_CLOEXEC),
    };
    return call->in >= 0 && call->out >= 0 && call->complaints >= 0;
}

/* Whatever was in them was read. */
static void call_close(const struct call *call)
{
    if (call->in >= 0)
        (void)close(call->in);
    if (call->out >= 0)
        (void)close(call->out);
    if (call->complaints >= 0)
        (void)close(call->complaints);
}

static int spawn(const char *program, const char *word, const struct call *call, pid_t *ret_pid)
{
    char *argv[] = {exec_argument(program), exec_argument(word), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = posix_spawn_file_actions_init(&actions) | posix_spawnattr_init(&attributes);

    sigemptyset(&none);
    sigfillset(&all);
    error |= posix_spawn_file_actions_adddup2(&actions, call->in, STDIN_FILENO);
    error |= posix_spawn_file_actions_adddup2(&actions, call->out, STDOUT_FILENO);
    error |= posix_spawn_file_actions_adddup2(&actions, call->complaints, STDERR_FILENO);
    error |= posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    error |= posix_spawnattr_setsigmask(&attributes, &none);
    error |= posix_spawnattr_setsigdefault(&attributes, &all);
    error |= posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    CHECK(error == 0); /* only memory can be missing */
    error = posix_spawn(ret_pid, program, &actions, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions); /* always 0 */
    (void)posix_spawnattr_destroy(&attributes);       /* always 0 */
    return error;
}

/* False: it did not end in time, and was ended. */
static bool wait_for(pid_t pid, int *ret_status)
{
    struct pollfd poller = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    bool ended = poller.fd >= 0 && poll(&poller, 1, PATIENCE_MS) > 0;

    if (poller.fd >= 0)
        (void)close(poller.fd);
    if (!ended)
        (void)kill(pid, SIGKILL); /* it is our child and was not waited for: nobody else's number */
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        continue;
    return ended;
}

static enum rc call_program(const struct cron_command *self, const char *word, struct call *call,
                            struct err *err)
{
    pid_t pid;
    int error = spawn(self->program, word, call, &pid);

    if (error)
        return err_errno(err, error == EACCES ? RC_FORBIDDEN : RC_IO, error, "%s", self->program);
    if (!wait_for(pid, &call->status))
        return err_fail(err, RC_TIMEOUT, "%s %s did not end within %d s", self->program, word,
                        PATIENCE_MS / 1000);
    return RC_OK;
}

static enum rc complain(const struct cron_command *self, const char *word, const struct call *call,
                        struct err *err)
{
    char text[COMPLAINT] = {0};
    ssize_t length = pread(call->complaints, text, sizeof(text) - 1, 0);

    text[length > 0 ? strcspn(text, "\n") : 0] = '\0';
    return err_fail(err, RC_IO, "%s %s: %s", self->program, word,
                    *text ? text : "it failed without a word");
}

static bool succeeded(const struct call *call)
{
    return WIFEXITED(call->status) && WEXITSTATUS(call->status) == 0;
}

/* ---- the crontab ------------------------------------------------------------------------------
 */

static enum rc read_out(const struct cron_command *self, const struct call *call, struct buf *buf,
                        struct err *err)
{
    enum { CHUNK = 64 * 1024 };
    ssize_t length;

    do {
        if (buf_reserve(buf, CHUNK) != RC_OK)
            return err_fail(err, RC_TOO_BIG, "the crontab that %s lists is too long",
                            self->program);
        length = pread(call->out, buf->data + buf->length, CHUNK, (off_t)buf->length);
        if (length > 0)
            buf->length += (size_t)length;
    } while (length > 0);
    if (length < 0)
        return err_errno(err, RC_IO, errno, "reading what %s lists", self->program);
    if (buf->data)
        buf->data[buf->length] = '\0';
    return RC_OK;
}

static bool has_none(const struct call *call)
{
    char text[sizeof(NO_CRONTAB)] = {0};

    return pread(call->complaints, text, sizeof(text) - 1, 0) == sizeof(text) - 1 &&
           strcmp(text, NO_CRONTAB) == 0;
}

static enum rc list(const struct cron_command *self, struct buf *buf, struct err *err)
{
    struct call call;
    enum rc rc = call_open(&call) ? call_program(self, "-l", &call, err)
                                  : err_errno(err, RC_IO, errno, "memfd");

    if (rc == RC_OK && succeeded(&call))
        rc = read_out(self, &call, buf, err);
    else if (rc == RC_OK && !has_none(&call))
        rc = complain(self, "-l", &call, err);
    call_close(&call);
    return rc;
}

static enum rc install(const struct cron_command *self, const struct buf *buf, struct err *err)
{
    struct call call;
    enum rc rc = RC_OK;

    if (!call_open(&call) ||
        (buf->length && pwrite(call.in, buf->data, buf->length, 0) != (ssize_t)buf->length))
        rc = err_errno(err, RC_IO, errno, "memfd");
    if (rc == RC_OK)
        rc = call_program(self, "-", &call, err);
    if (rc == RC_OK && !succeeded(&call))
        rc = complain(self, "-", &call, err);
    call_close(&call);
    return rc;
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->length == b->length &&
           memcmp(a->data ? a->data : "", b->data ? b->data : "", a->length) == 0;
}

/* How our block was, by what is left when it is taken out. */
static enum cron_found found(const struct cron_command *self, const struct buf *old,
                             const struct buf *next)
{
    struct buf AUTO_BUF without;

    buf_init(&without, CRONTAB_FOREIGN + CRONTAB_TEXT);
    if (same(old, next))
        return CRON_FOUND_SAME;
    if (crontab_put_block(old->data ? old->data : "", old->length, self->data, "", &without, NULL))
        return CRON_FOUND_OTHER;
    return same(old, &without) ? CRON_FOUND_NONE : CRON_FOUND_OTHER;
}

static enum rc keep(struct cron_table *table, const char *text, size_t length,
                    enum cron_found *ret_found, struct err *err)
{
    const struct cron_command *self = self_of(table);
    struct buf AUTO_BUF old;
    struct buf AUTO_BUF next;
    enum cron_found was = CRON_FOUND_NONE;
    enum rc rc;

    (void)length; /* it ends in a NUL and has none */
    buf_init(&old, CRONTAB_FOREIGN + CRONTAB_TEXT);
    buf_init(&next, CRONTAB_FOREIGN + 2 * CRONTAB_TEXT);
    rc = list(self, &old, err);
    if (rc == RC_OK)
        rc = crontab_put_block(old.data ? old.data : "", old.length, self->data, text, &next, err);
    if (rc == RC_OK)
        was = found(self, &old, &next);
    if (rc == RC_OK && was != CRON_FOUND_SAME)
        rc = install(self, &next, err);
    if (rc == RC_OK)
        *ret_found = was;
    return rc;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void free_table(struct cron_table *table)
{
    struct cron_command *self = self_of(table);

    free(self->program);
    free(self->data);
    free(self);
}

static const struct cron_table_ops ops = {.name = "command", .keep = keep, .free = free_table};

enum rc cron_command_new(const struct cron_command_config *config, struct cron_table **ret_table,
                         struct err *err)
{
    struct cron_command *self;

    if (config->program[0] != '/')
        return err_fail(err, RC_INVALID, "'%.80s' is not an absolute path, like /usr/bin/crontab",
                        config->program);
    self = xcalloc(1, sizeof(*self));
    self->base.ops = &ops;
    self->program = xstrdup(config->program);
    self->data = xstrdup(config->data);
    *ret_table = &self->base;
    return RC_OK;
}
