#include "house.h"

#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "audit/verify.h"
#include "crypto/digest.h"

static void note(struct house *h, const struct audit_entry *x)
{
    struct err e;
    CHECK_OK(audit_note(h->db, x, &e));
}

/* The one entry of a full house, byte by byte as RFC 8949 4.2.1 wants it: a map of twelve, keys by length and then by bytes. */
TEST(an_entry_is_the_canonical_cbor_its_header_says)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static const uint8_t scope[16] = {0xA0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xAF};
    struct house h;
    struct rows r;
    struct err e;
    house_build(&h);
    note(&h, &(struct audit_entry){.scope = scope, .actor = "bot", .role = "client", .action = "read", .object = "Job",
                                   .object_id = "id1", .outcome = "deny", .why = "absent", .request = "r-1",
                                   .route = "/v1/jobs/:job_id", .trace = "0af7651916cd43dd8448eb211c80319c", .rows = 300});
    CHECK_OK(audit_index(h.db, &e));
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT at, entry, leaf, scope FROM audit"), 1);
    uint64_t at = (uint64_t)row_at(&r, 0, 0)->i;
    struct slice entry = row_at(&r, 0, 1)->s, leaf = row_at(&r, 0, 2)->s;

    struct buf want = buf_in(a, 4096);
    buf_str(&want, "\xAC" "\x61" "n" "\x19\x01\x2C" "\x61" "t" "\x1B");
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_byte(&want, (char)(at >> shift));
    buf_str(&want, "\x61" "v" "\x01" "\x63" "act" "\x64" "read");
    buf_str(&want, "\x63" "obj" "\xA2" "\x62" "id" "\x63" "id1" "\x64" "type" "\x63" "Job");
    buf_str(&want, "\x63" "out" "\x64" "deny" "\x63" "req" "\x63" "r-1" "\x63" "why" "\x66" "absent");
    buf_str(&want, "\x65" "actor" "\xA2" "\x62" "id" "\x63" "bot" "\x64" "role" "\x66" "client");
    buf_str(&want, "\x65" "route" "\x70" "/v1/jobs/:job_id");
    buf_str(&want, "\x65" "scope" "\x50");
    buf_add(&want, scope, 16);
    buf_str(&want, "\x65" "trace" "\x78\x20" "0af7651916cd43dd8448eb211c80319c");
    CHECK_INT(entry.n, want.n);
    CHECK(memcmp(entry.p, want.p, want.n) == 0);

    uint8_t digest[SHA256_BYTES];
    struct buf leaf_input = buf_in(a, 4096);
    buf_byte(&leaf_input, 0);
    buf_slice(&leaf_input, entry);
    sha256(buf_text(&leaf_input), digest);
    CHECK_INT(leaf.n, sizeof digest);
    CHECK(memcmp(leaf.p, digest, sizeof digest) == 0);
    CHECK(memcmp(row_at(&r, 0, 3)->s.p, scope, 16) == 0);
    house_raze(&h);
}

TEST(an_entry_without_object_actor_or_trace_leaves_them_out)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct rows r;
    struct err e;
    house_build(&h);
    note(&h, &(struct audit_entry){.scope = h.scope, .action = "read", .outcome = "deny"});
    CHECK_OK(audit_index(h.db, &e));
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT entry FROM audit"), 1);
    CHECK_INT((unsigned char)row_at(&r, 0, 0)->s.p[0], 0xA6); /* n t v act out scope */
    house_raze(&h);
}

TEST(entries_are_listed_as_they_were_written)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    house_build(&h);
    for (int i = 0; i < 3; i++)
        note(&h, &(struct audit_entry){.scope = h.scope, .actor = "bot", .action = i ? "read" : "create", .object = "Job",
                                       .outcome = "permit", .rows = i});
    struct buf b = buf_in(a, 65536);
    struct json_out o = json_out(&b);
    struct json j;
    struct json_fault f;
    CHECK_OK(audit_list(h.db, 1, 2, a, &o, &e));
    CHECK_INT(json_parse(a, buf_text(&b), &j, &f), 0);
    CHECK_INT(j.node[0].len, 2);
    uint32_t first = json_first(&j, 0);
    CHECK_SLICE(json_raw(&j, json_get(&j, first, "idx")), "1");
    CHECK_SLICE(json_get_text(&j, first, "act", a), "read");
    CHECK_SLICE(json_get_text(&j, json_get(&j, first, "actor"), "id", a), "bot");
    CHECK_SLICE(json_raw(&j, json_get(&j, json_next(&j, first), "n")), "2");
    house_raze(&h);
}

