#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/rnd.h"
#include "house.h"
#include "policy/policy.h"

static struct house h;
static uint8_t somebody[16] = {7}, installer[16] = {8}, other_scope[16] = {9};

/* Statements are kept by their address: these live as long as the program. */
static const char *kept(const char *sql)
{
    static char *all[1024];
    static int n;
    for (int i = 0; i < n; i++)
        if (strcmp(all[i], sql) == 0)
            return all[i];
    assert_true(n < 1024);
    return all[n++] = strdup(sql);
}

struct probe {
    enum role role;
    const uint8_t *scope, *actor;
    const char *sql;
    int rows;
};

/* The statement alone, behind the gate; undone, so that the next one finds the same. */
static int body(struct tx *tx, void *arg, struct err *e)
{
    struct probe *p = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r = {0};
    const struct gate_actor who = {p->scope, p->actor};
    assert_non_null(policy_gate(p->role));
    if (tx_gate(tx, policy_gate(p->role), &who, e))
        return -1;
    p->rows = strstr(p->sql, "$1") ? tx_rows(tx, a, &r, e, p->sql, V_ID(p->scope)) : tx_rows(tx, a, &r, e, p->sql);
    return p->rows < 0 ? -1 : err_set(e, ERR_BUSY, "undo");
}

/* The number of rows; -1 when the gate stopped it. A key that is not there is found behind the gate. Anything else is a
 * mistake of the test. $1 stands for the scope. */
static int behind(enum role role, const char *sql)
{
    struct err e = {0};
    struct probe p = {
        .role = role, .scope = h.scope, .actor = role == ROLE_INSTALLER ? installer : somebody, .sql = kept(sql)};
    CHECK_INT(tx_run(h.db, body, &p, &e), -1);
    if (e.code == ERR_BUSY)
        return p.rows;
    if (e.code == ERR_CONFLICT)
        return 0;
    if (e.code != ERR_GATE)
        fail_msg("%s as %s: %s (%s)", sql, role_name(role), e.detail, err_name(e.code));
    return -1;
}

