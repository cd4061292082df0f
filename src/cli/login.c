/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/password_input.h"
#include "cli/remote.h"
#include "cli/session.h"
#include "cli/text.h"

/* ---- login --------------------------------------------------------------------------------- */

static const char *user_of(const struct cli *cli, const struct arguments *arguments)
{
    const char *name = cli_variable(cli, "LOGNAME");
    if (arguments->operand_count)
        return arguments->operands[0];
    return name && *name ? name : cli_variable(cli, "USER");
}

static void write_login(const struct arguments *arguments, const char *user, const char *password,
                        struct buf *body)
{
    const char *expires_in = arguments_value(arguments, "expires-in");
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_write_object_begin(&writer);
    json_member_string(&writer, "user", user);
    json_member_string(&writer, "password", password);
    json_member_boolean(&writer, "token", true);
    if (expires_in)
        json_member_string(&writer, "expires_in", expires_in);
    json_write_object_end(&writer);
}

static int keep(struct cli *cli, const struct arguments *arguments,
                const struct remote_answer *answer)
{
    const char *token = text_string(answer->json, "token", "");
    if (cli->json)
        remote_print(answer);
    else if (arguments_have(arguments, "print"))
        (void)puts(token);
    if (cli->json || arguments_have(arguments, "print"))
        return CLI_DONE;
    if (!session_save(cli, token))
        return CLI_FAILED;
    (void)printf("%s is signed in to %s as %s until %s\n", text_string(answer->json, "user", "-"),
                 cli->server, text_string(answer->json, "role", "-"),
                 text_string(answer->json, "expires_at", "-"));
    return CLI_DONE;
}

static int run_login(struct cli *cli, const struct arguments *arguments)
{
    const char *user = user_of(cli, arguments);
    if (!user || !*user)
        return cli_usage("login: say which user");
    const char *password =
        password_input(cli, arguments_value(arguments, "password-file"), "Password", false);
    if (!password)
        return CLI_FAILED;
    AUTO_BUF struct buf body;
    buf_init(&body, LIMIT_BODY);
    write_login(arguments, user, password, &body);
    cli->token = NULL; /* an old session is not asked */
    struct remote_request request = {
        .method = "POST", .path = "/login", .body = body.data, .body_length = body.length};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    return code == CLI_DONE ? keep(cli, arguments, &answer) : code;
}

static const struct option login_options[] = {
    {.name = "password-file", .value = "FILE", .help = "read the password there, - is stdin"},
    {.name = "expires-in", .value = "SPAN", .help = "how long it holds; 12h"},
    {.name = "print", .help = "print the token instead of keeping it"},
    {0},
};

const struct command command_login = {
    .name = "login",
    .operands = "[USER]",
    .summary = "Sign in to a server with a password",
    .details = "The session is kept in ~/.config/cronjob/sessions and used for this server by all\n"
               "commands, unless --token-file or $CRONJOB_TOKEN gives another token.",
    .most = 1,
    .options = {login_options, remote_options},
    .run = run_login,
};

/* ---- logout -------------------------------------------------------------------------------- */

/* What the server does not know any more is ended as well. */
static int run_logout(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    if (!cli->token) {
        cli_complain("you are not signed in to %s", cli->server);
        return CLI_FAILED;
    }
    struct remote_request request = {.method = "POST", .path = "/logout", .quiet = true};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE && answer.status != 401) {
        if (answer.status)
            cli_complain("%s", text_string(answer.json, "detail", "the server refused"));
        return code;
    }
    if (cli->has_session)
        session_forget(cli);
    return CLI_DONE;
}

const struct command command_logout = {
    .name = "logout",
    .operands = "",
    .summary = "End the session that login began",
    .options = {remote_options},
    .run = run_logout,
};
