#include "house.h"

#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "audit/search.h"
#include "audit/seat.h"
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
                                   .route = "/v1/jobs/:job_id", .trace = "0af7651916cd43dd8448eb211c80319c", .glass = "g-1", .rows = 300});
    CHECK_OK(audit_index(h.db, &e));
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT at, entry, leaf, scope FROM audit"), 1);
    uint64_t at = (uint64_t)row_at(&r, 0, 0)->i;
    struct slice entry = row_at(&r, 0, 1)->s, leaf = row_at(&r, 0, 2)->s;

    struct buf want = buf_in(a, 4096);
    buf_str(&want, "\xAD" "\x61" "n" "\x19\x01\x2C" "\x61" "t" "\x1B");
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_byte(&want, (char)(at >> shift));
    buf_str(&want, "\x61" "v" "\x01" "\x62" "bg" "\x63" "g-1" "\x63" "act" "\x64" "read");
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
    struct audit_found x;
    note(&h, &(struct audit_entry){.scope = h.scope, .role = "operator", .action = "read", .object = "Job", .outcome = "deny", .rows = -1});
    CHECK_INT(audit_at(h.db, 1, a, &x, &e), 1);
    CHECK(x.readable && !x.entry.actor && !x.entry.object_id && x.entry.rows == 0); /* fewer than none are none */
    CHECK_STR(x.entry.role, "operator");
    CHECK_STR(x.entry.object, "Job");
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

/* RFC 8949 4.2.1 and 3.1: shortest heads, definite lengths, keys in the order of their bytes, text that is UTF-8. The end
 * of the item at `p`; NULL: it is not so. */
static const unsigned char *canonical(const unsigned char *p, const unsigned char *end)
{
    if (p == end)
        return NULL;
    unsigned major = *p >> 5, more = *p & 31;
    uint64_t n = more, size = more < 24 ? 0 : more < 28 ? 1U << (more - 24) : 99;
    if (size > (uint64_t)(end - p - 1))
        return NULL;
    for (uint64_t i = 0; i < size; i++)
        n = (i ? n << 8 : 0) | p[1 + i];
    if (size && n < (size == 1 ? 24ULL : 1ULL << 4 * size))
        return NULL;
    p += 1 + size;
    if (major == 0)
        return p;
    if (major == 2 || major == 3)
        return n <= (uint64_t)(end - p) && (major == 2 || utf8_valid((struct slice){(const char *)p, n})) ? p + n : NULL;
    if (major != 5)
        return NULL;
    struct slice last = {NULL, 0};
    for (uint64_t i = 0; p && i < n; i++) {
        const unsigned char *key = p;
        if (!(p = canonical(p, end)))
            return NULL;
        struct slice k = {(const char *)key, (size_t)(p - key)};
        if (last.p && (memcmp(last.p, k.p, last.n < k.n ? last.n : k.n) >= 0))
            return NULL;
        last = k;
        p = canonical(p, end);
    }
    return p;
}

/* What comes in by a request's id, a client's name or a route is written as it is, if it is text, and cannot become
 * anything else in the log: research, L5. */
