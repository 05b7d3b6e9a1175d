#include "keys/root.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "keys/root_int.h"

enum { LINE = 512, DIGITS = 2 * KEY_BYTES };

/* --- what a source says --- */

/* ".../?a=b&x-wrapped=PATH&c=d": the path, which ends at the next &, and the rest without it. */
static int take_wrapped(struct root_parts *p, const char *uri, struct err *e)
{
    static const char name[] = "x-wrapped=";
    char *out = p->room, *path = p->room + ROOT_SOURCE_MAX;
    const char *at = strstr(uri, name);
    if (!at || at == uri || (at[-1] != '?' && at[-1] != '&') || at[strlen(name)] != '/')
        return err_set(e, ERR_CONFIG,
                       "keys.root names a token and not where the wrapped root key lies: x-wrapped=/PATH");
    const char *value = at + strlen(name), *end = value + strcspn(value, "&");
    snprintf(path, ROOT_SOURCE_MAX, "%.*s", (int)(end - value), value);
    snprintf(out, ROOT_SOURCE_MAX, "%.*s%s", (int)(at - uri) - (*end == 0), uri, *end ? end + 1 : "");
    p->path = path;
    p->uri = out;
    return 0;
}

static int creds_path(struct root_parts *p, const char *name, struct err *e)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!*name || strchr(name, '/') || *name == '.')
        return err_set(e, ERR_CONFIG, "creds:NAME is the name of a credential, without a path");
    if (!folder || *folder != '/')
        return err_set(e, ERR_KEYS,
                       "the root key is the credential %.80s, and systemd gave none ($CREDENTIALS_DIRECTORY is not "
                       "set): start this as the unit does, or by systemd-run -p LoadCredentialEncrypted=",
                       name);
    if (snprintf(p->room, sizeof p->room, "%s/%s", folder, name) >= PATH_MAX)
        return err_set(e, ERR_CONFIG, "the path of the credential is too long");
    p->path = p->room;
    return 0;
}

int root_parse(const char *source, struct root_parts *ret, struct err *e)
{
    const char *kind = root_kind(source);
    if (!kind || strlen(source) >= ROOT_SOURCE_MAX)
        return err_set(e, ERR_CONFIG, "keys.root is file:PATH, creds:NAME or pkcs11:URI");
    ret->uri = NULL;
    if (strcmp(kind, "creds") == 0) {
        ret->type = ROOT_CREDS;
        return creds_path(ret, source + strlen("creds:"), e);
    }
    if (strcmp(kind, "pkcs11") == 0) {
        ret->type = ROOT_PKCS11;
        return take_wrapped(ret, source, e);
    }
    ret->type = ROOT_FILE;
    ret->path = root_file(source);
    return 0;
}

const char *root_kind(const char *source)
{
    static const char *const kind[] = {"file", "creds", "pkcs11"};
    size_t n = strcspn(source, ":/");
    for (size_t i = 0; i < COUNT(kind); i++)
        if (source[n] == ':' && strlen(kind[i]) == n && memcmp(kind[i], source, n) == 0)
            return source[n + 1] ? kind[i] : NULL;
    return *source && source[n] != ':' ? "file" : NULL;
}

const char *root_file(const char *source)
{
    const char *kind = root_kind(source);
    if (kind && strcmp(kind, "file") == 0)
        return strncmp(source, "file:", 5) ? source : source + 5;
    return NULL;
}

char *root_id_text(const struct key *root, char ret[ROOT_ID_TEXT])
{
    hex_encode(root->id, KEY_ID_BYTES, ret);
    return ret;
}

/* --- files --- */

