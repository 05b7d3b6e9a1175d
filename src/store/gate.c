#include "store/gate.h"

#include "base/buf.h"
#include "base/own.h"
#include "crypto/digest.h"
#include "store/driver_int.h"

int tx_gate(struct tx *tx, const struct gate *gate, const struct gate_actor *who, struct err *e)
{
    return tx->driver->gate(tx, gate, who, e);
}

int tx_ungate(struct tx *tx, struct err *e)
{
    return tx->driver->gate(tx, NULL, NULL, e);
}

/* --- installing --- */

struct installing {
    const struct gate *const *gates;
    int n;
    struct arena *arena;
    uint8_t digest[SHA256_BYTES];
};

static void add_words(struct sha256_run *h, const char *const *word)
{
    for (; *word; word++) {
        sha256_add(h, slice_of(*word));
        sha256_add(h, SLICE(" "));
    }
    sha256_add(h, SLICE("\n"));
}

/* Of all that is granted: a database that holds this digest grants the same. */
static void digest_of(struct installing *x)
{
    struct sha256_run h;
    sha256_begin(&h);
    for (int i = 0; i < x->n; i++) {
        sha256_add(&h, slice_of(x->gates[i]->name));
        for (int k = 0; k < x->gates[i]->grants; k++) {
            const struct gate_grant *g = &x->gates[i]->grant[k];
            sha256_add(&h, slice_of(g->table));
            add_words(&h, g->read);
            add_words(&h, g->insert);
            add_words(&h, g->update);
            sha256_add(&h, g->remove ? SLICE("-\n") : SLICE("\n"));
        }
    }
    sha256_end(&h, x->digest);
}

static void put_columns(struct buf *out, const char *verb, const struct gate_grant *g, const char *const *column,
                        const char *gate)
{
    if (!*column)
        return;
    buf_printf(out, "GRANT %s (", verb);
    for (int i = 0; column[i]; i++)
        buf_printf(out, "%s%s", i ? ", " : "", column[i]);
    buf_printf(out, ") ON %s TO lazaret_%s;\n", g->table, gate);
}

/* A role that an administrator made is taken as it is. */
void gate_sql(const struct gate *g, struct buf *out)
{
    buf_printf(out,
               "DO $$ BEGIN\n"
               "  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lazaret_%s') THEN\n"
               "    CREATE ROLE lazaret_%s NOLOGIN NOINHERIT;\n"
               "  END IF;\n"
               "  IF NOT pg_has_role(session_user, 'lazaret_%s', 'MEMBER') THEN\n"
               "    EXECUTE format('GRANT lazaret_%s TO %%I', session_user);\n"
               "  END IF;\n"
               "  EXECUTE format('GRANT USAGE ON SCHEMA %%I TO lazaret_%s', current_schema());\n"
               "  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %%I FROM lazaret_%s', current_schema());\n"
               "END $$;\n",
               g->name, g->name, g->name, g->name, g->name, g->name);
    for (int i = 0; i < g->grants; i++) {
        const struct gate_grant *t = &g->grant[i];
        put_columns(out, "SELECT", t, t->read, g->name);
        put_columns(out, "INSERT", t, t->insert, g->name);
        put_columns(out, "UPDATE", t, t->update, g->name);
        if (t->remove)
            buf_printf(out, "GRANT DELETE ON %s TO lazaret_%s;\n", t->table, g->name);
    }
}

/* A restored database has the note, but none of the grants: those are not in a backup, since its roles need not be
 * where it is brought to. */
static int is_installed(struct tx *tx, struct installing *x, struct err *e)
{
    struct rows r;
    const struct gate *first = x->gates[0];
    const char *role = arena_printf(x->arena, "lazaret_%s", first->name);
    if (!role)
        return err_set(e, ERR_NO_MEMORY, "gates");
    return tx_rows(tx, x->arena, &r, e,
                   "SELECT rolname FROM pg_roles, gate_installed WHERE digest = $1 AND rolname = $2 AND "
                   "has_any_column_privilege(rolname, $3, 'SELECT')",
                   V_BYTES(x->digest, SHA256_BYTES), V_STR(role), V_STR(first->grant[0].table));
}

static int install_one(struct tx *tx, const struct gate *g, struct arena *a, struct err *e)
{
    struct buf sql = buf_in(a, 256 * 1024);
    gate_sql(g, &sql);
    buf_byte(&sql, 0);
    if (buf_failed(&sql))
        return err_set(e, ERR_NO_MEMORY, "gates");
    return tx->driver->script(tx, sql.p, e)
               ? err_in(e,
                        "role lazaret_%s: give this program's user CREATEROLE, or let an administrator run what "
                        "'lazaret policy --sql' prints",
                        g->name)
               : 0;
}

static int install(struct tx *tx, void *arg, struct err *e)
{
    struct installing *x = arg;
    int installed = db_lock_schema(tx, x->arena, e) ? -1 : is_installed(tx, x, e);
    if (installed)
        return installed < 0 ? -1 : 0;
    for (int i = 0; i < x->n; i++)
        if (install_one(tx, x->gates[i], x->arena, e))
            return -1;
    return tx_put(tx, e, "DELETE FROM gate_installed") ||
                   tx_put(tx, e, "INSERT INTO gate_installed (one, digest) VALUES (1, $1)",
                          V_BYTES(x->digest, SHA256_BYTES))
               ? -1
               : 0;
}

int gate_install(struct db *db, const struct gate *const *gates, int n, struct err *e)
{
    if (!db->driver->roles || n == 0)
        return 0;
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct installing x = {.gates = gates, .n = n, .arena = a};
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "gates");
    digest_of(&x);
    return tx_run(db, install, &x, e);
}
