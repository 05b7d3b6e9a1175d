/* What the study's lists cost: each a fixed number of statements and, on PostgreSQL, of round trips, whether two rows
 * are shown or a hundred; and none of them reads a table from end to end, asked of each database over a study of ten
 * thousand people, behind the gate of the role that asks. */
#include "test.h"

#include <stdio.h>

#include "audit/search.h"
#include "base/metric.h"
#include "study_house.h"
#include "study/consent.h"
#include "study/document.h"
#include "study/history.h"
#include "study/installation.h"
#include "study/patient.h"
#include "study/ticket.h"

enum { PEOPLE = 103, ALL_PEOPLE = 10000 };

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {1}, .name = "dora"},
                     monitor = {.role = ROLE_MONITOR, .id = {2}, .name = "mia"},
                     installer = {.role = ROLE_INSTALLER, .id = {3}, .name = "ivo"};

/* --- what was asked, as whom, with what --- */

struct question {
    const char *sql, *gate;
    int n;
    char value[DB_MANY + 2][80]; /* as PostgreSQL writes them */
};
static struct question *asked[256];
static int asks;
static const char *gate_now = "";
static bool listening;

int __real_tx_rows_n(struct tx *, struct arena *, struct rows *, struct err *, const char *, const struct val *, int);
int __real_tx_ask_n(struct tx *, struct arena *, struct rows *, struct err *, const char *, const struct val *, int);
int __real_db_rows_n(struct db *, struct arena *, struct rows *, struct err *, const char *, const struct val *, int);
int __real_tx_gate(struct tx *, const struct gate *, const struct gate_actor *, struct err *);
int __real_tx_ungate(struct tx *, struct err *);
int __wrap_tx_rows_n(struct tx *, struct arena *, struct rows *, struct err *, const char *, const struct val *, int);
int __wrap_tx_ask_n(struct tx *, struct arena *, struct rows *, struct err *, const char *, const struct val *, int);
int __wrap_db_rows_n(struct db *, struct arena *, struct rows *, struct err *, const char *, const struct val *, int);
int __wrap_tx_gate(struct tx *, const struct gate *, const struct gate_actor *, struct err *);
int __wrap_tx_ungate(struct tx *, struct err *);

static void write_value(const struct val *v, char *to, size_t max)
{
    size_t n = 0;
    if (v->kind == VAL_NULL)
        snprintf(to, max, "NULL");
    else if (v->kind == VAL_INT)
        snprintf(to, max, "'%lld'::bigint", (long long)v->i);
    else if (v->kind == VAL_TEXT)
        snprintf(to, max, "'%.*s'", SLICE_FMT(v->s));
    else {
        n = (size_t)snprintf(to, max, "'\\x");
        for (size_t i = 0; i < v->s.n && n + 12 < max; i++)
            n += (size_t)snprintf(to + n, max - n, "%02x", (uint8_t)v->s.p[i]);
        snprintf(to + n, max - n, "'::bytea");
    }
}

static void note(const char *gate, const char *sql, const struct val *v, int n)
{
    for (int i = 0; i < asks; i++)
        if (asked[i]->sql == sql && asked[i]->gate == gate)
            return;
    if (!listening || asks == (int)COUNT(asked))
        return;
    struct question *q = asked[asks++] = calloc(1, sizeof *q);
    *q = (struct question){.sql = sql, .gate = gate, .n = n};
    for (int i = 0; i < n; i++)
        write_value(&v[1 + i], q->value[i], sizeof q->value[i]);
}
int __wrap_tx_rows_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                     const struct val *v, int n)
{
    note(gate_now, sql, v, n);
    return __real_tx_rows_n(tx, a, ret, e, sql, v, n);
}
int __wrap_tx_ask_n(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                    const struct val *v, int n)
{
    note(gate_now, sql, v, n);
    return __real_tx_ask_n(tx, a, ret, e, sql, v, n);
}
int __wrap_db_rows_n(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                     const struct val *v, int n)
{
    note("", sql, v, n);
    return __real_db_rows_n(db, a, ret, e, sql, v, n);
}
int __wrap_tx_gate(struct tx *tx, const struct gate *gate, const struct gate_actor *who, struct err *e)
{
    gate_now = gate->name;
    return __real_tx_gate(tx, gate, who, e);
}
int __wrap_tx_ungate(struct tx *tx, struct err *e)
{
    gate_now = "";
    return __real_tx_ungate(tx, e);
}

