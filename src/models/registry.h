/* registry.h -- the models this installation knows: versions by digest, and which of them an alias stands for.
 *
 * A version is immutable: its digest covers its manifest and every file (pack.h). The files lie in FOLDER/<digest>/,
 * the manifest and the aliases in the store. What is read stays in memory until the registry is closed, so a `struct
 * model` may be used without a lock by anyone. Calls that change something block for a commit. */
#ifndef MODELS_REGISTRY_H
#define MODELS_REGISTRY_H

#include "models/manifest.h"
#include "store/db.h"

enum { MODEL_DIGEST = 32, REGISTRY_MODELS = 256 };

struct model {
    uint8_t digest[MODEL_DIGEST];
    char digest_text[7 + 65]; /* "sha256:..." */
    struct manifest manifest;
    bool stable; /* the alias `stable` names it */
    int rank;    /* of a stable one: among those of a target the lowest goes first */
};

struct registry;

int registry_open(struct db *db, const uint8_t scope[16], const char *folder, struct registry **ret, struct err *e);
void registry_close(struct registry *r);
int registry_count(struct registry *r);

/* Takes the model folder `path` in. The same digest again is no error (a signature it did not have yet is kept); the
 * same version with another digest is ERR_CONFLICT. Its signature is judged by trust_judge. */
int registry_add(struct registry *r, const char *path, bool unsigned_ok, struct arena *a, const struct model **ret,
                 struct err *e);
/* `rank`: 1 to RANK_MAX; 0 keeps the one the alias had (RANK when it is new). ERR_NOT_FOUND when there is no such
 * version. */
enum { RANK = 100, RANK_MAX = 1000 };
int registry_promote(struct registry *r, struct slice key, struct slice version, struct slice alias, int rank,
                     struct err *e);

/* The stable versions that serve `target`, by key; at most `max`. Returns how many. */
int registry_candidates(struct registry *r, struct slice target, const struct model **ret, int max);
/* NULL when it is not here. Where other processes add models (db_shared), it looks into the store first. */
const struct model *registry_by_digest(struct registry *r, const uint8_t digest[MODEL_DIGEST]);
/* The version `name` of a model, or the one its alias of that name stands for (only `stable`). NULL when there is none.
 */
const struct model *registry_named(struct registry *r, struct slice key, struct slice name);
/* Reads every file of every version and holds it against the digest. -1 (ERR_STORE) with the first version whose files
 * are not there or are others. */
int registry_check(struct registry *r, struct progress *p, struct err *e);
/* All versions, by key and version; at most `max`. */
int registry_all(struct registry *r, const struct model **ret, int max);

#endif