static int open_house(void **state)
{
    struct err e;
    const struct gate *gate[ROLE_COUNT];
    char sql[4096];
    (void)state;
    house_build(&h);
    int n = policy_gates(gate);
    CHECK_OK(gate_install(h.db, gate, n, &e));
    CHECK_OK(gate_install(h.db, gate, n, &e)); /* again: nothing to do */
    snprintf(sql, sizeof sql,
             "INSERT INTO scope (id, kind, name, created_at) VALUES (CAST(x'09' || zeroblob(15) AS BLOB), 'study', "
             "'other', 0);"
             "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) SELECT id, CAST(x'08' || "
             "zeroblob(15) AS BLOB), x'00', "
             "x'00', 'active', 0, 0 FROM scope;"
             "INSERT INTO person (scope, id, rev, detail, joined_on) SELECT id, x'01', 1, x'00', 0 FROM scope;"
             "INSERT INTO contact (scope, id, person, rev, nth, entry) SELECT id, x'01', x'01', 1, 0, x'00' FROM "
             "scope;"
             "INSERT INTO consent (scope, id, data_nick, rev, state, purposes, sheet, since) SELECT id, x'01', x'04', "
             "1, 'active', 6, x'00', 0 FROM scope;"
             "INSERT INTO project (scope, id, owner, state, data, sheet, since, until, uses, decided_by, decided_at, "
             "reason) SELECT id, x'01', CAST(x'07' || zeroblob(15) AS BLOB), 'approved', 1, x'00', 0, 1, 0, x'0b', 1, "
             "x'00' FROM scope;"
             "INSERT INTO project (scope, id, owner, state, data, sheet, since, until, uses) SELECT id, x'02', x'0c', "
             "'proposed', 1, x'00', 0, 1, 0 FROM scope;"
             "INSERT INTO note (scope, id, person, rev, text) SELECT id, x'01', x'01', 1, x'00' FROM scope;"
             "INSERT INTO home (scope, id, rev, general) SELECT id, x'02', 1, x'00' FROM scope;"
             "INSERT INTO home (scope, id, rev, general) SELECT id, x'03', 1, x'00' FROM scope;"
             "INSERT INTO screening (scope, id, data_nick, rev, finding) SELECT id, x'01', x'04', 1, x'00' FROM scope;"
             "INSERT INTO patient_edge (scope, id, person_index, data_index, ends) SELECT id, x'01', x'01', x'04', "
             "x'00' FROM scope;"
             "INSERT INTO home_edge (scope, id, home_index, house_index, ends) SELECT id, x'01', x'02', x'05', x'00' "
             "FROM scope;"
             "INSERT INTO stream_edge (scope, id, stream_index, house_index, data_index, ends) SELECT id, x'01', "
             "x'06', x'05', x'04', x'00' "
             "FROM scope;"
             "INSERT INTO alias (scope, holder, number, subject_index, subject) SELECT id, 'doctor', 1, x'01', x'00' "
             "FROM scope;"
             "INSERT INTO alias (scope, holder, number, subject_index, subject) SELECT id, 'monitor', 2, x'01', x'00' "
             "FROM scope;"
             "INSERT INTO document (scope, id, house_nick, alias_index, file_key, head, card, author, created_at) SELECT "
             "id, x'07', x'05', x'07', x'00', x'00', x'00', x'08', 0 FROM scope;"
             "INSERT INTO document (scope, id, house_nick, alias_index, file_key, head, card, author, created_at) SELECT "
             "id, x'09', x'06', x'09', x'00', x'00', x'00', x'08', 0 FROM scope;"
             "INSERT INTO visit (scope, home, staff, since) SELECT id, CAST(x'02' AS BLOB), CAST(x'08' || zeroblob(15) "
             "AS BLOB), 0 FROM scope;"
             "INSERT INTO visit (scope, home, staff, since, until) SELECT id, CAST(x'03' AS BLOB), CAST(x'08' || "
             "zeroblob(15) AS BLOB), 0, 1 FROM "
             "scope;"
             "INSERT INTO installation (scope, house_nick, alias_index, rev, sensors_rev, info_rev) SELECT id, x'05', "
             "x'05', 1, 0, 0 FROM scope;"
             "INSERT INTO installation (scope, house_nick, alias_index, rev, sensors_rev, info_rev) SELECT id, x'06', "
             "x'06', 1, 0, 0 FROM scope;"
             "INSERT INTO ticket (scope, id, house_nick, alias_index, category, state, rev, entries, "
             "opened_at, last_at, last_role, installer) SELECT id, x'07', x'05', x'07', 'maintenance', 'open', "
             "1, 0, 0, 0, 'monitor', CAST(x'08' || zeroblob(15) AS BLOB) FROM scope;"
             "INSERT INTO ticket (scope, id, house_nick, alias_index, category, state, rev, entries, "
             "opened_at, last_at, last_role) SELECT id, x'08', x'06', x'08', 'maintenance', 'open', 1, 0, 0, 0, "
             "'monitor' FROM scope;");
    house_sql(&h, sql);
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    house_raze(&h);
    return 0;
}

/* Typed by hand from the study's two tables, not from the policy: of each column what doctor, installer, monitor and
 * researcher may (r read, u update, b both), and of each table who may insert (i; I: rows allow it nobody on PostgreSQL)
 * into it and remove (d) from it (b: i and d; B: I and d). */
