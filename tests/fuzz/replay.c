/* Runs a fuzz target over the files of its corpus, for builds without libFuzzer: REPLAY FOLDER... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    static uint8_t data[1 << 20];
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    size_t n = fread(data, 1, sizeof data, f);
    OWN_MEM uint8_t *copy = malloc(n ? n : 1); /* of exactly its size, so that a sanitizer sees a read past it */
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = data[i];
    return copy ? LLVMFuzzerTestOneInput(copy, n) : -1;
}

static int run_folder(const char *folder, size_t *files)
{
    DIR *d = opendir(folder);
    int failed = d ? 0 : -1;
    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
        OWN_MEM char *path = NULL;
        if (entry->d_name[0] == '.')
            continue;
        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0 || run_file(path))
            failed = -1;
        ++*files;
    }
    if (d)
        closedir(d);
    return failed;
}

int main(int argc, char **argv)
{
    size_t files = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_folder(argv[i], &files);
    printf("%zu inputs\n", files);
    return failed || files == 0;
}
