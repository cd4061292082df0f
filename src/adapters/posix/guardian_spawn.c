/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/guardian_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/exec.h"

enum { READY_FD = 3, ARGUMENTS_MAX = 32 };

/* Nothing of ours but stderr and the end of the pipe goes along. The pipe is moved first: it may
 * have the number of a standard descriptor. */
static void prepare_files(posix_spawn_file_actions_t *actions, int ready_fd)
{
    int error = posix_spawn_file_actions_init(actions);

    error |= posix_spawn_file_actions_adddup2(actions, ready_fd, READY_FD);
    error |= posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    error |= posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    error |= posix_spawn_file_actions_addclosefrom_np(actions, READY_FD + 1);
    CHECK(error == 0); /* only memory can be missing */
}

/* A session of its own: what is sent to our terminal or group does not reach it. */
static void prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int error = posix_spawnattr_init(attributes);

    sigemptyset(&none);
    sigfillset(&all);
    error |= posix_spawnattr_setsigmask(attributes, &none);
    error |= posix_spawnattr_setsigdefault(attributes, &all);
    error |= posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
    CHECK(error == 0); /* as above */
}

static int spawn(const char *executable, const char *data_directory, const char *const *arguments,
                 int ready_fd, pid_t *ret_pid)
{
    const char *fixed[] = {executable, "guardian", "--data", data_directory, "--ready-fd", "3"};
    char *argv[ARRAY_SIZE(fixed) + ARGUMENTS_MAX + 1];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    size_t count = 0;
    int error;

    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        argv[count++] = exec_argument(fixed[i]);
    for (size_t i = 0; arguments && arguments[i]; i++) {
        CHECK(i < ARGUMENTS_MAX);
        argv[count++] = exec_argument(arguments[i]);
    }
    argv[count] = NULL;
    prepare_files(&actions, ready_fd);
    prepare_attributes(&attributes);
    error = posix_spawn(ret_pid, executable, &actions, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions); /* always 0 */
    (void)posix_spawnattr_destroy(&attributes);       /* always 0 */
    return error;
}

enum rc guardian_spawn(const char *executable, const char *data_directory,
                       const char *const *arguments, pid_t *ret_pid, int *ret_ready,
                       struct err *err)
{
    int ends[2], error;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_errno(err, RC_IO, errno, "pipe");
    error = spawn(executable, data_directory, arguments, ends[1], ret_pid);
    (void)close(ends[1]);
    if (error) {
        (void)close(ends[0]);
        return err_errno(err, RC_IO, error, "starting the guardian %s", executable);
    }
    *ret_ready = ends[0];
    return RC_OK;
}
