/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is by its first bytes, and what is wrong with it. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "core/file_kind.h"

#include "table.h"
#include "testing.h"

#define BLANKS_50  "                                                  "
#define BLANKS_250 BLANKS_50 BLANKS_50 BLANKS_50 BLANKS_50 BLANKS_50
#define LETTERS_50 "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define PATH_250   LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50

static struct file_head head_of(const char *text)
{
    return (struct file_head){.data = text, .length = MIN(strlen(text), (size_t)FILE_HEAD)};
}

/* By the rules of fs/binfmt_script.c. */
static void reads_the_interpreter(void **state)
{
    static const struct {
        const char *text, *expected; /* "path|argument", or why not */
    } rows[] = {
        {"#!/bin/sh\n", "/bin/sh|"},
        {"#!/bin/sh", "/bin/sh|"},
        {"#! /bin/sh\necho", "/bin/sh|"},
        {"#! \t /bin/sh \t \necho", "/bin/sh|"},
        {"#!/usr/bin/env python3\n", "/usr/bin/env|python3"},
        {"#!/usr/bin/env -S python3 -u  \n", "/usr/bin/env|-S python3 -u"},
        {"#!/usr/bin/awk\t-f\n", "/usr/bin/awk|-f"},
        {"#!" BLANKS_250 "/a\nx", "/a|"},
        {"#!/bin/sh " BLANKS_250 "-e\nx", "/bin/sh|"},
        {"#!/bin/sh -" PATH_250 PATH_250, "/bin/sh|-" LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50
                                          "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"#!" PATH_250 "\n", PATH_250 "|"},
        {"#!" PATH_250 "/xx\n", PATH_250 "/xx|"},
        {"#!" PATH_250 "/xxx\n", "the #! line is longer than 255 bytes"},
        {"#!" BLANKS_250 BLANKS_50 "/bin/sh\n", "the #! line is longer than 255 bytes"},
        {"#!\n", "#! is not followed by the absolute path of an interpreter"},
        {"#!", "#! is not followed by the absolute path of an interpreter"},
        {"#!  \n/bin/sh\n", "#! is not followed by the absolute path of an interpreter"},
        {"#!sh\n", "#! is not followed by the absolute path of an interpreter"},
        {"#!/bin/sh\r\necho\r\n", "the #! line ends in a carriage return, as lines of Windows do"},
        {"\n#!/bin/sh\n", "a script begins with #! and the path of its interpreter"},
        {"echo hello\n", "a script begins with #! and the path of its interpreter"},
    };
    struct table table = {.name = "interpreters"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct file_head head = head_of(rows[i].text);
        struct interpreter interpreter;
        char got[600];
        struct err err;

        if (file_interpreter(&head, &interpreter, &err) == RC_OK)
            (void)snprintf(got, sizeof(got), "%s|%s", interpreter.path, interpreter.argument);
        else
            (void)snprintf(got, sizeof(got), "%s", err.message);
        (void)table_same(&table, rows[i].text, rows[i].expected, got);
    }
    table_end(&table);
}

static void refuses_a_nul_in_the_line(void **state)
{
    struct file_head head = {.data = "#!/bin/sh\0 -e\n", .length = 14};
    struct interpreter interpreter;

    (void)state;
    assert_int_equal(file_interpreter(&head, &interpreter, NULL), RC_INVALID);
}

/* The head of a program for the machine that this was compiled for. */
static void make_elf(char head[64], uint16_t type, uint16_t machine, int data)
{
    size_t low = data == ELFDATA2MSB;

    memset(head, 0, 64);
    memcpy(head, ELFMAG, SELFMAG);
    head[EI_CLASS] = ELFCLASS64;
    head[EI_DATA] = (char)data;
    head[16 + low] = (char)type;
    head[18 + low] = (char)(machine & 0xff);
    head[19 - low] = (char)(machine >> 8);
}

#if defined(__x86_64__)
static void knows_programs_of_this_machine(void **state)
{
    static const struct {
        const char *name;
        uint16_t type, machine;
        int data;
        const char *expected; /* "": it can be executed */
    } rows[] = {
        {"dynamic", ET_DYN, EM_X86_64, ELFDATA2LSB, ""},
        {"static", ET_EXEC, EM_X86_64, ELFDATA2LSB, ""},
        {"32 bits", ET_EXEC, EM_386, ELFDATA2LSB, ""},
        {"arm", ET_DYN, EM_AARCH64, ELFDATA2LSB,
         "the program is for aarch64 (183), this machine is x86-64"},
        {"mainframe", ET_DYN, EM_S390, ELFDATA2MSB,
         "the program is for s390 (22), this machine is x86-64"},
        {"unheard of", ET_DYN, 9999, ELFDATA2LSB,
         "the program is for another machine (9999), this machine is x86-64"},
        {"byte order", ET_DYN, EM_X86_64, ELFDATA2MSB,
         "the program has the other byte order than this machine"},
        {"object", ET_REL, EM_X86_64, ELFDATA2LSB, "the ELF file is no program, but of type 1"},
    };
    struct table table = {.name = "programs"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char data[64];
        struct file_head head = {.data = data, .length = sizeof(data)};
        struct err err = {0};

        make_elf(data, rows[i].type, rows[i].machine, rows[i].data);
        (void)!file_check_here(JOB_BINARY, &head, &err);
        (void)table_same(&table, rows[i].name, rows[i].expected, err.message);
    }
    table_end(&table);
}
#endif

static void compares_a_file_with_its_type(void **state)
{
    static const struct {
        enum job_type type;
        const char *text, *expected;
    } rows[] = {
        {JOB_SCRIPT, "", "the file is empty"},
        {JOB_BINARY, "", "the file is empty"},
        {JOB_SCRIPT, "#!/bin/sh\n", ""},
        {JOB_BINARY, "#!/bin/sh\n", "this is a script: use type script"},
        {JOB_SCRIPT, "\177ELF and more", "this is a program: use type binary"},
        {JOB_BINARY, "hello", "this is no program: it does not begin as an ELF file"},
        {JOB_BINARY, "\177ELF", "the program ends in its head: 4 bytes are there"},
    };
    struct table table = {.name = "types"};
    char data[64];
    struct file_head foreign = {.data = data, .length = sizeof(data)};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct file_head head = head_of(rows[i].text);
        struct err err = {0};

        (void)!file_check(rows[i].type, &head, &err);
        (void)table_same(&table, rows[i].text, rows[i].expected, err.message);
    }
    table_end(&table);
    make_elf(data, ET_DYN, 9999, ELFDATA2MSB);
    assert_int_equal(file_check(JOB_BINARY, &foreign, NULL), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_interpreter),
        cmocka_unit_test(refuses_a_nul_in_the_line),
#if defined(__x86_64__)
        cmocka_unit_test(knows_programs_of_this_machine),
#endif
        cmocka_unit_test(compares_a_file_with_its_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
