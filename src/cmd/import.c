/* import.c -- a model of CliniSandbox becomes a model folder, and is added. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "cmd/cmd.h"
#include "models/import.h"
#include "models/manifest.h"

const struct option import_options[] = {
    {"program", "DIR",
     "the model's program: its files, and program.json, which says how it is run and what it answers"},
    {"key", "KEY", "the model's key, if FILE says none; requests name it as their target"},
    {"version", "VERSION", "the model's version, if FILE says none"},
    {"unsigned", NULL, "take it though nobody who is trusted has signed it (lazaret model signers)"},
    {0}};

/* A folder that has a manifest is a model already. */
static int put_manifest(const char *folder, struct slice text, struct err *e)
{
    OWN_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_FD int fd =
        dir < 0 ? -1 : openat(dir, "manifest.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, ERR_CONFLICT, "%s has a manifest.json already: 'lazaret model add' takes it, or remove that",
                       folder);
    if (fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && !fsync(fd) && !fsync(dir))
        return 0;
    err_sys(e, ERR_USAGE, "write %s/manifest.json", folder);
    if (fd >= 0)
        unlinkat(dir, "manifest.json", 0);
    return -1;
}

static int add(struct call *c, const char *folder, struct err *e)
{
    struct slice r;
    if (admin_call(c, "model.add", call_args(c, "path", folder, "unsigned", call_option(c, "unsigned"), NULL), &r, e))
        return -1;
    if (c->json)
        printf("%.*s\n", SLICE_FMT(r));
    else
        printf("%s has a manifest.json now, and is in the registry:\n%.*s\nIt answers requests when it is stable: "
               "'lazaret "
               "model promote'.\n",
               folder, SLICE_FMT(r));
    return 0;
}

int cmd_model_import(struct call *c, struct err *e)
{
    struct slice old, program, text;
    struct manifest m;
    const char *given = call_option(c, "program");
    if (!given)
        return err_set(e, ERR_USAGE,
                       "say what is run: --program DIR. A CliniSandbox model had no program, and none is made up");
    OWN_MEM char *folder = realpath(given, NULL);
    const char *how = folder ? arena_printf(c->arena, "%s/program.json", folder) : NULL;
    if (!folder || !how)
        return err_sys(e, ERR_USAGE, "read %s", given);
    if (call_read(c, c->operand[0], MANIFEST_BYTES, &old, e) || call_read(c, how, MANIFEST_BYTES, &program, e) ||
        import_manifest(c->arena, old, program, call_option(c, "key"), call_option(c, "version"), &text, e) ||
        manifest_parse(c->arena, text, &m, e) || put_manifest(folder, text, e))
        return -1;
    if (add(c, folder, e)) {
        OWN_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0 && unlinkat(dir, "manifest.json", 0))
            return err_in(e, "and its manifest.json could not be taken away");
        return -1;
    }
    return 0;
}
