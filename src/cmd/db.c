/* db.c -- the verbs over the whole store: its schema, its soundness, its backup and the way back.
 *
 * A backup is whole in itself but for the root key, and it is as old as it is: what was erased since is in it, key and
 * all. So a restore wants the ledger of erasures (jobs/ledger.h), and erases again before anybody can open the store.
 * Everything is put into DIR/.restoring first, and moved into DIR, the database last, when all of it was done. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/own.h"
#include "base/rnd.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"
#include "cmd/privilege.h"
#include "keys/subject.h"
#include "study/erase.h"
#include "store/backup.h"
#include "study/document.h"

const struct option migrate_options[] = {{"dry-run", NULL, "only say what it would do"}, {0}};
const struct option restore_options[] = {
    {"erased", "FILE", "a ledger of erasures besides DIR.erased; 'none': there is none any more"}, {0}};

static const char backup_label[] = "laz/v1/backup";
static const char database_name[] = "lazaret.db", dump_name[] = "lazaret.pgdump", ledger_name[] = "erased";

static const char *kind_of(const struct app *app)
{
    return db_shared(app->api.db) ? "postgres" : "sqlite";
}

/* --- migrate --- */

int admin_db_schema(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    int64_t now;
    (void)args, (void)a;
    if (db_schema(app->api.db, &now, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "store", kind_of(app));
    json_pair_int(out, "from", app->schema_found);
    json_pair_int(out, "to", now);
    json_pair_int(out, "known", db_schema_known());
    json_close(out, '}');
    return 0;
}

/* Where a server runs, it has migrated already. */
static int schema_of(struct call *c, bool look_only, struct slice *ret, bool *served, struct err *e)
{
    struct admin_session s;
    if (look_only ? admin_session_look(c, &s, e) : admin_session_begin(c, false, &s, e))
        return -1;
    *served = !s.app;
    int rc = admin_session_call(&s, "db.schema", SLICE("{}"), ret, e);
    admin_session_end(&s);
    return rc;
}

int cmd_db_migrate(struct call *c, struct err *e)
{
    struct slice text;
    struct json j;
    struct json_fault f;
    bool dry = call_option(c, "dry-run") != NULL, served;
    if (schema_of(c, dry, &text, &served, e))
        return -1;
    if (json_parse(c->arena, text, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "the schema");
    long long found = number_in(&j, "from"), now = number_in(&j, "to"), known = db_schema_known();
    if (served)
        found = now;
    if (now > known)
        return err_set(e, ERR_STORE, "the store has schema %lld, and this program knows %lld: install the newer one",
                       now, known);
    if (c->json) {
        printf("{\"from\":%lld,\"to\":%lld,\"done\":%s,\"served\":%s}\n", found, dry ? known : now,
               dry ? "false" : "true", served ? "true" : "false");
        return 0;
    }
    if (found == known)
        printf("The store has schema %lld, which is the one of this program: there is nothing to do.\n", known);
    else if (served)
        printf("The server that runs has schema %lld, this program would bring %lld: stop it, then migrate.\n", now,
               known);
    else if (dry)
        printf("The store has schema %lld; migrating brings it to %lld. Nothing was changed.\n", found, known);
    else
        printf("The store had schema %lld and has %lld now.\n", found, now);
    return 0;
}

/* --- check --- */

struct checks {
    struct json_out *out;
    bool bad;
};

static void tell(struct checks *x, const char *what, int rc, const char *good, const struct err *e)
{
    x->bad |= rc != 0;
    json_open(x->out, '{');
    json_pair_str(x->out, "what", what);
    json_pair_bool(x->out, "holds", rc == 0);
    json_pair_str(x->out, "sentence", rc ? e->detail : good);
    json_close(x->out, '}');
}

static int check_schema(struct app *app, struct err *e)
{
    int64_t have;
    if (db_schema(app->api.db, &have, e))
        return -1;
    return have == db_schema_known() ? 0
                                     : err_set(e, ERR_STORE, "the store has schema %lld, this program is made for %lld",
                                               (long long)have, (long long)db_schema_known());
}

static bool check_all(struct app *app, struct arena *a, struct json_out *out)
{
    struct checks x = {.out = out};
    struct progress *p = &app->progress;
    struct err e;
    int64_t n = 0;
    json_open(out, '[');
    tell(&x, "schema", check_schema(app, &e),
         arena_printf(a, "The schema is number %lld, the one of this program.", (long long)db_schema_known()), &e);
    progress_begin(p, "checking the database", 0);
    tell(&x, "store", db_check(app->api.db, &e), "The database is sound.", &e);
    progress_begin(p, "verifying the audit log", 0);
    struct audit_report log = {0};
    int rc = audit_verify_with(app->api.db, audit_signer_key(app->signer), (struct slice){NULL, 0}, &log, &e);
    n = log.entries;
    tell(&x, "audit", rc, arena_printf(a, "Each of %lld audit entries is what was signed.", (long long)n), &e);
    tell(&x, "jobs", job_check_invariants(app->api.jobs, &e),
         "Every job is in a legal state, with what that state needs.", &e);
    rc = job_check_sealed(app->api.jobs, p, &n, &e);
    tell(&x, "sealed", rc, arena_printf(a, "All that is stored of %lld jobs opens with its key.", (long long)n), &e);
    rc = document_check_sealed(&app->api.study, p, &n, &e);
    tell(&x, "documents", rc, arena_printf(a, "Each of %lld documents opens, to its last byte.", (long long)n), &e);
    tell(
        &x, "models", registry_check(app->api.registry, p, &e),
        arena_printf(a, "The files of %d models are those their digests stand for.", registry_count(app->api.registry)),
        &e);
    json_close(out, ']');
    return !x.bad;
}

int admin_db_check(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    (void)args;
    if (begin_work(app, e))
        return -1;
    check_all(app, a, out);
    end_work(app);
    return app->progress.stop ? err_set(e, ERR_BUSY, "the server stops") : 0;
}

/* Prints the findings; 1 when one does not hold. */
static int print_checks(struct arena *a, const struct json *j, uint32_t list, bool quiet)
{
    bool bad = false;
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        bool holds = json_kind(j, json_get(j, k, "holds")) == JSON_TRUE;
        struct slice what = json_get_text(j, k, "what", a), sentence = json_get_text(j, k, "sentence", a);
        bad |= !holds;
        if (!quiet)
            printf("%-8.*s %s  %.*s\n", SLICE_FMT(what), holds ? "good" : "BAD ", SLICE_FMT(sentence));
    }
    return bad;
}

int cmd_db_check(struct call *c, struct err *e)
{
    struct slice text;
    struct json j;
    struct json_fault f;
    if (long_work(c, "db.check", SLICE("{}"), &text, e))
        return -1;
    if (json_parse(c->arena, text, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "the findings");
    if (c->json)
        printf("%.*s\n", SLICE_FMT(text));
    return print_checks(c->arena, &j, 0, c->json);
}

/* --- backup --- */

static struct audit_entry operator_act(const struct app *app, const char *why, const char *route)
{
    return (struct audit_entry){.scope = app->api.scope,
                                .actor = "operator",
                                .role = "operator",
                                .action = "admin",
                                .object = "Store",
                                .outcome = "permit",
                                .why = why,
                                .route = route};
}

/* In this order: the ledger names no erasure the database does not have yet, and every model the database names has its
 * files (they are there before its row, and never go). */
static int fill(struct app *app, struct backup *b, struct err *e)
{
    const char *name = db_shared(app->api.db) ? dump_name : database_name;
    const char *database = backup_path(b, name), *models = app_path(app->config, "models");
    struct progress *p = &app->progress;
    if (!database || !models)
        return err_set(e, ERR_NO_MEMORY, "a backup");
    if (backup_copy(b, app->ledger_path, ledger_name, p, e) || db_copy(app->api.db, database, p, e) ||
        backup_take(b, name, 0600, p, e))
        return -1;
    progress_begin(p, "copying the models", 0);
    return backup_copy_tree(b, models, "models", p, e) || registry_check(app->api.registry, p, e) ? -1 : 0;
}

static int finish(struct app *app, struct backup *b, struct err *e)
{
    struct keyring_status keys;
    struct key key;
    struct backup_info info = {
        .program = LAZARET_VERSION, .store = kind_of(app), .root_id = keys.root_id, .created_at = clock_now_us()};
    keyring_status(app->api.keyring, &keys);
    if (db_schema(app->api.db, &info.schema, e))
        return -1;
    keyring_derive(app->api.keyring, backup_label, &key);
    int rc = backup_end(b, &info, &key, e);
    key_wipe(&key);
    return rc;
}

static int write_backup(struct app *app, const char *to, struct arena *a, struct backup *ret, struct err *e)
{
    struct audit_entry audit = operator_act(app, "backup", "lazaret db backup");
    if (backup_begin(a, to, ret, e))
        return -1;
    if (audit_note(app->api.db, &audit, e) || fill(app, ret, e) || finish(app, ret, e)) {
        backup_drop(ret);
        return -1;
    }
    return 0;
}

int admin_db_backup(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct backup b;
    char *to = arena_str(a, json_get_text(args, 0, "to", a));
    if (!to)
        return err_set(e, ERR_NO_MEMORY, "a backup");
    if (begin_work(app, e))
        return -1;
    int rc = write_backup(app, to, a, &b, e);
    end_work(app);
    if (rc)
        return -1;
    json_open(out, '{');
    json_pair_str(out, "backup", b.to);
    json_pair_str(out, "store", b.info.store);
    json_pair_int(out, "schema", b.info.schema);
    json_pair_str(out, "root_id", b.info.root_id);
    json_pair_int(out, "files", (int64_t)b.files);
    json_pair_int(out, "bytes", b.bytes);
    json_close(out, '}');
    return 0;
}

/* The server has another working folder; the last part need not be there. */
static const char *whole_path(struct call *c, const char *path, struct err *e)
{
    char parent[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    const char *slash = memrchr(path, '/', n);
    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    OWN_MEM char *real = realpath(parent, NULL);
    if (!real) {
        err_sys(e, ERR_USAGE, "the folder %s", parent);
        return NULL;
    }
    const char *last = slash ? slash + 1 : path;
    const char *ret = arena_printf(c->arena, "%s/%.*s", strcmp(real, "/") ? real : "", (int)(path + n - last), last);
    if (!ret)
        err_set(e, ERR_NO_MEMORY, "a path");
    return ret;
}

int cmd_db_backup(struct call *c, struct err *e)
{
    struct slice text;
    struct json j;
    struct json_fault f;
    const char *to = whole_path(c, c->operand[0], e);
    if (!to || long_work(c, "db.backup", call_args(c, "to", to, NULL), &text, e))
        return -1;
    if (c->json || json_parse(c->arena, text, &j, &f)) {
        printf("%.*s\n", SLICE_FMT(text));
        return 0;
    }
    struct slice id = json_get_text(&j, 0, "root_id", c->arena);
    printf("%s is whole: %lld files, %lld bytes, schema %lld. The root key (fingerprint %.*s) is not in it: keep a "
           "copy of "
           "that key, and of %s, in another place.\n",
           to, (long long)number_in(&j, "files"), (long long)number_in(&j, "bytes"), (long long)number_in(&j, "schema"),
           SLICE_FMT(id), app_ledger_path(&c->config));
    return 0;
}

/* --- restore --- */

struct restore {
    struct call *call;
    struct arena *arena;
    struct backup backup;
    const char *root, *ledger_path;
    const char *store_id;           /* as its ledger has it */
    const char *folder;             /* DIR/.restoring */
    struct erased old, given, here; /* of the backup; of --erased; of DIR.erased */
    struct config config;           /* of the folder while it is being made */
    struct app app;
    bool postgres, made, begun, no_ledger; /* DIR and .restoring were made here; DIR.erased was not there */
    int64_t erased, subjects;
};

static int is_empty(const char *path, bool *ret_there, struct err *e)
{
    DIR *d = opendir(path);
    int n = 0;
    *ret_there = d != NULL;
    if (!d)
        return errno == ENOENT ? 0 : err_sys(e, ERR_CONFIG, "open the folder %s", path);
    for (struct dirent *x; (x = readdir(d)) != NULL;)
        n += strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0;
    closedir(d);
    return n ? err_set(e, ERR_CONFLICT, "%s is not empty: a restore makes a new data folder, and changes none", path)
             : 0;
}

/* Everything that can be known before a byte is written. */
static int look_at_target(struct restore *r, struct err *e)
{
    const struct config *c = &r->call->config;
    bool there;
    if (!*c->data)
        return err_set(e, ERR_USAGE, "say which data folder to make: --data DIR");
    if (is_empty(c->data, &there, e))
        return -1;
    r->made = !there;
    r->root = app_root(c);
    r->ledger_path = app_ledger_path(c);
    r->folder = app_path(c, ".restoring");
    return r->root && r->ledger_path && r->folder ? 0 : err_set(e, ERR_NO_MEMORY, "restore");
}

static int look_at_backup(struct restore *r, struct err *e)
{
    const struct backup_info *i = &r->backup.info;
    const char *store = r->call->config.store;
    if (backup_open(r->arena, r->call->operand[0], &r->backup, e))
        return -1;
    r->postgres = strcmp(i->store, "postgres") == 0;
    if (r->postgres && !db_is_url(store))
        return err_set(e, ERR_USAGE,
                       "this backup is of a store in PostgreSQL: say into which empty database, --store "
                       "postgres://USER@HOST/DATABASE");
    if (!r->postgres && *store)
        return err_set(e, ERR_USAGE, "this backup is of a store that is a file: leave --store away");
    if (i->schema > db_schema_known())
        return err_set(e, ERR_CONFIG, "this backup has schema %lld, and this program knows %lld: install lazaret %s",
                       (long long)i->schema, (long long)db_schema_known(), i->program);
    return 0;
}

/* The key of a backup that is older than the root key: a rotation has put it aside. */
static int refuse_key(const struct restore *r, const char *have, struct err *e)
{
    const char *want = r->backup.info.root_id, *file = root_file(r->root);
    const char *aside = file ? arena_printf(r->arena, "%s.old-%s", file, want) : NULL;
    if (aside && access(aside, F_OK) == 0)
        return err_set(e, ERR_KEYS,
                       "this backup opens with the root key of fingerprint %s, which a rotation has put aside: restore "
                       "with --keys-root file:%.100s",
                       want, aside);
    return err_set(e, ERR_KEYS, "this backup opens with the root key of fingerprint %s, and %.100s is the one of %s",
                   want, r->root, have);
}

static int check_key(struct restore *r, struct err *e)
{
    char root_id[ROOT_ID_TEXT];
    struct key key;
    int there = root_there(r->root, e);
    if (there < 0)
        return -1;
    if (!there)
        return err_set(e, ERR_KEYS,
                       "this backup opens with the root key of fingerprint %s alone: put it at %.100s (a file has mode "
                       "0400), then restore again",
                       r->backup.info.root_id, r->root);
    if (keyring_derive_from(r->root, backup_label, &key, root_id, e))
        return -1;
    int rc = strcmp(root_id, r->backup.info.root_id) ? refuse_key(r, root_id, e)
                                                     : backup_verify(&r->backup, &key, &r->app.progress, e);
    key_wipe(&key);
    return rc;
}

static bool knows_all_old(const struct restore *r)
{
    for (size_t i = 0; i < r->old.n; i++)
        if (!erased_has(&r->here, r->old.id[i]) && !erased_has(&r->given, r->old.id[i]))
            return false;
    for (size_t i = 0; i < r->old.subjects; i++)
        if (!erased_has_subject(&r->here, r->old.subject[i]) && !erased_has_subject(&r->given, r->old.subject[i]))
            return false;
    return true;
}

/* A ledger that does not know what the backup's did is older than the backup. */
static int check_ledger(struct restore *r, struct err *e)
{
    const char *given = call_option(r->call, "erased"), *id = r->backup.info.root_id;
    const char *old = backup_path(&r->backup, ledger_name);
    if (old && ledger_whose(old, r->arena, &id, e) < 0) /* the store had another root key before */
        return -1;
    r->store_id = id;
    char when[CLOCK_TEXT];
    bool none = given && strcmp(given, "none") == 0;
    if (!old)
        return err_set(e, ERR_NO_MEMORY, "restore");
    int here = ledger_read(r->ledger_path, id, r->arena, &r->here, e);
    r->no_ledger = here == 0;
    int there = here < 0 || !given || none ? 0 : ledger_read(given, id, r->arena, &r->given, e);
    if (here < 0 || there < 0 || ledger_read(old, id, r->arena, &r->old, e) < 0)
        return -1;
    if (given && !none && !there)
        return err_set(e, ERR_USAGE, "there is no file %s", given);
    if (!here && !there && !none)
        return err_set(
            e, ERR_CONFIG,
            "what was erased after %.19sZ is in this backup still: bring the ledger of erasures to %.60s or name "
            "it with --erased; if it is lost, --erased none",
            clock_text(r->backup.info.created_at, when), r->ledger_path);
    return none || knows_all_old(r) ? 0
                                    : err_set(e, ERR_CONFIG,
                                              "the ledger of erasures is older than the backup, or another one: it "
                                              "lacks what the backup's own copy names");
}

/* The ledger that was given becomes the folder's own, before anything that could be cut short. */
static int place_ledger(struct restore *r, struct err *e)
{
    const char *given = call_option(r->call, "erased");
    if (!r->no_ledger || !r->given.id)
        return 0;
    struct ledger *l;
    if (backup_copy_file(given, r->ledger_path, 0600, e) || ledger_open(r->ledger_path, r->store_id, &l, e))
        return -1;
    ledger_close(l);
    r->here = r->given;
    r->given = (struct erased){0};
    r->no_ledger = false;
    return 0;
}

static int load_database(struct restore *r, struct err *e)
{
    struct db *db;
    struct err ignored;
    const char *dump = backup_path(&r->backup, dump_name);
    if (!dump)
        return err_set(e, ERR_NO_MEMORY, "restore");
    if (db_open(r->call->config.store, false, &db, e))
        return -1;
    int rc = db_load_begin(db, e);
    if (!rc && (rc = db_load(db, dump, &r->app.progress, e))) /* all of it or nothing: it is empty again */
        db_load_end(db, &ignored);
    db_close(db);
    return rc;
}

static int put_files(struct restore *r, struct err *e)
{
    const struct config *c = &r->call->config;
    if (r->made && mkdir(c->data, 0700))
        return err_sys(e, ERR_CONFIG, "make the folder %s", c->data);
    if (mkdir(r->folder, 0700))
        return err_sys(e, ERR_CONFIG, "make the folder %s", r->folder);
    r->begun = true;
    if (backup_put(&r->backup, "models/", r->folder, 0755, &r->app.progress, e))
        return -1;
    return r->postgres ? load_database(r, e)
                       : backup_put(&r->backup, database_name, r->folder, 0700, &r->app.progress, e);
}

/* What had not ended when the backup was made is cancelled first. 1, 0: there is no such job; -1. */
static int erase_again(struct restore *r, const uint8_t *id, struct err *e)
{
    struct audit_entry audit = operator_act(&r->app, NULL, "lazaret db restore");
    struct job_receipt receipt;
    enum job_cancel how;
    audit.action = "delete";
    int found = job_erase(r->app.api.jobs, NULL, id, &audit, &receipt, e);
    if (found < 0 && e->code == ERR_CONFLICT && !job_cancel(r->app.api.jobs, NULL, id, &audit, &how, e))
        found = job_erase(r->app.api.jobs, NULL, id, &audit, &receipt, e);
    return found;
}

static int erase_listed(struct restore *r, const struct erased *list, struct err *e)
{
    progress_begin(&r->app.progress, "erasing again", (int64_t)list->n);
    for (size_t i = 0; i < list->n; i++, progress_add(&r->app.progress, 1)) {
        const uint8_t *const one[] = {list->id[i]};
        if (i && memcmp(list->id[i], list->id[i - 1], 16) == 0)
            continue;
        int found = erase_again(r, list->id[i], e);
        if (found < 0)
            return -1;
        r->erased += found;
        /* one of a time after the backup: the next restore may be of a backup that has it */
        if (!found && !erased_has(&r->here, list->id[i]) && ledger_note(r->app.ledger, one, 1, clock_now_us(), e))
            return -1;
    }
    return 0;
}

struct forgetting {
    struct app *app;
    const uint8_t *scope, *subject;
    int keys;
};

static int forget_body(struct tx *tx, void *arg, struct err *e)
{
    struct forgetting *x = arg;
    struct audit_entry audit = operator_act(x->app, "erased-again", "lazaret db restore");
    x->keys = keyring_subject_destroy(tx, x->scope, x->subject, e);
    audit.action = "delete";
    audit.object = "SubjectKeys";
    audit.rows = x->keys;
    return x->keys < 0 || (x->keys && audit_append(tx, &audit, e)) ? -1 : 0;
}

/* Whose keys are destroyed: what else there is of a person. */
static int erase_rows_body(struct tx *tx, void *arg, struct err *e)
{
    const struct forgetting *x = arg;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "erase somebody again");
    return patient_erase_again(tx, &x->app->api.study, x->subject, a, e) < 0 ? -1 : 0;
}

static int erase_rows_listed(struct restore *r, const struct erased *list, struct err *e)
{
    for (size_t i = 0; i < list->subjects; i++) {
        struct forgetting x = {.app = &r->app, .subject = list->subject[i] + 16};
        if (memcmp(list->subject[i], r->app.api.study.scope, 16) == 0 && tx_run(r->app.api.db, erase_rows_body, &x, e))
            return -1;
    }
    return 0;
}

/* The keys of subjects that were destroyed since the backup was made, and what else there is of them. */
static int forget_listed(struct restore *r, const struct erased *list, struct err *e)
{
    progress_begin(&r->app.progress, "destroying keys again", (int64_t)list->subjects);
    for (size_t i = 0; i < list->subjects; i++, progress_add(&r->app.progress, 1)) {
        const uint8_t *at = list->subject[i];
        struct forgetting x = {.app = &r->app, .scope = at, .subject = at + 16};
        if (i && memcmp(at, list->subject[i - 1], 32) == 0)
            continue;
        if (tx_run(r->app.api.db, forget_body, &x, e) ||
            (!erased_has_subject(&r->here, at) &&
             ledger_note_subject(r->app.ledger, x.scope, x.subject, clock_now_us(), e)))
            return -1;
        r->subjects += x.keys > 0;
    }
    return erase_rows_listed(r, list, e) || (r->subjects && db_scrub(r->app.api.db, e)) ? -1 : 0;
}

static int open_restored(struct restore *r, struct err *e)
{
    struct app *app = &r->app;
    r->config = r->call->config;
    r->config.data = r->folder;
    r->config.keys_root = r->root;
    app->existing_only = app->restoring = true;
    app->ledger_path = r->ledger_path;
    if (app_open(app, &r->config, e))
        return -1;
    fault_crash(CRASH_restore_loaded);
    struct audit_entry audit = operator_act(app, "restored", "lazaret db restore");
    return audit_note(app->api.db, &audit, e) || job_recover(app->api.jobs, e) || erase_listed(r, &r->here, e) ||
                   erase_listed(r, &r->given, e) || forget_listed(r, &r->here, e) || forget_listed(r, &r->given, e)
               ? -1
               : 0;
}

/* Into DIR; the file that makes it a data folder is the last. */
static int move_in(struct restore *r, struct err *e)
{
    static const char *const part[] = {"models", "lazaret.db", "store"};
    const char *data = r->call->config.data;
    for (size_t i = 0; i < COUNT(part); i++) {
        const char *from = arena_printf(r->arena, "%s/%s", r->folder, part[i]),
                   *to = app_path(&r->call->config, part[i]);
        if (!from || !to)
            return err_set(e, ERR_NO_MEMORY, "restore");
        if (rename(from, to) && errno != ENOENT)
            return err_sys(e, ERR_STORE, "move %s to %s", from, to);
    }
    backup_remove_tree(r->folder);
    return backup_sync_folder_of(r->folder, e) || backup_sync_folder_of(data, e) ? -1 : 0;
}

static int restore(struct restore *r, struct json_out *out, bool *ret_good, struct err *e)
{
    if (look_at_target(r, e) || look_at_backup(r, e) || check_key(r, e) || check_ledger(r, e))
        return -1;
    int rc = place_ledger(r, e) || put_files(r, e) || open_restored(r, e) ? -1 : 0;
    if (!rc)
        *ret_good = check_all(&r->app, r->arena, out);
    if (!rc && r->postgres)
        rc = db_load_end(r->app.api.db, e);
    app_close(&r->app);
    fault_crash(CRASH_restore_erased);
    if (rc) {
        if (r->begun)
            backup_remove_tree(r->folder);
        if (r->made)
            rmdir(r->call->config.data);
        if (r->no_ledger)
            unlink(r->ledger_path); /* the next try shall miss it again */
        return -1;
    }
    return move_in(r, e);
}

int cmd_db_restore(struct call *c, struct err *e)
{
    struct buf b = buf_in(c->arena, 1 << 20);
    struct json_out o = json_out(&b);
    struct restore *r = TAKE_NEW(c->arena, struct restore);
    struct display d;
    struct json j;
    struct json_fault f;
    char when[CLOCK_TEXT];
    bool good = false;
    if (!r)
        return err_set(e, ERR_NO_MEMORY, "restore");
    *r = (struct restore){.call = c, .arena = c->arena, .app = {.lock_fd = -1}};
    if (privilege_drop(c->config.user, e))
        return -1;
    display_begin(&d, c, &r->app.progress);
    int rc = restore(r, &o, &good, e);
    display_end(&d);
    if (rc)
        return -1;
    clock_text(r->backup.info.created_at, when);
    if (c->json) {
        printf("{\"restored\":true,\"created_at\":\"%s\",\"erased_again\":%lld,\"subjects_erased_again\":%lld,"
               "\"checks\":%.*s}\n",
               when, (long long)r->erased, (long long)r->subjects, SLICE_FMT(buf_text(&b)));
    } else {
        printf("%s holds what was backed up at %s; %lld jobs and %lld subjects of it were erased again.\n",
               c->config.data, when, (long long)r->erased, (long long)r->subjects);
        if (json_parse(c->arena, buf_text(&b), &j, &f) == 0)
            print_checks(c->arena, &j, 0, false);
    }
    return good ? 0 : 1;
}
