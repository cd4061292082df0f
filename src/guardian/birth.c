/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/birth.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

/*
 * clone3(2) has no wrapper in the C library, and syscall(2) does not do: the child comes back from
 * it on a stack of its own, where there is nothing to return to. So it goes from the system call
 * straight to its entry. The parent's registers are its own and stay as they are.
 */
#if defined(__x86_64__)

static long clone3(struct clone_args *args, void (*entry)(void *), void *context)
{
    register void (*entry_register)(void *) __asm__("r12") = entry;
    register void *context_register __asm__("r13") = context;
    long result;

    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t" /* the outermost frame */
        "mov %[context], %%rdi\n\t"
        "call *%[entry]\n\t"
        "ud2\n"
        "1:"
        : "=a"(result)
        : "0"((long)SYS_clone3), "D"(args),
          "S"(sizeof(*args)), [entry] "r"(entry_register), [context] "r"(context_register)
        : "rcx", "r11", "cc", "memory");
    return result;
}

#elif defined(__aarch64__)

static long clone3(struct clone_args *args, void (*entry)(void *), void *context)
{
    register long x8 __asm__("x8") = SYS_clone3;
    register long x0 __asm__("x0") = (long)args;
    register long x1 __asm__("x1") = sizeof(*args);
    register void (*entry_register)(void *) __asm__("x20") = entry;
    register void *context_register __asm__("x21") = context;

    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t" /* the outermost frame */
                     "mov x0, %[context]\n\t"
                     "blr %[entry]\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8),
                       "r"(x1), [entry] "r"(entry_register), [context] "r"(context_register)
                     : "cc", "memory");
    return x0;
}

#else

static long clone3(struct clone_args *args, void (*entry)(void *), void *context)
{
    (void)args;
    (void)entry;
    (void)context;
    return -ENOSYS;
}

#endif

pid_t birth_into(const struct birth *birth, int *ret_pidfd)
{
    int pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP,
        .pidfd = (uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)birth->stack,
        .stack_size = birth->stack_size,
        .cgroup = (uint64_t)birth->cgroup_fd,
    };
    long pid = clone3(&args, birth->entry, birth->context);

    if (pid < 0) {
        errno = (int)-pid;
        return -1;
    }
    *ret_pidfd = pidfd;
    return (pid_t)pid;
}
