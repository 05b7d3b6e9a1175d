#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

enum { UNWITNESSED_US = 900 * 1000000 };

/* Good is a log whose newest checkpoint the witness has signed, or signed one of the last quarter of an hour. */
static void witness_row(struct app *app, struct arena *a, struct json_out *out)
{
    struct witness_state now;
    struct err e;
    char when[CLOCK_TEXT] = "";
    const struct note_key *k = witness_key(app->witness);
    int rc = witness_look(app->api.db, k, a, &now, &e);
    bool holds = !rc && !now.problem.p &&
                 (now.cosigned == now.signed_size || clock_now_us() - now.at * 1000000 < UNWITNESSED_US);
    if (!rc && now.at)
        clock_text(now.at * 1000000, when);
    json_open(out, '{');
    json_pair_str(out, "what", "witness");
    json_pair_bool(out, "holds", holds);
    json_pair_str(out, "sentence",
                  rc       ? e.detail
                  : now.at ? arena_printf(a, "%s has signed the first %lld of %lld audit entries, last at %s%s%.*s",
                                          k->name, (long long)now.cosigned, (long long)now.signed_size, when,
                                          now.problem.p ? "; now: " : ".", SLICE_FMT(now.problem))
                           : arena_printf(a, "%s has signed nothing yet%s%.*s", k->name, now.problem.p ? ": " : ".",
                                          SLICE_FMT(now.problem)));
    json_close(out, '}');
}

/* What needs the open store: asked of the server when it runs. */
int admin_check(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct audit_report report = {.progress = NULL};
    struct err bad[4];
    (void)args, (void)a, (void)e;
    json_open(out, '[');
    const struct {
        const char *what, *good;
        int rc;
    } row[] = {
        {"store", "The database is sound.", db_check(app->api.db, &bad[0])},
        {"jobs", "Every job is in a legal state, with what that state needs.",
         job_check_invariants(app->api.jobs, &bad[1])},
        {"audit", "Every audit entry is as it was written, and every checkpoint as it was signed.",
         audit_verify_with(app->api.db, audit_signer_key(app->signer), (struct slice){NULL, 0}, &report, &bad[2])},
        {"models", "The registry has models.",
         registry_count(app->api.registry)
             ? 0
             : err_set(&bad[3], ERR_CONFIG, "the registry is empty: lazaret model add DIR")},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        json_open(out, '{');
        json_pair_str(out, "what", row[i].what);
        json_pair_bool(out, "holds", row[i].rc == 0);
        json_pair_str(out, "sentence", row[i].rc ? bad[i].detail : row[i].good);
        json_close(out, '}');
    }
    if (app->witness)
        witness_row(app, a, out);
    json_close(out, ']');
    return 0;
}

struct findings {
    struct json_out *out;
    bool json, bad;
};

static void finding(struct findings *f, const char *what, bool holds, bool fatal, const char *sentence)
{
    f->bad |= fatal && !holds;
    json_open(f->out, '{');
    json_pair_str(f->out, "what", what);
    json_pair_bool(f->out, "holds", holds);
    json_pair_str(f->out, "sentence", sentence);
    json_close(f->out, '}');
    if (!f->json)
        printf("%-10s %s  %s\n", what, holds ? "good" : fatal ? "BAD " : "note", sentence);
}

/* It is read, not only looked at: a token has to answer, too. */
static void root_key(struct call *c, struct findings *f)
{
    enum { OLD_MAX = 16 };
    const char *root = app_root(&c->config), *old[OLD_MAX];
    char id[ROOT_ID_TEXT];
    struct key key;
    struct err e;
    int there = root ? root_there(root, &e) : err_set(&e, ERR_NO_MEMORY, "look at the root key");
    if (there == 0 || (there > 0 && !*c->config.data && !*c->config.keys_root))
        return;
    bool good = there > 0 && root_read(root, &key, &e) == 0;
    finding(f, "key", good, true,
            good ? arena_printf(c->arena, "The root key %s is read from %s, by its owner alone.",
                                root_id_text(&key, id), root)
                 : e.detail);
    if (good)
        key_wipe(&key);
    int n = there > 0 ? root_put_aside(root, c->arena, old, OLD_MAX, &e) : 0;
    for (int i = 0; i < n; i++)
        finding(
            f, "key", false, false,
            arena_printf(c->arena,
                         "%s is a root key that a rotation replaced. Backups made before open with it alone: keep it "
                         "with them, and remove it here.",
                         old[i]));
}

