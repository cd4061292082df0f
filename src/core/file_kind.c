/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file_kind.h"

#include <stdint.h>
#include <string.h>

/* ---- ELF: System V ABI, "ELF header" --------------------------------------------------------- */

#define ELF_MAGIC "\177ELF"

enum {
    ELF_LITTLE = 1, /* ELFDATA2LSB */
    ELF_BIG,        /* ELFDATA2MSB */
};

enum { ELF_PROGRAM = 2, ELF_SHARED }; /* ET_EXEC, ET_DYN */

enum {
    MACHINE_386 = 3,
    MACHINE_MIPS = 8,
    MACHINE_PPC = 20,
    MACHINE_PPC64 = 21,
    MACHINE_S390 = 22,
    MACHINE_ARM = 40,
    MACHINE_SPARC = 43,
    MACHINE_X86_64 = 62,
    MACHINE_AARCH64 = 183,
    MACHINE_RISCV = 243,
    MACHINE_LOONGARCH = 258,
};

/* ---- which machine ------------------------------------------------------------------------- */

struct machine {
    uint16_t code; /* e_machine */
    const char *name;
};

static const struct machine machines[] = {
    {MACHINE_X86_64, "x86-64"},
    {MACHINE_386, "i386"},
    {MACHINE_AARCH64, "aarch64"},
    {MACHINE_ARM, "arm"},
    {MACHINE_RISCV, "RISC-V"},
    {MACHINE_PPC64, "ppc64"},
    {MACHINE_PPC, "ppc"},
    {MACHINE_S390, "s390"},
    {MACHINE_MIPS, "MIPS"},
    {MACHINE_SPARC, "sparc"},
    {MACHINE_LOONGARCH, "LoongArch"},
};

/* What the kernel of this machine may execute: its own, and perhaps the smaller one before it. */
#if defined(__x86_64__)
static const uint16_t native[] = {MACHINE_X86_64, MACHINE_386};
#elif defined(__aarch64__)
static const uint16_t native[] = {MACHINE_AARCH64, MACHINE_ARM};
#elif defined(__riscv)
static const uint16_t native[] = {MACHINE_RISCV};
#elif defined(__powerpc64__)
static const uint16_t native[] = {MACHINE_PPC64, MACHINE_PPC};
#elif defined(__s390__)
static const uint16_t native[] = {MACHINE_S390};
#elif defined(__i386__)
static const uint16_t native[] = {MACHINE_386};
#elif defined(__arm__)
static const uint16_t native[] = {MACHINE_ARM};
#else
#    error "which e_machine does this machine have?"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { NATIVE_DATA = ELF_LITTLE };
#else
enum { NATIVE_DATA = ELF_BIG };
#endif

static const char *machine_name(uint16_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
        if (machines[i].code == code)
            return machines[i].name;
    return "another machine";
}

static bool is_native(uint16_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(native); i++)
        if (native[i] == code)
            return true;
    return false;
}

/* ---- programs ------------------------------------------------------------------------------ */

enum {
    ELF_DATA = 5,
    ELF_TYPE = 16,
    ELF_MACHINE = 18,
    ELF_LEAST = 52
}; /* 52: the head of a 32-bit one */

static uint16_t elf_number(const struct file_head *head, size_t at)
{
    unsigned first = (unsigned char)head->data[at], second = (unsigned char)head->data[at + 1];

    return (uint16_t)(head->data[ELF_DATA] == ELF_BIG ? first << 8 | second : second << 8 | first);
}

static enum rc check_elf(const struct file_head *head, struct err *err)
{
    uint16_t type;

    if (head->length < ELF_LEAST)
        return err_fail(err, RC_INVALID, "the program ends in its head: %zu bytes are there",
                        head->length);
    type = elf_number(head, ELF_TYPE);
    if (type != ELF_PROGRAM && type != ELF_SHARED)
        return err_fail(err, RC_INVALID, "the ELF file is no program, but of type %u", type);
    return RC_OK;
}

static enum rc check_machine(const struct file_head *head, struct err *err)
{
    uint16_t code = elf_number(head, ELF_MACHINE);

