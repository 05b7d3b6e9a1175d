#include "house.h"

#include <errno.h>

#include "audit/checkpoint.h"
#include "audit/verify.h"

/* --- a log of its own, with some entries signed --- */

struct log {
    struct house h;
    struct audit_signer *signer;
};

struct many {
    const struct log *l;
    int from, n;
};

static int append_many(struct tx *tx, void *arg, struct err *e)
{
    struct many *m = arg;
    for (int i = 0; i < m->n; i++) {
        struct audit_entry x = {.scope = m->l->h.scope, .actor = "bot", .action = "read", .outcome = "permit", .rows = m->from + i};
        if (audit_append(tx, &x, e))
            return -1;
    }
    return 0;
}

static void append(struct log *l, int from, int n)
{
    struct many m = {l, from, n};
    struct err e;
    CHECK_OK(tx_run(l->h.db, append_many, &m, &e));
    CHECK_OK(audit_index(l->h.db, &e));
}

static void sign_now(struct log *l)
{
    struct err e;
    CHECK_OK(audit_checkpoint(l->signer, &e));
}

static void build(struct log *l)
{
    struct err e;
    house_build(&l->h);
    CHECK_OK(audit_signer_open(l->h.db, l->h.keyring, l->h.scope, "", &l->signer, &e));
}

static void raze(struct log *l)
{
    audit_signer_close(l->signer);
    house_raze(&l->h);
}

static int verify(struct log *l, struct audit_report *r)
{
    struct err e;
    *r = (struct audit_report){.progress = NULL};
    int rc = audit_verify_with(l->h.db, audit_signer_key(l->signer), (struct slice){NULL, 0}, r, &e);
    if (rc && !r->findings)
        fail_msg("%s", e.detail);
    return rc;
}

static void unlock(struct log *l)
{
    house_sql(&l->h, "DROP TRIGGER audit_keep_update; DROP TRIGGER audit_keep_delete;");
    if (!house_shared())
        house_sql(&l->h, "DROP TRIGGER audit_tile_keep_update; DROP TRIGGER audit_tile_keep_delete; "
                         "DROP TRIGGER audit_checkpoint_keep_update; DROP TRIGGER audit_checkpoint_keep_delete;");
}

/* --- signing --- */

TEST(the_key_is_made_once_and_its_seed_lies_nowhere_in_the_store)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct log l;
    struct audit_signer *again;
    struct rows r;
    struct err e;
    char first[NOTE_KEY_TEXT], second[NOTE_KEY_TEXT];
    build(&l);
    CHECK_OK(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, "", &again, &e));
    CHECK_STR(note_key_text(audit_signer_key(l.signer), first), note_key_text(audit_signer_key(again), second));
    CHECK(strncmp(first, "lazaret.local/audit+", 20) == 0);
    audit_signer_close(again);
    CHECK_OK(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, AUDIT_ORIGIN, &again, &e));
    audit_signer_close(again);
    CHECK_INT(audit_signer_open(l.h.db, l.h.keyring, l.h.scope, "elsewhere.example/audit", &again, &e), -1);
    CHECK_INT(e.code, ERR_CONFIG);
    CHECK_INT(db_rows(l.h.db, a, &r, &e, "SELECT wrapped FROM audit_key"), 1);
    CHECK_INT(row_at(&r, 0, 0)->s.n, KEY_ID_BYTES + KEY_BYTES + SEAL_OVERHEAD); /* sealed, not bare */
    raze(&l);
}

TEST(an_origin_is_a_name_of_a_key)
{
    struct house h;
    struct audit_signer *s;
    struct err e;
    house_build(&h);
    CHECK_INT(audit_signer_open(h.db, h.keyring, h.scope, "a b", &s, &e), -1);
    CHECK_INT(e.code, ERR_CONFIG);
    CHECK_OK(audit_signer_open(h.db, h.keyring, h.scope, "ward7.example/audit", &s, &e));
    CHECK_STR(audit_signer_key(s)->name, "ward7.example/audit");
    audit_signer_close(s);
    house_raze(&h);
}

