/* The audit log over a store, memory and keys that fail, in every call there is: what cannot be written is not half
 * there, what cannot be read is not called sound, and nothing is signed or proven that was not looked at. */
#include "fail_store.h"

#include <errno.h>
#include <pthread.h>

#include "audit/checkpoint.h"
#include "audit/search.h"
#include "audit/seat.h"
#include "audit/verify.h"
#include "audit/witness.h"
#include "base/log.h"
#include "base/metric.h"
#include "crypto/sign.h"

FAIL_WRAP(int, keyring_unwrap,
          (struct keyring * k, const struct seal_place *at, struct slice wrapped, struct arena *a, struct key *ret,
           struct err *e),
          (k, at, wrapped, a, ret, e), FAIL_KEY)
FAIL_WRAP(int, keyring_data_key,
          (struct keyring * k, const char *domain, const struct seal_place *at, struct arena *a, struct key *ret,
           struct slice *ret_wrapped, struct err *e),
          (k, domain, at, a, ret, ret_wrapped, e), FAIL_KEY)
FAIL_WRAP(int, pthread_create, (pthread_t * t, const pthread_attr_t *attr, void *(*run)(void *), void *arg),
          (t, attr, run, arg), EAGAIN)

struct log {
    struct house h;
    struct audit_signer *signer;
    struct audit_seats *seats;
    struct audit_keeper *keeper;
};

struct many {
    const struct log *l;
    int n;
};

static int append_many(struct tx *tx, void *arg, struct err *e)
{
    struct many *m = arg;
    for (int i = 0; i < m->n; i++) {
        struct audit_entry x = {.scope = m->l->h.scope, .actor = "bot", .action = "read", .outcome = "permit"};
        if (audit_append(tx, &x, e))
            return -1;
    }
    return 0;
}

static void append(struct log *l, int n)
{
    struct many m = {l, n};
    struct err e;
    CHECK_OK(tx_run(l->h.db, append_many, &m, &e));
    CHECK_OK(audit_index(l->h.db, &e));
}

static void build(struct log *l, int entries)
{
    struct err e;
    fail_arm_kind(FAIL_CALLS, 0);
    *l = (struct log){.signer = NULL};
    house_build(&l->h);
    CHECK_OK(audit_signer_open(l->h.db, l->h.keyring, l->h.scope, "", &l->signer, &e));
    append(l, entries);
}

static void raze(struct log *l)
{
    audit_signer_close(l->signer);
    audit_seats_close(l->seats);
    house_raze(&l->h);
}

/* --- writing --- */

static int note_one(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    (void)turn, (void)a;
    return audit_note(l->h.db, &(struct audit_entry){.scope = l->h.scope, .action = "read", .outcome = "deny"}, e);
}

struct placing {
    struct log *l;
    uint8_t leaf[32];
    int64_t index;
};

static int place_body(struct tx *tx, void *arg, struct err *e)
{
    struct placing *x = arg;
    struct audit_entry entry = {.scope = x->l->h.scope, .action = "read", .outcome = "permit"};
    return audit_append_at(tx, &entry, x->leaf, &x->index, e);
}

static int place_one(void *scene, int turn, struct arena *a, struct err *e)
{
    struct placing x = {.l = scene};
    (void)turn, (void)a;
    return tx_run(x.l->h.db, place_body, &x, e);
}

static int index_all(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    (void)turn, (void)a;
    return audit_index(l->h.db, e);
}

/* Where the store is shared, an entry has no index until somebody looks; were they left, each step of a sweep would take
 * longer than the one before. */
static void none_waits(void *scene) { append(scene, 0); }

static void one_waits(void *scene)
{
    none_waits(scene);
    CHECK_INT(note_one(scene, 0, NULL, &(struct err){.code = ERR_NONE}), 0);
}

