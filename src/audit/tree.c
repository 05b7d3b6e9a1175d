#include "audit/tree.h"

#include <assert.h>

void tree_leaf(struct slice entry, struct tree_hash *ret)
{
    struct slice piece[] = {{"\0", 1}, entry};
    sha256_of(piece, 2, ret->byte);
}

void tree_parent(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *ret)
{
    uint8_t both[1 + 2 * SHA256_BYTES] = {1};
    memcpy(both + 1, left, SHA256_BYTES);
    memcpy(both + 1 + SHA256_BYTES, right, SHA256_BYTES);
    sha256((struct slice){(char *)both, sizeof both}, ret->byte);
}

bool tree_same(const struct tree_hash *a, const struct tree_hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- growing: like counting in binary, a carry is a parent --- */

int tree_add(struct tree *t, const struct tree_hash *leaf)
{
    int h = 0;
    assert(t->size < (1ULL << TREE_HEIGHT) - 1);
    t->full[0] = *leaf;
    for (; t->size >> h & 1; h++)
        tree_parent(&t->edge[h], &t->full[h], &t->full[h + 1]);
    t->edge[h] = t->full[h];
    t->size++;
    return h;
}

void tree_root(const struct tree *t, struct tree_hash *ret)
{
    bool begun = false;
    if (t->size == 0)
        sha256(SLICE(""), ret->byte);
    for (int h = 0; h < TREE_HEIGHT; h++) {
        if (!(t->size >> h & 1))
            continue;
        if (begun)
            tree_parent(&t->edge[h], ret, ret);
        else
            *ret = t->edge[h];
        begun = true;
    }
}

/* --- from a source --- */

static int node(const struct tree_source *s, int height, uint64_t i, struct tree_hash *ret, struct err *e)
{
    struct tree_hash list[1 << (TREE_TILE - 1)];
    int n = 1 << height % TREE_TILE;
    if (s->read(s->arg, height / TREE_TILE, i * (uint64_t)n, n, list, e))
        return -1;
    for (; n > 1; n /= 2)
        for (int k = 0; k < n / 2; k++)
            tree_parent(&list[2 * k], &list[2 * k + 1], &list[k]);
    *ret = list[0];
    return 0;
}

/* The largest power of two below n, for n >= 2. */
static int split(uint64_t n)
{
    return 63 - __builtin_clzll(n - 1);
}

/* The root of the leaves `at` .. `at + n - 1`, where `at` is a multiple of the power of two that is n or above it: the
 * full subtrees from left to right are the bits of n from high to low. */
static int range(const struct tree_source *s, uint64_t at, uint64_t n, struct tree_hash *ret, struct err *e)
{
    bool begun = false;
    for (int h = 0; h < TREE_HEIGHT; h++) { /* from the right, as tree_root */
        struct tree_hash left;
        if (!(n >> h & 1))
            continue;
        if (node(s, h, (at + (n >> h) * (1ULL << h) - (1ULL << h)) >> h, begun ? &left : ret, e))
            return -1;
        if (begun)
            tree_parent(&left, ret, ret);
        begun = true;
    }
    return 0;
}

int tree_root_of(const struct tree_source *s, uint64_t size, struct tree_hash *ret, struct err *e)
{
    if (size == 0)
        sha256(SLICE(""), ret->byte);
    return size ? range(s, 0, size, ret, e) : 0;
}

static void turn(struct tree_hash *list, int n)
{
    for (int i = 0; i < n / 2; i++) {
        struct tree_hash swap = list[i];
        list[i] = list[n - 1 - i];
        list[n - 1 - i] = swap;
    }
}

/* Both proofs are defined by halving: what is found on the way down is listed on the way up. */
int tree_inclusion(const struct tree_source *s, uint64_t index, uint64_t size, struct tree_hash ret[TREE_PROOF],
                   struct err *e)
{
    uint64_t at = 0;
    int n = 0;
    assert(index < size);
    while (size > 1) {
        uint64_t k = 1ULL << split(size);
        bool left = index < at + k;
        if (left ? range(s, at + k, size - k, &ret[n++], e) : range(s, at, k, &ret[n++], e))
            return -1;
        at += left ? 0 : k;
        size = left ? k : size - k;
    }
    turn(ret, n);
    return n;
}

int tree_consistency(const struct tree_source *s, uint64_t from, uint64_t to, struct tree_hash ret[TREE_PROOF],
                     struct err *e)
{
    uint64_t at = 0;
    bool whole = true; /* the old tree is this very subtree: whoever checks has its root */
    int n = 0;
    assert(from <= to);
    if (from == 0)
        return 0;
    while (from != to) {
        uint64_t k = 1ULL << split(to);
        bool left = from <= k;
        if (left ? range(s, at + k, to - k, &ret[n++], e) : range(s, at, k, &ret[n++], e))
            return -1;
        if (left) {
            to = k;
        } else {
            at += k;
            from -= k;
            to -= k;
            whole = false;
        }
    }
    if (!whole && range(s, at, to, &ret[n++], e))
        return -1;
    turn(ret, n);
    return n;
}

/* --- checking (RFC 9162, 2.1.3.2 and 2.1.4.2, which describe the same proofs) --- */

bool tree_inclusion_holds(const struct tree_hash *leaf, uint64_t index, uint64_t size, const struct tree_hash *proof,
                          size_t n, const struct tree_hash *root)
{
    if (index >= size)
        return false;
    uint64_t fn = index, sn = size - 1;
    struct tree_hash r = *leaf;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            tree_parent(&proof[i], &r, &r);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_parent(&r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && tree_same(&r, root);
}

bool tree_consistency_holds(uint64_t from, const struct tree_hash *from_root, uint64_t to,
                            const struct tree_hash *to_root, const struct tree_hash *proof, size_t n)
{
    if (from > to)
        return false;
    if (from == to || from == 0)
        return n == 0 && (from == 0 || tree_same(from_root, to_root));
    bool power = (from & (from - 1)) == 0; /* then the old root begins the proof, unsaid */
    size_t i = power ? 0 : 1;
    if (n < i)
        return false;
    struct tree_hash fr = power ? *from_root : proof[0], sr = fr;
    uint64_t fn = from - 1, sn = to - 1;
    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    for (; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            tree_parent(&proof[i], &fr, &fr);
            tree_parent(&proof[i], &sr, &sr);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            tree_parent(&sr, &proof[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && tree_same(&fr, from_root) && tree_same(&sr, to_root);
}
