/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <string.h>

#include "cli/commands.h"

const struct option help_options[] = {
    {.name = "help", .letter = 'h', .help = "show this text"},
    {0},
};

const struct option remote_options[] = {
    {.name = "server",
     .value = "URL",
     .help = "its address, or unix:PATH; $CRONJOB_SERVER, else http://127.0.0.1:30000"},
    {.name = "token-file",
     .value = "FILE",
     .help = "a file with the access token; else $CRONJOB_TOKEN"},
    {.name = "tls-ca",
     .value = "FILE",
     .help = "vouches for a server with https; $CRONJOB_TLS_CA, else whom the system trusts"},
    {.name = "json", .help = "print the server's documents instead of a table"},
    {0},
};

/* Of names that begin alike the longer comes first. */
const struct command *const cli_commands[] = {
    &command_add,           &command_list,         &command_show,        &command_edit,
    &command_remove,        &command_pause,        &command_resume,      &command_run,
    &command_runs,          &command_output,       &command_kill,        &command_next,
    &command_check,         &command_import,       &command_export,      &command_workers_remove,
    &command_workers,       &command_drain,        &command_undrain,     &command_status,
    &command_doctor,        &command_token_create, &command_token_list,  &command_token_revoke,
    &command_user_add,      &command_user_list,    &command_user_change, &command_user_remove,
    &command_user_password, &command_login,        &command_logout,      &command_audit,
    &command_help,          &command_version,      &command_completions, NULL,
};

/* Whether the name's first word is `word`; *ret_rest is what follows it and a blank, "" for none.
 */
static bool begins_with(const char *name, const char *word, const char **ret_rest)
{
    size_t length = strlen(word);
    if (length == 0 || strncmp(name, word, length) != 0)
        return false;
    if (name[length] != '\0' && name[length] != ' ')
        return false;
    *ret_rest = name + length + (name[length] == ' ');
    return true;
}

const struct command *command_find(const struct command *const *commands, const char *const *words,
                                   size_t count, size_t *ret_words)
{
    for (; count > 0 && *commands; commands++) {
        const char *second = NULL;
        if (!begins_with((*commands)->name, words[0], &second))
            continue;
        bool is_pair = *second != '\0';
        if (is_pair && (count < 2 || strcmp(second, words[1]) != 0))
            continue;
        *ret_words = is_pair ? 2 : 1;
        return *commands;
    }
    return NULL;
}

bool command_is_group(const struct command *const *commands, const char *word)
{
    const char *second = NULL;
    for (; *commands; commands++)
        if (begins_with((*commands)->name, word, &second) && *second != '\0')
            return true;
    return false;
}

static const char *next_name(void *context)
{
    const struct command *const **at = context;
    while (**at && (**at)->hidden)
        (*at)++;
    return **at ? (*(*at)++)->name : NULL;
}

const char *command_nearest(const struct command *const *commands, const char *name)
{
    return nearest_word(name, next_name, &commands);
}