TEST(an_entry_that_cannot_be_written_is_not_there_and_the_caller_is_told)
{
    struct log l;
    build(&l, 1);
    sweep(&l.h, "note", note_one, &l, 0);
    sweep(&l.h, "append and place", place_one, &l, 0);
    append(&l, 1);
    sweep_before = one_waits;
    sweep(&l.h, "index what waits", index_all, &l, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep_before = NULL;
    sweep(&l.h, "index", index_all, &l, FAIL_MAY_PASS); /* what it cannot see whether it waits, it looks for */
    raze(&l);
}

static struct audit_entry unfinished;

static void append_unfinished(void)
{
    struct err e;
    audit_append(NULL, &unfinished, &e); /* no transaction is looked at before */
}

TEST(an_entry_without_scope_action_or_outcome_is_a_mistake_that_ends_the_process)
{
    static const uint8_t scope[16] = {1};
    unfinished = (struct audit_entry){.action = "read", .outcome = "permit"};
    CHECK(dies(append_unfinished, 0));
    unfinished = (struct audit_entry){.scope = scope, .outcome = "permit"};
    CHECK(dies(append_unfinished, 0));
    unfinished = (struct audit_entry){.scope = scope, .action = "read"};
    CHECK(dies(append_unfinished, 0));
}

static void tree_too_full(void)
{
    static struct tree t = {.size = (1ULL << TREE_HEIGHT) - 1};
    tree_add(&t, &(struct tree_hash){{0}});
}

static void entry_beyond_the_tree(void)
{
    struct tree_hash p[TREE_PROOF];
    tree_inclusion(NULL, 5, 5, p, NULL);
}

static void growth_backwards(void)
{
    struct tree_hash p[TREE_PROOF];
    tree_consistency(NULL, 6, 5, p, NULL);
}

TEST(proofs_of_what_cannot_be_are_mistakes_that_end_the_process)
{
    CHECK(dies(tree_too_full, 0));
    CHECK(dies(entry_beyond_the_tree, 0));
    CHECK(dies(growth_backwards, 0));
}

/* --- reading --- */

static int count(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    int64_t n;
    (void)turn, (void)a;
    if (audit_count(l->h.db, &n, e))
        return -1;
    CHECK(n >= 5);
    return 0;
}

static int list(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct buf b = buf_in(a, 1 << 20);
    struct json_out o = json_out(&b);
    (void)turn;
    if (audit_list(l->h.db, 0, 100, a, &o, e))
        return -1;
    return buf_failed(&b) ? err_set(e, ERR_NO_MEMORY, "the list itself") : 0;
}

static int find(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_found x;
    struct tree_hash leaf;
    int64_t index;
    (void)turn;
    int got = audit_at(l->h.db, 3, a, &x, e);
    if (got < 0)
        return -1;
    CHECK_INT(got, 1);
    tree_leaf(x.raw, &leaf);
    if (audit_find(l->h.db, leaf.byte, &index, e))
        return -1;
    CHECK_INT(index, 3);
    return 0;
}

static int search(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_filter f = {.actor = SLICE("bot"), .scope = l->h.scope, .most = 3};
    struct audit_page p;
    (void)turn;
    if (audit_search(l->h.db, &f, a, &p, e))
        return -1;
    CHECK_INT(p.n, 3);
    CHECK(p.more);
    return 0;
}

TEST(what_cannot_be_read_of_the_log_is_not_told_at_all)
{
    struct log l;
    struct audit_found x;
    struct err e;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    build(&l, 5);
    sweep(&l.h, "count", count, &l, FAIL_MAY_PASS);
    sweep(&l.h, "list", list, &l, FAIL_MAY_PASS);
    sweep(&l.h, "find", find, &l, FAIL_MAY_PASS);
    sweep(&l.h, "search", search, &l, FAIL_MAY_PASS);
    for (long n = 0; n < 4; n++) {
        one_waits(&l);
        fail_arm(1 + n / 2);
        int rc = n % 2 ? count(&l, 0, a, &e) : search(&l, 0, a, &e);
        fail_arm(0);
        CHECK(rc >= 0 || e.code == ERR_STORE);
    }
    CHECK_INT(audit_at(l.h.db, 99, a, &x, &e), 0);
    raze(&l);
}

/* --- a witness --- */

static const uint8_t witness_seed[SIGN_SEED] = {1};
static struct note_key witness;

static int export_cosigned(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct buf b = buf_in(a, 1 << 16);
    int64_t next;
    (void)turn;
    return audit_export(l->h.db, 0, 5, 5, a, &b, &next, e);
}

static int verify_cosigned(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_report r = {.witness = &witness};
    (void)turn, (void)a;
    if (audit_verify_with(l->h.db, audit_signer_key(l->signer), (struct slice){NULL, 0}, &r, e)) {
        CHECK_INT(r.findings, 0);
        return -1;
    }
    CHECK(r.cosignatures == 1 && r.cosigned == 5 && r.cosigned_at == 5);
    return 0;
}

static int read_newest(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct checkpoint c;
    struct slice note;
    (void)turn;
    return audit_signed(l->signer, -1, a, &note, &c, e);
}

/* What stands in the store as a cosignature, and is none. */
static void put_cosignature(struct log *l, const struct witness_asking *x, struct slice line, struct arena *a)
{
    char hex[1024] = "";
    for (size_t i = 0; i < line.n; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)line.p[i]);
    house_sql(&l->h,
              arena_printf(a, "INSERT INTO audit_cosignature (size, witness, line, at) VALUES (%d, 'w', x'%s', 5)",
                           (int)x->size, hex));
}