static int append_and_fail(struct tx *tx, void *arg, struct err *e)
{
    return audit_append(tx, arg, e) ? -1 : err_set(e, ERR_CONFLICT, "as asked");
}

TEST(an_access_that_fails_leaves_no_entry)
{
    struct house h;
    struct err e;
    house_build(&h);
    struct audit_entry x = {.scope = h.scope, .action = "create", .outcome = "permit"};
    CHECK_INT(tx_run(h.db, append_and_fail, &x, &e), -1);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM audit"), 0);
    house_raze(&h);
}

TEST(a_changed_or_removed_entry_is_found)
{
    static const struct {
        const char *sql, *sentence; /* NULL: verification holds */
    } row[] = {
        {"SELECT 1;", NULL},
        {"UPDATE audit SET entry = CAST(substr(entry, 1, length(entry) - 1) || x'00' AS BLOB) WHERE idx = 2;", "audit entry 2 was changed"},
        {"UPDATE audit SET leaf = zeroblob(32) WHERE idx = 4;", "audit entry 4 was changed"},
        {"UPDATE audit SET leaf = x'00' WHERE idx = 0;", "audit entry 0 was changed"},
        {"DELETE FROM audit WHERE idx = 3;", "audit entry 3 is missing"},
        {"DELETE FROM audit WHERE idx = 0;", "audit entry 0 is missing"},
        {"UPDATE audit SET (entry, leaf) = (SELECT entry, leaf FROM audit WHERE idx = 1) WHERE idx = 2;"
         "UPDATE audit SET idx = 9 WHERE idx = 2;", "audit entry 2 is missing"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct house h;
        struct err e = {.code = ERR_NONE};
        int64_t n = -1;
        house_build(&h);
        for (int k = 0; k < 5; k++)
            note(&h, &(struct audit_entry){.scope = h.scope, .action = "read", .outcome = "permit", .rows = k});
        CHECK_OK(audit_verify(h.db, &n, &e));
        CHECK_INT(n, 5);
        house_sql(&h, "DROP TRIGGER audit_keep_update; DROP TRIGGER audit_keep_delete;");
        house_sql(&h, row[i].sql);
        int rc = audit_verify(h.db, &n, &e);
        CHECK_INT(rc, row[i].sentence ? -1 : 0);
        if (row[i].sentence) {
            CHECK_INT(e.code, ERR_STORE);
            CHECK_STR(e.detail, row[i].sentence);
        }
        house_raze(&h);
    }
}

TEST(the_log_of_more_than_a_page_is_verified_to_its_end)
{
    struct house h;
    struct err e;
    int64_t n;
    house_build(&h);
    house_sql(&h, "WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i < 2399) "
                  "INSERT INTO audit SELECT i, zeroblob(16), 0, x'A0', "
                  "x'2a7a21dfd4c5bdfbae9ed18bcf5aebb8eeaf38c2ab19c0dfa0b4d9f0a9bb1a2b' FROM k;");
    CHECK_INT(audit_verify(h.db, &n, &e), -1); /* an invented leaf */
    CHECK_STR(e.detail, "audit entry 0 was changed");
    uint8_t leaf[SHA256_BYTES];
    char text[SHA256_TEXT], sql[256];
    sha256((struct slice){"\x00\xA0", 2}, leaf);
    house_sql(&h, "DROP TRIGGER audit_keep_update; DROP TRIGGER audit_keep_delete;");
    snprintf(sql, sizeof sql, "UPDATE audit SET leaf = x'%s';", sha256_text(leaf, text));
    house_sql(&h, sql);
    CHECK_OK(audit_verify(h.db, &n, &e));
    CHECK_INT(n, 2400);
    house_sql(&h, "UPDATE audit SET entry = x'A1' WHERE idx = 2399;");
    CHECK_INT(audit_verify(h.db, &n, &e), -1);
    CHECK_STR(e.detail, "audit entry 2399 was changed");
    house_raze(&h);
}

RUN(T(an_entry_is_the_canonical_cbor_its_header_says), T(an_entry_without_object_actor_or_trace_leaves_them_out),
    T(entries_are_listed_as_they_were_written), T(an_access_that_fails_leaves_no_entry), T(a_changed_or_removed_entry_is_found),
    T(the_log_of_more_than_a_page_is_verified_to_its_end))
