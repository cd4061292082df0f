/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/password_input.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"

#include "core/limits.h"

enum { DRAWN_BYTES = 15, DRAWN_TEXT = 21 };

static const char *first_line(struct cli *cli, const char *path)
{
    struct buf content;
    const char *line;

    if (!cli_read_file(path, LIMIT_PASSWORD + 2, &content))
        return NULL;
    line = arena_strndup(&cli->arena, content.data, strcspn(content.data, "\r\n"));
    crypto_forget(content.data, content.length);
    buf_release(&content);
    return line;
}

/* What is typed, without the newline; false when the terminal is gone. */
static bool read_line(int terminal, char *line, size_t capacity)
{
    size_t length = 0;
    char letter = '\0';

    while (read(terminal, &letter, 1) == 1 && letter != '\n') {
        if (length + 1 < capacity)
            line[length++] = letter;
    }
    line[length] = '\0';
    return letter == '\n';
}

static const char *ask(struct cli *cli, int terminal, const char *prompt)
{
    char *line = arena_calloc(&cli->arena, LIMIT_PASSWORD + 2);
    struct termios shown, hidden;
    bool well;

    if (tcgetattr(terminal, &shown) != 0)
        return NULL;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO);
    (void)tcsetattr(terminal, TCSAFLUSH, &hidden); /* else it is seen, which is no reason to stop */
    (void)dprintf(terminal, "%s: ", prompt);
    well = read_line(terminal, line, LIMIT_PASSWORD + 2);
    (void)tcsetattr(terminal, TCSAFLUSH, &shown);
    (void)dprintf(terminal, "\n");
    if (!well)
        cli_complain("no password was given");
    return well ? line : NULL;
}

static const char *ask_twice(struct cli *cli, int terminal, const char *prompt, bool twice)
{
    const char *first = ask(cli, terminal, prompt);
    const char *second = first && twice ? ask(cli, terminal, "Once more") : first;

    if (!second || strcmp(first, second) == 0)
        return second;
    cli_complain("the two are not the same");
    return NULL;
}

const char *password_input(struct cli *cli, const char *path, const char *prompt, bool twice)
{
    const char *password;
    int terminal;

    if (path)
        return first_line(cli, path);
    terminal = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC) : -1;
    if (terminal < 0)
        return first_line(cli, "-");
    password = ask_twice(cli, terminal, prompt, twice);
    (void)close(terminal);
    return password;
}

const char *password_draw(struct cli *cli)
{
    uint8_t bytes[DRAWN_BYTES];
    char *text = arena_alloc(&cli->arena, DRAWN_TEXT);
    struct err err = {0};

    if (crypto_init(&err) != RC_OK) {
        cli_complain("%s", err.message);
        return NULL;
    }
    crypto_random(bytes, sizeof(bytes));
    crypto_base64(text, DRAWN_TEXT, bytes, sizeof(bytes));
    return text;
}
