/* SPDX-License-Identifier: Apache-2.0 */
/* contract_launcher memory, or posix, process, plain, output, file or account with the path of a
 * guardian. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "launcher_fixture.h"
#include "launcher_suite.h"

/* As on a machine without cgroups; only root can do this, and only root has them otherwise. */
static void hide_cgroups(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        umount2("/sys/fs/cgroup", MNT_DETACH) != 0)
        printf("the cgroups of this machine stay as they are\n");
}

int main(int argc, char **argv)
{
    const char *suite = argc > 1 ? argv[1] : "";

    guardian_executable = argc > 2 ? argv[2] : NULL;
    if (strcmp(suite, "memory") == 0)
        return run_launcher_suite("launcher memory", false);
    if (strcmp(suite, "posix") == 0 && guardian_executable)
        return run_launcher_suite("launcher posix", true);
    if (strcmp(suite, "process") == 0 && guardian_executable)
        return run_guardian_process_suite();
    if (strcmp(suite, "plain") == 0 && guardian_executable) {
        hide_cgroups();
        return run_guardian_process_suite();
    }
    if (strcmp(suite, "output") == 0 && guardian_executable)
        return run_guardian_output_suite();
    if (strcmp(suite, "file") == 0 && guardian_executable)
        return run_guardian_file_suite();
    if (strcmp(suite, "account") == 0 && guardian_executable)
        return run_guardian_account_suite();
    return EXIT_FAILURE;
}