TEST(whatever_is_written_into_the_log_is_read_back_and_nothing_else)
{
    static char long_text[65537], cut[201], wide[65537], wide_cut[200];
    memset(long_text, 'x', sizeof long_text - 1);
    memset(cut, 'x', sizeof cut - 1);
    for (size_t i = 0; i + 3 < sizeof wide; i += 3)
        memcpy(wide + i, "\xE2\x82\xAC", 3); /* 200 is no multiple of three */
    memcpy(wide_cut, wide, 198);
    const struct {
        const char *in, *out;
    } row[] = {
        {"plain", "plain"},
        {"a\r\nHTTP/1.1 200 OK\r\n{\"out\":\"permit\"}", "a\r\nHTTP/1.1 200 OK\r\n{\"out\":\"permit\"}"},
        {"\x01\x1B[2J\x7F", "\x01\x1B[2J\x7F"},
        {"\xE2\x80\xAE" "gnp.exe\xE2\x81\xA6", "\xE2\x80\xAE" "gnp.exe\xE2\x81\xA6"}, /* bidi override and isolate */
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"\xFF\xC0", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC0\xAF" "x", "\xEF\xBF\xBD\xEF\xBF\xBDx"},                                     /* an overlong slash */
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},                           /* half a surrogate pair */
        {"a\xE2\x82", "a\xEF\xBF\xBD\xEF\xBF\xBD"},                                        /* a character cut off */
        {"", ""},
        {long_text, cut},
        {wide, wide_cut},
    };
    struct house h;
    struct err e;
    house_build(&h);
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        const char *in = row[i].in, *out = row[i].out;
        struct audit_found x;
        note(&h, &(struct audit_entry){.scope = h.scope, .actor = in, .role = in, .action = in, .object = in, .object_id = in,
                                       .outcome = in, .why = in, .request = in, .route = in, .trace = in, .rows = INT64_MAX});
        CHECK_INT(audit_at(h.db, (int64_t)i, a, &x, &e), 1);
        CHECK(x.readable);
        const unsigned char *end = (const unsigned char *)x.raw.p + x.raw.n;
        CHECK(canonical((const unsigned char *)x.raw.p, end) == end);
        const char *const got[] = {x.entry.actor, x.entry.role, x.entry.action, x.entry.object, x.entry.object_id,
                                   x.entry.outcome, x.entry.why, x.entry.request, x.entry.route, x.entry.trace};
        for (size_t k = 0; k < COUNT(got); k++)
            CHECK_STR(got[k], out);
        CHECK(x.entry.rows == INT64_MAX);
        CHECK(memcmp(x.entry.scope, h.scope, 16) == 0);
    }
    house_raze(&h);
}

TEST(what_is_no_entry_of_this_program_is_told_as_such)
{
    static const struct {
        const char *bytes;
        size_t n;
    } row[] = {{"", 0}, {"\xA0", 1}, {"\xA1\x61", 2}, {"\xA1\x63" "act\x64read", 10}, {"\xA1\x61v\x02", 4}, {"\x01", 1},
               {"\xBF\x61n\x01\xFF", 5}, {"\xA1\x61n\x20", 4}, {"\xA1\x63" "act\x64re\0d", 10}, {"\xFF\xFF", 2},
               {"\xA1\x63" "act\x01", 6},                       /* a number for a text */
               {"\xA1\x63" "act\x7F\x61r\xFF", 9},              /* a text in pieces */
               {"\xA1\x61n\x1B\x80\0\0\0\0\0\0\0", 12},        /* more than 63 bits */
               {"\xA1\x65" "scope\x01", 8}, {"\xA1\x65" "scope\x42xx", 10},
               {"\xA1\x63" "obj\xA1\x61n\x01", 9},              /* what only the entry itself has */
               {"\xA1\x63" "obj\x01", 6}, {"\xA1\x65" "actor\xA1\x63" "act\x61r", 14},
               {"\xA1\x01\x01", 3}, {"\xA1\x7F\x61n\xFF\x01", 6}, /* keys that are no text, or in pieces */
               {"\xA1\x61v\x61" "1", 5}, {"\xA1\x61t\x61" "1", 5}, {"\xA1\x65" "other\x01", 8},
               {"\xA0\xA0", 2},                                 /* two of them */
               {"\xA1\x63" "act\x61r", 7}, {"\xA2\x63" "act\x61r\x63out\x61p", 13}};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct audit_found x;
        struct err e;
        CHECK_OK(audit_decode((struct slice){row[i].bytes, row[i].n}, 3, 4, a, &x, &e));
        CHECK(!x.readable);
        CHECK_INT(x.index, 3);
    }
}

