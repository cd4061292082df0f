/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#include "adapters/posix/cron_command.h"
#include "adapters/posix/cron_file.h"
#include "adapters/posix/cron_mark.h"
#include "adapters/posix/fires.h"
#include "main/system.h"

/* cron starts in another directory. */
static enum rc absolute(struct system *system, const char *path, const char **ret_path,
                        struct err *err)
{
    char *real = realpath(path, NULL);

    if (!real)
        return err_errno(err, RC_IO, errno, "%s", path);
    *ret_path = arena_strdup(&system->arena, real);
    free(real);
    return RC_OK;
}

static enum rc own_program(struct system *system, const char **ret_path, struct err *err)
{
    char path[PATH_MAX] = {0};

    if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
        return err_errno(err, RC_IO, errno, "/proc/self/exe");
    *ret_path = arena_strdup(&system->arena, path);
    return RC_OK;
}

static enum rc make_frame(struct system *system, struct crontab_frame *ret_frame, struct err *err)
{
    struct crontab_frame frame = {0};
    enum rc rc = absolute(system, system->options->data, &frame.data, err);

    if (rc == RC_OK)
        rc = own_program(system, &frame.executable, err);
    if (!system->options->crontab_command)
        frame.account = "root"; /* for only root can have the file */
    if (rc == RC_OK && system->options->scheduler == SCHEDULER_CRONTAB)
        rc = crontab_frame_check(&frame, err);
    if (rc == RC_OK)
        *ret_frame = frame;
    return rc;
}

static enum rc make_table(struct system *system, const struct crontab_frame *frame, struct err *err)
{
    const struct server_options *options = system->options;
    enum rc rc =
        options->crontab_command
            ? cron_command_new(&(struct cron_command_config){.program = options->crontab_command,
                                                             .data = frame->data},
                               &system->cron_table, err)
            : cron_file_new(
                  &(struct cron_file_config){.path = options->crontab_file, .data = frame->data},
                  &system->cron_table, err);

    if (rc == RC_OK)
        system->cron_table->frame = *frame;
    return rc;
}

/* Lines that stay behind do no harm: nobody takes their calls. */
static void leave(const char *data)
{
    struct err err = {0};
    enum rc rc = cron_mark_move(data, &(struct cron_place){0}, &err);

    if (rc != RC_OK)
        log_warn("lines in the crontab could not be taken away, ignoring", LOG_ERR(&err, rc));
}

enum rc system_make_crontab(struct system *system, struct err *err)
{
    const struct server_options *options = system->options;
    bool by_command = options->crontab_command != NULL;
    struct cron_place place = {.file = by_command ? NULL : options->crontab_file,
                               .command = options->crontab_command};
    struct crontab_frame frame;
    enum rc rc = make_frame(system, &frame, err);

    if (rc == RC_OK && options->scheduler == SCHEDULER_TIMER) {
        leave(frame.data);
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = make_table(system, &frame, err);
    if (rc == RC_OK)
        rc = cron_mark_move(frame.data, &place, err);
    if (rc == RC_OK)
        rc = posix_fires_new(frame.data, &system->fires, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "scheduler = crontab");
}
