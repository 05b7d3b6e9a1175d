#include "test.h"

#include <stdio.h>

#include "audit/tree.h"

enum { MOST = 300 };

/* --- a forest to prove from: leaves, and the nodes of height 8 --- */

struct forest {
    struct tree_hash leaf[MOST + 1], tile[2], root[MOST + 1];
};

static int read_forest(void *arg, int level, uint64_t from, int n, struct tree_hash *ret, struct err *e)
{
    struct forest *f = arg;
    (void)e;
    CHECK(level == 0 ? from + (uint64_t)n <= MOST : level == 1 && from + (uint64_t)n <= 1);
    memcpy(ret, level ? f->tile + from : f->leaf + from, (size_t)n * sizeof *ret);
    return 0;
}

/* The definition, word by word. */
static void mth(const struct tree_hash *leaf, size_t n, struct tree_hash *ret)
{
    struct tree_hash l, r;
    size_t k = 1;
    if (n == 0)
        sha256(SLICE(""), ret->byte);
    if (n == 1)
        *ret = leaf[0];
    if (n < 2)
        return;
    while (k * 2 < n)
        k *= 2;
    mth(leaf, k, &l);
    mth(leaf + k, n - k, &r);
    tree_parent(&l, &r, ret);
}

static struct forest *forest(void)
{
    static struct forest f;
    struct tree t = {.size = 0};
    tree_root(&t, &f.root[0]);
    for (int i = 0; i < MOST; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "%d", i);
        tree_leaf((struct slice){text, (size_t)n}, &f.leaf[i]);
        if (tree_add(&t, &f.leaf[i]) >= TREE_TILE)
            f.tile[i / 256] = t.full[TREE_TILE];
        tree_root(&t, &f.root[i + 1]);
    }
    return &f;
}

static void check_hex(const struct tree_hash *h, const char *want)
{
    char text[SHA256_TEXT];
    CHECK_STR(sha256_text(h->byte, text), want);
}

