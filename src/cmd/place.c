#include "cmd/place.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int place_make(struct place *ret, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    tmp = tmp && *tmp == '/' ? tmp : "/tmp";
    int n = snprintf(ret->path, sizeof ret->path, "%s/lazaret-model-XXXXXX", tmp);
    if (n < (int)sizeof ret->path && mkdtemp(ret->path))
        return chmod(ret->path, 0755) ? err_sys(e, ERR_SANDBOX, "make a folder in %s", tmp) : 0;
    *ret->path = 0;
    return err_sys(e, ERR_SANDBOX, "make a folder in %s", tmp);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)type, (void)f;
    return remove(path);
}

void place_remove(struct place *p)
{
    if (*p->path)
        nftw(p->path, remove_one, 4, FTW_DEPTH | FTW_PHYS);
    *p->path = 0;
}