int root_read_secret(const char *path, mode_t others, const char *what, char *ret, size_t max, struct err *e)
{
    struct stat st;
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st))
        return err_sys(e, ERR_KEYS, "read the %s %s", what, path);
    if (!S_ISREG(st.st_mode) || (st.st_mode & others))
        return err_set(e, ERR_KEYS, "the %s %s may be read by others (mode %04o): chmod 0400 it", what, path,
                       st.st_mode & 07777);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return err_set(e, ERR_KEYS, "the %s %s belongs to user %d, who is neither root nor this one (%d)", what, path,
                       (int)st.st_uid, (int)geteuid());
    ssize_t n = read(fd, ret, max);
    if (n < 0)
        return err_sys(e, ERR_KEYS, "read the %s %s", what, path);
    return (int)(n && ret[n - 1] == '\n' ? n - 1 : n);
}

/* A name is durable when its folder is. */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    OWN_FD int fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) ? -1 : 0;
}

/* Written whole under another name and then linked, so that a crash leaves no file or all of it; a link replaces
 * nothing. What a crash leaves under the other name was never a key of anything. */
static int write_new(const char *path, const char *line, size_t n, struct err *e)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return err_set(e, ERR_KEYS, "the path of the root key file is too long");
    if (unlink(fresh) && errno != ENOENT)
        return err_sys(e, ERR_KEYS, "remove %s", fresh);
    OWN_FD int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (fd < 0)
        return err_sys(e, ERR_KEYS, "make the root key file %s", fresh);
    fault_crash(CRASH_root_key_opened);
    if (write(fd, line, n) != (ssize_t)n || fsync(fd)) {
        err_sys(e, ERR_KEYS, "write the root key file %s", fresh);
        unlink(fresh);
        return -1;
    }
    fault_crash(CRASH_root_key_written);
    int rc = link(fresh, path) || sync_folder_of(path) ? err_sys(e, ERR_KEYS, "make the root key file %s", path) : 0;
    unlink(fresh);
    return rc;
}

/* --- one interface over the three --- */

static void take_id(struct key *k)
{
    hkdf((struct slice){(char *)k->secret, KEY_BYTES}, SLICE(""), "laz/v1/root-id", k->id, KEY_ID_BYTES);
}

static int read_at(const struct root_parts *p, const char *path, struct key *ret, struct err *e)
{
    /* a credential that an ACL lets us read shows its mask as the group's bits */
    const mode_t others = p->type == ROOT_CREDS ? 037 : 077;
    const char *what = p->type == ROOT_CREDS    ? "credential"
                       : p->type == ROOT_PKCS11 ? "wrapped root key"
                                                : "root key file";
    char line[LINE];
    struct key k;
    int n = root_read_secret(path, others, what, line, sizeof line, e), rc = 0;
    if (n < 0)
        return -1;
    if (p->type == ROOT_PKCS11)
        rc = token_unwrap(p->uri, (struct slice){line, (size_t)n}, k.secret, e);
    else if (n != DIGITS || hex_decode((struct slice){line, (size_t)n}, k.secret, KEY_BYTES) != KEY_BYTES)
        rc = err_set(e, ERR_KEYS, "the %s %s does not hold 64 hexadecimal digits", what, path);
    wipe(line, sizeof line);
    if (rc)
        return -1;
    take_id(&k);
    *ret = k;
    key_wipe(&k);
    return 0;
}

static int make_at(const struct root_parts *p, const char *path, struct err *e)
{
    uint8_t raw[KEY_BYTES];
    char line[LINE];
    if (p->type == ROOT_CREDS)
        return err_set(e, ERR_KEYS,
                       "the credential %s is not there, and systemd alone makes those: systemd-creds encrypt, and "
                       "LoadCredentialEncrypted= in the unit",
                       path);
    rnd_bytes(raw, sizeof raw);
    hex_encode(raw, sizeof raw, line);
    int rc = p->type == ROOT_PKCS11 ? token_wrap(p->uri, raw, line, sizeof line - 1, e) : 0;
    size_t n = strlen(line);
    line[n++] = '\n';
    rc = rc ? rc : write_new(path, line, n, e);
    wipe(raw, sizeof raw);
    wipe(line, sizeof line);
    return rc;
}

