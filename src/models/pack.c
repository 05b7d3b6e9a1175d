#include "models/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/own.h"

struct scan {
    struct arena *a;
    struct err *e;
    struct pack *p;
};

static bool is_name(const char *z)
{
    if (z[0] == '-')
        return false;
    for (; *z; z++)
        if (!((*z >= 'a' && *z <= 'z') || (*z >= 'A' && *z <= 'Z') || (*z >= '0' && *z <= '9') || strchr("._+-", *z)))
            return false;
    return true;
}

/* A regular file, opened without following a link; the mode is of what was opened, not of what was looked at before. */
static int open_file(int dir, const char *name, const char *path, struct stat *ret, struct err *e)
{
    OWN_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        return err_set(e, ERR_BAD_REQUEST, "%s: is a symbolic link; a pack holds files and folders only", path);
    if (fd < 0)
        return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_BAD_REQUEST, "%s", path);
    if (fstat(fd, ret))
        return err_sys(e, ERR_BAD_REQUEST, "%s", path);
    if (!S_ISREG(ret->st_mode))
        return err_set(e, ERR_BAD_REQUEST, "%s: is no regular file", path);
    if (ret->st_mode & (S_ISUID | S_ISGID))
        return err_set(e, ERR_BAD_REQUEST, "%s: has a set-user-id or set-group-id bit; take it off (chmod ug-s)", path);
    return TAKE_FD(fd);
}

/* The whole file, n bytes, in malloc'd memory; the size is what fstat said, and a file that changes its size is an
 * error. */
