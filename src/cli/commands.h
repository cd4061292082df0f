/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.h: the client commands, each defined in the file of its subject. */
#ifndef CRONJOB_CLI_COMMANDS_H
#define CRONJOB_CLI_COMMANDS_H

#include "cli/command.h"

/* add.c, edit.c, jobs.c */
extern const struct command command_add, command_edit;
extern const struct command command_list, command_show, command_remove;
extern const struct command command_pause, command_resume;

/* run.c, runs.c */
extern const struct command command_run;
extern const struct command command_runs, command_output, command_kill;

/* next.c, crontab_file.c, import.c */
extern const struct command command_next, command_check, command_import, command_export;

/* workers.c, doctor.c, token.c */
extern const struct command command_workers_remove, command_workers, command_drain, command_undrain,
    command_status;
extern const struct command command_doctor;
/* user.c, login.c */
extern const struct command command_user_add, command_user_change, command_user_list;
extern const struct command command_user_remove, command_user_password;
extern const struct command command_login, command_logout;
/* audit.c */
extern const struct command command_audit;
extern const struct command command_token_create, command_token_list, command_token_revoke;

/* help.c, completions.c */
extern const struct command command_help, command_version, command_completions;

#endif
