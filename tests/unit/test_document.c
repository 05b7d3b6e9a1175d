#include "test.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "crypto/chunked.h"
#include "study_house.h"
#include "policy/policy.h"
#include "study/document.h"
#include "study/house_int.h"
#include "study/patient.h"
#include "study/ticket.h"

enum { PIECE = 16 * CHUNK_TEXT };

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}}, monitor = {.role = ROLE_MONITOR, .id = {8}},
                     installer = {.role = ROLE_INSTALLER, .id = {9}}, other = {.role = ROLE_INSTALLER, .id = {10}},
                     researcher = {.role = ROLE_RESEARCHER, .id = {11}};

/* A home with sensors, as each of the roles calls it, and its first ticket, as installers call that. */
struct site {
    int64_t doctors, installers, monitors, ticket;
    uint8_t house[16];
};
static struct site one, two;

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){.scope = h.scope, .actor = "somebody", .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

/* --- a home that is given --- */

static int find_house(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct site *x = arg;
    return house_find(tx, &study, &doctor, x->doctors, a, x->house, e) == 1 ? 0 : -1;
}

static struct ticket newest(struct arena *a, const struct caller *c)
{
    struct err e;
    struct audit_entry audit = act(c);
    struct ticket_entries history;
    struct ticket t;
    CHECK_INT(ticket_read(&study, c, study_house_ticket(&h, c, true), &audit, a, &t, &history, &e), 1);
    return t;
}

static void does(const struct caller *c, const struct site *p, enum ticket_deed deed)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    struct audit_entry audit = act(c);
    static const struct study_revs any;
    struct ticket t;
    CHECK_OK(ticket_do(&study, c, p->ticket, deed, (struct slice){NULL, 0}, &any, &audit, a, &t, NULL, &e));
}

static struct site enrolled(const char *code, const struct caller *takes)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act(&doctor);
    const char *form = arena_printf(a, "{\"first_name\":\"N\",\"last_name\":\"Provvisorio\",\"codice_fiscale\":\"%s\"}", code);
    CHECK_INT(patient_form(slice_of(form), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    struct ticket t = newest(a, takes);
    struct site x = {got.id, t.patient_id, newest(a, &monitor).patient_id, t.id, {0}};
    CHECK_OK(tx_run(h.db, find_house, &x, &e));
    does(takes, &x, DEED_TAKE);
    return x;
}

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &monitor, &installer, &other, &researcher};
    (void)state;
    study_house_build(&h, &study, all, COUNT(all));
    one = enrolled("STP1234567890123", &installer);
    two = enrolled("ENI1234567890123", &other);
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    study_house_raze(&h, &study);
    return 0;
}

/* --- documents --- */

static char text_at(size_t i)
{
    static const char first[] = "%PDF-1.7\n";
    return i < sizeof first - 1 ? first[i] : (char)(i * 31 + i / 4093);
}

static char *text_of(struct arena *a, size_t n)
{
    char *p = arena_take(a, n + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = text_at(i);
    return p;
}

static struct document_upload *begun(struct arena *a, const struct caller *c, int64_t installation)
{
    struct err e;
    struct audit_entry audit = act(c);
    struct document_upload *u = NULL;
    struct document_new n = {.installation = installation, .title = SLICE("plan.pdf"), .type = DOCUMENT_PDF};
    CHECK_OK(document_begin(&study, c, &n, &audit, a, &u, &e));
    return u;
}

/* Sends n bytes, pieces of them, and tells what came of it. */
static struct document sent(struct arena *a, const struct caller *c, int64_t installation, size_t n, size_t piece)
{
    struct err e;
    struct document d;
    struct document_upload *u = begun(a, c, installation);
    char *text = text_of(a, n);
    for (size_t at = 0; at < n; at += piece)
        CHECK_OK(document_write(u, (struct slice){text + at, n - at < piece ? n - at : piece}, &e));
    CHECK_OK(document_finish(u, SLICE("home map"), &d, &e));
    return d;
}

/* How much of it came before the end or an error, whose code is *ret (ERR_NONE: it was whole). */
static size_t read_on(struct document_reading *r, size_t at, enum err_code *ret)
{
    struct err e = {.code = ERR_NONE};
    struct slice piece;
    int more;
    while ((more = document_next(r, &piece, &e)) > 0)
        for (size_t i = 0; i < piece.n; i++, at++)
            if (piece.p[i] != text_at(at))
                fail_msg("another byte at %zu", at);
    *ret = more < 0 ? e.code : ERR_NONE;
    return at;
}

static size_t read_all(const struct caller *c, int64_t id, enum err_code *ret)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct document d;
    struct document_reading *r = NULL;
    struct audit_entry audit = act(c);
    int found = document_open(&study, c, id, &audit, a, &d, &r, &e);
    *ret = found < 0 ? e.code : ERR_NOT_FOUND;
    if (found <= 0)
        return 0;
    size_t n = read_on(r, 0, ret);
    document_close(r);
    return n;
}