static const enum role role[] = {ROLE_DOCTOR, ROLE_INSTALLER, ROLE_MONITOR, ROLE_RESEARCHER};
static const struct {
    const char *table, *column, *may;
} column[] = {
    {"person", "scope", "r---"},
    {"person", "id", "r---"},
    {"person", "rev", "b---"},
    {"person", "detail", "b---"},
    {"person", "fiscal_index", "b---"},
    {"person", "joined_on", "b---"},
    {"person", "left_on", "b---"},
    {"person", "base_index", "b---"},
    {"person", "contacts_rev", "b---"},
    {"person", "mark", "b---"},
    {"contact", "scope", "r---"},
    {"contact", "id", "r---"},
    {"contact", "person", "r---"},
    {"contact", "rev", "b---"},
    {"contact", "nth", "b---"},
    {"contact", "entry", "b---"},
    {"consent", "id", "r-rr"},
    {"consent", "data_nick", "r-rr"},
    {"consent", "rev", "r-rr"},
    {"consent", "state", "b-rr"},
    {"consent", "purposes", "b-rr"},
    {"consent", "sheet", "b---"},
    {"consent", "since", "b-rr"},
    {"consent", "until", "b-rr"},
    {"home", "id", "rr--"},
    {"home", "rev", "br--"},
    {"home", "general", "br--"},
    {"note", "id", "r---"},
    {"note", "person", "r---"},
    {"note", "rev", "r---"},
    {"note", "text", "b---"},
    {"screening", "id", "r-rr"},
    {"screening", "data_nick", "r-rr"},
    {"screening", "rev", "r-rr"},
    {"screening", "finding", "b-rr"},
    {"patient_edge", "person_index", "r---"},
    {"patient_edge", "ends", "r---"},
    {"home_edge", "house_index", "rr--"},
    {"home_edge", "ends", "rr--"},
    {"stream_edge", "data_index", "r-rr"},
    {"stream_edge", "ends", "r-rr"},
    {"installation", "house_nick", "rrr-"},
    {"installation", "alias_index", "rrr-"},
    {"installation", "rev", "rbb-"},
    {"installation", "started_at", "rbb-"},
    {"installation", "ended_at", "rbb-"},
    {"installation", "sensors", "rbb-"},
    {"installation", "sensors_rev", "rbb-"},
    {"installation", "info", "rb--"},
    {"installation", "info_rev", "rb--"},
    {"ticket", "id", "rrr-"},
    {"ticket", "house_nick", "rrr-"},
    {"ticket", "category", "rbb-"},
    {"ticket", "state", "rbb-"},
    {"ticket", "rev", "rbb-"},
    {"ticket", "entries", "rbb-"},
    {"ticket", "opened_at", "rbb-"},
    {"ticket", "closed_at", "rbb-"},
    {"ticket", "last_at", "rbb-"},
    {"ticket", "last_role", "rbb-"},
    {"ticket", "installer", "rbb-"},
    {"ticket_entry", "number", "rrr-"},
    {"ticket_entry", "kind", "rrr-"},
    {"ticket_entry", "role", "rrr-"},
    {"ticket_entry", "author", "rrr-"},
    {"ticket_entry", "at", "rrr-"},
    {"ticket_entry", "body", "rrr-"},
    {"document", "house_nick", "rrr-"},
    {"document", "alias_index", "rrr-"},
    {"document", "lease_until", "rbr-"},
    {"document", "created_at", "rbr-"},
    {"document", "card", "rbr-"},
    {"document", "author", "rb--"},
    {"document", "author_role", "rb--"},
    {"document", "file_key", "rb--"},
    {"document", "head", "rb--"},
    {"document_piece", "number", "----"},
    {"document_piece", "sealed", "----"},
    {"alias", "number", "rrrr"},
    {"alias", "subject", "rrrr"},
    {"project", "id", "---r"},
    {"project", "owner", "---r"},
    {"project", "state", "---r"},
    {"project", "data", "---r"},
    {"project", "sheet", "---r"},
    {"project", "since", "---r"},
    {"project", "until", "---r"},
    {"project", "uses", "---r"},
    {"project", "decided_by", "---r"},
    {"project", "reason", "---r"},
    {"project", "ended_at", "---r"},
    {"visit", "home", "rr--"},
    {"visit", "until", "rr--"},
};
static const struct {
    const char *table, *columns, *values, *may;
} row[] = {
    {"person", "scope, id, rev, detail, joined_on", "$1, $1, 1, $1, 0", "b---"},
    {"contact", "scope, id, person, rev, nth, entry", "$1, $1, $1, 1, 0, $1", "b---"},
    {"consent", "scope, id, data_nick, rev, state, purposes, sheet, since", "$1, $1, $1, 1, '', 0, $1, 0", "i---"},
    {"home", "scope, id, rev, general", "$1, $1, 1, $1", "i---"},
    {"note", "scope, id, person, rev, text", "$1, $1, $1, 1, $1", "i---"},
    {"screening", "scope, id, data_nick, rev, finding", "$1, $1, $1, 1, $1", "i---"},
    {"patient_edge", "scope, id, person_index, data_index, ends", "$1, $1, $1, $1, $1", "i---"},
    {"home_edge", "scope, id, home_index, house_index, ends", "$1, $1, $1, $1, $1", "i---"},
    {"stream_edge", "scope, id, stream_index, house_index, data_index, ends", "$1, $1, $1, $1, $1, $1", "i---"},
    {"installation", "scope, house_nick, alias_index, rev, sensors_rev, info_rev", "$1, $1, $1, 1, 0, 0", "-Ii-"},
    {"ticket", "scope, id, house_nick, alias_index, category, state, rev, entries, opened_at, last_at, last_role",
     "$1, $1, $1, $1, 'maintenance', 'open', 1, 1, 0, 0, 'monitor'", "-ii-"},
    {"ticket_entry", "scope, id, ticket, number, kind, role, author, at",
     "$1, $1, $1, 1, 'closed', 'monitor', $1, 0", "-ii-"},
    {"document", "scope, id, house_nick, alias_index, head, created_at, lease_until", "$1, $1, $1, $1, $1, 0, 1", "-B--"},
    {"document_piece", "scope, document, number, sealed", "$1, $1, 1, $1", "----"},
    {"project", "scope, id, owner, state, data, sheet, since, until, uses", "$1, $1, $1, 'proposed', 1, $1, 0, 1, 0",
     "---B"},
    {"visit", "scope, home, staff, since", "$1, $1, $1, 5", "----"},
};

