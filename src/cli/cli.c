/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#include "cli/help.h"
#include "cli/session.h"
#include "http/client.h"

enum { HELP_LIMIT = 256 * 1024, TOKEN_LIMIT = 4096 };

#define DEFAULT_SERVER "http://127.0.0.1:30000"
#define UNIX_SOCKET    "unix:"

/* ---- complaints ---------------------------------------------------------------------------- */

void cli_complain(const char *format, ...)
{
    va_list arguments;
    (void)fflush(stdout);
    (void)fputs("cronjob: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

int cli_usage(const char *format, ...)
{
    va_list arguments;
    (void)fflush(stdout);
    (void)fputs("cronjob: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    return CLI_USAGE;
}

/* ---- surroundings -------------------------------------------------------------------------- */

const char *cli_variable(const struct cli *cli, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *at = cli->environment; *at; at++)
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
            return *at + length + 1;
    return NULL;
}

static bool read_all(int fd, const char *path, struct buf *buf)
{
    enum { CHUNK = 64 * 1024 };
    for (;;) {
        size_t room = MIN((size_t)CHUNK, buf->limit - buf->length);
        if (room == 0) {
            char spare = 0;
            if (read(fd, &spare, 1) == 0)
                return true;
            cli_complain("%s: larger than %zu bytes", path, buf->limit);
            return false;
        }
        if (buf_reserve(buf, room) != RC_OK)
            return false;
        ssize_t got = read(fd, buf->data + buf->length, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            cli_complain("%s: %s", path, strerrordesc_np(errno));
            return false;
        }
        if (got == 0)
            return true;
        buf->length += (size_t)got;
        buf->data[buf->length] = '\0';
    }
}

bool cli_read_file(const char *path, size_t limit, struct buf *ret_content)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        cli_complain("%s: %s", path, strerrordesc_np(errno));
        return false;
    }
    struct buf buf;
    buf_init(&buf, limit);
    bool well =
        buf_puts(&buf, "") == RC_OK && read_all(fd, is_stdin ? "standard input" : path, &buf);
    if (!is_stdin)
        (void)close(fd);
    if (well)
        *ret_content = buf;
    else
        buf_release(&buf);
    return well;
}

/* ---- one call ------------------------------------------------------------------------------ */

static bool read_token(struct cli *cli, const char *path)
{
    struct buf content;
    if (!path) {
        const char *token = cli_variable(cli, "CRONJOB_TOKEN");
        cli->token = token && *token ? token : session_load(cli);
        cli->has_session = cli->token && cli->token != token;
        return true;
    }
    if (!cli_read_file(path, TOKEN_LIMIT, &content))
        return false;
    size_t length = strcspn(content.data, " \t\r\n");
    cli->token = arena_strndup(&cli->arena, content.data, length);
    buf_release(&content);
    return true;
}

/* What an option says, else a variable; NULL when neither says anything. */
static const char *setting(const struct cli *cli, const struct arguments *arguments,
                           const char *option, const char *variable)
{
    const char *value = arguments_value(arguments, option);
    if (!value)
        value = cli_variable(cli, variable);
    return value && *value ? value : NULL;
}

/* "https://host:1/", "host:1", "unix:/path" */
static void take_server(struct cli *cli, const char *server)
{
    size_t length = strlen(server);
    while (length > 0 && server[length - 1] == '/')
        length--;
    cli->server = strstr(server, "://") || strncmp(server, UNIX_SOCKET, strlen(UNIX_SOCKET)) == 0
                      ? arena_strndup(&cli->arena, server, length)
                      : arena_printf(&cli->arena, "http://%.*s", (int)length, server);
    if (strncmp(cli->server, UNIX_SOCKET, strlen(UNIX_SOCKET)) == 0)
        cli->socket = cli->server + strlen(UNIX_SOCKET);
    cli->url = cli->socket ? "http://localhost" : cli->server;
}

/* What the options of every client command say. */
static bool take_common(struct cli *cli, const struct arguments *arguments)
{
    const char *server = setting(cli, arguments, "server", "CRONJOB_SERVER");
    take_server(cli, server ? server : DEFAULT_SERVER);
    cli->ca_file = setting(cli, arguments, "tls-ca", "CRONJOB_TLS_CA");
    cli->json = arguments_have(arguments, "json");
    return read_token(cli, arguments_value(arguments, "token-file"));
}

static int refuse_operands(const struct command *command, const struct arguments *arguments)
{
    if ((int)arguments->operand_count < command->least)
        return cli_usage("%s: %s is missing\nUsage: cronjob %s [OPTION]... %s", command->name,
                         arguments->operand_count ? "an operand" : "the operand", command->name,
                         command->operands);
    return cli_usage("%s: '%s' is one operand too many\nUsage: cronjob %s [OPTION]... %s",
                     command->name, arguments->operands[command->most], command->name,
                     command->operands);
}