static int64_t rows(const char *table)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return house_number(&h, sql);
}

static int64_t entries(void)
{
    struct err e;
    int64_t n;
    CHECK_OK(audit_index(h.db, &e));
    CHECK_OK(audit_count(h.db, &n, &e));
    return n;
}

TEST(what_was_sent_is_read_whatever_its_length)
{
    static const size_t size[] = {8, 100, CHUNK_TEXT - 1, CHUNK_TEXT, CHUNK_TEXT + 1, PIECE - 1, PIECE, PIECE + 1, 4 * PIECE + 12345};
    static const size_t piece[] = {1 << 20, 7777, 32768};
    for (size_t i = 0; i < COUNT(size); i++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        enum err_code code;
        int64_t before = entries();
        struct document d = sent(a, &installer, one.installers, size[i], piece[i % 3]);
        CHECK_INT(entries(), before + 1);
        CHECK_INT(d.size, size[i]);
        CHECK_SLICE(d.title, "plan.pdf");
        CHECK_SLICE(d.kind, "home map");
        CHECK(d.id > 0 && d.id < INT64_C(1) << 52);
        CHECK_INT(read_all(&installer, d.id, &code), size[i]);
        CHECK_INT(code, ERR_NONE);
        CHECK_INT(entries(), before + 2);
    }
}

static struct document_page listed(struct arena *a, const struct caller *c, int64_t installation, int64_t after, int limit)
{
    struct err e;
    struct audit_entry audit = act(c);
    struct document_page page;
    if (document_list(&study, c, installation, after, limit, &audit, a, &page, &e) != 1)
        fail_msg("no list");
    return page;
}

TEST(each_role_sees_documents_under_its_own_numbers_and_no_more_than_its_view)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    enum err_code code;
    struct document d = sent(a, &installer, one.installers, 3000, 3000), second = sent(a, &installer, one.installers, 5000, 5000);
    struct document_page mine = listed(a, &installer, one.installers, 0, 100), doctors = listed(a, &doctor, one.doctors, 0, 100),
                         monitors = listed(a, &monitor, one.monitors, 0, 100);
    CHECK(mine.n >= 2 && mine.n == doctors.n && mine.n == monitors.n && mine.all == mine.n && monitors.all == mine.n);
    const struct document *i = &mine.document[mine.n - 2], *by_doctor = &doctors.document[mine.n - 2], *m = &monitors.document[0];
    for (int k = 0; k < monitors.n; k++) { /* in an order of their own: of one day, that of their numbers */
        CHECK(!k || monitors.document[k - 1].id < monitors.document[k].id);
        if (monitors.document[k].size == 4096)
            m = &monitors.document[k];
    }
    CHECK_INT(i->id, d.id);
    CHECK_INT(mine.document[mine.n - 1].id, second.id);
    CHECK(i->id != by_doctor->id && i->id != m->id && by_doctor->id != m->id);
    CHECK_SLICE(i->author, "installer");
    CHECK_SLICE(by_doctor->author, "installer");
    CHECK_INT(by_doctor->size, 3000);
    CHECK_INT(by_doctor->created_at, d.created_at);
    CHECK(!m->author.p); /* not shown; and what is, tells no house by its figures */
    CHECK(!m->title.p);
    CHECK_INT(m->size, 4096);
    CHECK_INT(m->created_at % INT64_C(86400000000), 0);
    CHECK_INT(read_all(&doctor, by_doctor->id, &code), 3000);
    CHECK_INT(read_all(&monitor, m->id, &code), 0);
    CHECK_INT(code, ERR_NOT_ALLOWED);
    CHECK_INT(read_all(&doctor, i->id, &code), 0); /* another role's number says nothing */
    CHECK_INT(code, ERR_NOT_FOUND);
    /* page by page */
    struct document_page first = listed(a, &installer, one.installers, 0, 1), next = listed(a, &installer, one.installers, first.next, 1);
    CHECK_INT(first.next, first.document[0].id);
    CHECK_INT(next.document[0].id, mine.document[1].id);
    CHECK_INT(listed(a, &installer, one.installers, second.id, 1).n, 0);
}