/* What it answers to be asked to sign this: c2sp.org/tlog-cosignature. */
static struct slice cosigned(const struct witness_asking *x, const uint8_t *seed, struct arena *a)
{
    struct buf message = buf_in(a, 4096), line = buf_in(a, 4096);
    uint8_t raw[4 + 8 + SIGN_BYTES] = {0};
    char text[128];
    const char *end = strstr(x->note.p, "\n\n");
    CHECK(end != NULL);
    memcpy(raw, witness.id, 4);
    raw[11] = 5; /* the time */
    buf_printf(&message, "cosignature/v1\ntime 5\n%.*s", (int)(end + 1 - x->note.p), x->note.p);
    sign_make(seed, buf_text(&message), raw + 12);
    base64_encode(raw, sizeof raw, text);
    buf_printf(&line, "\xE2\x80\x94 %s %s\n", witness.name, text);
    return buf_text(&line);
}

static void know_witness(void)
{
    uint8_t public[SIGN_PUBLIC];
    sign_public(witness_seed, public);
    CHECK(note_key_of(NOTE_WITNESS, SLICE("witness.example/w1"), public, &witness));
}

static struct witness_asking asked;
static struct slice said;

static int ask_witness(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct witness_asking x;
    (void)turn;
    int rc = witness_ask(l->signer, &witness, -1, a, &x, e);
    CHECK(rc != 0);
    return rc;
}

static int take_cosignature(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    int64_t old;
    (void)turn;
    return witness_answered(l->signer, &witness, &asked, 200, said, a, &old, e);
}

static int note_problem(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    (void)turn, (void)a;
    return witness_note(l->h.db, &witness, "it is away", e) || witness_note(l->h.db, &witness, NULL, e) ? -1 : 0;
}

