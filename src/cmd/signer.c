/* signer.c -- keys that sign models, signing, and the list of those that are trusted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "models/pack.h"
#include "models/trust.h"

enum { SEED_LINE = 2 * SIGN_SEED + 1, PUBLIC_TEXT = 4 * ((SIGN_PUBLIC + 2) / 3) + 1 };

const struct option sign_options[] = {{"key", "FILE", "the secret key, as 'model keygen' made it"}, {0}};

/* --- the key file: one line of 64 hexadecimal digits --- */

static int put_seed(int fd, const uint8_t seed[SIGN_SEED])
{
    char line[SEED_LINE + 1];
    hex_encode(seed, SIGN_SEED, line);
    line[SEED_LINE - 1] = '\n';
    int bad = write(fd, line, SEED_LINE) != SEED_LINE || fsync(fd);
    wipe(line, sizeof line);
    return bad;
}

static int read_seed(const char *path, uint8_t seed[SIGN_SEED], struct err *e)
{
    char line[SEED_LINE + 1];
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line);
    if (n < 0)
        return err_sys(e, ERR_USAGE, "read the key %s", path);
    bool good = n == SEED_LINE && line[SEED_LINE - 1] == '\n' &&
                hex_decode((struct slice){line, SEED_LINE - 1}, seed, SIGN_SEED) == SIGN_SEED;
    wipe(line, sizeof line);
    return good ? 0 : err_set(e, ERR_USAGE, "%s is no key of 'lazaret model keygen'", path);
}

static void print_key(const struct call *c, const uint8_t public[SIGN_PUBLIC])
{
    char text[PUBLIC_TEXT], id[KEY_ID_TEXT];
    base64_encode(public, SIGN_PUBLIC, text);
    trust_key_id(public, id);
    if (c->json)
        printf("{\"key_id\":\"%s\",\"public_key\":\"%s\"}\n", id, text);
    else
        printf("%s holds the secret: keep it where nobody else reads it.\n  key id      %s\n  public key  %s\n",
               c->operand[0], id, text);
}

int cmd_model_keygen(struct call *c, struct err *e)
{
    uint8_t seed[SIGN_SEED], public[SIGN_PUBLIC];
    OWN_FD int fd = open(c->operand[0], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0)
        return err_sys(e, ERR_USAGE, "make %s", c->operand[0]);
    rnd_bytes(seed, sizeof seed);
    sign_public(seed, public);
    int bad = put_seed(fd, seed);
    wipe(seed, sizeof seed);
    if (bad) {
        err_sys(e, ERR_USAGE, "write %s", c->operand[0]);
        unlink(c->operand[0]);
        return -1;
    }
    print_key(c, public);
    return 0;
}

/* --- signing --- */

/* The manifest's text with the signature in it; everything else stays as it was written. */
static int put_signature(struct arena *a, const struct pack *p, const char *signature, struct slice *ret, struct err *e)
{
    const struct json *j = &p->manifest.json;
    uint32_t old = json_get(j, 0, "signature");
    struct slice whole = json_span(j, 0), part = old ? json_span(j, old) : (struct slice){whole.p + whole.n - 1, 0};
    struct buf b = buf_in(a, MANIFEST_BYTES);
    const char *end = p->text.p + p->text.n, *before = part.p;
    while (!old && before > p->text.p && strchr(" \t\r\n", before[-1]))
        before--;
    buf_add(&b, p->text.p, (size_t)(before - p->text.p));
    if (!old)
        buf_str(&b, ",\n  \"signature\": ");
    buf_str(&b, signature);
    if (!old)
        buf_byte(&b, '\n');
    buf_add(&b, part.p + part.n, (size_t)(end - part.p) - part.n);
    *ret = buf_text(&b);
    return buf_failed(&b) ? err_set(e, ERR_USAGE, "the manifest has no room for a signature") : 0;
}

/* Whole or not at all, with the mode it had. */
static int replace_manifest(const char *folder, struct slice text, struct err *e)
{
    OWN_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (dir < 0 || fstatat(dir, "manifest.json", &st, AT_SYMLINK_NOFOLLOW))
        return err_sys(e, ERR_USAGE, "%s/manifest.json", folder);
    OWN_FD int fd =
        openat(dir, ".manifest.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, st.st_mode & 0777);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || fchmod(fd, st.st_mode & 0777) || fsync(fd) ||
        renameat(dir, ".manifest.json.new", dir, "manifest.json") || fsync(dir)) {
        err_sys(e, ERR_USAGE, "write %s/manifest.json", folder);
        unlinkat(dir, ".manifest.json.new", 0);
        return -1;
    }
    return 0;
}

static const char *signature_of(struct arena *a, const uint8_t seed[SIGN_SEED], const char *digest_text,
                                char key_id[KEY_ID_TEXT])
{
    uint8_t digest[SHA256_BYTES], public[SIGN_PUBLIC], signature[SIGN_BYTES];
    char text[4 * ((SIGN_BYTES + 2) / 3) + 1];
    hex_decode(slice_of(digest_text), digest, sizeof digest);
    sign_public(seed, public);
    trust_sign(seed, digest, signature);
    base64_encode(signature, sizeof signature, text);
    return arena_printf(a, "{\"alg\": \"ed25519\", \"keyId\": \"%s\", \"sig\": \"%s\"}", trust_key_id(public, key_id),
                        text);
}