/* --- the study --- */

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = c->name, .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

static int64_t anna, her_ticket; /* who has all there can be of, as the doctor and the installer know it */

static int64_t enrolled(struct arena *a, int nth)
{
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act(&doctor);
    const char *text = arena_printf(
        a,
        "{\"first_name\":\"Nome%d\",\"last_name\":\"Provvisorio\",\"codice_fiscale\":\"STP%013d\",\"neuro_diag\":"
        "\"MCI\",\"medical_notes\":\"first\",\"date_join\":\"2026-04-%02d\",\"home_address\":\"Via 1\"}",
        nth, nth, 1 + nth % 28);
    CHECK_INT(patient_form(slice_of(text), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    return got.id;
}

static void consents(struct arena *a, int64_t id)
{
    static const char text[] =
        "{\"version\":\"1\",\"signed_at\":\"2026-03-01\",\"purposes\":[\"treatment\",\"monitoring\",\"research\"]}";
    struct err e = {0};
    struct json j;
    struct json_fault where;
    struct consent c, got;
    const char *field = NULL, *fault;
    struct audit_entry audit = act(&doctor);
    CHECK_OK(json_parse(a, slice_of(text), &j, &where));
    if ((fault = consent_form(&j, a, &c, &field)) != NULL)
        fail_msg("%s: %s", field ? field : "", fault);
    CHECK_INT(consent_record(&study, &doctor, id, &c, &(struct study_revs){.n = 0}, &audit, a, &got, &e), 1);
}

/* Every ticket there is, taken, newest first. */
static void take_all(struct arena *a)
{
    struct err e;
    struct audit_entry audit = act(&installer);
    struct ticket_filter f = {.state = -1, .limit = TICKETS_PAGE};
    struct ticket_page page;
    struct ticket t;
    static const struct study_revs any;
    do {
        CHECK_OK(ticket_list(&study, &installer, &f, &audit, a, &page, &e));
        for (int i = 0; i < page.n; i++)
            CHECK_OK(ticket_do(&study, &installer, page.ticket[i].id, DEED_TAKE, (struct slice){NULL, 0}, &any, &audit,
                               a, &t, NULL, &e));
    } while ((f.after = page.next));
    her_ticket = study_house_ticket(&h, &installer, false);
}

/* Of the first one: what a list below her can hold. */
static void add_to_anna(struct arena *a, int i)
{
    static const struct study_revs any;
    struct err e;
    struct audit_entry audit = act(&installer);
    struct ticket_entry said;
    struct ticket t;
    struct document d;
    struct document_upload *u;
    struct version v;
    CHECK_OK(ticket_do(&study, &installer, her_ticket, DEED_SAY, SLICE("a message"), &any, &audit, a, &t, &said, &e));
    const struct document_new n = {.installation = t.patient_id, .title = SLICE("a.txt"), .type = DOCUMENT_TEXT};
    CHECK_OK(document_begin(&study, &installer, &n, &audit, a, &u, &e));
    CHECK_OK(document_write(u, SLICE("text"), &e));
    CHECK_OK(document_finish(u, SLICE("home map"), &d, &e));
    const struct screening_form form = {.neuro_diag = slice_of(arena_printf(a, "MCI %d", i))};
    CHECK_INT(screening_add(&study, &doctor, anna, &form, &audit, a, &v, &e), 1);
    if (i < CONTACTS_MAX) {
        struct contact c = {0}, got;
        c.value[0] = slice_of(arena_printf(a, "c%d", i));
        CHECK_INT(contact_add(&study, &doctor, anna, &c, &audit, a, &got, &e), 1);
    }
}

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &monitor, &installer};
    (void)state;
    study_house_build(&h, &study, all, COUNT(all));
    for (int i = 0; i < PEOPLE; i++) {
        OWN_ARENA struct arena *a = arena_new(2 << 20);
        int64_t id = enrolled(a, i);
        anna = anna ? anna : id;
        consents(a, id);
    }
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    take_all(a);
    for (int i = 0; i < PEOPLE; i++) {
        OWN_ARENA struct arena *b = arena_new(4 << 20);
        add_to_anna(b, i);
    }
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    study_house_raze(&h, &study);
    while (asks)
        free(asked[--asks]);
    return 0;
}