TEST(a_checkpoint_is_made_when_something_is_new_and_only_then)
{
    struct log l;
    struct audit_report r;
    build(&l);
    sign_now(&l);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_checkpoint"), 0);
    append(&l, 0, 3);
    sign_now(&l);
    sign_now(&l);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_checkpoint"), 1);
    append(&l, 3, 1);
    sign_now(&l);
    CHECK_INT(house_number(&l.h, "SELECT max(size) FROM audit_checkpoint"), 4);
    append(&l, 4, 1);
    CHECK_INT(verify(&l, &r), 0);
    CHECK_INT(r.entries, 5);
    CHECK_INT(r.covered, 4);
    CHECK_INT(r.checkpoints, 2);
    raze(&l);
}

/* What a crash between an access and its checkpoint leaves, and a log older than its tree. */
TEST(a_log_without_any_tree_gets_it_at_once)
{
    struct log l;
    struct audit_report r;
    build(&l);
    append(&l, 0, 256 * 70 + 5);
    sign_now(&l);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_tile"), 70);
    CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_checkpoint"), 1);
    CHECK_INT(verify(&l, &r), 0);
    CHECK_INT(r.covered, 256 * 70 + 5);
    raze(&l);
}

TEST(the_keeper_signs_what_it_finds_and_what_is_there_at_its_end)
{
    struct log l;
    struct audit_keeper *k;
    struct err e;
    build(&l);
    append(&l, 0, 5);
    CHECK_OK(audit_keeper_start(l.signer, &k, &e));
    for (int i = 0; i < 200 && house_number(&l.h, "SELECT count(*) FROM audit_checkpoint") == 0; i++)
        usleep(20000);
    CHECK_INT(house_number(&l.h, "SELECT max(size) FROM audit_checkpoint"), 5);
    append(&l, 5, 2);
    audit_keeper_stop(k);
    CHECK_INT(house_number(&l.h, "SELECT max(size) FROM audit_checkpoint"), 7);
    raze(&l);
}

static int append_slowly(struct tx *tx, void *arg, struct err *e)
{
    int rc = append_many(tx, arg, e);
    usleep(700000); /* the keeper looks meanwhile */
    return rc;
}

TEST(the_keeper_signs_a_lone_entry_that_took_long_to_be_committed)
{
    struct log l;
    struct audit_keeper *k;
    struct err e;
    build(&l);
    append(&l, 0, 5);
    CHECK_OK(audit_keeper_start(l.signer, &k, &e));
    for (int i = 0; i < 500 && house_number(&l.h, "SELECT count(*) FROM audit_checkpoint") == 0; i++)
        usleep(20000);
    struct many one = {&l, 5, 1};
    CHECK_OK(tx_run(l.h.db, append_slowly, &one, &e));
    for (int i = 0; i < 500 && house_number(&l.h, "SELECT max(size) FROM audit_checkpoint") < 6; i++)
        usleep(20000);
    CHECK_INT(house_number(&l.h, "SELECT max(size) FROM audit_checkpoint"), 6);
    audit_keeper_stop(k);
    raze(&l);
}

TEST(nothing_is_signed_over_a_log_that_does_not_continue_the_last_checkpoint)
{
    static const char *const sql[] = {"DELETE FROM audit WHERE idx = 4;", "UPDATE audit SET leaf = zeroblob(32) WHERE idx = 2;",
                                      "DELETE FROM audit WHERE idx = 1;", "UPDATE audit_checkpoint SET note = zeroblob(9);"};
    for (size_t i = 0; i < COUNT(sql); i++) {
        struct log l;
        struct err e;
        build(&l);
        append(&l, 0, 5);
        sign_now(&l);
        unlock(&l);
        house_sql(&l.h, sql[i]);
        if (i)
            append(&l, 5, 1);
        CHECK_INT(audit_checkpoint(l.signer, &e), -1);
        CHECK_INT(e.code, ERR_STORE);
        CHECK_INT(house_number(&l.h, "SELECT count(*) FROM audit_checkpoint"), 1);
        raze(&l);
    }
}

/* --- what is found --- */

