/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { TOKEN_MAX = 4096 };

/* The server's address, as the name of a file. */
static const char *file_name(struct cli *cli)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    size_t length = strlen(cli->server);
    char *name = arena_alloc(&cli->arena, length + 1);

    for (size_t i = 0; i < length; i++)
        name[i] = strchr(letters, cli->server[i]) ? cli->server[i] : '_';
    name[length] = '\0';
    return name;
}

/* NULL: there is no place for it. */
static const char *directory(struct cli *cli)
{
    const char *config = cli_variable(cli, "XDG_CONFIG_HOME");
    const char *home = cli_variable(cli, "HOME");

    if (config && config[0] == '/')
        return arena_printf(&cli->arena, "%s/cronjob/sessions", config);
    if (home && home[0] == '/')
        return arena_printf(&cli->arena, "%s/.config/cronjob/sessions", home);
    return NULL;
}

static const char *file_path(struct cli *cli)
{
    const char *folder = directory(cli);

    return folder ? arena_printf(&cli->arena, "%s/%s", folder, file_name(cli)) : NULL;
}

/* A secret that others can read is none, and one that others wrote is not ours. */
static bool is_private(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & 077) == 0;
}

const char *session_load(struct cli *cli)
{
    const char *path = file_path(cli);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    char *token = arena_alloc(&cli->arena, TOKEN_MAX);
    ssize_t length = -1;

    if (fd < 0)
        return NULL;
    if (is_private(fd))
        length = read(fd, token, TOKEN_MAX - 1);
    (void)close(fd);
    if (length <= 0)
        return NULL;
    token[length] = '\0';
    token[strcspn(token, " \t\r\n")] = '\0';
    return *token ? token : NULL;
}

/* Each part that is not there. */
static bool make_directories(struct cli *cli, const char *path)
{
    char *part = arena_printf(&cli->arena, "%s", path);

    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            cli_complain("%s: %s", part, strerrordesc_np(errno));
            return false;
        }
        if (!slash)
            return true;
        *slash = '/';
    }
}

static bool write_file(const char *path, const char *token)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t length = strlen(token);
    bool well = fd >= 0 && write(fd, token, length) == (ssize_t)length;
    int error = errno;

    if (fd >= 0)
        (void)close(fd);
    if (!well)
        cli_complain("%s: %s", path, strerrordesc_np(error));
    return well;
}

bool session_save(struct cli *cli, const char *token)
{
    const char *folder = directory(cli), *path = file_path(cli);

    if (!path) {
        cli_complain("there is no $HOME to keep the session in; use --print");
        return false;
    }
    if (!make_directories(cli, folder))
        return false;
    (void)unlink(path); /* a file that was there may have another owner or mode */
    return write_file(path, token);
}

void session_forget(struct cli *cli)
{
    const char *path = file_path(cli);

    if (path)
        (void)unlink(path);
}