TEST(each_role_reads_and_changes_the_columns_of_its_views_alone)
{
    char sql[512];
    for (size_t i = 0; i < COUNT(column); i++)
        for (size_t k = 0; k < COUNT(role); k++) {
            const char *t = column[i].table, *c = column[i].column;
            char may = column[i].may[k];
            snprintf(sql, sizeof sql, "SELECT %s FROM %s", c, t);
            if ((behind(role[k], sql) >= 0) != (may == 'r' || may == 'b'))
                fail_msg("%s: %s", role_name(role[k]), sql);
            snprintf(sql, sizeof sql, "UPDATE %s SET %s = NULL WHERE false", t, c);
            if ((behind(role[k], sql) >= 0) != (may == 'u' || may == 'b'))
                fail_msg("%s: %s", role_name(role[k]), sql);
        }
}

TEST(each_role_adds_and_removes_the_rows_of_its_views_alone)
{
    char sql[512];
    for (size_t i = 0; i < COUNT(row); i++)
        for (size_t k = 0; k < COUNT(role); k++) {
            char may = row[i].may[k];
            snprintf(sql, sizeof sql, "INSERT INTO %s (%s) VALUES (%s)", row[i].table, row[i].columns, row[i].values);
            if ((behind(role[k], sql) >= 0) !=
                (may == 'i' || may == 'b' || ((may == 'I' || may == 'B') && !house_shared())))
                fail_msg("%s: %s", role_name(role[k]), sql);
            snprintf(sql, sizeof sql, "DELETE FROM %s", row[i].table);
            if ((behind(role[k], sql) >= 0) != (may == 'd' || may == 'b' || may == 'B'))
                fail_msg("%s: %s", role_name(role[k]), sql);
        }
}