    if (!is_native(code))
        return err_fail(err, RC_INVALID, "the program is for %s (%u), this machine is %s",
                        machine_name(code), code, machine_name(native[0]));
    if (head->data[ELF_DATA] != NATIVE_DATA)
        return err_fail(err, RC_INVALID, "the program has the other byte order than this machine");
    return RC_OK;
}

/* ---- scripts ------------------------------------------------------------------------------- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Where the line ends whose blanks at the end do not count. One that does not end is as long as the
 * head less a byte; NULL: then the interpreter's name may be cut. */
static const char *end_of_line(const struct file_head *head)
{
    size_t most = MIN(head->length, (size_t)FILE_HEAD - 1);
    const char *begin = head->data + 2, *limit = head->data + most;
    const char *end = memchr(begin, '\n', head->length - 2), *at = begin;

    if (!end && head->length < FILE_HEAD)
        end = limit;
    if (!end) {
        while (at < limit && is_blank(*at))
            at++;
        while (at < limit && !is_blank(*at) && *at)
            at++;
        if (at == limit)
            return NULL;
        end = limit;
    }
    while (end > begin && is_blank(end[-1]))
        end--;
    return end;
}

static void copy(char target[FILE_HEAD], const char *from, const char *to)
{
    memcpy(target, from, (size_t)(to - from)); /* a part of a head */
    target[to - from] = '\0';
}

enum rc file_interpreter(const struct file_head *head, struct interpreter *ret_interpreter,
                         struct err *err)
{
    const char *end, *begin, *at;

    if (file_kind(head) != FILE_SCRIPT)
        return err_fail(err, RC_INVALID, "a script begins with #! and the path of its interpreter");
    end = end_of_line(head);
    if (!end)
        return err_fail(err, RC_INVALID, "the #! line is longer than %d bytes", FILE_HEAD - 1);
    if (memchr(head->data, '\0', (size_t)(end - head->data)))
        return err_fail(err, RC_INVALID, "the #! line has a NUL byte");
    if (end[-1] == '\r')
        return err_fail(err, RC_INVALID,
                        "the #! line ends in a carriage return, as lines of Windows do");
    for (begin = head->data + 2; begin < end && is_blank(*begin);)
        begin++;
    for (at = begin; at < end && !is_blank(*at);)
        at++;
    if (begin == end || *begin != '/')
        return err_fail(err, RC_INVALID,
                        "#! is not followed by the absolute path of an interpreter");
    *ret_interpreter = (struct interpreter){.argument = ""};
    copy(ret_interpreter->path, begin, at);
    while (at < end && is_blank(*at))
        at++;
    copy(ret_interpreter->argument, at, end);
    return RC_OK;
}

/* ---- both ---------------------------------------------------------------------------------- */

enum file_kind file_kind(const struct file_head *head)
{
    if (!head->length)
        return FILE_EMPTY;
    if (head->length >= 2 && memcmp(head->data, "#!", 2) == 0)
        return FILE_SCRIPT;
    if (head->length >= strlen(ELF_MAGIC) && memcmp(head->data, ELF_MAGIC, strlen(ELF_MAGIC)) == 0)
        return FILE_ELF;
    return FILE_OTHER;
}

static enum rc check_script(const struct file_head *head, struct err *err)
{
    struct interpreter interpreter;

    if (file_kind(head) == FILE_ELF)
        return err_fail(err, RC_INVALID, "this is a program: use type binary");
    return file_interpreter(head, &interpreter, err);
}

static enum rc check_binary(const struct file_head *head, struct err *err)
{
    if (file_kind(head) == FILE_SCRIPT)
        return err_fail(err, RC_INVALID, "this is a script: use type script");
    if (file_kind(head) != FILE_ELF)
        return err_fail(err, RC_INVALID, "this is no program: it does not begin as an ELF file");
    return check_elf(head, err);
}

enum rc file_check(enum job_type type, const struct file_head *head, struct err *err)
{
    if (file_kind(head) == FILE_EMPTY)
        return err_fail(err, RC_INVALID, "the file is empty");
    return type == JOB_SCRIPT ? check_script(head, err) : check_binary(head, err);
}

enum rc file_check_here(enum job_type type, const struct file_head *head, struct err *err)
{
    enum rc rc = file_check(type, head, err);

    return rc == RC_OK && type != JOB_SCRIPT ? check_machine(head, err) : rc;
}