TEST(what_a_witness_says_is_kept_wholly_or_not_at_all)
{
    static const uint8_t stranger[SIGN_SEED] = {2};
    static char longer[NOTE_MAX];
    struct log l;
    struct err e;
    struct witness_state now;
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    know_witness();
    build(&l, 5);
    CHECK_INT(witness_ask(l.signer, &witness, -1, a, &asked, &e), 0); /* nothing is signed */
    CHECK_OK(audit_checkpoint(l.signer, &e));
    sweep(&l.h, "ask", ask_witness, &l, 0);
    CHECK_INT(witness_ask(l.signer, &witness, -1, a, &asked, &e), 1);
    CHECK(asked.size == 5 && asked.old == 0);
    said = cosigned(&asked, witness_seed, a);
    sweep(&l.h, "keep a cosignature", take_cosignature, &l, FAIL_MAY_PASS);
    CHECK_OK(witness_look(l.h.db, &witness, a, &now, &e));
    CHECK(now.cosigned == 5 && now.signed_size == 5 && now.at == 5);
    CHECK_INT(witness_ask(l.signer, &witness, -1, a, &asked, &e), 0); /* it has signed that */
    sweep(&l.h, "note a problem", note_problem, &l, FAIL_LEAVES_TRACES | FAIL_MAY_PASS);
    sweep(&l.h, "export what is cosigned", export_cosigned, &l, FAIL_MAY_PASS);
    sweep(&l.h, "verify what is cosigned", verify_cosigned, &l, FAIL_MAY_PASS);
    sweep(&l.h, "the newest checkpoint", read_newest, &l, FAIL_MAY_PASS);
    append(&l, 1);
    CHECK_OK(audit_checkpoint(l.signer, &e));
    CHECK_INT(witness_ask(l.signer, &witness, 3, a, &asked, &e), 1);
    CHECK(asked.size == 6 && asked.old == 3);
    struct slice strange = cosigned(&asked, stranger, a);
    const struct {
        long status;
        struct slice body;
        enum err_code code; /* ERR_NONE: ask again */
    } row[] = {{200, SLICE(""), ERR_PROVIDER},
               {200, strange, ERR_PROVIDER},
               {200, {longer, sizeof longer}, ERR_PROVIDER},
               {409, SLICE("5\n"), ERR_NONE},
               {409, SLICE("x\n"), ERR_PROVIDER},
               {409, SLICE("7\n"), ERR_STORE}, /* more than there are */
               {409, SLICE("3\n"), ERR_STORE}, /* others than these */
               {422, SLICE(""), ERR_STORE},
               {403, SLICE(""), ERR_PROVIDER},
               {404, SLICE(""), ERR_PROVIDER},
               {500, SLICE(""), ERR_PROVIDER}};
    for (size_t i = 0; i < COUNT(row); i++) {
        int64_t old = -1;
        e.code = ERR_NONE;
        int rc = witness_answered(l.signer, &witness, &asked, row[i].status, row[i].body, a, &old, &e);
        if (rc != (row[i].code ? -1 : 0) || e.code != row[i].code || old != (row[i].code ? -1 : 5))
            fail_msg("row %zu: %d, %s", i, rc, e.detail);
    }
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_cosignature"), 1);
    put_cosignature(&l, &asked, strange, a);
    struct audit_report r = {.witness = &witness};
    CHECK_INT(audit_verify_with(l.h.db, audit_signer_key(l.signer), (struct slice){NULL, 0}, &r, &e), -1);
    CHECK(r.findings == 1 && r.cosignatures == 1);
    struct note_key nobody = witness;
    nobody.id[0] ^= 1;
    r = (struct audit_report){.witness = &nobody};
    CHECK_INT(audit_verify_with(l.h.db, audit_signer_key(l.signer), (struct slice){NULL, 0}, &r, &e), -1);
    CHECK(r.findings == 1 && strstr(r.finding[0], "no checkpoint has a cosignature") != NULL);
    raze(&l);
}

/* --- sorting --- */

static int sort(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    (void)turn, (void)a;
    return audit_sort(l->h.db, e);
}

