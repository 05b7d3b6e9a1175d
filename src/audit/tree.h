/* tree.h -- Merkle trees as RFC 6962 (section 2.1) has them, over hashes; knows nothing of entries, stores and keys.
 *
 *     leaf(d) = SHA-256(0x00 | d)      parent(l, r) = SHA-256(0x01 | l | r)
 *
 * The root of n leaves is the parent of the root of the first k and of the root of the others, k being the largest
 * power of two below n; that of none is the hash of nothing. A subtree of 2^h leaves that begins at a multiple of 2^h
 * never changes once it is full: its root is the node (h, i). A tree is therefore known by its edge, the nodes of the
 * full subtrees its leaves fall into, one for each bit of its size; and every proof is put together from nodes and the
 * edge.
 *
 * Nothing here takes memory or blocks, but for what a tree_source does. */
#ifndef AUDIT_TREE_H
#define AUDIT_TREE_H

#include "base/err.h"
#include "crypto/digest.h"

enum {
    TREE_HEIGHT = 63,             /* leaves are counted in 63 bits */
    TREE_PROOF = TREE_HEIGHT + 2, /* hashes in a proof, at most */
    TREE_TILE = 8                 /* a source keeps the nodes of every eighth height: tiles of 256 (C2SP tlog-tiles) */
};

struct tree_hash {
    uint8_t byte[SHA256_BYTES];
};

void tree_leaf(struct slice entry, struct tree_hash *ret);
void tree_parent(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *ret);
bool tree_same(const struct tree_hash *a, const struct tree_hash *b);

/* --- a tree that grows: all zero is the empty one --- */

struct tree {
    uint64_t size;
    struct tree_hash edge[TREE_HEIGHT]; /* [h] is there when bit h of the size is set */
    struct tree_hash
        full[TREE_HEIGHT + 1]; /* the nodes that the last leaf made full: [0], the leaf, to the height told */
};

/* The height of the highest node the leaf made full. */
int tree_add(struct tree *t, const struct tree_hash *leaf);
void tree_root(const struct tree *t, struct tree_hash *ret);

/* --- proofs from what is stored --- */

/* Reads `n` (1..128) nodes of height `TREE_TILE * level` from the node `from` on. */
struct tree_source {
    int (*read)(void *arg, int level, uint64_t from, int n, struct tree_hash *ret, struct err *e);
    void *arg;
};

int tree_root_of(const struct tree_source *s, uint64_t size, struct tree_hash *ret, struct err *e);
/* PATH(index, D[size]), from the leaf's sibling up; index < size. The number of hashes, or -1. */
int tree_inclusion(const struct tree_source *s, uint64_t index, uint64_t size, struct tree_hash ret[TREE_PROOF],
                   struct err *e);
/* PROOF(from, D[to]); from <= to. Empty when `from` is 0 or `to`. The number of hashes, or -1. */
int tree_consistency(const struct tree_source *s, uint64_t from, uint64_t to, struct tree_hash ret[TREE_PROOF],
                     struct err *e);

/* --- and checked by whoever has the roots --- */

bool tree_inclusion_holds(const struct tree_hash *leaf, uint64_t index, uint64_t size, const struct tree_hash *proof,
                          size_t n, const struct tree_hash *root);
bool tree_consistency_holds(uint64_t from, const struct tree_hash *from_root, uint64_t to,
                            const struct tree_hash *to_root, const struct tree_hash *proof, size_t n);

#endif