/* Of two entries, which differ in everything. */
TEST(a_filter_passes_what_has_all_that_it_asks_for)
{
    static const uint8_t here[16] = {1}, there[16] = {2};
    const struct audit_found x = {.entry = {.scope = here, .actor = "bot", .role = "client", .action = "read", .object = "Job",
                                            .object_id = "7", .outcome = "permit"}},
                             y = {.entry = {.scope = there, .role = "doctor", .action = "create", .outcome = "deny"}},
                             z = {.entry = {.action = "read", .outcome = "permit"}};
    const struct {
        struct audit_filter f;
        bool x, y, z;
    } row[] = {
        {{.most = 1}, true, true, true},
        {{.actor = SLICE("bot")}, true, false, false},
        {{.actor = SLICE("bo")}, false, false, false},
        {{.role = SLICE("doctor")}, false, true, false},
        {{.action = SLICE("read")}, true, false, true},
        {{.object = SLICE("Job")}, true, false, false},
        {{.object_id = SLICE("7")}, true, false, false},
        {{.object_id = SLICE("8")}, false, false, false},
        {{.outcome = SLICE("deny")}, false, true, false},
        {{.scope = here}, true, false, false},
        {{.scope = there}, false, true, false},
        {{.who = AUDIT_PROGRAMS}, true, false, false},
        {{.who = AUDIT_PEOPLE}, false, true, true},
        {{.actor = SLICE("bot"), .outcome = SLICE("deny")}, false, false, false},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        if (audit_matches(&row[i].f, &x) != row[i].x || audit_matches(&row[i].f, &y) != row[i].y ||
            audit_matches(&row[i].f, &z) != row[i].z)
            fail_msg("row %zu", i);
}

static int append_a_few(struct tx *tx, void *arg, struct err *e)
{
    const struct audit_entry *x = arg;
    for (int i = 0; i < 600; i++)
        if (audit_append(tx, x, e))
            return -1;
    return 0;
}

/* Page by page, by what was looked at, and between two times. */
TEST(a_search_goes_back_in_time_page_by_page)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct house h;
    struct audit_page p;
    struct err e;
    house_build(&h);
    for (int i = 0; i < 3; i++)
        CHECK_OK(tx_run(h.db, append_a_few,
                        &(struct audit_entry){
                            .scope = h.scope, .actor = i == 1 ? "bea" : "bot", .action = "read", .outcome = "permit"}, &e));
    CHECK_OK(audit_index(h.db, &e));
    house_sql(&h, "DROP TRIGGER audit_keep_update; DROP TRIGGER audit_keep_delete; UPDATE audit SET at = 1000 + idx");

    struct audit_filter f = {.most = 1000};
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 1000);
    CHECK(p.more && p.x[0].index == 1799 && p.x[999].index == 800 && p.index == 800);
    f.before_at = p.at, f.before_index = p.index;
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 800);
    CHECK(!p.more && p.x[0].index == 799 && p.x[799].index == 0);

    f = (struct audit_filter){.actor = SLICE("bea"), .most = 5, .span = 100}; /* none among the first hundred */
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 0);
    CHECK(p.more && p.index == 1700);
    f.span = 0;
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 5);
    CHECK_INT(p.x[0].index, 1199);

    f = (struct audit_filter){.since = 1010, .until = 1020, .most = 100}; /* from the first, before the second */
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 10);
    CHECK(p.x[0].index == 19 && p.x[9].index == 10);
    f.before_at = 1015, f.before_index = 15; /* further back than `until` */
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 5);
    CHECK_INT(p.x[0].index, 14);
    f = (struct audit_filter){.before_index = 3, .most = 10}; /* before the first time there is */
    CHECK_OK(audit_search(h.db, &f, a, &p, &e));
    CHECK_INT(p.n, 0);
    house_raze(&h);
}

TEST(an_entry_is_told_with_what_proves_it_or_as_bytes_that_say_nothing)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static char large[AUDIT_ENTRY + 1];
    struct buf b = buf_in(a, 1 << 16), c = buf_in(a, 1 << 16);
    struct json_out o = json_out(&b), oc = json_out(&c);
    audit_put(&o, &(struct audit_found){.index = 7, .raw = SLICE("\xA0")}, true);
    CHECK_SLICE(buf_text(&b),
                "{\"idx\":7,\"leaf\":\"eaf132c40462dd25ee5be6c7944953c92f544953f110bb3a6630b9cb34f13e17\",\"entry\":\"oA==\"}");
    audit_put(&oc, &(struct audit_found){.index = 7, .raw = {large, sizeof large}}, true);
    buf_byte(&c, 0);
    CHECK(strstr(c.p, "\"leaf\":") != NULL && strstr(c.p, "\"entry\"") == NULL); /* none of this program's is that long */
}

static int append_many(struct tx *tx, void *arg, struct err *e)
{
    const struct audit_entry *x = arg;
    for (int i = 0; i < 1000; i++)
        if (audit_append(tx, x, e))
            return -1;
    return 0;
}