/* --- the lists --- */

static int n_shown; /* by the list that was asked for last */
static int64_t n_all;

#define LIST(name, page_type, call)                                                                                    \
    static int name(const struct caller *c, int limit, const struct audit_entry *audit, struct arena *a,               \
                    struct err *e)                                                                                     \
    {                                                                                                                  \
        struct page_type page = {0};                                                                                   \
        int rc = call;                                                                                                 \
        n_shown = page.n;                                                                                              \
        n_all = page.all;                                                                                              \
        return rc < 0 ? -1 : 0;                                                                                        \
    }
#define PATIENTS(...) patient_list(&study, c, &(struct patient_query){.limit = limit, __VA_ARGS__}, audit, a, &page, e)
LIST(patients, patient_page, PATIENTS(.sort = PATIENTS_NEWEST_FIRST))
LIST(patients_oldest, patient_page, PATIENTS(.sort = PATIENTS_OLDEST_FIRST))
LIST(patients_there, patient_page, PATIENTS(.who = PATIENTS_PRESENT))
LIST(patients_named, patient_page, PATIENTS(.sort = PATIENTS_BY_NAME))
LIST(patients_found, patient_page, PATIENTS(.name = SLICE("nome")))
LIST(installations, installation_page, installation_list(&study, c, -1, 0, limit, audit, a, &page, e))
LIST(homes_opening, installation_page,
     installation_list(&study, c, INSTALLATION_OPENING, 0, limit, audit, a, &page, e))
LIST(tickets, ticket_page,
     ticket_list(&study, c, &(struct ticket_filter){.state = -1, .limit = limit}, audit, a, &page, e))
LIST(tickets_open, ticket_page,
     ticket_list(&study, c, &(struct ticket_filter){.state = TICKET_OPEN, .limit = limit}, audit, a, &page, e))
LIST(messages, ticket_entries, ticket_messages(&study, c, her_ticket, 0, limit, audit, a, &page, e))
LIST(screenings, version_page, history_list(&study, c, HISTORY_SCREENINGS, anna, 0, limit, audit, a, &page, e))
LIST(notes, version_page, history_list(&study, c, HISTORY_NOTES, anna, 0, limit, audit, a, &page, e))
LIST(screenings_newest, version_page, history_newest(&study, c, 0, limit, audit, a, &page, e))
LIST(documents, document_page, document_list(&study, c, anna, 0, limit, audit, a, &page, e))

static int contacts(const struct caller *c, int limit, const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct contact_list page;
    int rc = contact_all(&study, c, anna, audit, a, &page, e);
    (void)limit;
    n_shown = rc > 0 ? page.n : 0;
    n_all = n_shown;
    return rc < 0 ? -1 : 0;
}

static int entries(const struct caller *c, int limit, const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct audit_page page;
    (void)c, (void)audit;
    if (audit_search(h.db, &(struct audit_filter){.most = limit}, a, &page, e))
        return -1;
    n_shown = page.n;
    n_all = page.n;
    return 0;
}

