/* The shock index: one JSON line in, one JSON line out, until the input ends. An example, not for clinical use.
 *
 * Lazaret writes the line, always in this shape and without spaces:
 *     {"id":"a1","inputs":{"hr":{"v":120,"u":"/min"},"sbp":{"v":100,"u":"mm[Hg]"}},...}
 * Both inputs are numbers that it has checked, so finding their names is enough; whoever takes words wants a JSON
 * library. The image `none` holds no library, so the program is linked statically: cc -O2 -static -o model model.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[1 << 16];

/* The number of an input; 0 when it is not there. */
static double number(const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":{\"v\":", name);
    const char *at = strstr(line, key);
    return at ? strtod(at + strlen(key), NULL) : 0;
}

/* The id as it was sent, with its quotes. */
static int id_length(const char **ret)
{
    *ret = strstr(line, "\"id\":");
    if (!*ret)
        return 0;
    *ret += strlen("\"id\":");
    return (int)strcspn(*ret, ",}");
}

int main(void)
{
    while (fgets(line, sizeof line, stdin)) {
        const char *id;
        int n = id_length(&id);
        double hr = number("hr"), sbp = number("sbp"), index = sbp > 0 ? hr / sbp : 0;
        printf("{\"id\":%.*s,\"progress\":0.5}\n", n, id); /* how far it is; for work that takes seconds */
        if (hr > 0 && sbp > 0)
            printf("{\"id\":%.*s,\"output\":{\"index\":%.6f,\"raised\":%s}}\n", n, id, index,
                   index > 0.9 ? "true" : "false");
        else
            printf("{\"id\":%.*s,\"error\":{\"code\":\"UNSUITABLE\",\"message\":\"an input is missing\"}}\n", n, id);
        fflush(stdout);
    }
}