TEST(an_installation_that_is_not_ones_own_is_not_there)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct document d = sent(a, &installer, one.installers, 100, 100);
    struct document_new n = {.title = SLICE("plan.pdf"), .type = DOCUMENT_PDF};
    const struct {
        struct caller *c;
        int64_t installation;
        enum err_code sends;
        bool lists;
    } row[] = {
        {&installer, one.installers, ERR_NONE, true},      {&installer, two.installers, ERR_NOT_FOUND, false},
        {&other, one.installers, ERR_NOT_FOUND, false},    {&installer, one.doctors, ERR_NOT_FOUND, false},
        {&installer, 12345, ERR_NOT_FOUND, false},         {&doctor, one.doctors, ERR_NOT_ALLOWED, true},
        {&monitor, one.monitors, ERR_NOT_ALLOWED, true},   {&researcher, one.monitors, ERR_NOT_FOUND, false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct audit_entry audit = act(row[i].c);
        struct document_upload *u = NULL;
        struct document_page page;
        int64_t before = entries();
        n.installation = row[i].installation;
        int rc = document_begin(&study, row[i].c, &n, &audit, a, &u, &e);
        if ((rc ? e.code : ERR_NONE) != row[i].sends)
            fail_msg("%zu: %s", i, err_name(rc ? e.code : ERR_NONE));
        if (row[i].sends == ERR_NOT_FOUND)
            CHECK_INT(entries(), before + 1); /* that somebody tried is an entry */
        document_abandon(u);
        CHECK_INT(document_list(&study, row[i].c, row[i].installation, 0, 10, &audit, a, &page, &e), row[i].lists);
    }
    enum err_code code;
    struct audit_entry audit = act(&other);
    CHECK_INT(read_all(&other, d.id, &code), 0); /* of one role, not of their home */
    CHECK_INT(code, ERR_NOT_FOUND);
    CHECK_INT(document_remove(&study, &other, d.id, &(struct study_revs){.n = 0}, &audit, a, &e), 0);
    struct document_page doctors = listed(a, &doctor, one.doctors, 0, 100);
    CHECK_INT(document_remove(&study, &doctor, doctors.document[0].id, &(struct study_revs){.n = 0}, &audit, a, &e), -1);
    CHECK_INT(read_all(&installer, d.id, &code), 100);
    does(&installer, &one, DEED_CLOSE); /* it was given to them all the same */
    CHECK_INT(read_all(&installer, d.id, &code), 100);
    does(&installer, &one, DEED_REOPEN);
    does(&installer, &one, DEED_RELEASE);
    CHECK_INT(read_all(&installer, d.id, &code), 0);
    CHECK_INT(code, ERR_NOT_FOUND);
    does(&installer, &one, DEED_TAKE);
    CHECK_INT(read_all(&installer, d.id, &code), 100);
}

TEST(a_home_that_is_given_back_while_its_document_comes_gets_none)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct document d;
    int64_t documents = rows("document"), pieces = rows("document_piece"), names = rows("alias");
    struct document_upload *u = begun(a, &installer, one.installers);
    CHECK_OK(document_write(u, (struct slice){text_of(a, PIECE + 5), PIECE + 5}, &e));
    CHECK_INT(rows("document_piece"), pieces + 1);
    does(&installer, &one, DEED_RELEASE);
    CHECK_INT(document_finish(u, SLICE("map"), &d, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    document_abandon(u);
    does(&installer, &one, DEED_TAKE);
    CHECK_INT(rows("document"), documents);
    CHECK_INT(rows("document_piece"), pieces);
    CHECK_INT(rows("alias"), names);
}

TEST(what_is_not_what_it_was_said_to_be_is_refused_and_leaves_nothing)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct document d;
    int64_t documents = rows("document"), pieces = rows("document_piece");
    struct document_upload *u = begun(a, &installer, one.installers);
    CHECK_INT(document_write(u, SLICE("PK\3\4"), &e), -1);
    CHECK_INT(e.code, ERR_MEDIA_TYPE);
    CHECK(strstr(e.detail, "ZIP") != NULL);
    document_abandon(u);
    u = begun(a, &installer, one.installers);
    CHECK_INT(document_finish(u, SLICE("map"), &d, &e), -1); /* empty */
    CHECK_INT(e.code, ERR_MEDIA_TYPE);
    document_abandon(u);
    CHECK_INT(rows("document"), documents);
    CHECK_INT(rows("document_piece"), pieces);
}

