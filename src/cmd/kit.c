/* kit.c -- for who writes a model: a folder to begin with, and its self-tests run in the sandbox, both without server
 * or data folder. */
#include "cmd/kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cmd/app.h"
#include "cmd/place.h"
#include "models/pack.h"
#include "models/prove.h"

const struct option new_options[] = {
    {"language", "NAME", "c, node, perl, python (if none is named), python-files or shell"},
    {"key", "KEY", "the model's key; if none is named, the folder's name"},
    {0}};

/* The files of examples/models (meson.build). */
extern const char kit_manifest[], kit_card[], kit_c[], kit_node[], kit_perl[], kit_python[], kit_python_files[],
    kit_shell[];

static const struct language {
    const char *name, *image, *file, *program, *exec;
    int memory_mib, pids;
    const char *first;
} languages[] = {
#define LANGUAGE(name, image, file, program, exec, memory_mib, pids, first)                                            \
    {name, image, file, program, exec, memory_mib, pids, first},
#include "cmd/languages.def"
#undef LANGUAGE
};

/* --- model new --- */

static const struct language *language_of(const char *name)
{
    for (size_t i = 0; i < COUNT(languages); i++)
        if (strcmp(languages[i].name, name ? name : "python") == 0)
            return &languages[i];
    return NULL;
}

/* `text` with each @NAME@ replaced. */
static struct slice fill(struct arena *a, const char *text, const char *const pair[][2], size_t pairs)
{
    struct buf b = buf_in(a, MANIFEST_BYTES);
    while (*text) {
        size_t i = 0;
        while (i < pairs && strncmp(text, pair[i][0], strlen(pair[i][0])) != 0)
            i++;
        if (i < pairs)
            buf_str(&b, pair[i][1]);
        else
            buf_add(&b, text, 1);
        text += i < pairs ? strlen(pair[i][0]) : 1;
    }
    return buf_text(&b);
}

static struct slice manifest_of(struct arena *a, const struct language *l, const char *key)
{
    const char *memory = arena_printf(a, "%d", l->memory_mib), *pids = arena_printf(a, "%d", l->pids);
    const char *const pair[][2] = {{"@KEY@", key},       {"@KIND@", strstr(l->name, "-files") ? "files" : "stdio-json"},
                                   {"@EXEC@", l->exec},  {"@IMAGE@", l->image},
                                   {"@MEMORY@", memory}, {"@PIDS@", pids}};
    return memory && pids ? fill(a, kit_manifest, pair, COUNT(pair)) : (struct slice){0};
}

static int put(struct call *c, const char *name, struct slice text, struct err *e)
{
    const char *path = arena_printf(c->arena, "%s/%s", c->operand[0], name);
    OWN_FILE FILE *f = path ? fopen(path, "wxe") : NULL;
    if (!f || fwrite(text.p, 1, text.n, f) != text.n || fflush(f) || fchmod(fileno(f), 0644))
        return err_sys(e, ERR_USAGE, "write %s/%s", c->operand[0], name);
    return 0;
}

static const char *key_of(struct call *c)
{
    const char *key = call_option(c, "key"), *folder = c->operand[0], *slash = strrchr(folder, '/');
    return key ? key : slash ? slash + 1 : folder;
}

/* What is written must be a manifest: the key is somebody's. */
static int check_key(struct call *c, struct slice manifest, struct err *e)
{
    struct manifest m;
    if (!manifest.n)
        return err_set(e, ERR_NO_MEMORY, "a model");
    if (manifest_parse(c->arena, manifest, &m, e))
        return err_in(e, "name another with --key");
    return 0;
}

static int put_all(struct call *c, const struct language *l, struct slice manifest, struct err *e)
{
    if (mkdir(c->operand[0], 0755) || chmod(c->operand[0], 0755))
        return err_sys(e, ERR_USAGE, "make the folder %s", c->operand[0]);
    return put(c, "manifest.json", manifest, e) || put(c, "card.md", slice_of(kit_card), e) ||
                   put(c, l->file, slice_of(l->program), e)
               ? -1
               : 0;
}

int cmd_model_new(struct call *c, struct err *e)
{
    const struct language *l = language_of(call_option(c, "language"));
    if (!l)
        return err_set(e, ERR_USAGE, "--language is c, node, perl, python, python-files or shell");
    struct slice manifest = manifest_of(c->arena, l, key_of(c));
    if (check_key(c, manifest, e))
        return e->code = ERR_USAGE, -1;
    if (put_all(c, l, manifest, e))
        return -1;
    if (c->json)
        return printf("%.*s\n", SLICE_FMT(call_args(c, "folder", c->operand[0], "language", l->name, NULL))), 0;
    printf(
        "%s is a model that computes the shock index; make it yours: manifest.json says what it needs and answers, %s "
        "is the program.\n\n",
        c->operand[0], l->file);
    if (l->first)
        printf("    (cd %s && %s)\n", c->operand[0], l->first);
    printf("    lazaret model test %s\n    lazaret model add %s\n", c->operand[0], c->operand[0]);
    return 0;
}

/* --- model test FOLDER --- */

struct trial {
    struct call *call;
    struct place place;
    struct sandbox *sandbox;
    struct pack pack;
    struct model model;
    struct proof proof;
};

static int ready(struct trial *t, const char *folder, struct err *e)
{
    struct call *c = t->call;
    if (pack_read(c->arena, folder, &t->pack, e) || place_make(&t->place, e) ||
        pack_install(&t->pack, folder, t->place.path, e))
        return -1;
    const struct sandbox_config config = {app_part(&c->config, "lazaret-jail"), app_part(&c->config, "images"),
                                          t->place.path, 1};
    t->model.manifest = t->pack.manifest;
    snprintf(t->model.digest_text, sizeof t->model.digest_text, "sha256:%s", t->pack.digest);
    return sandbox_open(&config, &t->sandbox, e);
}

static void tell(const struct trial *t, const char *folder)
{
    const struct proof *p = &t->proof;
    struct buf b = buf_in(t->call->arena, MANIFEST_BYTES);
    struct json_out o = json_out(&b);
    if (t->call->json) {
        model_proof_write(&o, &t->model, p);
        printf("%.*s\n", SLICE_FMT(buf_text(&b)));
        return;
    }
    printf("%s: %d of %d self-tests passed\n", folder, p->passed, p->total);
    if (p->failure)
        puts(p->failure);
    if (!p->total)
        puts("Its manifest has no member 'selftest': without one nobody knows whether it works here.");
}

int kit_test(struct call *c, const char *folder, struct err *e)
{
    struct trial t = {.call = c};
    int failed = ready(&t, folder, e) || model_try(t.sandbox, &t.model, c->arena, &t.proof, e);
    sandbox_close(t.sandbox);
    place_remove(&t.place);
    if (failed)
        return err_in(e, "%s", folder);
    tell(&t, folder);
    return t.proof.failure ? 1 : 0;
}
