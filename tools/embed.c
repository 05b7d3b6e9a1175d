/* embed.c -- files into a C source, each as an array of bytes with a NUL behind it.
 *
 *     embed OUT.c NAME FILE [NAME FILE ...]     makes of each
 *         const char NAME[]; const size_t NAME_size; const char NAME_tag[];   the tag: FNV-1a of the bytes, in hex */
#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc < 4 || argc % 2) {
        fprintf(stderr, "usage: embed OUT.c NAME FILE [NAME FILE ...]\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "w");
    if (!out)
        return perror(argv[1]), 1;
    fprintf(out, "#include <stddef.h>\n");
    for (int i = 2; i < argc; i += 2) {
        FILE *in = fopen(argv[i + 1], "rb");
        uint64_t tag = 0xcbf29ce484222325;
        if (!in)
            return perror(argv[i + 1]), 1;
        size_t n = 0;
        fprintf(out, "extern const char %s[];\nextern const size_t %s_size;\nextern const char %s_tag[];\n", argv[i],
                argv[i], argv[i]);
        fprintf(out, "const char %s[] = {", argv[i]);
        for (int c; (c = getc(in)) != EOF; n++) {
            fprintf(out, "%s%d,", n % 24 ? "" : "\n", c > 127 ? c - 256 : c);
            tag = (tag ^ (uint64_t)c) * 0x100000001b3;
        }
        fprintf(out, "0};\nconst size_t %s_size = %zu;\nconst char %s_tag[] = \"%016" PRIx64 "\";\n", argv[i], n,
                argv[i], tag);
        fclose(in);
    }
    return fclose(out) ? 1 : 0;
}