int root_read(const char *source, struct key *ret, struct err *e)
{
    struct root_parts p;
    return root_parse(source, &p, e) ? -1 : read_at(&p, p.path, ret, e);
}

int root_there(const char *source, struct err *e)
{
    struct root_parts p;
    return root_parse(source, &p, e) ? -1 : access(p.path, F_OK) == 0;
}

int root_make(const char *source, struct err *e)
{
    struct root_parts p;
    return root_parse(source, &p, e) ? -1 : make_at(&p, p.path, e);
}

/* --- the next one --- */

static int path_with(const struct root_parts *p, const char *suffix, const char *more, char ret[PATH_MAX],
                     struct err *e)
{
    return snprintf(ret, PATH_MAX, "%s%s%s", p->path, suffix, more) >= PATH_MAX
               ? err_set(e, ERR_KEYS, "the path of the root key file is too long")
               : 0;
}

int root_next(const char *source, struct key *ret, struct err *e)
{
    struct root_parts p;
    char next[PATH_MAX];
    if (root_parse(source, &p, e) || path_with(&p, ".next", "", next, e))
        return -1;
    if (p.type == ROOT_CREDS)
        return err_set(e, ERR_KEYS,
                       "the root key is a credential, which systemd alone makes: make another one, load it with the "
                       "present one, and say --to creds:NAME");
    if (access(next, F_OK) && make_at(&p, next, e)) /* one that is there was made for a rotation that was cut off */
        return -1;
    return read_at(&p, next, ret, e);
}

int root_read_next(const char *source, struct key *ret, struct err *e)
{
    struct root_parts p;
    char next[PATH_MAX];
    if (root_parse(source, &p, e) || path_with(&p, ".next", "", next, e))
        return -1;
    if (p.type == ROOT_CREDS || access(next, F_OK))
        return 0;
    return read_at(&p, next, ret, e) ? -1 : 1;
}

int root_put_aside(const char *source, struct arena *a, const char **ret, int max, struct err *e)
{
    struct root_parts p;
    char pattern[PATH_MAX];
    glob_t found = {0};
    int n = 0;
    if (root_parse(source, &p, e) || path_with(&p, ".old-", "????????????????", pattern, e))
        return -1;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (; n < max && n < (int)found.gl_pathc; n++)
            ret[n] = arena_str(a, slice_of(found.gl_pathv[n]));
    globfree(&found);
    return arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "look for old root keys") : n;
}

/* The file at its place gets a second name. */
static int keep_old(const struct root_parts *p, struct err *e)
{
    struct key old;
    char aside[PATH_MAX], id[ROOT_ID_TEXT];
    if (access(p->path, F_OK) && errno == ENOENT) /* somebody has moved it away already */
        return 0;
    if (read_at(p, p->path, &old, e))
        return -1;
    root_id_text(&old, id);
    key_wipe(&old);
    if (path_with(p, ".old-", id, aside, e))
        return -1;
    return link(p->path, aside) && errno != EEXIST ? err_sys(e, ERR_KEYS, "keep the old root key file as %s", aside)
                                                   : 0;
}

int root_settle(const char *source, const struct key *now, struct err *e)
{
    struct root_parts p;
    struct key next;
    char from[PATH_MAX];
    int there = root_read_next(source, &next, e);
    bool same = there > 0 && memcmp(next.id, now->id, KEY_ID_BYTES) == 0;
    key_wipe(&next);
    if (there < 0 || !same)
        return there < 0 ? -1 : 0;
    if (root_parse(source, &p, e) || path_with(&p, ".next", "", from, e) || keep_old(&p, e))
        return -1;
    fault_crash(CRASH_root_kept);
    if (rename(from, p.path) || sync_folder_of(p.path))
        return err_sys(e, ERR_KEYS, "put the new root key file in its place %s", p.path);
    return 0;
}
