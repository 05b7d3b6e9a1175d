#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/own.h"

enum { PIECE = 256 * 1024, MANIFEST_MAX = 64 << 20, FILES_MAX = 1 << 18 };

static const char manifest_name[] = "manifest.json", mac_name[] = "manifest.mac", unfinished[] = ".unfinished";

/* --- files --- */

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        errno = ENOSPC; /* what an injected fault looks like */
        ssize_t w = fault_hit(FAULT_WRITE) ? -1 : write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

/* Reads all of `from`, writes it to `to` (unless -1), and sums it. */
static int pump(int from, int to, struct progress *p, struct backup_file *ret, struct err *e)
{
    OWN_MEM char *piece = malloc(PIECE);
    struct sha256_run sum;
    ssize_t n = 0;
    int rc = piece ? 0 : err_set(e, ERR_NO_MEMORY, "%s", ret->path);
    if (rc)
        return rc;
    sha256_begin(&sum);
    ret->size = 0;
    while (!rc && !p->stop && (n = read(from, piece, PIECE)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (to >= 0 && write_all(to, piece, (size_t)n))) {
            rc = err_sys(e, ERR_STORE, "%s %s", n < 0 ? "read" : "write", ret->path);
            break;
        }
        sha256_add(&sum, (struct slice){piece, (size_t)n});
        ret->size += n;
        progress_add(p, n);
    }
    sha256_end(&sum, ret->sha256);
    if (!rc && p->stop)
        rc = err_set(e, ERR_BUSY, "the copy was told to end");
    return rc;
}

/* A regular file, and no link to one. */
static int open_file(const char *path, struct stat *ret, struct err *e)
{
    OWN_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, ret))
        return err_sys(e, ERR_BAD_REQUEST, "read %s", path);
    if (!S_ISREG(ret->st_mode))
        return err_set(e, ERR_BAD_REQUEST, "%s is no regular file", path);
    return TAKE_FD(fd);
}

static int new_file(const char *path, mode_t mode, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && fchmod(fd, mode)) { /* the umask does not decide */
        close(fd);
        fd = -1;
    }
    return fd < 0 ? err_sys(e, ERR_STORE, "make %s", path) : fd;
}

/* The folders of `path` below the first `from` bytes of it. */
static int make_folders(const char *path, size_t from, mode_t mode, struct err *e)
{
    char part[PATH_MAX];
    for (const char *slash = path + from; (slash = strchr(slash + 1, '/'));) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) == 0 ? chmod(part, mode) : errno != EEXIST)
            return err_sys(e, ERR_STORE, "make the folder %s", part);
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st, (void)at;
    if (what == FTW_DP)
        rmdir(path);
    else
        unlink(path);
    return 0;
}

void backup_remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int sync_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st, (void)at;
    OWN_FD int fd = what == FTW_DP ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return what == FTW_DP && (fd < 0 || fsync(fd)) ? -1 : 0;
}

/* Files are synced as they are written; here their names are. */
static int sync_folders(const char *path, struct err *e)
{
    return nftw(path, sync_one, 16, FTW_DEPTH | FTW_PHYS) ? err_sys(e, ERR_STORE, "sync %s", path) : 0;
}

int backup_sync_folder_of(const char *path, struct err *e)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    OWN_FD int fd = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) ? err_sys(e, ERR_STORE, "sync the folder of %s", path) : 0;
}

int backup_copy_file(const char *from, const char *to, mode_t mode, struct err *e)
{
    char fresh[PATH_MAX];
    struct stat st;
    struct progress none = {.done = 0};
    struct backup_file f = {.path = from};
    snprintf(fresh, sizeof fresh, "%s.new", to);
    OWN_FD int in = open_file(from, &st, e);
    if (in < 0)
        return -1;
    unlink(fresh); /* of a copy that was cut short */
    OWN_FD int out = new_file(fresh, mode, e);
    if (out < 0 || pump(in, out, &none, &f, e))
        return -1;
    if (fsync(out) || renameat2(AT_FDCWD, fresh, AT_FDCWD, to, RENAME_NOREPLACE))
        return err_sys(e, ERR_STORE, "make %s", to);
    return backup_sync_folder_of(to, e);
}