/* The eight inputs and roots of the Certificate Transparency project's own tests. */
TEST(roots_are_those_of_the_published_vectors)
{
    static const struct {
        const char *input;
        size_t n;
        const char *root;
    } row[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct tree t = {.size = 0};
    struct tree_hash h;
    tree_root(&t, &h);
    check_hex(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < COUNT(row); i++) {
        tree_leaf((struct slice){row[i].input, row[i].n}, &h);
        tree_add(&t, &h);
        tree_root(&t, &h);
        check_hex(&h, row[i].root);
    }
}

TEST(a_growing_tree_and_a_stored_one_have_the_root_of_the_definition)
{
    struct forest *f = forest();
    struct tree_source s = {read_forest, f};
    struct err e;
    for (uint64_t n = 0; n <= MOST; n++) {
        struct tree_hash want, got;
        mth(f->leaf, n, &want);
        CHECK(tree_same(&want, &f->root[n]));
        CHECK_OK(tree_root_of(&s, n, &got, &e));
        CHECK(tree_same(&want, &got));
    }
}

static void flip(struct tree_hash *h, unsigned bit)
{
    h->byte[bit / 8 % SHA256_BYTES] ^= (uint8_t)(1u << bit % 8);
}

TEST(every_entry_of_every_size_is_proven_and_no_other_proof_holds)
{
    struct forest *f = forest();
    struct tree_source s = {read_forest, f};
    struct tree_hash p[TREE_PROOF] = {{{0}}};
    struct err e;
    unsigned bit = 0, turn = 0;
    for (uint64_t size = 1; size <= MOST; size++)
        for (uint64_t i = 0; i < size; i++) {
            int n = tree_inclusion(&s, i, size, p, &e);
            struct tree_hash leaf = f->leaf[i], root = f->root[size];
            CHECK(n >= 0 && tree_inclusion_holds(&leaf, i, size, p, (size_t)n, &root));
            bit = (bit + 37) % 256;
            uint64_t at = i, of = size;
            size_t have = (size_t)n;
            switch (turn++ % 7) { /* one wrong thing at a time */
            case 0: flip(&leaf, bit); break;
            case 1: flip(&root, bit); break;
            case 2: at = size; break;
            case 3: have++; break;
            case 4: have = n ? have - 1 : 1; break;
            case 5: at = size == 1 ? 1 : i ^ 1; break;
            default: n ? flip(&p[bit % (unsigned)n], bit) : flip(&leaf, bit);
            }
            CHECK(!tree_inclusion_holds(&leaf, at, of, p, have, &root));
        }
}

TEST(every_size_continues_every_smaller_one_and_no_other_proof_holds)
{
    struct forest *f = forest();
    struct tree_source s = {read_forest, f};
    struct tree_hash p[TREE_PROOF] = {{{0}}};
    struct err e;
    unsigned bit = 0, turn = 0;
    for (uint64_t to = 0; to <= MOST; to++)
        for (uint64_t from = 0; from <= to; from++) {
            int n = tree_consistency(&s, from, to, p, &e);
            struct tree_hash a = f->root[from], b = f->root[to];
            CHECK(n >= 0 && tree_consistency_holds(from, &a, to, &b, p, (size_t)n));
            if (from == 0)
                continue;
            bit = (bit + 37) % 256;
            size_t have = (size_t)n;
            switch (turn++ % 5) {
            case 0: flip(&a, bit); break;
            case 1: flip(&b, bit); break;
            case 2: have++; break;
            case 3: have = n ? have - 1 : 1; break;
            default: n ? flip(&p[bit % (unsigned)n], bit) : flip(&a, bit);
            }
            CHECK(!tree_consistency_holds(from, &a, to, &b, p, have));
        }
}

TEST(a_proof_that_ends_below_the_root_proves_nothing)
{
    struct forest *f = forest();
    struct tree_hash none[1] = {{{0}}};
    CHECK(!tree_inclusion_holds(&f->leaf[0], 0, 2, none, 0, &f->leaf[0]));
    CHECK(!tree_consistency_holds(1, &f->leaf[0], 2, &f->leaf[0], none, 0));
}

TEST(each_single_bit_of_a_proof_is_needed)
{
    static const uint64_t index[] = {0, 1, 255, 256, 298, 299};
    struct forest *f = forest();
    struct tree_source s = {read_forest, f};
    struct tree_hash p[TREE_PROOF];
    struct err e;
    for (size_t i = 0; i < COUNT(index); i++) {
        int n = tree_inclusion(&s, index[i], MOST, p, &e);
        for (unsigned bit = 0; bit < 256u * (unsigned)n; bit++) {
            flip(&p[bit / 256], bit);
            CHECK(!tree_inclusion_holds(&f->leaf[index[i]], index[i], MOST, p, (size_t)n, &f->root[MOST]));
            flip(&p[bit / 256], bit);
        }
        n = tree_consistency(&s, index[i] + 1, MOST, p, &e);
        for (unsigned bit = 0; bit < 256u * (unsigned)n; bit++) {
            flip(&p[bit / 256], bit);
            CHECK(!tree_consistency_holds(index[i] + 1, &f->root[index[i] + 1], MOST, &f->root[MOST], p, (size_t)n));
            flip(&p[bit / 256], bit);
        }
    }
}

/* A source of which the n-th read fails. */
struct broken {
    struct forest *forest;
    int left;
};

static int read_broken(void *arg, int level, uint64_t from, int n, struct tree_hash *ret, struct err *e)
{
    struct broken *b = arg;
    return b->left-- == 0 ? err_set(e, ERR_STORE, "it cannot be read") : read_forest(b->forest, level, from, n, ret, e);
}

TEST(what_cannot_be_read_is_neither_proven_nor_summed_up)
{
    struct tree_hash p[TREE_PROOF], root;
    for (int left = 0, failed = 3; failed; left++) {
        struct broken b[3] = {{forest(), left}, {forest(), left}, {forest(), left}};
        struct tree_source s[3] = {{read_broken, &b[0]}, {read_broken, &b[1]}, {read_broken, &b[2]}};
        struct err e;
        failed = (tree_root_of(&s[0], 299, &root, &e) < 0) + (tree_inclusion(&s[1], 130, 299, p, &e) < 0) +
                 (tree_consistency(&s[2], 131, 299, p, &e) < 0);
        CHECK_INT(failed, (b[0].left < 0) + (b[1].left < 0) + (b[2].left < 0));
    }
}

TEST(a_tree_does_not_continue_a_larger_one_nor_without_a_proof)
{
    struct forest *f = forest();
    struct tree_source s = {read_forest, f};
    struct tree_hash p[TREE_PROOF];
    struct err e;
    int n = tree_consistency(&s, 3, 7, p, &e);
    CHECK(tree_consistency_holds(3, &f->root[3], 7, &f->root[7], p, (size_t)n));
    CHECK(!tree_consistency_holds(7, &f->root[7], 3, &f->root[3], p, (size_t)n));
    CHECK(!tree_consistency_holds(3, &f->root[3], 7, &f->root[7], p, 0));
}

RUN(T(what_cannot_be_read_is_neither_proven_nor_summed_up), T(a_tree_does_not_continue_a_larger_one_nor_without_a_proof),
    T(roots_are_those_of_the_published_vectors), T(a_growing_tree_and_a_stored_one_have_the_root_of_the_definition),
    T(every_entry_of_every_size_is_proven_and_no_other_proof_holds),
    T(every_size_continues_every_smaller_one_and_no_other_proof_holds),
    T(a_proof_that_ends_below_the_root_proves_nothing), T(each_single_bit_of_a_proof_is_needed))