/* Statements on SQLite (with BEGIN, SAVEPOINT, RELEASE and COMMIT of the body) and on PostgreSQL (with the gate, in and
 * out), and round trips there, with the commit; of keys and names that are known. */
static const struct {
    const char *name;
    int (*list)(const struct caller *, int, const struct audit_entry *, struct arena *, struct err *);
    struct caller *who;
    int sqlite, postgres, trips;
    bool few; /* there are never more than a page */
} lists[] = {
    {"patients", patients, &doctor, 12, 10, 5},
    {"patients, the oldest first", patients_oldest, &doctor, 12, 10, 5},
    {"patients that are there", patients_there, &doctor, 12, 10, 5},
    {"patients by their names", patients_named, &doctor, 12, 10, 6},
    {"patients that are looked for", patients_found, &doctor, 12, 10, 6},
    {"contacts", contacts, &doctor, 13, 11, 9, true},
    {"screenings", screenings, &doctor, 12, 10, 7},
    {"notes", notes, &doctor, 12, 10, 7, true},
    {"newest screenings", screenings_newest, &monitor, 9, 8, 4},
    {"installations of a doctor", installations, &doctor, 11, 9, 5},
    {"installations of a monitor", installations, &monitor, 8, 6, 3},
    {"installations of an installer", installations, &installer, 8, 6, 3},
    {"homes of a status", homes_opening, &monitor, 8, 6, 4},
    {"tickets of a doctor", tickets, &doctor, 11, 9, 5},
    {"tickets of a monitor", tickets, &monitor, 9, 7, 3},
    {"tickets of an installer", tickets, &installer, 9, 7, 3},
    {"open tickets", tickets_open, &monitor, 9, 7, 3},
    {"messages", messages, &installer, 10, 8, 5},
    {"documents", documents, &doctor, 12, 10, 7},
    {"entries of the audit log", entries, &doctor, 1, 2, 2},
};

struct cost {
    int64_t statements, trips;
};

static struct cost cost_of(size_t i, int limit)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e = {0};
    struct audit_entry audit = act(lists[i].who);
    CHECK_OK(audit_index(h.db, &e)); /* what waits is not the list's */
    struct cost before = {metric_value[METRIC_STATEMENTS], metric_value[METRIC_TRIPS]};
    if (lists[i].list(lists[i].who, limit, &audit, a, &e))
        fail_msg("%s: %s", lists[i].name, e.detail);
    struct cost after = {metric_value[METRIC_STATEMENTS], metric_value[METRIC_TRIPS]};
    if (!lists[i].few)
        CHECK_INT(n_shown, limit);
    CHECK(n_all >= n_shown && n_shown > 0);
    return (struct cost){after.statements - before.statements, after.trips - before.trips};
}

TEST(a_list_costs_the_same_whatever_is_on_it)
{
    static const int limit[] = {2, 50, 100};
    int wrong = 0;
    for (size_t i = 0; i < COUNT(lists); i++)
        for (size_t k = 0; k < COUNT(limit); k++) {
            cost_of(i, limit[k]); /* keys and names are known from here on */
            struct cost is = cost_of(i, limit[k]);
            int statements = house_shared() ? lists[i].postgres : lists[i].sqlite,
                trips = house_shared() ? lists[i].trips : 0;
            if (is.statements != statements || is.trips != trips) {
                wrong++;
                print_message("# %s, %d of them: %d statements, %d trips\n", lists[i].name, limit[k],
                              (int)is.statements, (int)is.trips);
            }
        }
    CHECK_INT(wrong, 0);
}

/* --- how they are read --- */

/* Copies of what there is under other random keys, until there are ten thousand people: nobody could open them, but a
 * database plans by how many there are. */
