/* SPDX-License-Identifier: Apache-2.0 */
/* cli/password_input.h: passwords that people type, or that a file has. */
#ifndef CRONJOB_CLI_PASSWORD_INPUT_H
#define CRONJOB_CLI_PASSWORD_INPUT_H

#include "cli/cli.h"

/*
 * The first line of a file ("-": standard input); without a file it is asked for at the terminal,
 * where it is not shown, or else read from standard input. `twice`: it is typed once more. NULL
 * after a complaint. Memory is the call's.
 */
const char *password_input(struct cli *cli, const char *path, const char *prompt, bool twice);

/* A new one that nobody has thought of: 120 random bits. */
const char *password_draw(struct cli *cli);

#endif