int cmd_model_sign(struct call *c, struct err *e)
{
    struct pack pack;
    struct slice text;
    uint8_t seed[SIGN_SEED];
    char key_id[KEY_ID_TEXT];
    const char *key = call_option(c, "key");
    if (!key)
        return err_set(e, ERR_USAGE, "say by which key: --key FILE ('lazaret model keygen FILE' makes one)");
    if (pack_read(c->arena, c->operand[0], &pack, e) || read_seed(key, seed, e))
        return -1;
    const char *signature = signature_of(c->arena, seed, pack.digest, key_id);
    wipe(seed, sizeof seed);
    if (!signature)
        return err_set(e, ERR_NO_MEMORY, "sign a model");
    if (put_signature(c->arena, &pack, signature, &text, e) || replace_manifest(c->operand[0], text, e))
        return -1;
    if (c->json)
        printf("{\"digest\":\"sha256:%s\",\"key_id\":\"%s\"}\n", pack.digest, key_id);
    else
        printf("%.*s@%.*s is signed by key %s\n    sha256:%s\n", SLICE_FMT(pack.manifest.key),
               SLICE_FMT(pack.manifest.version), key_id, pack.digest);
    return 0;
}

/* --- who is trusted --- */

int admin_model_trust(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct slice text = json_get_text(args, 0, "public_key", a);
    char *name = arena_str(a, json_get_text(args, 0, "name", a)), id[KEY_ID_TEXT];
    uint8_t public[SIGN_PUBLIC];
    struct audit_entry audit = app_operator("create", "lazaret model trust");
    if (!name || !text.p)
        return err_set(e, ERR_NO_MEMORY, "trust a signer");
    if (base64_decode(text, public, sizeof public) != SIGN_PUBLIC)
        return err_set(e, ERR_USAGE, "a public key is 32 bytes in base64, as 'model keygen' prints it");
    if (trust_add(app->api.db, app->api.scope, name, public, &audit, a, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "name", name);
    json_pair_str(out, "key_id", trust_key_id(public, id));
    json_close(out, '}');
    return 0;
}

int admin_model_distrust(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    struct audit_entry audit = app_operator("delete", "lazaret model distrust");
    if (!name)
        return err_set(e, ERR_NO_MEMORY, "trust a signer no longer");
    if (trust_remove(app->api.db, app->api.scope, name, &audit, a, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "name", name);
    json_close(out, '}');
    return 0;
}

int admin_model_signers(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r;
    char public[PUBLIC_TEXT], when[CLOCK_TEXT];
    (void)args;
    if (trust_list(app->api.db, app->api.scope, a, &r, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (v[2].s.n != SIGN_PUBLIC)
            return err_set(e, ERR_STORE, "the public key of %.*s is damaged", SLICE_FMT(v[0].s));
        base64_encode(v[2].s.p, SIGN_PUBLIC, public);
        json_open(out, '{');
        json_pair(out, "name", v[0].s);
        json_pair(out, "key_id", v[1].s);
        json_pair_str(out, "public_key", public);
        json_pair_str(out, "since", clock_text(v[3].i, when));
        json_close(out, '}');
    }
    json_close(out, ']');
    return 0;
}

static int call_and_say(struct call *c, const char *work, struct slice args, const char *sentence, struct err *e)
{
    struct slice r;
    if (admin_call(c, work, args, &r, e))
        return -1;
    if (c->json)
        printf("%.*s\n", SLICE_FMT(r));
    else
        printf("%s %s\n", c->operand[0], sentence);
    return 0;
}

int cmd_model_trust(struct call *c, struct err *e)
{
    return call_and_say(c, "model.trust", call_args(c, "name", c->operand[0], "public_key", c->operand[1], NULL),
                        "is trusted: what carries no trusted signature now takes --unsigned", e);
}

int cmd_model_distrust(struct call *c, struct err *e)
{
    return call_and_say(c, "model.distrust", call_args(c, "name", c->operand[0], NULL), "is trusted no longer", e);
}

int cmd_model_signers(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "model.signers", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    if (json_first(&j, 0) == json_end(&j, 0))
        puts("nobody is trusted yet, so models need no signature: 'lazaret model trust NAME PUBLICKEY'");
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
        struct slice name = json_get_text(&j, k, "name", c->arena), id = json_get_text(&j, k, "key_id", c->arena);
        struct slice key = json_get_text(&j, k, "public_key", c->arena),
                     since = json_get_text(&j, k, "since", c->arena);
        printf("%.*s  key %.*s  %.*s  since %.*s\n", SLICE_FMT(name), SLICE_FMT(id), SLICE_FMT(key), SLICE_FMT(since));
    }
    return 0;
}