TEST(an_upload_that_broke_off_is_seen_by_nobody_and_swept_when_its_lease_is_over)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    int gone;
    int64_t documents = rows("document"), pieces = rows("document_piece");
    struct document_upload *u = begun(a, &installer, one.installers);
    CHECK_OK(document_write(u, (struct slice){text_of(a, 20 * PIECE / 16), 20 * PIECE / 16}, &e));
    int64_t all = listed(a, &installer, one.installers, 0, 100).all;
    CHECK_INT(rows("document"), documents + 1);
    CHECK_OK(document_sweep(&study, clock_steady_us(), &gone, &e));
    CHECK_INT(gone, 0);
    CHECK_INT(rows("document"), documents + 1);
    CHECK_INT(listed(a, &installer, one.installers, 0, 100).all, all);
    CHECK_OK(document_sweep(&study, clock_steady_us() + DOCUMENT_LEASE_US + 1000000, &gone, &e));
    CHECK_INT(gone, 1);
    CHECK_INT(rows("document"), documents);
    CHECK_INT(rows("document_piece"), pieces);
    /* whoever comes back finds that it is over */
    CHECK_INT(document_write(u, (struct slice){text_of(a, PIECE), PIECE}, &e), -1);
    CHECK_INT(e.code, ERR_GONE);
    document_abandon(u);
    /* after a start of the only process there is, nothing is coming any more */
    u = begun(a, &installer, one.installers);
    CHECK_OK(document_recover(&study, &e));
    CHECK_OK(document_sweep(&study, clock_steady_us(), &gone, &e));
    CHECK_INT(gone, 1);
    CHECK_INT(rows("document"), documents);
}

TEST(what_was_removed_is_gone_also_for_who_is_reading_it)
{
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    struct err e;
    enum err_code code;
    struct slice piece;
    struct audit_entry audit = act(&installer);
    int64_t documents = rows("document"), pieces = rows("document_piece"), names = rows("alias");
    struct document got, d = sent(a, &installer, one.installers, 40 * PIECE / 16 + 100, 1 << 20);
    struct document_reading *r = NULL;
    CHECK_INT(rows("alias"), names + 4);
    CHECK_INT(document_open(&study, &installer, d.id, &audit, a, &got, &r, &e), 1);
    CHECK_INT(document_next(r, &piece, &e), 1);
    int64_t before = entries();
    CHECK_INT(document_remove(&study, &installer, d.id, &(struct study_revs){.n = 0}, &audit, a, &e), 1);
    CHECK_INT(entries(), before + 1);
    CHECK_INT(read_on(r, piece.n, &code), piece.n);
    CHECK_INT(code, ERR_GONE);
    document_close(r);
    /* from the moment on that its key is gone, though its pieces are there still */
    struct document another = sent(a, &installer, one.installers, 2 * PIECE, 1 << 20);
    CHECK_INT(document_open(&study, &installer, another.id, &audit, a, &got, &r, &e), 1);
    CHECK_INT(document_next(r, &piece, &e), 1);
    house_sql(&h, "UPDATE document SET lease_until = 0 WHERE created_at = (SELECT max(created_at) FROM document)");
    CHECK_INT(read_on(r, piece.n, &code), piece.n);
    CHECK_INT(code, ERR_GONE);
    document_close(r);
    int gone;
    CHECK_OK(document_sweep(&study, clock_steady_us(), &gone, &e));
    CHECK_INT(gone, 1);
    CHECK_INT(document_remove(&study, &installer, d.id, &(struct study_revs){.n = 0}, &audit, a, &e), 0);
    CHECK_INT(read_all(&installer, d.id, &code), 0);
    CHECK_INT(rows("document"), documents);
    CHECK_INT(rows("document_piece"), pieces);
    CHECK_INT(rows("alias"), names);
}

/* What one can do who has the file in his hands. Of this document, and of another one of the same house; snprintf fills
 * in when they were made. */