static void settings(struct call *c, struct findings *f)
{
    struct stat st;
    const struct config *g = &c->config;
    root_key(c, f);
    const char *ledger = *g->data ? app_ledger_path(g) : NULL;
    if (ledger && stat(ledger, &st) == 0)
        finding(
            f, "ledger", !(st.st_mode & 077), false,
            st.st_mode & 077
                ? arena_printf(c->arena, "The ledger of erasures %s may be read by others: chmod 0600 it.", ledger)
                : arena_printf(c->arena,
                               "Erasures are noted in %s; a restore needs that file, so keep a copy of it elsewhere.",
                               ledger));
    if (*g->open_client)
        finding(f, "settings", false, false,
                "legacy.open_client is set: anybody who reaches this machine's loopback acts as that client.");
    if (strcmp(g->tls, "off") == 0)
        finding(f, "settings", true, false, "TLS is off; only loopback is served in the clear.");
    if (geteuid() == 0 && !*g->user)
        finding(f, "settings", false, false,
                "This runs as root and 'user' is not set: set it to the account serve should become.");
}

static void sandbox(struct call *c, struct findings *f)
{
    struct app app = {.lock_fd = -1, .existing_only = true, .any_sandbox = true};
    struct slice text;
    struct json j;
    struct json_fault where;
    struct err e;
    app_open_sandbox(&app, &c->config);
    if (!app.sandbox) {
        finding(f, "sandbox", false, true, app.sandbox_error.detail);
        return;
    }
    if (sandbox_describe(app.sandbox, c->arena, &text, &e) || json_parse(c->arena, text, &j, &where)) {
        finding(f, "sandbox", false, true, e.detail);
    } else {
        for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
            uint32_t holds = json_get(&j, k, "holds");
            finding(f, "sandbox", holds && json_kind(&j, holds) == JSON_TRUE, false,
                    arena_str(c->arena, json_get_text(&j, k, "sentence", c->arena)));
        }
        if (sandbox_minimum(c->config.minimum, text, c->arena, &e))
            finding(f, "sandbox", false, true, arena_printf(c->arena, "Models do not run: %s", e.detail));
        else if (*c->config.minimum)
            finding(f, "sandbox", true, false,
                    arena_printf(c->arena, "Each protection that sandbox.minimum asks for holds: %s.",
                                 c->config.minimum));
    }
    sandbox_close(app.sandbox);
}

static void store(struct call *c, struct findings *f)
{
    struct slice text;
    struct json j;
    struct json_fault where;
    struct err e;
    if (admin_call(c, "check", SLICE("{}"), &text, &e) || json_parse(c->arena, text, &j, &where)) {
        finding(f, "store", false, true, e.detail);
        return;
    }
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
        uint32_t holds = json_get(&j, k, "holds");
        finding(f, arena_str(c->arena, json_get_text(&j, k, "what", c->arena)),
                holds && json_kind(&j, holds) == JSON_TRUE, true,
                arena_str(c->arena, json_get_text(&j, k, "sentence", c->arena)));
    }
}

int cmd_doctor(struct call *c, struct err *e)
{
    struct buf b = buf_in(c->arena, 1 << 20);
    struct json_out o = json_out(&b);
    struct findings f = {.out = &o, .json = c->json};
    json_open(&o, '[');
    sandbox(c, &f); /* the jail is forked before anything is opened */
    settings(c, &f);
    if (*c->config.data)
        store(c, &f);
    else
        finding(&f, "store", true, false,
                "No data folder was given (--data DIR), so store and keys were not looked at.");
    json_close(&o, ']');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "doctor");
    if (c->json)
        printf("%.*s\n", SLICE_FMT(buf_text(&b)));
    return f.bad ? 1 : 0;
}