/* Ways round: whatever form the question takes, the monitor does not learn a name. */
TEST(no_way_of_asking_gets_round_a_gate)
{
    static const char *const probes[] = {
        "SELECT count(*) FROM person",
        "SELECT 1 FROM person",
        "SELECT s.rev FROM screening s JOIN person p ON p.scope = s.scope",
        "SELECT rev FROM screening WHERE EXISTS (SELECT 1 FROM person WHERE detail > $1)",
        "SELECT rev FROM screening ORDER BY (SELECT detail FROM person LIMIT 1)",
        "SELECT (SELECT detail FROM person LIMIT 1)",
        "WITH p AS (SELECT detail FROM person) SELECT * FROM p",
        "SELECT rev FROM screening UNION ALL SELECT rev FROM person",
        "SELECT * FROM person",
        "SELECT general FROM home",
        "SELECT * FROM staff",
        "SELECT entry FROM audit",
        "SELECT wrapped FROM domain_key",
        "SELECT key_hash FROM client",
        "SELECT digest FROM gate_installed",
        "UPDATE screening SET finding = (SELECT detail FROM person LIMIT 1)",
        "DELETE FROM screening WHERE data_nick = $1 RETURNING finding",
        "CREATE TABLE mine (a INTEGER)",
        "DROP TABLE screening",
        "ALTER TABLE screening RENAME TO mine",
        "INSERT INTO role_grant (scope, id, staff, role, proposed_by, proposed_at) VALUES ($1, $1, $1, 'doctor', 'x', "
        "0)",
    };
    static const char *const sqlite_only[] = {
        "ATTACH ':memory:' AS elsewhere",
        "PRAGMA user_version = 7",
        "SELECT sql FROM sqlite_schema",
        "SELECT rowid FROM screening",
        "CREATE TEMP VIEW v AS SELECT detail FROM person",
        "SELECT load_extension('x')",

        "REINDEX",
    };
    static const char *const postgres_only[] = {
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY person TO PROGRAM 'cat'",

        "SELECT ctid FROM person",
        "TRUNCATE screening",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON person TO lazaret_monitor",
    };
    for (size_t i = 0; i < COUNT(probes); i++)
        if (behind(ROLE_MONITOR, probes[i]) >= 0)
            fail_msg("monitor: %s", probes[i]);
    for (size_t i = 0; !house_shared() && i < COUNT(sqlite_only); i++)
        if (behind(ROLE_MONITOR, sqlite_only[i]) >= 0)
            fail_msg("monitor: %s", sqlite_only[i]);
    for (size_t i = 0; house_shared() && i < COUNT(postgres_only); i++)
        if (behind(ROLE_MONITOR, postgres_only[i]) >= 0)
            fail_msg("monitor: %s", postgres_only[i]);
    /* and the same questions can be asked where they may be */
    CHECK(behind(ROLE_DOCTOR, "SELECT count(*) FROM person") >= 1);
    CHECK(behind(ROLE_DOCTOR, "WITH p AS (SELECT detail FROM person) SELECT * FROM p") >= 1);
    CHECK(behind(ROLE_MONITOR, "SELECT finding FROM screening ORDER BY rev") >= 1);
}

static int outside(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    const struct gate_actor who = {h.scope, somebody};
    (void)arg;
    if (tx_gate(tx, policy_gate(ROLE_MONITOR), &who, e) || tx_rows(tx, a, &r, e, "SELECT finding FROM screening") < 0 ||
        tx_ungate(tx, e))
        return -1;
    return tx_rows(tx, a, &r, e, "SELECT detail FROM person") < 0 ? -1 : 0;
}

TEST(a_gate_ends_where_the_body_says_and_with_the_body)
{
    struct err e;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    CHECK_OK(tx_run(h.db, outside, NULL, &e));
    CHECK_INT(behind(ROLE_MONITOR, "SELECT detail FROM person"), -1);
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT detail FROM person"), 2);
}

/* Rows: PostgreSQL's alone. */
TEST(behind_a_gate_there_are_the_rows_of_the_scope_and_of_the_actor)
{
    bool rows = house_shared();
    CHECK_INT(behind(ROLE_DOCTOR, "SELECT id FROM person"), rows ? 1 : 2);
    CHECK_INT(behind(ROLE_DOCTOR, "SELECT id FROM home"), rows ? 2 : 4);
    CHECK_INT(behind(ROLE_INSTALLER, "SELECT id FROM home"),
              rows ? 1 : 4); /* of two homes the one with an open visit */
    CHECK_INT(behind(ROLE_INSTALLER, "SELECT home FROM visit"), rows ? 2 : 4);
    CHECK_INT(behind(ROLE_INSTALLER, "SELECT house_nick FROM installation"), rows ? 1 : 4); /* the one with a ticket of theirs */
    CHECK_INT(behind(ROLE_MONITOR, "SELECT house_nick FROM installation"), rows ? 2 : 4);
    CHECK_INT(behind(ROLE_INSTALLER, "SELECT id FROM document"), rows ? 1 : 4); /* and so are its documents */
    CHECK_INT(behind(ROLE_MONITOR, "SELECT id FROM document"), rows ? 2 : 4);
    CHECK_INT(behind(ROLE_INSTALLER, "SELECT id FROM ticket"), rows ? 2 : 4);
    CHECK_INT(behind(ROLE_MONITOR, "SELECT number FROM alias"), rows ? 1 : 4);
    CHECK_INT(behind(ROLE_DOCTOR, "SELECT number FROM alias"), rows ? 1 : 4);
    if (!rows)
        return;
    struct err e = {0};
    struct probe p = {.role = ROLE_DOCTOR, .scope = other_scope, .actor = somebody, .sql = "SELECT id FROM person"};
    CHECK_INT(tx_run(h.db, body, &p, &e), -1);
    CHECK_INT(p.rows, 1);
}