static void copy_people(void)
{
    static const char *const copies[] = {
        /* @: a random key */
        "person (scope, id, rev, detail, fiscal_index, joined_on, left_on, contacts_rev, mark) SELECT scope, @, rev, "
        "detail, @, "
        "joined_on + i % 400, left_on, 0, mark FROM person, n",
        "patient_edge (scope, id, person_index, data_index, ends) SELECT scope, @, @, @, ends FROM patient_edge, n",
        "stream_edge (scope, id, stream_index, house_index, data_index, ends) SELECT scope, @, @, @, @, ends FROM "
        "stream_edge, n",
        "home_edge (scope, id, home_index, house_index, ends) SELECT scope, @, @, @, ends FROM home_edge, n",
        "alias (scope, holder, number, subject_index, subject) SELECT scope, holder, number + i * 7919, @, subject "
        "FROM alias, n",
        "installation (scope, house_nick, alias_index, rev, started_at, ended_at, sensors, sensors_rev, info, "
        "info_rev) SELECT "
        "scope, @, @, rev, started_at, ended_at, sensors, sensors_rev, info, info_rev FROM installation, n",
        "ticket (scope, id, house_nick, alias_index, category, state, rev, entries, opened_at, closed_at, last_at, "
        "last_role, installer_turn, monitor_turn) SELECT scope, @, @, @, category, state, rev, entries, opened_at + i, "
        "closed_at, last_at, last_role, installer_turn + i, monitor_turn + i FROM ticket, n",
        "ticket_entry (scope, id, ticket, number, kind, role, author, at, body) SELECT scope, @, @, number, kind, "
        "role, author, "
        "at, body FROM ticket_entry, n WHERE number = 1",
        "screening (scope, id, data_nick, rev, finding) SELECT scope, @, @, rev, finding FROM screening, n WHERE rev = "
        "1",
        "note (scope, id, person, rev, text) SELECT scope, @, @, rev, text FROM note, n",
        "consent (scope, id, data_nick, rev, state, purposes, sheet, since) SELECT scope, @, @, rev, state, purposes, "
        "sheet, "
        "since FROM consent, n",
        "contact (scope, id, person, rev, nth, entry) SELECT scope, @, @, rev, nth, entry FROM contact, n",
        "document (scope, id, house_nick, alias_index, file_key, head, card, author, author_role, created_at, "
        "monitor_turn) SELECT scope, @, @, @, file_key, head, card, author, author_role, created_at, monitor_turn + i "
        "FROM document, n",
        "subject_key (scope, subject, domain, id, wrapped, tag, created_at) SELECT scope, @, domain, id, wrapped, tag, "
        "created_at "
        "FROM subject_key, n",
    };
    char times[16];
    snprintf(times, sizeof times, "%d", ALL_PEOPLE / PEOPLE);
    for (size_t i = 0; i < COUNT(copies); i++) {
        char sql[2048];
        size_t n = (size_t)snprintf(
            sql, sizeof sql,
            house_shared() ? "WITH n AS (SELECT i FROM generate_series(1, %s) i) INSERT INTO "
                           : "PRAGMA foreign_keys=OFF;WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                             "WHERE i < %s) INSERT INTO ",
            times);
        for (const char *p = copies[i]; *p; p++)
            if (*p == '@')
                n += (size_t)snprintf(sql + n, sizeof sql - n, "%s",
                                      house_shared() ? "uuid_send(gen_random_uuid())" : "randomblob(16)");
            else
                sql[n++] = *p, sql[n] = 0;
        house_sql(&h, sql);
    }
    if (house_shared())
        PQclear(house_pg(h.db_path, "VACUUM ANALYZE"));
}

