/* SPDX-License-Identifier: Apache-2.0 */
/* test/fuzz/replay.c: gives every file of the folders named to the fuzzer it is linked with. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static int replay_file(const char *directory, const char *name)
{
    char path[4096];
    uint8_t *input, *exact;
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name); /* a cut path cannot be opened */
    file = fopen(path, "re");
    if (!file) {
        perror(path);
        return 1;
    }
    input = malloc(INPUT_MAX);
    length = input ? fread(input, 1, INPUT_MAX, file) : 0;
    (void)fclose(file);                  /* only read */
    exact = malloc(length ? length : 1); /* of the very size, so that sanitizers see any overrun */
    if (!input || !exact)
        abort();
    memcpy(exact, input, length);
    (void)LLVMFuzzerTestOneInput(exact, length); /* aborts when something is wrong */
    free(exact);
    free(input);
    return 0;
}

static int replay_directory(const char *path, int *count)
{
    DIR *directory = opendir(path);
    int failures = 0;

    if (!directory) {
        perror(path);
        return 1;
    }
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] == '.')
            continue;
        failures += replay_file(path, entry->d_name);
        ++*count;
    }
    (void)closedir(directory); /* only read */
    return failures;
}

int main(int argc, char **argv)
{
    int failures = 0, count = 0;

    for (int i = 1; i < argc; i++)
        failures += replay_directory(argv[i], &count);
    printf("%d inputs replayed\n", count);
    return failures || !count;
}
