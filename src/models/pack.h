/* pack.h -- a model as a folder: manifest.json beside the files it names, and the digest that is the version's name.
 *
 * The digest is SHA-256 over the canonical manifest: JSON without white space, keys sorted by their bytes, strings
 * escaped in one way, number text as written, without `signature`, and with `files` filled in:
 * {PATH:{"mode","sha256","size"}} for every file but manifest.json. So one digest stands for every byte the sandbox
 * will see and for whether a file may be executed.
 *
 * Refused: symbolic links, devices, set-id bits, names with anything but A-Z a-z 0-9 . _ + - , a folder deeper than
 * PACK_DEPTH, more than MANIFEST_FILES files or PACK_BYTES bytes. Every step is openat with O_NOFOLLOW, so no path
 * leads out. Blocks on the disk. Knows nothing of databases. */
#ifndef MODELS_PACK_H
#define MODELS_PACK_H

#include "crypto/digest.h"
#include "models/manifest.h"

enum { PACK_DEPTH = 8, PACK_PATH = 200, PACK_BYTES = 64 << 20 };

struct pack_file {
    const char *path; /* within the folder, with slashes */
    uint64_t size;
    bool exec; /* 0555, else 0444 */
    char sha256[SHA256_TEXT];
};

struct pack {
    struct manifest manifest;
    struct slice text, canonical; /* manifest.json as it is; what the digest is taken of */
    char digest[SHA256_TEXT];
    struct pack_file *file; /* sorted by path, without manifest.json */
    size_t files;
    uint64_t bytes;
};

/* Reads and checks the folder. -1: as manifest_parse, or ERR_BAD_REQUEST naming the file and what is wrong with it,
 * ERR_NOT_FOUND when there is no such folder. */
int pack_read(struct arena *a, const char *folder, struct pack *ret, struct err *e);

/* Copies the pack to TARGET/<digest>/, complete or not at all: a temporary folder beside it is filled, synced and
 * renamed. Already there: nothing is done (a version never changes). A file that is no longer what pack_read saw is
 * ERR_CONFLICT. */
int pack_install(const struct pack *p, const char *folder, const char *target, struct err *e);

/* The canonical text of a JSON object without its top-level member `signature` and with `files` replaced. */
int pack_canonical(struct arena *a, const struct json *j, const struct pack_file *file, size_t files, struct slice *ret,
                   struct err *e);

#endif