#define THIS  "(SELECT id FROM document WHERE created_at = %1$lld)"
#define OTHER "(SELECT id FROM document WHERE created_at = %2$lld)"
#define TAKE_PIECES(number)                                                                                            \
    "INSERT INTO document_piece (scope, document, number, sealed) SELECT p.scope, " THIS ", " number ", p.sealed "     \
    "FROM document_piece p WHERE p.number = " number " AND p.document = " OTHER
#define TAKE_COLUMN(name)                                                                                              \
    "UPDATE document SET " name " = (SELECT " name " FROM document WHERE created_at = %2$lld) WHERE created_at = %1$lld"

TEST(pieces_that_were_changed_moved_or_cut_off_are_not_given_out)
{
    static const struct {
        const char *what, *sql;
        enum err_code code;
        size_t read;
    } row[] = {
        {"exchanged",
         "UPDATE document_piece SET number = 100 WHERE number = 0 AND document = " THIS
         "; UPDATE document_piece SET number = 0 WHERE number = 1 AND document = " THIS
         "; UPDATE document_piece SET number = 1 WHERE number = 100 AND document = " THIS,
         ERR_KEYS, 0},
        {"another document's", "DELETE FROM document_piece WHERE number = 1 AND document = " THIS "; " TAKE_PIECES("1"), ERR_KEYS,
         PIECE},
        {"all of another's", "DELETE FROM document_piece WHERE document = " THIS "; " TAKE_PIECES("p.number"), ERR_KEYS, 0},
        {"cut off", "DELETE FROM document_piece WHERE number = 2 AND document = " THIS, ERR_GONE, 2 * PIECE},
        {"shortened", "UPDATE document_piece SET sealed = substr(sealed, 1, 16400) WHERE number = 1 AND document = " THIS, ERR_KEYS,
         PIECE + CHUNK_TEXT},
        {"emptied", "UPDATE document_piece SET sealed = substr(sealed, 1, 0) WHERE number = 1 AND document = " THIS, ERR_KEYS, PIECE},
        {"another's key", TAKE_COLUMN("file_key"), ERR_KEYS, 0},
        {"another's head", TAKE_COLUMN("head"), ERR_KEYS, 0},
        {"another's card", TAKE_COLUMN("card"), ERR_KEYS, 0},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(32 << 20);
        char sql[2048];
        enum err_code code;
        struct document d = sent(a, &installer, one.installers, 2 * PIECE + 777, 1 << 20);
        struct document another = sent(a, &installer, one.installers, 2 * PIECE + 777, 1 << 20);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(sql, sizeof sql, row[i].sql, (long long)d.created_at, (long long)another.created_at);
#pragma GCC diagnostic pop
        house_sql(&h, sql);
        size_t n = read_all(&installer, d.id, &code);
        if (code != row[i].code || n != row[i].read)
            fail_msg("%s: %s after %zu bytes", row[i].what, err_name(code), n);
        CHECK_INT(read_all(&installer, another.id, &code), 2 * PIECE + 777);
        struct progress p = {0};
        struct err e = {0};
        int64_t good = 0;
        CHECK_INT(document_check_sealed(&study, &p, &good, &e), -1);
        CHECK_INT(e.code, ERR_STORE);
        struct audit_entry audit = act(&installer);
        CHECK_INT(document_remove(&study, &installer, d.id, &(struct study_revs){.n = 0}, &audit, a, &e), 1);
        CHECK_OK(document_check_sealed(&study, &p, &good, &e));
        CHECK(good > 0);
    }
}

static void *send_one(void *arg)
{
    struct arena *a = arena_new(8 << 20);
    *(int64_t *)arg = sent(a, &other, two.installers, 1000, 1000).id;
    arena_free(a);
    arena_thread_end();
    return NULL;
}

TEST(the_first_documents_of_a_house_may_come_at_once)
{
    pthread_t thread[6];
    int64_t id[6] = {0};
    enum err_code code;
    for (int i = 0; i < 6; i++)
        CHECK_INT(pthread_create(&thread[i], NULL, send_one, &id[i]), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 6; i++)
        CHECK_INT(read_all(&other, id[i], &code), 1000);
}

static int erase(struct tx *tx, void *arg, struct err *e)
{
    return house_erase(tx, &study, arg, e) < 0 ? -1 : 0;
}

static int destroy(struct tx *tx, void *arg, struct err *e)
{
    return keyring_subject_destroy(tx, study.scope, arg, e) < 0 ? -1 : 0;
}