static int read_file(int fd, size_t n, const char *path, char **ret, struct err *e)
{
    OWN_MEM char *p = malloc(n + 1);
    size_t got = 0;
    if (!p)
        return err_set(e, ERR_NO_MEMORY, "%s", path);
    for (;;) {
        ssize_t r = read(fd, p + got, n + 1 - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_sys(e, ERR_BAD_REQUEST, "%s", path);
        if (r == 0)
            break;
        got += (size_t)r;
        if (got > n)
            return err_set(e, ERR_CONFLICT, "%s: grows while it is read", path);
    }
    if (got != n)
        return err_set(e, ERR_CONFLICT, "%s: shrinks while it is read", path);
    *ret = TAKE(p);
    return 0;
}

static void hash_text(const char *p, size_t n, char ret[SHA256_TEXT])
{
    uint8_t digest[SHA256_BYTES];
    sha256((struct slice){p, n}, digest);
    sha256_text(digest, ret);
}

static int take_file(struct scan *s, int dir, const char *name, const char *path)
{
    struct stat st;
    OWN_MEM char *content = NULL;
    OWN_FD int fd = open_file(dir, name, path, &st, s->e);
    if (fd < 0)
        return -1;
    bool is_manifest = strcmp(path, "manifest.json") == 0;
    if (is_manifest && st.st_size > MANIFEST_BYTES)
        return err_set(s->e, ERR_BAD_REQUEST, "manifest.json: has more than %d bytes", MANIFEST_BYTES);
    s->p->bytes += (uint64_t)st.st_size;
    if (st.st_size > PACK_BYTES || s->p->bytes > PACK_BYTES)
        return err_set(s->e, ERR_BAD_REQUEST, "%s: with it the pack has more than %d bytes", path, PACK_BYTES);
    if (read_file(fd, (size_t)st.st_size, path, &content, s->e))
        return -1;
    if (is_manifest) {
        s->p->text = arena_copy(s->a, (struct slice){content, (size_t)st.st_size});
        return s->p->text.p ? 0 : err_set(s->e, ERR_NO_MEMORY, "%s", path);
    }
    if (s->p->files == MANIFEST_FILES)
        return err_set(s->e, ERR_BAD_REQUEST, "%s: is one more than the %d files a pack may have", path,
                       MANIFEST_FILES);
    struct pack_file *f = &s->p->file[s->p->files++];
    *f = (struct pack_file){.path = path, .size = (uint64_t)st.st_size, .exec = st.st_mode & S_IXUSR};
    hash_text(content, (size_t)st.st_size, f->sha256);
    return 0;
}

static void own_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

static int walk(struct scan *s, int dir, const char *prefix, int depth)
{
    __attribute__((cleanup(own_dir))) DIR *d = NULL;
    int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    if (copy < 0 || !(d = fdopendir(copy))) {
        if (copy >= 0)
            close(copy);
        return err_sys(s->e, ERR_BAD_REQUEST, "%s", prefix);
    }
    for (struct dirent *it; (errno = 0, it = readdir(d));) {
        struct stat st;
        if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0)
            continue;
        char *path = arena_printf(s->a, "%s%s%s", prefix, *prefix ? "/" : "", it->d_name);
        if (!path)
            return err_set(s->e, ERR_NO_MEMORY, "reading a pack");
        if (!is_name(it->d_name) || strlen(path) > PACK_PATH)
            return err_set(s->e, ERR_BAD_REQUEST,
                           "a file's name must be A-Z a-z 0-9 . _ + - and its path at most %d bytes", PACK_PATH);
        if (fstatat(dir, it->d_name, &st, AT_SYMLINK_NOFOLLOW))
            return err_sys(s->e, ERR_BAD_REQUEST, "%s", path);
        if (!S_ISDIR(st.st_mode)) {
            if (take_file(s, dir, it->d_name, path))
                return -1;
            continue;
        }
        if (depth == PACK_DEPTH)
            return err_set(s->e, ERR_BAD_REQUEST, "%s: lies deeper than %d folders", path, PACK_DEPTH);
        OWN_FD int below = openat(dir, it->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
            return err_sys(s->e, ERR_BAD_REQUEST, "%s", path);
        if (walk(s, below, path, depth + 1))
            return -1;
    }
    return errno ? err_sys(s->e, ERR_BAD_REQUEST, "%s", prefix) : 0;
}

static int by_path(const void *x, const void *y)
{
    return strcmp(((const struct pack_file *)x)->path, ((const struct pack_file *)y)->path);
}

static const struct pack_file *find(const struct pack *p, struct slice path)
{
    for (size_t i = 0; i < p->files; i++)
        if (slice_is(path, p->file[i].path))
            return &p->file[i];
    return NULL;
}

/* What the manifest says of its files must be true. */
static int check_claims(const struct pack *p, struct err *e)
{
    const struct manifest *m = &p->manifest;
    const struct pack_file *f = NULL;
    for (size_t i = 0; i < m->files; i++) {
        const struct file_claim *c = &m->file[i];
        if (!(f = find(p, c->path)))
            return err_set(e, ERR_BAD_REQUEST, "/files: '%.*s' is not in the folder", SLICE_FMT(c->path));
        if (c->sha256.n && !slice_is_nocase(c->sha256, f->sha256))
            return err_set(e, ERR_BAD_REQUEST, "/files/%s/sha256: the file has %s", f->path, f->sha256);
        if (c->size >= 0 && (uint64_t)c->size != f->size)
            return err_set(e, ERR_BAD_REQUEST, "/files/%s/size: the file has %llu bytes", f->path,
                           (unsigned long long)f->size);
        if (c->mode.n && !slice_is(c->mode, f->exec ? "0555" : "0444"))
            return err_set(e, ERR_BAD_REQUEST, "/files/%s/mode: the file is %s executable", f->path,
                           f->exec ? "" : "not");
    }
    f = find(p, m->card);
    if (m->card.n && !f)
        return err_set(e, ERR_BAD_REQUEST, "/modelCard/path: '%.*s' is not in the folder", SLICE_FMT(m->card));
    if (f && m->card_sha256.n && !slice_is_nocase(m->card_sha256, f->sha256))
        return err_set(e, ERR_BAD_REQUEST, "/modelCard/sha256: the file has %s", f->sha256);
    for (size_t i = 0; i < m->runtime.exec_n; i++) {
        struct slice arg = m->runtime.exec[i];
        if (!slice_starts(arg, "/model/"))
            continue;
        arg = (struct slice){arg.p + 7, arg.n - 7};
        if (!(f = find(p, arg)))
            return err_set(e, ERR_BAD_REQUEST, "/runtime/exec/%zu: '%.*s' is not in the folder", i, SLICE_FMT(arg));
        if (i == 0 && !f->exec)
            return err_set(e, ERR_BAD_REQUEST, "/runtime/exec/0: '%s' is not executable; chmod +x it", f->path);
    }
    return 0;
}

int pack_read(struct arena *a, const char *folder, struct pack *ret, struct err *e)
{
    OWN_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct pack *p = TAKE_NEW(a, struct pack);
    struct scan s = {a, e, p};
    if (dir < 0)
        return err_sys(e, ERR_NOT_FOUND, "the model folder");
    if (!p || !(p->file = arena_take(a, MANIFEST_FILES * sizeof *p->file)))
        return err_set(e, ERR_NO_MEMORY, "reading a pack");
    if (walk(&s, dir, "", 0))
        return -1;
    if (!p->text.p)
        return err_set(e, ERR_BAD_REQUEST, "manifest.json: is not in the folder");
    qsort(p->file, p->files, sizeof *p->file, by_path);
    if (manifest_parse(a, p->text, &p->manifest, e))
        return err_in(e, "manifest.json");
    if (check_claims(p, e))
        return err_in(e, "manifest.json");
    if (pack_canonical(a, &p->manifest.json, p->file, p->files, &p->canonical, e))
        return -1;
    if (p->canonical.n > MANIFEST_BYTES) /* stored so, it is read again at every start, and by that limit */
        return err_set(e, ERR_BAD_REQUEST, "manifest.json: has more than %d bytes as it is stored, with its files",
                       MANIFEST_BYTES);
    hash_text(p->canonical.p, p->canonical.n, p->digest);
    *ret = *p;
    return 0;
}

/* --- installing --- */

static int write_all(int fd, const char *p, size_t n, const char *path, struct err *e)
{
    while (n) {
        errno = ENOSPC; /* what an injected fault looks like */
        ssize_t w = fault_hit(FAULT_WRITE) ? -1 : write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_sys(e, ERR_STORE, "%s", path);
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

static int put_file(int dir, const char *name, const char *path, struct slice content, mode_t mode, struct err *e)
{
    OWN_FD int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, ERR_STORE, "%s", path);
    if (write_all(fd, content.p, content.n, path, e))
        return -1;
    return fchmod(fd, mode) || fsync(fd) ? err_sys(e, ERR_STORE, "%s", path)
                                         : 0; /* fchmod: the umask does not decide */
}

/* Opens (and with `make` creates) the folder of `path` below `root`; *ret_name is the path's last part. */
static int open_parent(int root, const char *path, bool make, const char **ret_name, struct err *e)
{
    OWN_FD int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
    for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        char part[PACK_PATH + 1];
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (make && mkdirat(at, part, 0755) && errno != EEXIST)
            return err_sys(e, ERR_STORE, "%s", part);
        int next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
        if (at >= 0 && make && fchmod(at, 0755))
            return err_sys(e, ERR_STORE, "%s", part);
    }
    if (at < 0)
        return err_sys(e, ERR_STORE, "%s", path);
    *ret_name = path;
    return TAKE_FD(at);
}

static int copy_file(const struct pack_file *f, int from, int to, struct err *e)
{
    struct stat st;
    char sum[SHA256_TEXT];
    const char *name = NULL;
    OWN_MEM char *content = NULL;
    OWN_FD int source = open_parent(from, f->path, false, &name, e);
    if (source < 0)
        return -1;
    OWN_FD int fd = open_file(source, name, f->path, &st, e);
    if (fd < 0)
        return -1;
    if ((uint64_t)st.st_size != f->size)
        return err_set(e, ERR_CONFLICT, "%s: changed since it was read", f->path);
    if (read_file(fd, (size_t)f->size, f->path, &content, e))
        return -1;
    hash_text(content, (size_t)f->size, sum);
    if (strcmp(sum, f->sha256) != 0)
        return err_set(e, ERR_CONFLICT, "%s: changed since it was read", f->path);
    OWN_FD int target = open_parent(to, f->path, true, &name, e);
    if (target < 0)
        return -1;
    return put_file(target, name, f->path, (struct slice){content, (size_t)f->size}, f->exec ? 0555 : 0444, e);
}

/* Syncs every folder, children first. */
static int sync_folders(int dir)
{
    __attribute__((cleanup(own_dir))) DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 0));
    if (!d)
        return -1;
    for (struct dirent *it; (it = readdir(d));) {
        struct stat st;
        if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0 ||
            fstatat(dir, it->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
            continue;
        OWN_FD int below = openat(dir, it->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0 || sync_folders(below))
            return -1;
    }
    return fsync(dir);
}