TEST(leaves_are_sorted_whole_blocks_or_not)
{
    struct log l;
    struct err e;
    uint8_t unknown[32] = {1};
    int64_t index;
    build(&l, 4096);
    /* block by block, each by itself */
    sweep_kind(&l.h, "sort", sort, &l, FAIL_LEAVES_TRACES, FAIL_CALLS);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_leaf"), 4096);
    append(&l, 4096);
    sweep_kind(&l.h, "sort", sort, &l, FAIL_LEAVES_TRACES, FAIL_ARENAS);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_leaf"), 8192);
    /* nothing is written; so many rows are not compared each time */
    sweep(&l.h, "find among the sorted", find, &l, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    CHECK_INT(audit_find(l.h.db, unknown, &index, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    raze(&l);
}

/* --- the key --- */

static int open_signer(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_signer *s = NULL;
    (void)turn, (void)a;
    int rc = audit_signer_open(l->h.db, l->h.keyring, l->h.scope, "log.example/one", &s, e);
    CHECK((rc == 0) == (s != NULL));
    audit_signer_close(s);
    return rc;
}

TEST(without_its_key_the_log_has_no_signer)
{
    struct log l = {.signer = NULL};
    fail_arm_kind(FAIL_CALLS, 0);
    house_build(&l.h);
    struct seal_place at = {.scope = l.h.scope, .row = l.h.scope};
    struct slice wrapped;
    struct key k;
    struct err e;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    CHECK_OK(keyring_data_key(l.h.keyring, "audit", &at, a, &k, &wrapped, &e)); /* the keyring's part is done */
    /* made in one transaction and read in the next: a key that is there is read the next time */
    sweep(&l.h, "make the key", open_signer, &l, FAIL_LEAVES_TRACES);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_key"), 1);
    sweep(&l.h, "take the key", open_signer, &l, 0);
    raze(&l);
}

TEST(a_store_that_loses_the_key_at_once_has_no_signer)
{
    struct log l = {.signer = NULL};
    struct audit_signer *s = NULL;
    struct err e;
    if (house_shared()) /* whose triggers are others: SQLite's alone */
        return;
    house_build(&l.h);
    house_sql(&l.h, "CREATE TRIGGER lose AFTER INSERT ON audit_key BEGIN DELETE FROM audit_key; END");
    CHECK_INT(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, "", &s, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    CHECK_STR(e.detail, "the audit log's key was made and is not there");
    raze(&l);
}

/* Whatever was in the way: nobody could mend it by reading again. */
TEST(a_conflict_within_the_log_is_told_as_the_store_failing)
{
    struct log l;
    struct err e;
    build(&l, 1);
    fail_code = ERR_CONFLICT;
    fail_words = "INSERT INTO audit";
    CHECK_INT(note_one(&l, 0, NULL, &e), -1);
    CHECK_INT(e.code, ERR_STORE);
    fail_words = "INSERT INTO audit_key"; /* another process made the key: then it is there */
    struct audit_signer *s = NULL;
    house_sql(&l.h, "PRAGMA foreign_keys=OFF; DELETE FROM audit_key");
    CHECK_INT(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, "", &s, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    fail_code = ERR_STORE;
    CHECK_INT(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, "", &s, &e), -1);
    CHECK_INT(e.code, ERR_STORE);
    fail_words = NULL;
    raze(&l);
}

TEST(a_key_that_was_changed_in_the_store_signs_nothing)
{
    static const struct {
        const char *sql, *why;
    } row[] = {{"UPDATE audit_key SET scope = x'00'", "malformed"},
               {"UPDATE audit_key SET origin = 'a b'", "malformed"},
               {"UPDATE audit_key SET wrapped = x'00'", "the audit log's key"}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct log l;
        struct audit_signer *s = NULL;
        struct err e;
        build(&l, 1);
        if (i == 0)
            house_sql(&l.h, "PRAGMA foreign_keys=OFF; UPDATE audit_key SET scope = x'00'");
        else
            house_sql(&l.h, row[i].sql);
        CHECK_INT(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, "", &s, &e), -1);
        if (e.code != ERR_KEYS || !strstr(e.detail, row[i].why))
            fail_msg("row %zu: %s: %s", i, err_name(e.code), e.detail);
        raze(&l);
    }
}

/* --- signing and proving --- */

static int sign_log(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    (void)turn, (void)a;
    return audit_checkpoint(l->signer, e);
}

static int64_t signed_entries(struct log *l)
{
    return house_number(&l->h, "SELECT coalesce(max(size), 0) FROM audit_checkpoint");
}

/* So that there is something to sign; not more each time, or a sweep would run after its own end. */
static void leave_unsigned(void *scene)
{
    struct log *l = scene;
    if (signed_entries(l) == house_number(&l->h, "SELECT count(*) FROM audit"))
        append(l, 1);
}

TEST(a_checkpoint_that_fails_leaves_neither_tiles_nor_signature)
{
    struct log l;
    build(&l, 3);
    sweep_before = leave_unsigned; /* what cannot be seen to wait, is looked for: that passes */
    sweep_kind(&l.h, "checkpoint", sign_log, &l, FAIL_MAY_PASS, FAIL_ARENAS);
    append(&l, 256);
    sweep_kind(&l.h, "checkpoint with a tile", sign_log, &l, FAIL_MAY_PASS, FAIL_CALLS);
    sweep_before = NULL;
    CHECK(house_number(&l.h, "SELECT count(*) FROM audit_checkpoint") >= 2);
    CHECK_INT(house_number(&l.h, "SELECT max(size) FROM audit_checkpoint"),
              house_number(&l.h, "SELECT count(*) FROM audit"));
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_tile"),
              house_number(&l.h, "SELECT count(*) / 256 FROM audit"));
    raze(&l);
}

static int prove(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct buf b = buf_in(a, 1 << 16);
    (void)turn;
    if (audit_prove(l->signer, 5, a, &b, e))
        return -1;
    CHECK(slice_starts(buf_text(&b), "c2sp.org/tlog-proof@v1\nindex 5\n"));
    return 0;
}

static int prove_growth(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct buf b = buf_in(a, 1 << 16);
    (void)turn;
    if (audit_prove_growth(l->signer, 299, -1, a, &b, e))
        return -1;
    CHECK(slice_starts(buf_text(&b), "old 299\n"));
    return 0;
}

static int tiles(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct buf b = buf_in(a, 1 << 16), entries = buf_in(a, 1 << 16);
    (void)turn;
    if (audit_tile(l->signer, 0, 1, 44, a, &b, e) || audit_tile(l->signer, 1, 0, 1, a, &b, e) ||
        audit_tile_entries(l->signer, 1, 44, a, &entries, e))
        return -1;
    CHECK_INT(b.n, 45 * 32);
    return 0;
}

TEST(no_proof_and_no_tile_is_given_of_what_could_not_be_read)
{
    struct log l;
    build(&l, 300);
    sweep(&l.h, "prove what is not signed yet", prove, &l, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep(&l.h, "prove", prove, &l, FAIL_MAY_PASS);
    append(&l, 1);
    sweep(&l.h, "prove growth", prove_growth, &l, FAIL_MAY_PASS | FAIL_LEAVES_TRACES);
    sweep(&l.h, "tiles", tiles, &l, FAIL_MAY_PASS);
    raze(&l);
}

/* Each output has a limit; one that is too small is an error, not a half. */
TEST(an_output_that_does_not_fit_is_an_error)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct log l;
    struct err e;
    int64_t next;
    build(&l, 300);
    CHECK_OK(audit_checkpoint(l.signer, &e));
    struct buf proof = buf_in(a, 8), growth = buf_in(a, 8), tile = buf_in(a, 8), entries = buf_in(a, 8),
               export = buf_in(a, 8);
    CHECK_INT(audit_prove(l.signer, 1, a, &proof, &e), -1);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    CHECK_INT(audit_prove_growth(l.signer, 1, 300, a, &growth, &e), -1);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    CHECK_INT(audit_tile(l.signer, 0, 0, 256, a, &tile, &e), -1);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    CHECK_INT(audit_tile_entries(l.signer, 0, 256, a, &entries, &e), -1);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    CHECK_INT(audit_export(l.h.db, 0, 5, 5, a, &export, &next, &e), -1);
    CHECK_INT(e.code, ERR_NO_MEMORY);
    raze(&l);
}

/* --- seats --- */

static int open_seats(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_seats *s = NULL;
    (void)turn, (void)a;
    int rc = audit_seats_open(l->h.db, &s, e);
    CHECK((rc == 0) == (s != NULL));
    audit_seats_close(s);
    return rc;
}

static int take_seat(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_seat seat;
    int64_t index;
    (void)turn, (void)a;
    audit_seat_begin(l->seats, &seat);
    struct audit_entry x = {.scope = l->h.scope, .action = "read", .outcome = "permit", .seat = &seat};
    if (audit_note(l->h.db, &x, e))
        return -1;
    int found = audit_seat_index(l->seats, &seat, &index, e);
    return found < 0 ? -1 : found == 1 ? 0 : err_set(e, ERR_INTERNAL, "it has no index");
}

TEST(an_index_that_cannot_be_read_is_not_told)
{
    struct log l;
    struct err e;
    build(&l, 1);
    sweep(&l.h, "open the seats", open_seats, &l, FAIL_MAY_PASS);
    CHECK_OK(audit_seats_open(l.h.db, &l.seats, &e));
    sweep_before = none_waits;
    sweep(&l.h, "take a seat", take_seat, &l, FAIL_MAY_PASS | FAIL_LEAVES_TRACES); /* the entry stays */
    sweep_before = NULL;
    raze(&l);
}

static void *sit_down(void *arg)
{
    struct log *l = arg;
    struct err e;
    intptr_t failed = 0;
    for (int i = 0; i < 20; i++)
        failed += take_seat(l, 0, NULL, &e) != 0;
    arena_thread_end();
    return (void *)failed;
}

TEST(whoever_waits_at_the_same_time_is_told_by_one_round)
{
    struct log l;
    struct err e;
    pthread_t t[4];
    build(&l, 1);
    CHECK_OK(audit_seats_open(l.h.db, &l.seats, &e));
    for (size_t i = 0; i < COUNT(t); i++)
        CHECK_INT(pthread_create(&t[i], NULL, sit_down, &l), 0);
    for (size_t i = 0; i < COUNT(t); i++) {
        void *failed;
        pthread_join(t[i], &failed);
        CHECK(failed == NULL);
    }
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit"), 81);
    struct audit_seat none;
    int64_t index;
    audit_seat_begin(l.seats, &none);
    CHECK_INT(audit_seat_index(l.seats, &none, &index, &e), 0); /* nothing was appended with it */
    none.taken = true;
    CHECK_INT(audit_seat_index(l.seats, &none, &index, &e), 0); /* what was, was undone */
    raze(&l);
}

/* --- verifying --- */

static void shown(void *arg, int64_t done, int64_t of)
{
    int64_t *most = arg;
    CHECK(of == 0 || done <= of);
    *most = done;
}

static int verify(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    int64_t done = 0;
    struct audit_report r = {.progress = shown, .arg = &done};
    (void)turn, (void)a;
    if (audit_verify_with(l->h.db, audit_signer_key(l->signer), (struct slice){NULL, 0}, &r, e)) {
        CHECK_INT(r.findings, 0); /* nothing is wrong with the log */
        return -1;
    }
    CHECK_INT(done, 300);
    return 0;
}

static int count_verified(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    int64_t n;
    (void)turn, (void)a;
    return audit_verify(l->h.db, &n, e);
}

static int export(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct buf b = buf_in(a, 1 << 20);
    int64_t next, done;
    struct audit_report r = {.progress = shown, .arg = &done};
    struct note_key k;
    (void)turn;
    audit_export_head(&b, audit_signer_key(l->signer));
    if (audit_export(l->h.db, 0, 300, 300, a, &b, &next, e))
        return -1;
    audit_export_tail(&b, 300);
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "the tail");
    OWN_FILE FILE *f = fmemopen((void *)b.p, b.n, "r");
    return audit_verify_export(f, NULL, (struct slice){NULL, 0}, &r, &k, e);
}

TEST(a_log_that_could_not_be_read_is_not_called_sound_nor_changed)
{
    struct log l;
    struct err e;
    build(&l, 300);
    CHECK_OK(audit_checkpoint(l.signer, &e));
    sweep(&l.h, "verify", verify, &l, FAIL_MAY_PASS);
    setenv("LAZARET_FAULT", "slow-verify", 1); /* what other tests ask for, to look at it meanwhile */
    CHECK_OK(count_verified(&l, 0, NULL, &e));
    unsetenv("LAZARET_FAULT");
    sweep(&l.h, "verify without signatures", count_verified, &l, FAIL_MAY_PASS);
    sweep(&l.h, "export", export, &l, FAIL_MAY_PASS);
    raze(&l);
}

/* --- the keeper --- */

static int start_keeper(void *scene, int turn, struct arena *a, struct err *e)
{
    struct log *l = scene;
    struct audit_keeper *x = NULL;
    (void)turn, (void)a;
    int rc = audit_keeper_start(l->signer, &x, e);
    if (rc && e->code == ERR_INTERNAL) /* no thread: told as such */
        e->code = ERR_BUSY;
    CHECK((rc == 0) == (x != NULL));
    audit_keeper_stop(x);
    return rc;
}

static void wait_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

TEST(a_keeper_without_thread_or_memory_is_none)
{
    struct log l;
    build(&l, 1);
    sweep_kind(&l.h, "start the keeper", start_keeper, &l, FAIL_MAY_PASS | FAIL_LEAVES_TRACES, FAIL_CALLS);
    raze(&l);
}

/* While the store refuses everything nothing is signed and the keeper lives on; its end signs what there is. */
TEST(a_keeper_outlives_a_store_that_refuses)
{
    struct log l;
    struct err e;
    build(&l, 3);
    CHECK_OK(audit_keeper_start(l.signer, &l.keeper, &e));
    for (int i = 0; i < 100 && signed_entries(&l) < 3; i++)
        wait_ms(50);
    CHECK_INT(signed_entries(&l), 3);
    wait_ms(450); /* it has looked again, and found nothing */
    append(&l, 1);
    fail_always = true;
    wait_ms(250);
    fail_always = false;
    fail_words = "INSERT INTO audit_checkpoint";
    wait_ms(1500);
    fail_words = NULL;
    wait_ms(250);
    CHECK_INT(signed_entries(&l), 3); /* after a failure it waits a minute */
    audit_keeper_stop(l.keeper);
    CHECK_INT(signed_entries(&l), 4);
    raze(&l);
}

TEST(a_keeper_whose_last_signature_fails_leaves_it_to_the_next_start)
{
    struct log l;
    struct err e;
    build(&l, 3);
    CHECK_OK(audit_keeper_start(l.signer, &l.keeper, &e));
    for (int i = 0; i < 100 && signed_entries(&l) < 3; i++)
        wait_ms(20);
    append(&l, 1); /* not signed before a second is over */
    fail_always = true;
    audit_keeper_stop(l.keeper);
    fail_always = false;
    CHECK_INT(signed_entries(&l), 3);
    CHECK_OK(audit_keeper_start(l.signer, &l.keeper, &e));
    audit_keeper_stop(l.keeper);
    CHECK_INT(signed_entries(&l), 4);
    raze(&l);
}

/* Signing and sorting are two transactions: what is signed stays so. */
TEST(a_log_that_cannot_be_sorted_is_signed_all_the_same)
{
    struct log l;
    struct err e;
    build(&l, 3);
    fail_words = "max(block)";
    CHECK_OK(audit_keeper_start(l.signer, &l.keeper, &e));
    for (int i = 0; i < 100 && signed_entries(&l) < 3; i++)
        wait_ms(20);
    wait_ms(100);
    audit_keeper_stop(l.keeper);
    fail_words = NULL;
    CHECK_INT(signed_entries(&l), 3);
    raze(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_entry_that_cannot_be_written_is_not_there_and_the_caller_is_told),
        T(an_entry_without_scope_action_or_outcome_is_a_mistake_that_ends_the_process),
        T(proofs_of_what_cannot_be_are_mistakes_that_end_the_process),
        T(what_cannot_be_read_of_the_log_is_not_told_at_all), T(what_a_witness_says_is_kept_wholly_or_not_at_all),
        T(leaves_are_sorted_whole_blocks_or_not), T(without_its_key_the_log_has_no_signer),
        T(a_store_that_loses_the_key_at_once_has_no_signer), T(a_conflict_within_the_log_is_told_as_the_store_failing),
        T(a_key_that_was_changed_in_the_store_signs_nothing),
        T(a_checkpoint_that_fails_leaves_neither_tiles_nor_signature),
        T(no_proof_and_no_tile_is_given_of_what_could_not_be_read), T(an_output_that_does_not_fit_is_an_error),
        T(an_index_that_cannot_be_read_is_not_told), T(whoever_waits_at_the_same_time_is_told_by_one_round),
        T(a_log_that_could_not_be_read_is_not_called_sound_nor_changed), T(a_keeper_without_thread_or_memory_is_none),
        T(a_keeper_outlives_a_store_that_refuses), T(a_keeper_whose_last_signature_fails_leaves_it_to_the_next_start),
        T(a_log_that_cannot_be_sorted_is_signed_all_the_same),
    };
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* the keeper tells each failure */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