TEST(of_a_house_that_is_erased_no_document_is_left_nor_one_that_is_coming)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct document d;
    enum err_code code;
    int gone;
    int64_t documents = rows("document"), pieces = rows("document_piece"), names = rows("alias");
    struct site three = enrolled("STP1234567890124", &installer);
    int64_t of_homes = rows("alias") - names - 4; /* without its ticket's */
    sent(a, &installer, three.installers, 1000, 1000);
    struct document_upload *u = begun(a, &installer, three.installers);
    CHECK_OK(document_write(u, (struct slice){text_of(a, PIECE + 5), PIECE + 5}, &e));
    CHECK_OK(tx_run(h.db, erase, three.house, &e));
    CHECK_INT(document_finish(u, SLICE("map"), &d, &e), -1);
    document_abandon(u);
    CHECK_OK(document_sweep(&study, clock_steady_us(), &gone, &e));
    CHECK_INT(rows("document"), documents);
    CHECK_INT(rows("document_piece"), pieces);
    CHECK_INT(rows("alias"), names + of_homes);
    struct document stays = sent(a, &installer, one.installers, 100, 100);
    CHECK_INT(read_all(&installer, stays.id, &code), 100);
}

struct beginning {
    int64_t installation;
    enum err_code code;
};

static void begin_in(struct beginning *b)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e = {.code = ERR_NONE};
    struct audit_entry audit = act(&installer);
    struct document_upload *u = NULL;
    struct document_new n = {.installation = b->installation, .title = SLICE("plan.pdf"), .type = DOCUMENT_PDF};
    document_begin(&study, &installer, &n, &audit, a, &u, &e);
    b->code = e.code;
    document_abandon(u);
}

static void *begin_one(void *arg)
{
    begin_in(arg);
    arena_thread_end();
    return NULL;
}

TEST(of_a_house_that_is_erased_at_the_same_moment_no_document_is_begun)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    char sql[300], hex[33];
    if (!house_shared())
        return;
    struct site four = enrolled("STP1234567890125", &installer);
    sent(a, &installer, four.installers, 100, 100);
    struct beginning b = {.installation = four.installers};
    int64_t documents = rows("document");
    hex_encode(four.house, 16, hex);
    snprintf(sql, sizeof sql,
             "DELETE FROM installation WHERE house_nick = x'%s'; UPDATE document SET lease_until = 0 WHERE house_nick = x'%s';", hex, hex);
    CHECK(house_beside(&h, sql, begin_one, &b));
    CHECK_INT(b.code, ERR_NOT_FOUND);
    CHECK_INT(rows("document"), documents);
}

/* The last test: it forgets the house. */
TEST(with_the_houses_keys_its_documents_are_gone)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    enum err_code code;
    struct document d = sent(a, &other, two.installers, 1000, 1000);
    CHECK_OK(tx_run(h.db, destroy, two.house, &e));
    keyring_subject_forget(h.keyring, study.scope, two.house);
    CHECK_INT(read_all(&other, d.id, &code), 0);
    CHECK_INT(code, ERR_GONE);
    struct document_upload *u = NULL;
    struct audit_entry audit = act(&other);
    struct document_new n = {.installation = two.installers, .title = SLICE("plan.pdf"), .type = DOCUMENT_PDF};
    CHECK_INT(document_begin(&study, &other, &n, &audit, a, &u, &e), -1);
    CHECK_INT(e.code, ERR_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_sent_is_read_whatever_its_length),
        T(each_role_sees_documents_under_its_own_numbers_and_no_more_than_its_view),
        T(an_installation_that_is_not_ones_own_is_not_there),
        T(a_home_that_is_given_back_while_its_document_comes_gets_none),
        T(what_is_not_what_it_was_said_to_be_is_refused_and_leaves_nothing),
        T(an_upload_that_broke_off_is_seen_by_nobody_and_swept_when_its_lease_is_over),
        T(what_was_removed_is_gone_also_for_who_is_reading_it),
        T(pieces_that_were_changed_moved_or_cut_off_are_not_given_out),
        T(the_first_documents_of_a_house_may_come_at_once),
        T(of_a_house_that_is_erased_no_document_is_left_nor_one_that_is_coming),
        T(of_a_house_that_is_erased_at_the_same_moment_no_document_is_begun),
        T(with_the_houses_keys_its_documents_are_gone),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
