/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/list.h"
#include "cli/password_input.h"
#include "cli/remote.h"
#include "cli/text.h"

/* ---- what add and change have in common ---------------------------------------------------- */

static const struct option rights_options[] = {
    {.name = "role", .value = "ROLE", .help = "viewer, operator, editor or admin"},
    {.name = "account",
     .value = "ACCOUNT",
     .repeats = true,
     .help = "an account that its jobs may run as"},
    {.name = "privileged", .help = "its jobs may run as any account, root as well"},
    {.name = "unprivileged", .help = "its jobs may run as its accounts only"},
    {0},
};

static void write_accounts(const struct arguments *arguments, struct json_writer *writer)
{
    json_write_name(writer, "accounts");
    json_write_array_begin(writer);
    for (size_t i = 0; i < arguments->count; i++) {
        if (strcmp(arguments->items[i].option->name, "account") == 0)
            json_write_string(writer, arguments->items[i].value);
    }
    json_write_array_end(writer);
}

static void write_rights(const struct arguments *arguments, const char *usual_role,
                         struct json_writer *writer)
{
    const char *role = arguments_value(arguments, "role");
    if (role || usual_role)
        json_member_string(writer, "role", role ? role : usual_role);
    if (arguments_have(arguments, "account"))
        write_accounts(arguments, writer);
    if (arguments_have(arguments, "privileged"))
        json_member_boolean(writer, "privileged", true);
    if (arguments_have(arguments, "unprivileged"))
        json_member_boolean(writer, "privileged", false);
}

static int ask(struct cli *cli, struct remote_request *request, const struct buf *body)
{
    AUTO_ANSWER struct remote_answer answer;
    request->body = body->data;
    request->body_length = body->length;
    int code = remote_call(cli, request, &answer);
    if (code == CLI_DONE && cli->json)
        remote_print(&answer);
    return code;
}

/* ---- user add ------------------------------------------------------------------------------ */

/* "" when it is to have none; NULL after a complaint. */
static const char *new_password(struct cli *cli, const struct arguments *arguments, bool *ret_drawn)
{
    const char *path = arguments_value(arguments, "password-file");
    *ret_drawn = false;
    if (arguments_have(arguments, "no-password"))
        return "";
    if (path)
        return password_input(cli, path, "Password", true);
    *ret_drawn = true;
    return password_draw(cli);
}

static int run_add(struct cli *cli, const struct arguments *arguments)
{
    bool drawn = false;
    const char *password = new_password(cli, arguments, &drawn);
    if (!password)
        return CLI_FAILED;
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, LIMIT_BODY);
    json_writer_init(&writer, &body);
    json_write_object_begin(&writer);
    json_member_string(&writer, "name", arguments->operands[0]);
    if (*password)
        json_member_string(&writer, "password", password);
    write_rights(arguments, "editor", &writer);
    json_write_object_end(&writer);
    struct remote_request request = {.method = "POST", .path = "/users"};
    int code = ask(cli, &request, &body);
    if (code == CLI_DONE && drawn && cli->json)
        (void)fprintf(stderr, "%s\n", password);
    else if (code == CLI_DONE && drawn)
        (void)puts(password);
    return code;
}

static const struct option add_options[] = {
    {.name = "password-file", .value = "FILE", .help = "read the password there, - is stdin"},
    {.name = "no-password", .help = "it cannot sign in: an account of the machine"},
    {0},
};

const struct command command_user_add = {
    .name = "user add",
    .operands = "NAME",
    .summary = "Make a user, an editor if no --role says otherwise",
    .details =
        "Without --password-file the password is drawn and printed, this once. Jobs may run\n"
        "as the account of the user's name, unless --account or --privileged says otherwise.",
    .least = 1,
    .most = 1,
    .options = {add_options, rights_options, remote_options},
    .run = run_add,
};

/* ---- user change --------------------------------------------------------------------------- */