/* PostgreSQL's plan of a question, as the role that asked it, with what it was asked with. */
static void explain(PGconn *pg, const struct question *q, char *out, size_t max)
{
    char sql[16384], hex[33] = "";
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", h.scope[i]);
    n += (size_t)snprintf(sql, sizeof sql,
                          "BEGIN; SELECT set_config('lazaret.scope', '%s', true), set_config('lazaret.actor', "
                          "'%02x000000000000000000000000000000', true); %s%s; PREPARE q AS %s; EXPLAIN EXECUTE q%s",
                          hex, strcmp(q->gate, "installer") == 0 ? installer.id[0] : doctor.id[0],
                          *q->gate ? "SET LOCAL ROLE lazaret_" : "", q->gate, q->sql, q->n ? "(" : "");
    for (int i = 0; i < q->n; i++)
        n += (size_t)snprintf(sql + n, sizeof sql - n, "%s%s", i ? ", " : "", q->value[i]);
    snprintf(sql + n, sizeof sql - n, "%s", q->n ? ")" : "");
    PGresult *r = PQexec(pg, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", q->sql, PQerrorMessage(pg));
    n = 0;
    for (int i = 0; i < PQntuples(r); i++)
        n += (size_t)snprintf(out + n, max - n, "%s\n", PQgetvalue(r, i, 0));
    PQclear(r);
    PQclear(PQexec(pg, "ROLLBACK; DEALLOCATE ALL"));
}

static bool is_of_study(const char *sql)
{
    static const char *const tables[] = {
        "person",    "home",  "note",        "contact",      "screening", "consent",      "patient_edge", "stream_edge",
        "home_edge", "alias", "subject_key", "installation", "ticket",    "ticket_entry", "document",     "audit"};
    char from[64];
    bool ours = false;
    for (size_t t = 0; t < COUNT(tables); t++) {
        snprintf(from, sizeof from, "FROM %s ", tables[t]);
        ours |= strstr(sql, from) != NULL;
    }
    return ours && (strncmp(sql, "SELECT", 6) == 0 || strncmp(sql, "WITH fit AS", 11) == 0);
}

/* Of a plan, the step that should not be there; NULL: none. To count all there are is to look at each, in an index or
 * in the table, as PostgreSQL finds cheaper; SQLite has an index for each. */
static const char *bad_step(const char *plan, const char *sql)
{
    bool counts = strncmp(sql, "SELECT count(", 13) == 0;
    if (counts && house_shared())
        return NULL;
    if (strstr(plan, "Seq Scan"))
        return "a table from end to end";
    for (struct slice rest = slice_of(plan); rest.n;) {
        struct slice step = slice_trim(slice_cut(&rest, '\n'));
        if (slice_starts(step, "SCAN") && !slice_is(step, "SCAN fit") && !(counts && memmem(step.p, step.n, "COVERING INDEX", 14)))
            return "a table from end to end";
    }
    if ((strstr(plan, "Sort") || strstr(plan, "TEMP B-TREE")) && !strstr(sql, "count(") && !strstr(sql, "GROUP BY") &&
        !strstr(sql, "t.installer = $2") && !strstr(sql, "WITH fit AS"))
        return "a sort";
    return NULL;
}

TEST(no_list_reads_a_table_from_end_to_end)
{
    int looked = 0, wrong = 0;
    listening = true;
    for (size_t i = 0; i < COUNT(lists); i++)
        cost_of(i, 50);
    listening = false;
    copy_people();
    PGconn *pg = house_shared() ? PQconnectdb(h.db_path) : NULL;
    if (pg)
        PQclear(PQexec(pg, "SET random_page_cost = 1.1")); /* as the program has it */
    for (int i = 0; i < asks; i++) {
        char plan[8192];
        if (!is_of_study(asked[i]->sql))
            continue;
        looked++;
        if (pg)
            explain(pg, asked[i], plan, sizeof plan);
        else
            house_plan(&h, asked[i]->sql, plan, sizeof plan);
        const char *bad = bad_step(plan, asked[i]->sql);
        if (bad) {
            wrong++;
            print_message("# %s as '%s': %s\n%s\n", bad, asked[i]->gate, asked[i]->sql, plan);
        }
    }
    PQfinish(pg);
    CHECK(looked > 30);
    CHECK_INT(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_list_costs_the_same_whatever_is_on_it),
        T(no_list_reads_a_table_from_end_to_end),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
