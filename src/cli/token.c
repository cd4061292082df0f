/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/list.h"
#include "cli/remote.h"
#include "cli/text.h"

/* ---- token create -------------------------------------------------------------------------- */

static void write_request(const struct arguments *arguments, struct buf *body)
{
    const char *account = arguments_value(arguments, "account");
    const char *expires_in = arguments_value(arguments, "expires-in");
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_write_object_begin(&writer);
    json_member_string(&writer, "name", arguments->operands[0]);
    if (account)
        json_member_string(&writer, "account", account);
    const char *scope = arguments_value(arguments, "scope");
    if (arguments_have(arguments, "admin"))
        json_member_boolean(&writer, "admin", true);
    if (scope)
        json_member_string(&writer, "scope", scope);
    if (expires_in)
        json_member_string(&writer, "expires_in", expires_in);
    json_write_object_end(&writer);
}

static int run_create(struct cli *cli, const struct arguments *arguments)
{
    AUTO_BUF struct buf body;
    buf_init(&body, LIMIT_BODY);
    write_request(arguments, &body);
    struct remote_request request = {
        .method = "POST", .path = "/tokens", .body = body.data, .body_length = body.length};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE)
        return code;
    if (cli->json)
        remote_print(&answer);
    else
        (void)puts(text_string(answer.json, "token", "-"));
    return code;
}

static const struct option create_options[] = {
    {.name = "account", .value = "NAME", .help = "the user or account as whom it acts; you"},
    {.name = "admin", .help = "it may do everything"},
    {.name = "scope", .value = "ROLE", .help = "it may do no more than this role; editor"},
    {.name = "expires-in", .value = "SPAN", .help = "how long it holds; for ever"},
    {0},
};

const struct command command_token_create = {
    .name = "token create",
    .operands = "NAME",
    .summary = "Make an access token and print its secret, this once",
    .details =
        "Give the secret to a client by $CRONJOB_TOKEN or --token-file, or to any program as\n"
        "`Authorization: Bearer SECRET`.",
    .least = 1,
    .most = 1,
    .options = {create_options, remote_options},
    .run = run_create,
};

/* ---- token list ---------------------------------------------------------------------------- */

static const struct column token_columns[] = {
    {.title = "ID", .path = "id"},
    {.title = "NAME", .path = "name"},
    {.title = "ACCOUNT", .path = "account"},
    {.title = "ADMIN", .path = "admin"},
    {.title = "SCOPE", .path = "scope"},
    {.title = "CREATED", .path = "created_at"},
    {.title = "EXPIRES", .path = "expires_at"},
    {.title = "USED", .path = "last_used_at"},
};

static int run_list(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    return list_show(cli, "/tokens", token_columns, ARRAY_SIZE(token_columns));
}

const struct command command_token_list = {
    .name = "token list",
    .operands = "",
    .summary = "List the access tokens, without their secrets",
    .options = {remote_options},
    .run = run_list,
};

/* ---- token revoke -------------------------------------------------------------------------- */

static int run_revoke(struct cli *cli, const struct arguments *arguments)
{
    struct remote_request request = {
        .method = "DELETE", .path = remote_path(cli, "/tokens/{}", arguments->operands[0])};
    AUTO_ANSWER struct remote_answer answer;
    return remote_call(cli, &request, &answer);
}

const struct command command_token_revoke = {
    .name = "token revoke",
    .operands = "ID",
    .summary = "Make an access token void",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_revoke,
};