/* --- writing --- */

int backup_begin(struct arena *a, const char *to, struct backup *ret, struct err *e)
{
    size_t n = strlen(to);
    while (n > 1 && to[n - 1] == '/')
        n--;
    *ret = (struct backup){.arena = a, .to = arena_str(a, (struct slice){to, n})};
    const char *folder = arena_printf(a, "%.*s%s", (int)n, to, unfinished);
    struct stat st;
    if (!folder || !ret->to)
        return err_set(e, ERR_NO_MEMORY, "a backup");
    if (n + BACKUP_PATH + 16 > PATH_MAX)
        return err_set(e, ERR_USAGE, "the path of the backup is too long");
    if (lstat(ret->to, &st) == 0)
        return err_set(e, ERR_CONFLICT, "%s is there already: a backup is a new folder", ret->to);
    int made = mkdir(folder, 0700);
    if (made && errno == EEXIST)
        return err_set(e, ERR_CONFLICT,
                       "%s is there, of a backup that did not finish or is being written: remove it, then try again",
                       folder);
    if (made || chmod(folder, 0700))
        return err_sys(e, ERR_STORE, "make the folder %s", folder);
    ret->folder = folder;
    return 0;
}

const char *backup_path(const struct backup *b, const char *name)
{
    return arena_printf(b->arena, "%s/%s", b->folder, name);
}

static struct backup_file *list(struct backup *b, const char *name, struct err *e)
{
    if (b->files == b->room) {
        size_t more = b->room ? b->room * 2 : 64;
        b->file = arena_grow(b->arena, b->file, b->room * sizeof *b->file, more * sizeof *b->file);
        b->room = more;
    }
    const char *path = arena_str(b->arena, slice_of(name));
    if (!b->file || !path || b->files == FILES_MAX || strlen(name) > BACKUP_PATH) {
        err_set(e, ERR_NO_MEMORY, "a backup takes at most %d files", FILES_MAX);
        return NULL;
    }
    struct backup_file *f = &b->file[b->files++];
    *f = (struct backup_file){.path = path};
    return f;
}

int backup_take(struct backup *b, const char *name, mode_t mode, struct progress *p, struct err *e)
{
    struct stat st;
    const char *path = backup_path(b, name);
    struct backup_file *f = path ? list(b, name, e) : NULL;
    if (!f)
        return path ? -1 : err_set(e, ERR_NO_MEMORY, "a backup");
    OWN_FD int fd = open_file(path, &st, e);
    if (fd < 0)
        return -1;
    progress_begin(p, "reading it again", st.st_size);
    if (fsync(fd))
        return err_sys(e, ERR_STORE, "sync %s", path);
    if (pump(fd, -1, p, f, e))
        return -1;
    f->mode = mode;
    b->bytes += f->size;
    return 0;
}

