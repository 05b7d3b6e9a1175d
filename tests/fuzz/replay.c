/* replay.c -- runs a fuzz target over files and folders without a fuzzer: the corpus as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    OWN_FILE FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st)) {
        fprintf(stderr, "cannot read %s\n", path);
        return -1;
    }
    OWN_MEM uint8_t *data = malloc((size_t)st.st_size + 1);
    size_t n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
    LLVMFuzzerTestOneInput(data, n);
    return 1;
}

static int replay_folder(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    if (!d)
        return replay_file(path);
    for (struct dirent *e; (e = readdir(d));) {
        char file[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        int one = replay_file(file);
        if (one < 0) {
            n = -1;
            break;
        }
        n += one;
    }
    closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int n = replay_folder(argv[i]);
        if (n < 0)
            return 1;
        total += n;
    }
    arena_thread_end();
    printf("%d inputs replayed\n", total);
    return total == 0;
}
