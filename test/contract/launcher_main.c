/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_main memory | launcher_main process|output|posix GUARDIAN */
#include <stdlib.h>
#include <string.h>

#include "launcher_fixture.h"
#include "launcher_suite.h"

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
    if (strcmp(suite, "output") == 0 && guardian_executable)
        return run_guardian_output_suite();
    return EXIT_FAILURE;
}