int backup_copy(struct backup *b, const char *from, const char *name, struct progress *p, struct err *e)
{
    struct stat st;
    const char *path = backup_path(b, name);
    struct backup_file *f = path ? list(b, name, e) : NULL;
    if (!f)
        return path ? -1 : err_set(e, ERR_NO_MEMORY, "a backup");
    if (make_folders(path, strlen(b->folder), 0700, e))
        return -1;
    OWN_FD int in = open_file(from, &st, e);
    if (in < 0)
        return -1;
    OWN_FD int out = new_file(path, 0600, e);
    if (out < 0 || pump(in, out, p, f, e))
        return -1;
    f->mode = st.st_mode & 0777;
    b->bytes += f->size;
    return fsync(out) ? err_sys(e, ERR_STORE, "sync %s", path) : 0;
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int entry_of_folder(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int copy_entries(struct backup *b, const char *from, const char *name, bool top, struct progress *p,
                        struct err *e)
{
    struct dirent **entry;
    int n = scandir(from, &entry, top ? visible : entry_of_folder, alphasort), rc = 0;
    if (n < 0)
        return err_sys(e, ERR_STORE, "read the folder %s", from);
    for (int i = 0; i < n; i++) {
        struct stat st;
        const char *at = arena_printf(b->arena, "%s/%s", from, entry[i]->d_name);
        const char *as = arena_printf(b->arena, "%s/%s", name, entry[i]->d_name);
        if (rc == 0 && (!at || !as))
            rc = err_set(e, ERR_NO_MEMORY, "a backup");
        if (rc == 0 && lstat(at, &st))
            rc = err_sys(e, ERR_STORE, "read %s", at);
        if (rc == 0)
            rc = S_ISDIR(st.st_mode) ? copy_entries(b, at, as, false, p, e) : backup_copy(b, at, as, p, e);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

int backup_copy_tree(struct backup *b, const char *from, const char *name, struct progress *p, struct err *e)
{
    return copy_entries(b, from, name, true, p, e);
}

static int by_path(const void *x, const void *y)
{
    return strcmp(((const struct backup_file *)x)->path, ((const struct backup_file *)y)->path);
}

static void put_manifest(struct backup *b, struct json_out *o)
{
    char when[CLOCK_TEXT], text[SHA256_TEXT], mode[8];
    json_open(o, '{');
    json_pair_int(o, "format", BACKUP_FORMAT);
    json_pair_str(o, "program", b->info.program);
    json_pair_str(o, "store", b->info.store);
    json_pair_int(o, "schema", b->info.schema);
    json_pair_str(o, "root_id", b->info.root_id);
    json_pair_str(o, "created_at", clock_text(b->info.created_at, when));
    json_key(o, "files");
    json_open(o, '[');
    for (size_t i = 0; i < b->files; i++) {
        const struct backup_file *f = &b->file[i];
        snprintf(mode, sizeof mode, "%04o", (unsigned)f->mode);
        json_open(o, '{');
        json_pair_str(o, "path", f->path);
        json_pair_str(o, "mode", mode);
        json_pair_int(o, "size", f->size);
        json_pair_str(o, "sha256", sha256_text(f->sha256, text));
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
}

static int write_file(const char *path, struct slice text, struct err *e)
{
    OWN_FD int fd = new_file(path, 0600, e);
    if (fd < 0)
        return -1;
    return write_all(fd, text.p, text.n) || fsync(fd) ? err_sys(e, ERR_STORE, "write %s", path) : 0;
}

static void mac_text(const struct key *key, struct slice manifest, char ret[SHA256_TEXT])
{
    uint8_t mac[SHA256_BYTES];
    hmac_sha256((struct slice){(const char *)key->secret, KEY_BYTES}, &manifest, 1, mac);
    sha256_text(mac, ret);
}

int backup_end(struct backup *b, const struct backup_info *info, const struct key *key, struct err *e)
{
    struct buf text = buf_in(b->arena, MANIFEST_MAX);
    struct json_out o = json_out(&text);
    char mac[SHA256_TEXT];
    const char *manifest = backup_path(b, manifest_name), *beside = backup_path(b, mac_name);
    b->info = *info;
    b->info.root_id = arena_str(b->arena, slice_of(info->root_id));
    qsort(b->file, b->files, sizeof *b->file, by_path);
    put_manifest(b, &o);
    buf_byte(&text, '\n');
    if (buf_failed(&text) || !manifest || !beside)
        return err_set(e, ERR_NO_MEMORY, "the manifest of a backup");
    mac_text(key, buf_text(&text), mac);
    fault_crash(CRASH_backup_copied);
    if (write_file(manifest, buf_text(&text), e) || write_file(beside, slice_of(mac), e) || sync_folders(b->folder, e))
        return -1;
    fault_crash(CRASH_backup_written);
    if (renameat2(AT_FDCWD, b->folder, AT_FDCWD, b->to, RENAME_NOREPLACE))
        return err_sys(e, ERR_STORE, "name the backup %s", b->to);
    b->folder = NULL;
    return backup_sync_folder_of(b->to, e);
}

void backup_drop(struct backup *b)
{
    if (b->folder)
        backup_remove_tree(b->folder);
    b->folder = NULL;
}

/* --- reading --- */

static int read_text(struct arena *a, const char *path, size_t most, struct slice *ret, struct err *e)
{
    struct stat st;
    OWN_FD int fd = open_file(path, &st, e);
    if (fd < 0)
        return -1;
    char *p = (size_t)st.st_size <= most ? arena_take(a, (size_t)st.st_size + 1) : NULL;
    size_t n = 0;
    if (!p)
        return err_set(e, ERR_BAD_REQUEST, "%s is larger than any is", path);
    for (ssize_t got; n < (size_t)st.st_size; n += (size_t)got)
        if ((got = read(fd, p + n, (size_t)st.st_size - n)) <= 0)
            return err_sys(e, ERR_BAD_REQUEST, "read %s", path);
    *ret = (struct slice){p, n};
    return 0;
}

/* No path leads out of the folder it is put into. */
static bool is_below(const char *path)
{
    size_t n = strlen(path);
    if (n == 0 || n > BACKUP_PATH || *path == '/' || path[n - 1] == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (*part == '/' || (*part == '.' && (part[1] == '.' || part[1] == '/' || part[1] == 0)))
            return false;
    return true;
}

static int64_t number_of(const struct json *j, uint32_t at, const char *name)
{
    int64_t n = -1;
    uint32_t v = json_get_kind(j, at, name, JSON_NUMBER);
    return v && slice_int(json_raw(j, v), 0, INT64_MAX, &n) ? n : -1;
}

static int take_entry(struct backup *b, const struct json *j, uint32_t at, struct err *e)
{
    struct slice path = json_get_text(j, at, "path", b->arena), sum = json_get_text(j, at, "sha256", b->arena);
    struct slice mode = json_get_text(j, at, "mode", b->arena);
    const char *name = arena_str(b->arena, path);
    struct backup_file *f = name && is_below(name) ? list(b, name, e) : NULL;
    if (!f || (f->size = number_of(j, at, "size")) < 0 || mode.n != 4 || sum.n != 2 * SHA256_BYTES ||
        hex_decode(sum, f->sha256, SHA256_BYTES) != SHA256_BYTES)
        return err_set(e, ERR_BAD_REQUEST, "entry %zu of the backup's manifest cannot be read", b->files);
    for (size_t i = 0; i < mode.n; i++)
        f->mode = f->mode << 3 | ((unsigned)mode.p[i] & 7);
    f->mode &= 0777;
    b->bytes += f->size;
    return 0;
}

static const char *text_of(struct backup *b, const struct json *j, const char *name)
{
    struct slice s = json_get_text(j, 0, name, b->arena);
    return s.p ? arena_str(b->arena, s) : NULL;
}

int backup_open(struct arena *a, const char *from, struct backup *ret, struct err *e)
{
    struct slice text;
    struct json j;
    struct json_fault f;
    struct backup b = {.arena = a, .folder = arena_str(a, slice_of(from))};
    const char *manifest = b.folder ? backup_path(&b, manifest_name) : NULL;
    b.to = b.folder;
    if (!manifest)
        return err_set(e, ERR_NO_MEMORY, "a backup");
    size_t n = strlen(from), m = sizeof unfinished - 1;
    while (n > 1 && from[n - 1] == '/')
        n--;
    if (n > m && memcmp(from + n - m, unfinished, m) == 0)
        return err_set(e, ERR_BAD_REQUEST, "%s is what is left of a backup that did not finish", from);
    if (access(manifest, F_OK))
        return err_set(e, ERR_BAD_REQUEST, "%s is no backup of lazaret: it has no %s", from, manifest_name);
    if (read_text(a, manifest, MANIFEST_MAX, &text, e))
        return -1;
    if (json_parse(a, text, &j, &f))
        return err_set(e, ERR_BAD_REQUEST, "the manifest of the backup was changed: it is no JSON");
    if (number_of(&j, 0, "format") != BACKUP_FORMAT)
        return err_set(e, ERR_BAD_REQUEST, "the backup has a format this program does not know");
    b.info = (struct backup_info){.program = text_of(&b, &j, "program"),
                                  .store = text_of(&b, &j, "store"),
                                  .root_id = text_of(&b, &j, "root_id"),
                                  .schema = number_of(&j, 0, "schema")};
    struct slice when = json_get_text(&j, 0, "created_at", a);
    uint32_t files = json_get_kind(&j, 0, "files", JSON_ARRAY);
    if (!b.info.program || !b.info.store || !b.info.root_id || b.info.schema < 0 || !files ||
        !clock_parse(when, &b.info.created_at, NULL))
        return err_set(e, ERR_BAD_REQUEST, "the manifest of the backup was changed: it does not say all it should");
    for (uint32_t k = json_first(&j, files); k != json_end(&j, files); k = json_next(&j, k))
        if (take_entry(&b, &j, k, e))
            return -1;
    *ret = b;
    return 0;
}

static int verify_file(const struct backup *b, const struct backup_file *want, struct progress *p, struct err *e)
{
    struct stat st;
    struct backup_file got = *want;
    const char *path = backup_path(b, want->path);
    OWN_FD int fd = path ? open_file(path, &st, e) : err_set(e, ERR_NO_MEMORY, "a backup");
    if (fd < 0 || pump(fd, -1, p, &got, e))
        return -1;
    if (got.size != want->size || memcmp(got.sha256, want->sha256, SHA256_BYTES) != 0)
        return err_set(e, ERR_CONFLICT, "%s of the backup is not what was written: its sum is another", want->path);
    return 0;
}

int backup_verify(const struct backup *b, const struct key *key, struct progress *p, struct err *e)
{
    struct slice text, beside;
    char mac[SHA256_TEXT];
    const char *manifest = backup_path(b, manifest_name), *second = backup_path(b, mac_name);
    if (!manifest || !second)
        return err_set(e, ERR_NO_MEMORY, "a backup");
    if (read_text(b->arena, manifest, MANIFEST_MAX, &text, e) || read_text(b->arena, second, 4096, &beside, e))
        return -1;
    mac_text(key, text, mac);
    if (beside.n != sizeof mac - 1 || !crypto_equal(beside.p, mac, sizeof mac - 1))
        return err_set(e, ERR_CONFLICT,
                       "the manifest of the backup is not the one that was written under this root key");
    progress_begin(p, "checking the sums", b->bytes);
    for (size_t i = 0; i < b->files; i++)
        if (verify_file(b, &b->file[i], p, e))
            return -1;
    return 0;
}

static int put_file(const struct backup *b, const struct backup_file *f, const char *folder, mode_t folders,
                    struct progress *p, struct err *e)
{
    struct stat st;
    struct backup_file got = *f;
    const char *from = backup_path(b, f->path), *to = arena_printf(b->arena, "%s/%s", folder, f->path);
    if (!from || !to)
        return err_set(e, ERR_NO_MEMORY, "restore a file");
    if (make_folders(to, strlen(folder), folders, e))
        return -1;
    OWN_FD int in = open_file(from, &st, e);
    if (in < 0)
        return -1;
    OWN_FD int out = new_file(to, f->mode, e);
    if (out < 0 || pump(in, out, p, &got, e))
        return -1;
    if (got.size != f->size || memcmp(got.sha256, f->sha256, SHA256_BYTES) != 0)
        return err_set(e, ERR_CONFLICT, "%s of the backup changed while it was read", f->path);
    return fsync(out) ? err_sys(e, ERR_STORE, "sync %s", to) : 0;
}

int backup_put(const struct backup *b, const char *prefix, const char *folder, mode_t folders, struct progress *p,
               struct err *e)
{
    size_t n = strlen(prefix);
    progress_begin(p, "restoring files", 0);
    for (size_t i = 0; i < b->files; i++)
        if (strncmp(b->file[i].path, prefix, n) == 0 && put_file(b, &b->file[i], folder, folders, p, e))
            return -1;
    return sync_folders(folder, e);
}