static int run_change(struct cli *cli, const struct arguments *arguments)
{
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, LIMIT_BODY);
    json_writer_init(&writer, &body);
    json_write_object_begin(&writer);
    write_rights(arguments, NULL, &writer);
    if (arguments_have(arguments, "disable"))
        json_member_boolean(&writer, "disabled", true);
    if (arguments_have(arguments, "enable"))
        json_member_boolean(&writer, "disabled", false);
    json_write_object_end(&writer);
    struct remote_request request = {.method = "PATCH",
                                     .path = remote_path(cli, "/users/{}", arguments->operands[0]),
                                     .is_patch = true};
    return ask(cli, &request, &body);
}

static const struct option change_options[] = {
    {.name = "disable", .help = "it may do nothing until it is enabled"},
    {.name = "enable", .help = "it may do again what it could"},
    {0},
};

const struct command command_user_change = {
    .name = "user change",
    .operands = "NAME",
    .summary = "Change what a user may do",
    .least = 1,
    .most = 1,
    .options = {change_options, rights_options, remote_options},
    .run = run_change,
};

/* ---- user list ----------------------------------------------------------------------------- */

static const struct column user_columns[] = {
    {.title = "NAME", .path = "name"},          {.title = "ROLE", .path = "role"},
    {.title = "ACCOUNTS", .path = "accounts"},  {.title = "PRIVILEGED", .path = "privileged"},
    {.title = "DISABLED", .path = "disabled"},  {.title = "PASSWORD", .path = "has_password"},
    {.title = "CREATED", .path = "created_at"},
};

static int run_list(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    return list_show(cli, "/users", user_columns, ARRAY_SIZE(user_columns));
}

const struct command command_user_list = {
    .name = "user list",
    .operands = "",
    .summary = "List the users and what they may do",
    .options = {remote_options},
    .run = run_list,
};

/* ---- user remove --------------------------------------------------------------------------- */

static int run_remove(struct cli *cli, const struct arguments *arguments)
{
    struct remote_request request = {.method = "DELETE",
                                     .path = remote_path(cli, "/users/{}", arguments->operands[0])};
    AUTO_ANSWER struct remote_answer answer;
    return remote_call(cli, &request, &answer);
}

const struct command command_user_remove = {
    .name = "user remove",
    .operands = "NAME",
    .summary = "Remove a user and all its tokens; its jobs stay",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_remove,
};

/* ---- user password ------------------------------------------------------------------------- */

static int run_password(struct cli *cli, const struct arguments *arguments)
{
    const char *old_path = arguments_value(arguments, "old-password-file");
    const char *old = NULL;
    if (old_path || arguments_have(arguments, "own"))
        old = password_input(cli, old_path, "Old password", false);
    if ((old_path || arguments_have(arguments, "own")) && !old)
        return CLI_FAILED;
    const char *password =
        password_input(cli, arguments_value(arguments, "password-file"), "New password", true);
    if (!password)
        return CLI_FAILED;
    AUTO_BUF struct buf body;
    struct json_writer writer;
    buf_init(&body, LIMIT_BODY);
    json_writer_init(&writer, &body);
    json_write_object_begin(&writer);
    json_member_string(&writer, "password", password);
    if (old)
        json_member_string(&writer, "old", old);
    json_write_object_end(&writer);
    struct remote_request request = {
        .method = "PUT", .path = remote_path(cli, "/users/{}/password", arguments->operands[0])};
    return ask(cli, &request, &body);
}

static const struct option password_options[] = {
    {.name = "password-file", .value = "FILE", .help = "read the new password there, - is stdin"},
    {.name = "own", .help = "it is yours: ask for the old password as well"},
    {.name = "old-password-file", .value = "FILE", .help = "read the old password there"},
    {0},
};

const struct command command_user_password = {
    .name = "user password",
    .operands = "NAME",
    .summary = "Set a user's password, which ends its sessions",
    .least = 1,
    .most = 1,
    .options = {password_options, remote_options},
    .run = run_password,
};