/* Consent holds at the store, too: PostgreSQL's alone. */
TEST(behind_the_gate_of_a_pseudonym_there_are_the_data_of_who_consents)
{
    static const struct {
        const char *state;
        int purposes, monitor, researcher;
    } row_of[] = {
        {"active", 6, 1, 1}, {"active", 2, 1, 0}, {"active", 4, 0, 1}, {"active", 1, 0, 0}, {"withdrawn", 6, 0, 0}};
    char sql[200];
    for (size_t i = 0; i < COUNT(row_of); i++) {
        snprintf(sql, sizeof sql, "UPDATE consent SET state = '%s', purposes = %d", row_of[i].state,
                 row_of[i].purposes);
        house_sql(&h, sql);
        CHECK_INT(behind(ROLE_MONITOR, "SELECT finding FROM screening"), house_shared() ? row_of[i].monitor : 2);
        CHECK_INT(behind(ROLE_RESEARCHER, "SELECT finding FROM screening"), house_shared() ? row_of[i].researcher : 2);
        CHECK_INT(behind(ROLE_DOCTOR, "SELECT finding FROM screening"), house_shared() ? 1 : 2);
    }
    house_sql(&h, "UPDATE consent SET state = 'active', purposes = 6");
    static const char *const shown[] = {"SELECT finding FROM screening", "SELECT ends FROM stream_edge"};
    for (size_t i = 0; i < COUNT(shown); i++) { /* nothing of it but in a project of the researcher's that is approved */
        house_sql(&h, "UPDATE project SET state = 'refused' WHERE state = 'approved'");
        CHECK_INT(behind(ROLE_RESEARCHER, shown[i]), house_shared() ? 0 : 2);
        CHECK_INT(behind(ROLE_MONITOR, shown[i]), house_shared() ? 1 : 2);
        house_sql(&h, "UPDATE project SET state = 'approved' WHERE state = 'refused'");
        CHECK_INT(behind(ROLE_RESEARCHER, shown[i]), house_shared() ? 1 : 2);
    }
    CHECK_INT(behind(ROLE_RESEARCHER, "SELECT sheet FROM project"), house_shared() ? 1 : 4); /* their own */
    CHECK_INT(behind(ROLE_AUDITOR, "SELECT sheet FROM project"), house_shared() ? 2 : 4);
    house_sql(&h, "UPDATE consent SET until = 1, state = 'active', purposes = 6");
    CHECK_INT(behind(ROLE_MONITOR, "SELECT finding FROM screening"), house_shared() ? 0 : 2);
    house_sql(&h, "UPDATE consent SET until = NULL");
}

static int write_elsewhere(struct tx *tx, void *arg, struct err *e)
{
    const struct gate_actor who = {h.scope, somebody};
    (void)arg;
    if (tx_gate(tx, policy_gate(ROLE_DOCTOR), &who, e))
        return -1;
    return tx_exec(tx, e, "INSERT INTO person (scope, id, rev, detail, joined_on) VALUES ($1, $1, 1, $1, 0)",
                   V_ID(other_scope)) < 0
               ? -1
               : 0;
}

struct looked {
    const struct gate_one *one;
    const char *sql;
    int rows;
};

static int as_emergency(struct tx *tx, void *arg, struct err *e)
{
    struct looked *x = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct rows r;
    const struct gate_actor who = {h.scope, somebody, x->one};
    if (tx_gate(tx, policy_gate(ROLE_EMERGENCY), &who, e))
        return -1;
    x->rows = tx_rows(tx, a, &r, e, x->sql);
    return x->rows < 0 ? -1 : 0;
}