static void remove_tree(int parent, const char *name)
{
    OWN_FD int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    __attribute__((cleanup(own_dir))) DIR *d = dir < 0 ? NULL : fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 0));
    for (struct dirent *it; d && (it = readdir(d));) {
        if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0)
            continue;
        if (unlinkat(dir, it->d_name, 0) && errno == EISDIR)
            remove_tree(dir, it->d_name);
    }
    unlinkat(parent, name, AT_REMOVEDIR);
}

static int fill(const struct pack *p, int from, int to, struct err *e)
{
    for (size_t i = 0; i < p->files; i++)
        if (copy_file(&p->file[i], from, to, e))
            return -1;
    if (put_file(to, "manifest.json", "manifest.json", p->text, 0444, e))
        return -1;
    return fchmod(to, 0755) || sync_folders(to) ? err_sys(e, ERR_STORE, "the model's folder") : 0;
}

int pack_install(const struct pack *p, const char *folder, const char *target, struct err *e)
{
    OWN_FD int from = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_FD int root = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    char temp[SHA256_TEXT + 32];
    if (from < 0 || root < 0)
        return err_sys(e, from < 0 ? ERR_NOT_FOUND : ERR_STORE, from < 0 ? "the model folder" : "the folder of models");
    if (fstatat(root, p->digest, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    snprintf(temp, sizeof temp, ".%s.%ld", p->digest, (long)gettid());
    remove_tree(root, temp); /* of a thread of this number that was killed here */
    if (mkdirat(root, temp, 0700))
        return err_sys(e, ERR_STORE, "the folder of models");
    OWN_FD int to = openat(root, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int bad = to < 0 ? err_sys(e, ERR_STORE, "the folder of models") : fill(p, from, to, e);
    if (!bad && renameat(root, temp, root, p->digest) && errno != EEXIST && errno != ENOTEMPTY)
        bad = err_sys(e, ERR_STORE, "the folder of models");
    remove_tree(root, temp); /* gone after the rename; else what was begun, or another was faster with the same bytes */
    if (!bad && fsync(root))
        bad = err_sys(e, ERR_STORE, "the folder of models");
    return bad;
}