TEST(tiles_and_checkpoints_are_append_only)
{
    static const char *const sql[] = {"UPDATE audit_tile SET root = zeroblob(32)", "DELETE FROM audit_tile",
                                      "UPDATE audit_checkpoint SET size = size + 1", "DELETE FROM audit_checkpoint"};
    struct log l;
    struct audit_report r;
    build(&l);
    append(&l, 0, 300);
    sign_now(&l);
    for (size_t i = 0; i < COUNT(sql); i++) {
        if (house_shared()) {
            PGconn *pg = PQconnectdb(l.h.db_path);
            PGresult *q = PQexec(pg, i ? sql[i] : "UPDATE audit_tile SET root = ''");
            CHECK(PQresultStatus(q) == PGRES_FATAL_ERROR && strstr(PQerrorMessage(pg), "append-only"));
            PQclear(q);
            PQfinish(pg);
        } else {
            sqlite3 *db;
            CHECK_INT(sqlite3_open(l.h.db_path, &db), SQLITE_OK);
            CHECK_INT(sqlite3_exec(db, sql[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
            sqlite3_close(db);
        }
    }
    CHECK_INT(verify(&l, &r), 0);
    raze(&l);
}

struct column {
    const char *table, *key, *name, *select; /* a literal: the store keeps what it prepared by address */
};

static void set_value(struct log *l, const struct column *c, int64_t row, const uint8_t *p, size_t n)
{
    char hex[2 * 1024 + 1], sql[2400];
    const char *fast = house_shared() ? "" : "PRAGMA synchronous=OFF; ";
    CHECK(n <= 1024);
    hex_encode(p, n, hex);
    snprintf(sql, sizeof sql, "%sUPDATE %s SET %s = x'%s' WHERE %s = %lld;", fast, c->table, c->name, hex, c->key, (long long)row);
    house_sql(&l->h, sql);
}

static void change_each_byte(struct log *l, const struct column *c, int64_t row, size_t step)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct audit_report r;
    struct rows x;
    struct err e;
    CHECK_INT(db_rows(l->h.db, a, &x, &e, c->select, V_INT(row)), 1);
    struct slice was = row_at(&x, 0, 0)->s;
    uint8_t *p = (uint8_t *)arena_copy(a, was).p;
    for (size_t k = 0; k < was.n; k += step) {
        p[k] ^= (uint8_t)(1u << k % 8);
        set_value(l, c, row, p, was.n);
        p[k] ^= (uint8_t)(1u << k % 8);
        if (verify(l, &r) == 0)
            fail_msg("byte %zu of %s.%s in row %lld was changed, and it verifies", k, c->table, c->name, (long long)row);
    }
    set_value(l, c, row, p, was.n);
    if (verify(l, &r))
        fail_msg("changed back: %s", r.finding[0]);
}

TEST(a_change_of_any_single_byte_is_found)
{
    static const struct column entry = {"audit", "idx", "entry", "SELECT entry FROM audit WHERE idx = $1"},
                               leaf = {"audit", "idx", "leaf", "SELECT leaf FROM audit WHERE idx = $1"},
                               note = {"audit_checkpoint", "size", "note", "SELECT note FROM audit_checkpoint WHERE size = $1"},
                               tile = {"audit_tile", "n", "root", "SELECT root FROM audit_tile WHERE n = $1"};
    struct log l;
    size_t step = house_shared() ? 17 : 1;
    build(&l);
    append(&l, 0, 2);
    sign_now(&l);
    append(&l, 2, 1);
    sign_now(&l);
    unlock(&l);
    for (int64_t i = 0; i < 3; i++) {
        change_each_byte(&l, &entry, i, step);
        change_each_byte(&l, &leaf, i, step);
    }
    for (int64_t size = 2; size <= 3; size++)
        change_each_byte(&l, &note, size, step);
    append(&l, 3, 254);
    sign_now(&l);
    change_each_byte(&l, &tile, 0, step);
    raze(&l);
}

TEST(what_was_removed_moved_put_in_or_cut_off_is_found_and_named)
{
    static const struct {
        const char *sql, *sentence;
    } row[] = {
        {"DELETE FROM audit WHERE idx = 7;", "audit entry 7 is missing"},
        {"DELETE FROM audit WHERE idx >= 290;", "audit entry 290 is missing: 300 entries were signed"},
        {"DELETE FROM audit;", "audit entry 0 is missing: 300 entries were signed"},
        {"UPDATE audit SET idx = 1000 WHERE idx = 5; UPDATE audit SET idx = 5 WHERE idx = 6; UPDATE audit SET idx = 6 WHERE idx = 1000;",
         "the first 100 audit entries are not those that were signed"},
        {"UPDATE audit SET (entry, leaf) = (SELECT entry, leaf FROM audit WHERE idx = 8) WHERE idx = 9;",
         "the first 100 audit entries are not those that were signed"},
        {"UPDATE audit SET idx = 1000 WHERE idx = 150;"
         "INSERT INTO audit SELECT 150, scope, at, entry, leaf FROM audit WHERE idx = 3;",
         "tile 0 of level 0, up to entry 255, was changed"},
        {"UPDATE audit SET idx = -1 WHERE idx = 299;", "audit entry 299 is missing: 300 entries were signed"},
        {"DELETE FROM audit_tile;", "a tile of level 0 is missing: there are 0 up to -1"},
        {"UPDATE audit_tile SET n = 3;", "a tile of level 0 is missing: there are 1 up to 3"},
        {"INSERT INTO audit_tile SELECT 0, 1, root FROM audit_tile;", "tile 1 of level 0 is of entries that are not there"},
        {"UPDATE audit_checkpoint SET size = 99 WHERE size = 100;", "the checkpoint of 99 entries says 100"},
        {"UPDATE audit_checkpoint SET size = 0 WHERE size = 100;", "there is a checkpoint of 0 entries"},
        {"UPDATE audit_checkpoint SET note = (SELECT note FROM audit_checkpoint WHERE size = 100);",
         "the checkpoint of 300 entries says 100"},
    };
    for (size_t i = 0; i < COUNT(row); i += house_shared() ? 3 : 1) { /* a database a row */
        struct log l;
        struct audit_report r;
        build(&l);
        append(&l, 0, 100);
        sign_now(&l);
        append(&l, 100, 200);
        sign_now(&l);
        CHECK_INT(verify(&l, &r), 0);
        unlock(&l);
        house_sql(&l.h, row[i].sql);
        CHECK_INT(verify(&l, &r), -1);
        CHECK_STR(r.finding[0], row[i].sentence);
        raze(&l);
    }
}

/* Called between the last page and what is looked at behind it. */
static void go_on(void *arg, int64_t done, int64_t of)
{
    struct log *l = arg;
    (void)of;
    append(l, (int)done, 300);
    sign_now(l);
}

TEST(what_is_appended_and_signed_while_the_log_is_verified_is_not_called_missing)
{
    struct log l;
    struct err e;
    build(&l);
    append(&l, 0, 300);
    sign_now(&l);
    struct audit_report r = {.progress = go_on, .arg = &l};
    if (audit_verify_with(l.h.db, audit_signer_key(l.signer), (struct slice){NULL, 0}, &r, &e))
        fail_msg("%s", e.detail);
    CHECK_INT(r.entries, 300);
    CHECK_INT(verify(&l, &r), 0);
    CHECK_INT(r.covered, 600);
    unlock(&l);
    house_sql(&l.h, "DELETE FROM audit WHERE idx >= 599;");
    CHECK_INT(verify(&l, &r), -1);
    CHECK_STR(r.finding[0], "audit entry 599 is missing: 600 entries were signed");
    raze(&l);
}

TEST(a_log_cut_back_with_its_checkpoints_is_found_by_one_that_was_kept)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct log l;
    struct audit_report r = {.progress = NULL};
    struct checkpoint c;
    struct slice kept;
    struct err e;
    build(&l);
    append(&l, 0, 3);
    sign_now(&l);
    append(&l, 3, 3);
    sign_now(&l);
    CHECK_OK(audit_newest(l.signer, a, &kept, &c, &e));
    append(&l, 6, 1);
    sign_now(&l);
    CHECK_OK(audit_verify_with(l.h.db, audit_signer_key(l.signer), kept, &r, &e));
    unlock(&l);
    house_sql(&l.h, "DELETE FROM audit WHERE idx >= 3; DELETE FROM audit_checkpoint WHERE size > 3;");
    CHECK_INT(verify(&l, &r), 0); /* by itself it is a log of three */
    CHECK_INT(audit_verify_with(l.h.db, audit_signer_key(l.signer), kept, &r, &e), -1);
    CHECK_STR(e.detail, "the checkpoint that was kept is of 6 entries, and there are 3");
    append(&l, 100, 5);
    sign_now(&l);
    CHECK_INT(verify(&l, &r), 0);
    CHECK_INT(audit_verify_with(l.h.db, audit_signer_key(l.signer), kept, &r, &e), -1);
    CHECK_STR(e.detail, "the first 6 entries are not those of the checkpoint that was kept");
    raze(&l);
}

/* --- proofs and exports --- */

static int proof_of(struct slice text, uint64_t *ret_index, struct tree_hash p[TREE_PROOF], struct slice *note)
{
    int n = 0;
    int64_t index;
    struct slice rest = text, line = slice_cut(&rest, '\n');
    CHECK_SLICE(line, "c2sp.org/tlog-proof@v1");
    line = slice_cut(&rest, '\n');
    CHECK(slice_starts(line, "index ") && slice_int((struct slice){line.p + 6, line.n - 6}, 0, INT64_MAX, &index));
    while ((line = slice_cut(&rest, '\n')).n)
        CHECK_INT(base64_decode(line, p[n++].byte, SHA256_BYTES), SHA256_BYTES);
    *ret_index = (uint64_t)index;
    *note = rest;
    return n;
}

TEST(each_entry_is_proven_against_a_checkpoint_that_reaches_it)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct log l;
    struct rows r;
    struct err e;
    build(&l);
    append(&l, 0, 300);
    sign_now(&l);
    append(&l, 300, 5);
    CHECK_INT(db_rows(l.h.db, a, &r, &e, "SELECT leaf FROM audit ORDER BY idx"), 305);
    for (int i = 304; i >= 0; i -= i > 10 ? 7 : 1) {
        struct buf b = buf_in(a, 65536);
        struct tree_hash p[TREE_PROOF], leaf;
        struct checkpoint c;
        struct slice note;
        uint64_t index;
        const char *why;
        CHECK_OK(audit_prove(l.signer, i, a, &b, &e));
        int n = proof_of(buf_text(&b), &index, p, &note);
        CHECK_INT(index, i);
        CHECK_INT(checkpoint_read(note, audit_signer_key(l.signer), &c, &why), 0);
        CHECK_INT(c.size, 305);
        memcpy(&leaf, row_at(&r, i, 0)->s.p, sizeof leaf);
        CHECK(tree_inclusion_holds(&leaf, index, c.size, p, (size_t)n, &c.root));
    }
    struct buf b = buf_in(a, 65536);
    CHECK_INT(audit_prove(l.signer, 305, a, &b, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_OK(audit_prove_growth(l.signer, 300, 305, a, &b, &e));
    CHECK(slice_starts(buf_text(&b), "old 300\n"));
    CHECK_INT(audit_prove_growth(l.signer, 1, 299, a, &b, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    raze(&l);
}

/* What is stored in the place of a hash or a signature: no proof is made of it. */
TEST(what_was_changed_in_the_store_is_neither_proven_nor_signed_over)
{
    static const struct {
        const char *sql, *prove, *tile, *sign; /* what each says; NULL: it is done */
    } row[] = {
        {"UPDATE audit SET leaf = x'00' WHERE idx = 270", "a hash of the audit log has 1 bytes", "a hash of the audit log has 1 bytes",
         "sign the audit log: a hash of the audit log has 1 bytes"},
        {"UPDATE audit SET leaf = x'0000000000000000000000000000000000000000000000000000000000000000' WHERE idx = 270",
         "the audit log was changed: 'lazaret audit verify' says where", NULL,
         "sign the audit log: the first 300 audit entries are not those that were signed"},
        {"DELETE FROM audit WHERE idx = 270", "the audit log has 10 of the 11 entries from 260 on",
         "the audit log has 43 of the 44 entries from 256 on", "sign the audit log: the audit log has 31 of the 32 entries from 256 on"},
        {"UPDATE audit_tile SET root = x'00'", "a hash of the audit log has 1 bytes", NULL,
         "sign the audit log: a hash of the audit log has 1 bytes"},
        {"DELETE FROM audit_tile", "the audit log has 0 of the 1 tiles from 0 on", NULL,
         "sign the audit log: the audit log has 0 of the 1 tiles from 0 on"},
        {"UPDATE audit_checkpoint SET note = x'00'", "a checkpoint was changed: it is no signed note",
         "a checkpoint was changed: it is no signed note", "sign the audit log: the last checkpoint, of 300 entries, was changed"},
        {"UPDATE audit_checkpoint SET size = 299", NULL, NULL, "sign the audit log: the last checkpoint, of 299 entries, was changed"},
        {"DELETE FROM audit_checkpoint", "nothing of the audit log is signed yet", "nothing of the audit log is signed yet", NULL},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(16 << 20);
        struct log l;
        struct err e;
        build(&l);
        append(&l, 0, 300);
        sign_now(&l);
        append(&l, 300, 1);
        unlock(&l);
        house_sql(&l.h, row[i].sql);
        struct buf proof = buf_in(a, 1 << 16), tile = buf_in(a, 1 << 16);
        int rc = audit_prove_signed(l.signer, 271, a, &proof, &e);
        if (rc != (row[i].prove ? -1 : 0) || (rc && i != 2 && strcmp(e.detail, row[i].prove) != 0))
            fail_msg("row %zu proves: %s", i, rc ? e.detail : "it does");
        rc = audit_tile(l.signer, 0, 1, 44, a, &tile, &e);
        if (rc != (row[i].tile ? -1 : 0) || (rc && strcmp(e.detail, row[i].tile) != 0))
            fail_msg("row %zu gives a tile: %s", i, rc ? e.detail : "it does");
        rc = audit_checkpoint(l.signer, &e);
        if (rc != (row[i].sign ? -1 : 0) || (rc && i != 2 && strcmp(e.detail, row[i].sign) != 0))
            fail_msg("row %zu signs: %s", i, rc ? e.detail : "it does");
        raze(&l);
    }
}

TEST(proofs_and_tiles_of_what_is_not_there_are_refused)
{
    static const struct {
        int level;
        int64_t n;
        int width;
        int rc;
    } tile[] = {{0, 0, 256, 0}, {0, 1, 44, 0}, {1, 0, 1, 0}, {0, 1, 45, -1}, {0, 2, 1, -1}, {1, 0, 2, -1}, {1, 1, 1, -1}, {2, 0, 1, -1},
                {7, 0, 1, -1},  {6, 0, 1, -1}, {0, -1, 1, -1}, {0, 0, 0, -1}, {0, 0, 257, -1}, {0, INT64_MAX, 1, -1}};
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct log l;
    struct err e;
    build(&l);
    struct buf none = buf_in(a, 1 << 16);
    CHECK_INT(audit_prove_signed(l.signer, 0, a, &none, &e), -1);
    CHECK_STR(e.detail, "nothing of the audit log is signed yet");
    CHECK_INT(audit_prove(l.signer, 0, a, &none, &e), -1); /* of no entries */
    CHECK_INT(e.code, ERR_NOT_FOUND);
    append(&l, 0, 300);
    sign_now(&l);
    for (size_t i = 0; i < COUNT(tile); i++) {
        struct buf b = buf_in(a, 1 << 16);
        int rc = audit_tile(l.signer, tile[i].level, tile[i].n, tile[i].width, a, &b, &e);
        if (rc != tile[i].rc || (rc && e.code != ERR_NOT_FOUND) || (!rc && b.n != 32u * (unsigned)tile[i].width))
            fail_msg("tile row %zu", i);
    }
    CHECK_INT(audit_tile_entries(l.signer, 1, 45, a, &none, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_INT(audit_prove_signed(l.signer, -1, a, &none, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_INT(audit_prove_growth(l.signer, -1, 300, a, &none, &e), -1);
    CHECK_INT(e.code, ERR_USAGE);
    CHECK_INT(audit_prove_growth(l.signer, 301, 300, a, &none, &e), -1);
    CHECK_INT(e.code, ERR_USAGE);
    CHECK_INT(audit_prove_growth(l.signer, 0, 77, a, &none, &e), -1);
    CHECK_STR(e.detail, "no checkpoint was made of 77 entries");
    append(&l, 300, 1);
    struct buf growth = buf_in(a, 1 << 16);
    CHECK_OK(audit_prove_growth(l.signer, 300, -1, a, &growth, &e)); /* signs first what is not signed yet */
    unlock(&l);
    house_sql(&l.h, "UPDATE audit SET leaf = x'0000000000000000000000000000000000000000000000000000000000000000' WHERE idx = 290");
    CHECK_INT(audit_prove_growth(l.signer, 280, 300, a, &growth, &e), -1);
    CHECK_STR(e.detail, "the audit log was changed: 'lazaret audit verify' says where");
    house_sql(&l.h, "DELETE FROM audit WHERE idx = 291");
    struct buf entries = buf_in(a, 1 << 16);
    CHECK_INT(audit_tile_entries(l.signer, 1, 44, a, &entries, &e), -1);
    CHECK_STR(e.detail, "the audit log has 43 of 44 entries from 256 on");
    raze(&l);
}

static FILE *file_of(struct slice s)
{
    return fmemopen((void *)s.p, s.n, "r");
}

static int verify_export(struct log *l, struct slice s, struct audit_report *r, struct err *e)
{
    struct note_key k;
    OWN_FILE FILE *f = file_of(s);
    *r = (struct audit_report){.progress = NULL};
    return audit_verify_export(f, audit_signer_key(l->signer), (struct slice){NULL, 0}, r, &k, e);
}

TEST(an_export_verifies_and_with_any_byte_changed_or_cut_off_it_does_not)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct log l;
    struct audit_report r;
    struct err e;
    int64_t next = 0;
    build(&l);
    append(&l, 0, 3);
    sign_now(&l);
    append(&l, 3, 2);
    sign_now(&l);
    append(&l, 5, 1);
    struct buf b = buf_in(a, 1 << 20);
    audit_export_head(&b, audit_signer_key(l.signer));
    while (next < 5)
        CHECK_OK(audit_export(l.h.db, next, 2, 5, a, &b, &next, &e));
    audit_export_tail(&b, 5);
    CHECK_OK(verify_export(&l, buf_text(&b), &r, &e));
    CHECK_INT(r.entries, 5);
    CHECK_INT(r.covered, 5);
    CHECK_INT(r.checkpoints, 2);
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] = (char)(b.p[i] ^ (1 << i % 8));
        if (verify_export(&l, buf_text(&b), &r, &e) == 0)
            fail_msg("byte %zu was changed, and it verifies", i);
        b.p[i] = (char)(b.p[i] ^ (1 << i % 8));
    }
    for (size_t n = 1; n < b.n; n++)
        if (verify_export(&l, (struct slice){b.p, n}, &r, &e) == 0)
            fail_msg("cut to %zu bytes, and it verifies", n);
    buf_byte(&b, 'x');
    CHECK_INT(verify_export(&l, buf_text(&b), &r, &e), -1);
    CHECK_STR(e.detail, "something follows the export's end");
    struct buf beyond = buf_in(a, 1 << 20); /* with an entry that nothing signs */
    audit_export_head(&beyond, audit_signer_key(l.signer));
    CHECK_OK(audit_export(l.h.db, 0, 6, 6, a, &beyond, &next, &e));
    audit_export_tail(&beyond, 6);
    CHECK_INT(verify_export(&l, buf_text(&beyond), &r, &e), -1);
    CHECK_STR(e.detail, "5 entries are signed, and the export has 6");
    raze(&l);
}

/* A file that ends with an error of the medium. */
static ssize_t read_some(void *cookie, char *to, size_t n)
{
    struct slice *left = cookie;
    size_t m = n < left->n ? n : left->n;
    if (!m)
        return errno = EIO, -1;
    memcpy(to, left->p, m);
    left->p += m;
    left->n -= m;
    return (ssize_t)m;
}

static void count_calls(void *arg, int64_t done, int64_t of)
{
    int *calls = arg;
    CHECK(done > 0 && of == 0);
    ++*calls;
}

TEST(an_export_is_of_one_key_whole_and_readable_to_its_end)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    static const uint8_t another[SIGN_PUBLIC] = {9};
    struct log l;
    struct audit_report r = {.progress = NULL};
    struct note_key other, told;
    struct err e;
    int64_t next;
    int calls = 0;
    build(&l);
    append(&l, 0, 4200);
    sign_now(&l);
    struct buf b = buf_in(a, 4 << 20), bad = buf_in(a, 1 << 16);
    audit_export_head(&b, audit_signer_key(l.signer));
    CHECK_INT(audit_export(l.h.db, 4199, 10, 4210, a, &bad, &next, &e), -1);
    CHECK_STR(e.detail, "audit entries from 4200 on are missing");
    CHECK_OK(audit_export(l.h.db, 0, 10000, 4200, a, &b, &next, &e));
    audit_export_tail(&b, 4200);

    FILE *f = file_of(buf_text(&b));
    r.progress = count_calls, r.arg = &calls;
    CHECK_OK(audit_verify_export(f, NULL, (struct slice){NULL, 0}, &r, &told, &e)); /* by the key it names itself */
    CHECK_STR(told.name, AUDIT_ORIGIN);
    CHECK_INT(calls, 1);
    fclose(f);
    r.progress = NULL;

    const char *const names[] = {"log.example/other", AUDIT_ORIGIN};
    for (size_t i = 0; i < COUNT(names); i++) { /* another name, and another key of this name */
        CHECK(note_key_of(NOTE_LOG, slice_of(names[i]), i ? another : audit_signer_key(l.signer)->public, &other));
        f = file_of(buf_text(&b));
        CHECK_INT(audit_verify_export(f, &other, (struct slice){NULL, 0}, &r, &told, &e), -1);
        CHECK_STR(e.detail, "the export is of another log: it names another key");
        fclose(f);
    }
    f = file_of(buf_text(&b));
    CHECK_INT(audit_verify_export(f, NULL, SLICE("no note\n"), &r, &told, &e), -1);
    CHECK_INT(e.code, ERR_USAGE);
    CHECK_STR(e.detail, "the checkpoint that was kept: it is no signed note");
    fclose(f);

    struct slice left = {b.p, b.n - 100};
    f = fopencookie(&left, "r", (cookie_io_functions_t){.read = read_some});
    CHECK_INT(audit_verify_export(f, NULL, (struct slice){NULL, 0}, &r, &told, &e), -1);
    CHECK_INT(e.code, ERR_STORE);
    CHECK(strstr(e.detail, "read the export") != NULL);
    fclose(f);
    raze(&l);
}

/* As many are told as there is room for; all are counted. */
TEST(a_log_that_is_wrong_everywhere_is_told_so_without_end)
{
    struct log l;
    struct audit_report r;
    build(&l);
    append(&l, 0, 20);
    sign_now(&l);
    unlock(&l);
    house_sql(&l.h, "UPDATE audit SET entry = x'a0'");
    CHECK_INT(verify(&l, &r), -1);
    CHECK_INT(r.findings, 20);
    CHECK_STR(r.finding[AUDIT_FINDINGS - 1], "audit entry 15 was changed");
    raze(&l);
}

RUN(T(what_was_changed_in_the_store_is_neither_proven_nor_signed_over), T(proofs_and_tiles_of_what_is_not_there_are_refused),
    T(an_export_is_of_one_key_whole_and_readable_to_its_end), T(a_log_that_is_wrong_everywhere_is_told_so_without_end),
    T(the_key_is_made_once_and_its_seed_lies_nowhere_in_the_store), T(an_origin_is_a_name_of_a_key),
    T(a_checkpoint_is_made_when_something_is_new_and_only_then), T(a_log_without_any_tree_gets_it_at_once),
    T(the_keeper_signs_what_it_finds_and_what_is_there_at_its_end),
    T(the_keeper_signs_a_lone_entry_that_took_long_to_be_committed),
    T(nothing_is_signed_over_a_log_that_does_not_continue_the_last_checkpoint), T(tiles_and_checkpoints_are_append_only),
    T(a_change_of_any_single_byte_is_found), T(what_was_removed_moved_put_in_or_cut_off_is_found_and_named),
    T(what_is_appended_and_signed_while_the_log_is_verified_is_not_called_missing),
    T(a_log_cut_back_with_its_checkpoints_is_found_by_one_that_was_kept), T(each_entry_is_proven_against_a_checkpoint_that_reaches_it),
    T(an_export_verifies_and_with_any_byte_changed_or_cut_off_it_does_not))