/* Blocks of 4096, sorted; what is in none yet; and both before anything was sorted. */
TEST(a_leaf_is_found_wherever_it_is)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct house h;
    struct err e;
    struct rows r;
    int64_t index;
    house_build(&h);
    struct audit_entry x = {.scope = h.scope, .action = "read", .outcome = "permit"};
    for (int i = 0; i < 10; i++)
        CHECK_OK(tx_run(h.db, append_many, &x, &e));
    CHECK_OK(audit_index(h.db, &e));
    for (int sorted = 0; sorted < 2; sorted++) {
        static const int64_t at[] = {0, 1, 4095, 4096, 8191, 8192, 9999};
        CHECK_INT(house_number(&h, "SELECT count(*) FROM audit_leaf"), sorted ? 8192 : 0);
        for (size_t i = 0; i < COUNT(at); i++) {
            CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT leaf FROM audit WHERE idx = $1", V_INT(at[i])), 1);
            struct slice leaf = arena_copy(a, row_at(&r, 0, 0)->s);
            CHECK_OK(audit_find(h.db, (const uint8_t *)leaf.p, &index, &e));
            CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT leaf FROM audit WHERE idx = $1", V_INT(index)), 1);
            CHECK(slice_eq(row_at(&r, 0, 0)->s, leaf)); /* entries of one moment may be one leaf */
        }
        uint8_t other[32] = {1};
        CHECK_INT(audit_find(h.db, other, &index, &e), -1);
        CHECK_INT(e.code, ERR_NOT_FOUND);
        CHECK_OK(audit_sort(h.db, &e));
    }
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
        {"UPDATE audit SET entry = CAST(entry || x'00' AS BLOB) WHERE idx = 2;", "audit entry 2 was changed"},
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

struct seated {
    struct audit_entry entry;
    bool undone;
};

static int append_seated(struct tx *tx, void *arg, struct err *e)
{
    const struct seated *x = arg;
    return audit_append(tx, &x->entry, e) ? -1 : x->undone ? err_set(e, ERR_CONFLICT, "as asked") : 0;
}

/* 1 and the index, 0. */
static int seat_after(struct house *h, struct audit_seats *seats, struct audit_seat *seat, bool undone, int64_t *ret_index)
{
    struct err e;
    struct seated x = {.entry = {.scope = h->scope, .action = "read", .outcome = "permit", .seat = seat}, .undone = undone};
    CHECK_INT(tx_run(h->db, append_seated, &x, &e), undone ? -1 : 0);
    return audit_seat_index(seats, seat, ret_index, &e);
}

TEST(the_index_is_told_of_what_is_in_the_log_alone)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct audit_seats *seats;
    struct audit_seat seat;
    struct rows r;
    struct err e;
    int64_t index, count;
    house_build(&h);
    CHECK_OK(audit_seats_open(h.db, &seats, &e));
    for (int i = 0; i < 5; i++) {
        audit_seat_begin(seats, &seat);
        CHECK_INT(audit_seat_index(seats, &seat, &index, &e), 0); /* nobody sat down */
        CHECK_INT(seat_after(&h, seats, &seat, false, &index), 1);
        CHECK_OK(audit_count(h.db, &count, &e));
        CHECK_INT(index, count - 1);
        CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT leaf FROM audit WHERE idx = $1", V_INT(index)), 1);
        CHECK(memcmp(r.cell[0].s.p, seat.leaf, sizeof seat.leaf) == 0);
        CHECK_INT(seat_after(&h, seats, &seat, true, &index), 0); /* the second access of one request was undone */
        note(&h, &(struct audit_entry){.scope = h.scope, .action = "read", .outcome = "deny"}); /* its index is another's */
        CHECK_INT(audit_seat_index(seats, &seat, &index, &e), 0);
        CHECK_INT(seat_after(&h, seats, &seat, false, &index), 1);
        CHECK_OK(audit_count(h.db, &count, &e));
        CHECK_INT(index, count - 1);
    }
    audit_seats_close(seats);
    house_raze(&h);
}

RUN(T(an_entry_is_the_canonical_cbor_its_header_says), T(an_entry_without_object_actor_or_trace_leaves_them_out),
    T(entries_are_listed_as_they_were_written),
    T(whatever_is_written_into_the_log_is_read_back_and_nothing_else),
    T(what_is_no_entry_of_this_program_is_told_as_such), T(a_leaf_is_found_wherever_it_is),
    T(an_access_that_fails_leaves_no_entry), T(a_changed_or_removed_entry_is_found),
    T(the_log_of_more_than_a_page_is_verified_to_its_end), T(the_index_is_told_of_what_is_in_the_log_alone),
    T(a_filter_passes_what_has_all_that_it_asks_for), T(a_search_goes_back_in_time_page_by_page),
    T(an_entry_is_told_with_what_proves_it_or_as_bytes_that_say_nothing))
