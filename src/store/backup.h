/* backup.h -- a backup as a folder: what lies in it, how it comes to be whole, and how it is known to be.
 *
 *     TO/manifest.json     what it is of, and every other file with its size, mode and SHA-256
 *     TO/manifest.mac      HMAC-SHA-256 of manifest.json under a key derived from the root key, in hexadecimal
 *     TO/...               the files, mode 0600 in folders of mode 0700
 *
 * So one byte changed in any file is found before anything is restored, and nobody without the root key can make a
 * backup that would be taken. The root key itself is never in it.
 *
 * It is written as TO.unfinished and renamed when all of it is on the disk: whatever a crash leaves is no backup by its
 * name and has no manifest. Knows nothing of what the files mean. Calls block on the disk; ERR_BUSY when p->stop was
 * set. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <sys/types.h>

#include "base/progress.h"
#include "crypto/digest.h"
#include "crypto/seal.h"

enum { BACKUP_FORMAT = 1, BACKUP_PATH = 512 };

struct backup_info {
    const char *program, *store, *root_id; /* which version wrote it; "sqlite", "postgres"; of the root key */
    int64_t schema, created_at;
};

struct backup_file {
    const char *path; /* below the backup's folder */
    int64_t size;
    mode_t mode; /* to be restored */
    uint8_t sha256[SHA256_BYTES];
};

struct backup {
    struct arena *arena;
    const char *to, *folder; /* the name it gets; where it lies now */
    struct backup_info info;
    struct backup_file *file;
    size_t files, room;
    int64_t bytes;
};

/* --- writing: begin, take ..., end; drop when one of them fails --- */

/* ERR_CONFLICT when `to` is there already, or what an earlier one left unfinished. */
int backup_begin(struct arena *a, const char *to, struct backup *ret, struct err *e);
/* TO.unfinished/NAME, for who writes that file himself; backup_take lists it then. NULL: no memory. */
const char *backup_path(const struct backup *b, const char *name);
int backup_take(struct backup *b, const char *name, mode_t mode, struct progress *p, struct err *e);
/* Copies one file, or all files below a folder, as NAME; their modes are in the manifest. Entries of that folder itself
 * that begin with a dot are passed over: they are being made. */
int backup_copy(struct backup *b, const char *from, const char *name, struct progress *p, struct err *e);
int backup_copy_tree(struct backup *b, const char *from, const char *name, struct progress *p, struct err *e);
/* Writes the manifest, syncs everything, gives it its name. */
int backup_end(struct backup *b, const struct backup_info *info, const struct key *key, struct err *e);
void backup_drop(struct backup *b); /* removes what was begun; nothing after backup_end */

/* --- reading --- */

/* Reads the manifest, which is not believed yet: it says which root key is needed. ERR_BAD_REQUEST with a sentence. */
int backup_open(struct arena *a, const char *from, struct backup *ret, struct err *e);
/* Believes nothing: the manifest's MAC, and every file's size and sum. */
int backup_verify(const struct backup *b, const struct key *key, struct progress *p, struct err *e);
/* Copies the files whose path begins with `prefix` to FOLDER/PATH, with their modes, synced; folders get `folders`.
 * What is no longer what was verified is ERR_CONFLICT. */
int backup_put(const struct backup *b, const char *prefix, const char *folder, mode_t folders, struct progress *p,
               struct err *e);

/* Removes a folder and all below it that a restore or backup had begun; follows no link. */
void backup_remove_tree(const char *path);
/* A copy of a file under a new name, synced, complete or not at all. */
int backup_copy_file(const char *from, const char *to, mode_t mode, struct err *e);
/* A name is durable when the folder it stands in is. */
int backup_sync_folder_of(const char *path, struct err *e);

#endif