/* One person, their home, their data, and only read. */
TEST(an_emergency_sees_one_person_and_changes_nothing)
{
    static const uint8_t person[16] = {0x21}, home[16] = {0x22}, data[16] = {0x23}, stranger[16] = {0x24};
    static const struct gate_one one = {person, home, data}, another = {stranger, stranger, stranger};
    static const char *const table[] = {"SELECT detail, id FROM person", "SELECT general, id FROM home",
                                        "SELECT text, person FROM note", "SELECT finding, data_nick FROM screening"};
    static const char *const denied[] = {
        "SELECT ends FROM patient_edge",
        "SELECT ends FROM home_edge",
        "SELECT ends FROM stream_edge",
        "SELECT number FROM alias",
        "SELECT home FROM visit",
        "SELECT id FROM glass",
        "UPDATE person SET rev = 2",
        "UPDATE note SET text = text",
        "DELETE FROM person",
        "INSERT INTO note (scope, id, person, rev, text) SELECT scope, id, id, 1, detail FROM person"};
    char sql[2048];
    snprintf(sql, sizeof sql,
             "INSERT INTO person (scope, id, rev, detail, joined_on) SELECT id, CAST(x'21' || zeroblob(15) AS BLOB), "
             "1, x'00', 0 FROM scope;"
             "INSERT INTO note (scope, id, person, rev, text) SELECT id, x'0a', CAST(x'21' || zeroblob(15) AS BLOB), "
             "1, x'00' FROM scope;"
             "INSERT INTO home (scope, id, rev, general) SELECT id, CAST(x'22' || zeroblob(15) AS BLOB), 1, x'00' FROM "
             "scope;"
             "INSERT INTO screening (scope, id, data_nick, rev, finding) SELECT id, x'0a', CAST(x'23' || zeroblob(15) "
             "AS BLOB), 1, x'00' FROM scope;");
    house_sql(&h, sql);
    for (size_t i = 0; i < COUNT(table); i++) {
        struct err e = {0};
        struct looked mine = {&one, table[i], -1}, other = {&another, table[i], -1}, nobody = {NULL, table[i], -1};
        CHECK_OK(tx_run(h.db, as_emergency, &mine, &e));
        CHECK_OK(tx_run(h.db, as_emergency, &other, &e));
        CHECK_OK(tx_run(h.db, as_emergency, &nobody, &e));
        if (!house_shared())
            continue;
        CHECK_INT(mine.rows, 1);
        CHECK_INT(other.rows, 0);
        CHECK_INT(nobody.rows, 0);
    }
    for (size_t i = 0; i < COUNT(denied); i++) {
        struct err e = {0};
        struct looked x = {&one, denied[i], -1};
        if (tx_run(h.db, as_emergency, &x, &e) != -1 || e.code != ERR_GATE)
            fail_msg("%s: %d, %s", denied[i], x.rows, e.detail);
    }
}

TEST(nobody_writes_into_another_scope)
{
    struct err e = {0};
    if (!house_shared())
        return;
    CHECK_INT(tx_run(h.db, write_elsewhere, NULL, &e), -1);
    CHECK_INT(e.code, ERR_GATE);
}

TEST(roles_without_a_view_of_the_study_have_no_gate)
{
    static const enum role none[] = {ROLE_ANONYMOUS, ROLE_CLIENT, ROLE_OPERATOR, ROLE_ADMIN};
    for (size_t i = 0; i < COUNT(none); i++)
        CHECK(!policy_gate(none[i]));
    CHECK_INT(policy_gate(ROLE_AUDITOR)->grants, 2);
    CHECK_STR(policy_gate(ROLE_AUDITOR)->grant[0].table, "consent"); /* and nothing is written there */
    CHECK(!policy_gate(ROLE_AUDITOR)->grant[0].insert[0] && !policy_gate(ROLE_AUDITOR)->grant[0].update[0]);
    CHECK_STR(policy_gate(ROLE_AUDITOR)->grant[1].table, "project");
    CHECK(!policy_gate(ROLE_AUDITOR)->grant[1].insert[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_role_reads_and_changes_the_columns_of_its_views_alone),
        T(each_role_adds_and_removes_the_rows_of_its_views_alone),
        T(no_way_of_asking_gets_round_a_gate),
        T(a_gate_ends_where_the_body_says_and_with_the_body),
        T(behind_a_gate_there_are_the_rows_of_the_scope_and_of_the_actor),
        T(behind_the_gate_of_a_pseudonym_there_are_the_data_of_who_consents),
        T(an_emergency_sees_one_person_and_changes_nothing),
        T(nobody_writes_into_another_scope),
        T(roles_without_a_view_of_the_study_have_no_gate),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
