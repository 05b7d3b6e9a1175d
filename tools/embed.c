/* embed.c -- files into a C source, each as an array of bytes with a NUL behind it.
 *
 *     embed OUT.c NAME FILE [NAME FILE ...]     makes  const char NAME[]; const size_t NAME_size;  of each */
#include <ctype.h>
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
        if (!in)
            return perror(argv[i + 1]), 1;
        size_t n = 0;
        fprintf(out, "extern const char %s[];\nextern const size_t %s_size;\nconst char %s[] = {", argv[i], argv[i],
                argv[i]);
        for (int c; (c = getc(in)) != EOF; n++)
            fprintf(out, "%s%d,", n % 24 ? "" : "\n", c > 127 ? c - 256 : c);
        fprintf(out, "0};\nconst size_t %s_size = %zu;\n", argv[i], n);
        fclose(in);
    }
    return fclose(out) ? 1 : 0;
}