static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    cli_complain("writing to standard output: %s", strerrordesc_np(errno));
    return code == CLI_DONE ? CLI_FAILED : code;
}

static int show_help(const struct command *command)
{
    AUTO_BUF struct buf buf;
    buf_init(&buf, HELP_LIMIT);
    help_command(command, &buf);
    (void)fputs(buf.data, stdout);
    return finish(CLI_DONE);
}

/* The words behind "--" are operands like the others, unless the command says otherwise. */
static void join_rest(struct cli *cli, struct arguments *arguments)
{
    size_t count = arguments->operand_count + arguments->rest_count;
    const char **all = arena_calloc(&cli->arena, (count + 1) * sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[i] = i < arguments->operand_count ? arguments->operands[i]
                                              : arguments->rest[i - arguments->operand_count];
    arguments->operands = all;
    arguments->operand_count = count;
    arguments->rest_count = 0;
}

static int run_command(struct cli *cli, const struct command *command, const char *const *words,
                       size_t count)
{
    const struct option *tables[OPTION_TABLES] = {help_options};
    for (size_t t = 0; t + 1 < OPTION_TABLES && command->options[t]; t++)
        tables[t + 1] = command->options[t];
    struct arguments arguments;
    struct err err = {0};
    if (arguments_parse(tables, words, count, &cli->arena, &arguments, &err) != RC_OK)
        return cli_usage("%s: %s\nUsage: cronjob %s [OPTION]... %s", command->name, err.message,
                         command->name, command->operands);
    if (arguments_have(&arguments, "help"))
        return show_help(command);
    if (!command->takes_rest)
        join_rest(cli, &arguments);
    bool too_many = command->most != OPERANDS_ANY && (int)arguments.operand_count > command->most;
    if ((int)arguments.operand_count < command->least || too_many)
        return refuse_operands(command, &arguments);
    if (!take_common(cli, &arguments))
        return CLI_FAILED;
    return finish(command->run(cli, &arguments));
}

/* The client's common options may stand before the command; they are moved behind it. */
static size_t leading_options(const char *const *words, size_t count)
{
    size_t at = 0;
    while (at < count && strncmp(words[at], "--", 2) == 0) {
        bool takes_next =
            strcmp(words[at], "--server") == 0 || strcmp(words[at], "--token-file") == 0;
        bool is_common = takes_next || strcmp(words[at], "--json") == 0 ||
                         strncmp(words[at], "--server=", 9) == 0 ||
                         strncmp(words[at], "--token-file=", 13) == 0;
        if (!is_common)
            break;
        at += takes_next ? 2 : 1;
    }
    return MIN(at, count);
}

static int without_command(struct cli *cli, const char *const *words, size_t count)
{
    AUTO_BUF struct buf buf;
    buf_init(&buf, HELP_LIMIT);
    if (count > 0 && command_is_group(cli->commands, words[0])) {
        bool asked = count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);
        if (count > 1 && !asked)
            cli_complain("there is no command '%s %s'", words[0], words[1]);
        help_group(cli->commands, words[0], &buf);
        (void)fputs(buf.data, asked ? stdout : stderr);
        return asked ? finish(CLI_DONE) : CLI_USAGE;
    }
    if (count > 0) {
        const char *nearest = command_nearest(cli->commands, words[0]);
        return cli_usage("there is no command '%s'%s%s%s; see cronjob --help", words[0],
                         nearest ? "; did you mean '" : "", nearest ? nearest : "",
                         nearest ? "'?" : "");
    }
    help_overview(cli->commands, &buf);
    (void)fputs(buf.data, stderr);
    return CLI_USAGE;
}

static const char *plain_name(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return "version";
    return word;
}

static int dispatch(struct cli *cli, const char *const *words, size_t count)
{
    size_t leading = leading_options(words, count);
    size_t names = 0;
    const char **named = arena_calloc(&cli->arena, (count + 1) * sizeof *named);
    for (size_t i = leading; i < count; i++)
        named[i - leading] = i == leading ? plain_name(words[i]) : words[i];
    const struct command *command = command_find(cli->commands, named, count - leading, &names);
    if (!command)
        return without_command(cli, named, count - leading);
    const char **rest = arena_calloc(&cli->arena, (count + 1) * sizeof *rest);
    size_t rest_count = 0;
    for (size_t i = 0; i < leading; i++)
        rest[rest_count++] = words[i];
    for (size_t i = leading + names; i < count; i++)
        rest[rest_count++] = words[i];
    return run_command(cli, command, rest, rest_count);
}

int cli_main(const struct command *const *commands, const struct cli_system *system,
             const char *const *words, size_t count, const char *const *environment)
{
    struct cli cli = {.system = system, .commands = commands, .environment = environment};
    int code = dispatch(&cli, words, count);
    http_client_free(cli.client);
    arena_release(&cli.arena);
    return code;
}
