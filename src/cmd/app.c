#include "cmd/app.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/own.h"
#include "cmd/privilege.h"
#include "identity/scope.h"

const char *app_path(const struct config *c, const char *name)
{
    return arena_printf(c->arena, "%s/%s", c->data, name);
}

/* The data folder's path with `suffix` behind it. */
enum { READY_IDLE_MS = 300000 }; /* a model nobody asked for in so long is not kept ready */

static const char *beside_data(const struct config *c, const char *suffix)
{
    const char *data = c->data;
    size_t n = strlen(data);
    while (n > 1 && data[n - 1] == '/')
        n--;
    bool dots = n && data[n - 1] == '.' &&
                (n == 1 || data[n - 2] == '/' || (data[n - 2] == '.' && (n == 2 || data[n - 3] == '/')));
    OWN_MEM char *real =
        dots ? realpath(data, NULL) : NULL; /* "." and ".." have no name that something can lie beside */
    if (real) {
        data = real;
        n = strlen(real);
    }
    return arena_printf(c->arena, "%.*s%s", (int)n, data, suffix);
}

static const char *absolute(const struct config *c, const char *path)
{
    OWN_MEM char *here = *path == '/' ? NULL : getcwd(NULL, 0);
    return here ? arena_printf(c->arena, "%s/%s", here, path) : path;
}

const char *app_root_at(const struct config *c, const char *source)
{
    const char *file = root_file(source), *wrapped = beside_data(c, ".wrapped");
    if (file)
        return arena_printf(c->arena, "file:%s", absolute(c, file));
    if (strncmp(source, "pkcs11:", 7) || strstr(source, "x-wrapped=") || !wrapped)
        return wrapped ? source : NULL;
    return arena_printf(c->arena, "%s%cx-wrapped=%s", source, strchr(source, '?') ? '&' : '?', absolute(c, wrapped));
}

const char *app_root(const struct config *c)
{
    const char *path = beside_data(c, ".key");
    return *c->keys_root ? app_root_at(c, c->keys_root) : path ? arena_printf(c->arena, "file:%s", path) : NULL;
}

const char *app_ledger_path(const struct config *c)
{
    return *c->erased_file ? c->erased_file : beside_data(c, ".erased");
}

const char *app_part(const struct config *c, const char *name)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        *strrchr(self, '/') = 0;
        const char *beside = arena_printf(c->arena, "%s/%s", self, name);
        if (beside && access(beside, F_OK) == 0)
            return beside;
    }
    return arena_printf(c->arena, "%s/%s", LAZARET_LIBEXEC, name);
}

/* Both folders must be there before the jail starts, and belong to whom serve becomes. */
static int make_folder(const struct config *c, const char *path, mode_t mode, struct err *e)
{
    if (mkdir(path, mode)) {
        if (errno == EEXIST)
            return 0;
        return err_sys(e, ERR_CONFIG, "make the folder %s", path);
    }
    if (chmod(path, mode)) /* the umask does not decide */
        return err_sys(e, ERR_CONFIG, "set the mode of %s", path);
    return privilege_give(path, c->user, e);
}

/* The folder's parts, once; no half-made path reaches the system. */
struct paths {
    const char *models, *db, *root, *lock;
    const char *store;      /* what remembers a URL */
    const char *place;      /* the store: that URL, or `db` */
    const char *unfinished; /* there while the folder is being initialised: the samples may not all be in */
};

/* The URL that was given, or the one the folder remembers, or the file in it. */
static int place_of_store(const struct config *c, struct paths *p, struct err *e)
{
    char url[2048];
    p->place = *c->store ? c->store : p->db;
    if (*c->store && !db_is_url(c->store))
        return err_set(e, ERR_CONFIG,
                       "store is postgres://USER@HOST/DATABASE, or nothing for a file in the data folder");
    OWN_FD int fd = *c->data && !*c->store ? open(p->store, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, url, sizeof url - 1);
    if (n < 0)
        return err_sys(e, ERR_CONFIG, "read %s", p->store);
    if (fd >= 0 && n == 0)
        return err_set(e, ERR_CONFIG, "%s does not say which store: a start was cut short; say it once more: --store",
                       p->store);
    url[n] = 0;
    url[strcspn(url, "\n")] = 0;
    if (n)
        p->place = arena_str(c->arena, slice_of(url));
    return p->place ? 0 : err_set(e, ERR_NO_MEMORY, "open the data folder");
}

/* A folder whose records lie elsewhere says where. */
static int remember_store(const struct paths *p, struct err *e)
{
    struct stat st;
    if (p->place == p->db || (stat(p->store, &st) == 0 && st.st_size > 0))
        return 0;
    OWN_FD int fd = open(p->store, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || dprintf(fd, "%s\n", p->place) < 0 || fsync(fd))
        return err_sys(e, ERR_STORE, "write %s", p->store);
    return 0;
}

static int paths_of(const struct config *c, struct paths *ret, struct err *e)
{
    *ret = (struct paths){.models = app_path(c, "models"),
                          .db = app_path(c, "lazaret.db"),
                          .root = app_root(c),
                          .lock = app_path(c, "lock"),
                          .store = app_path(c, "store"),
                          .unfinished = app_path(c, "unfinished")};
    if (arena_failed(c->arena))
        return err_set(e, ERR_NO_MEMORY, "open the data folder");
    return place_of_store(c, ret, e);
}

void app_open_sandbox(struct app *app, struct config *c)
{
    struct paths p;
    struct sandbox_config s = {.jail = app_part(c, "lazaret-jail"),
                               .images = app_part(c, "images"),
                               .spawners = c->workers ? (int)c->workers : 1, /* self-tests of models run here, too */
                               .ready = c->workers && app->keeps_ready ? (int)c->ready : 0};
    /* without a folder, doctor still wants to know whether models could run here */
    bool data = *c->data && !(app->existing_only && !*c->store && access(app_path(c, "lazaret.db"), F_OK) &&
                              access(app_path(c, "store"), F_OK));
    if (paths_of(c, &p, &app->sandbox_error) || (data && (make_folder(c, c->data, 0700, &app->sandbox_error) ||
                                                          make_folder(c, p.models, 0755, &app->sandbox_error))))
        return;
    s.models = data ? p.models : app_part(c, "models");
    s.reuse = strcmp(c->reuse, "on") == 0;
    s.minimum = app->any_sandbox ? NULL : c->minimum;
    if (sandbox_open(&s, &app->sandbox, &app->sandbox_error))
        app->sandbox = NULL;
}

static bool is_ours(const char *name)
{
    static const char *const list[] = {".", "..", "lazaret.conf", "lock", "models", "store", "unfinished"};
    for (size_t i = 0; i < COUNT(list); i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

/* 1: empty or not there (and then made); 0: has our database; -1: has something else. */
static int look_at_folder(const struct app *app, const struct config *c, const struct paths *p, struct err *e)
{
    if (app->existing_only && access(p->db, F_OK) && access(p->store, F_OK) && !*c->store)
        return err_set(e, ERR_CONFIG, "%s is no data folder of lazaret; 'lazaret serve --data %s' would make one",
                       c->data, c->data);
    if (make_folder(c, c->data, 0700, e) || make_folder(c, p->models, 0755, e))
        return -1;
    if (access(p->db, F_OK) == 0 && p->place != p->db)
        return err_set(e, ERR_CONFIG, "%s has its records in lazaret.db: a store elsewhere needs a folder of its own",
                       c->data);
    if (access(p->db, F_OK) == 0 || access(p->store, F_OK) == 0)
        return 0;
    DIR *d = opendir(c->data);
    if (!d)
        return err_sys(e, ERR_CONFIG, "open the data folder %s", c->data);
    int rc = 1;
    for (struct dirent *x; rc == 1 && (x = readdir(d)) != NULL;)
        if (!is_ours(x->d_name))
            rc = err_set(
                e, ERR_CONFIG,
                "%s is neither empty nor a data folder of lazaret (it holds %.60s): give another one with --data",
                c->data, x->d_name);
    closedir(d);
    return rc;
}

static int take_lock(struct app *app, const struct paths *p, struct err *e)
{
    app->lock_fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (app->lock_fd < 0)
        return err_sys(e, ERR_STORE, "open the lock of the data folder");
    if (flock(app->lock_fd, LOCK_EX | LOCK_NB))
        return err_set(e, ERR_STORE, "another lazaret has %s open", app->config->data);
    return 0;
}

/* Before the first byte of the store: whoever finds this file finishes what was begun. */
static int note_beginning(const struct paths *p, struct err *e)
{
    OWN_FD int fd = open(p->unfinished, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 || fsync(fd) ? err_sys(e, ERR_STORE, "write to the data folder") : 0;
}

static int prepare_key(const struct app *app, const struct paths *p, struct err *e)
{
    int there = root_there(p->root, e);
    if (there)
        return there < 0 ? -1 : 0;
    if (!app->fresh)
        return err_set(e, ERR_KEYS,
                       "the data of %s were sealed with a root key, and %.100s is not there: bring it back; "
                       "a new key could open nothing",
                       app->config->data, p->root);
    return root_make(p->root, e);
}

/* A store elsewhere is as new as itself, whatever the folder is: one that has records has its models, too, and which of
 * them are stable is its operator's word, not the samples'. */
static int open_store(struct app *app, const struct paths *p, struct err *e)
{
    if (p->place == p->db)
        return (app->fresh && note_beginning(p, e)) || prepare_key(app, p, e) || db_open(p->db, true, &app->api.db, e)
                   ? -1
                   : 0;
    if (db_open(p->place, false, &app->api.db, e))
        return -1;
    int empty = db_is_empty(app->api.db, e);
    if (empty < 0)
        return -1;
    if (empty && app->existing_only)
        return err_set(e, ERR_CONFIG, "there are no records of lazaret in that store; 'lazaret serve' would make them");
    app->fresh = empty;
    return (empty && note_beginning(p, e)) || prepare_key(app, p, e) || remember_store(p, e) ? -1 : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Several samples serve the target sepsis: the one that looks at most goes first. */
static int rank_of_sample(const char *name)
{
    static const char *const order[] = {"news2", "sirs", "qsofa"};
    for (size_t i = 0; i < COUNT(order); i++)
        if (strcmp(order[i], name) == 0)
            return 10 * ((int)i + 1);
    return RANK;
}

static int add_sample(struct app *app, const char *folder, const char *name, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    const struct model *m;
    const char *path = a ? arena_printf(a, "%s/%s", folder, name) : NULL;
    const char *manifest = a ? arena_printf(a, "%s/%s/manifest.json", folder, name) : NULL;
    if (!path || !manifest)
        return err_set(e, ERR_NO_MEMORY, "add a model");
    if (access(manifest, F_OK))
        return 0;
    return registry_add(app->api.registry, path, true, a, &m, e) ||
                   registry_promote(app->api.registry, m->manifest.key, m->manifest.version, SLICE("stable"),
                                    rank_of_sample(name), e)
               ? -1
               : 0;
}

/* The sample models that come with the program, promoted to `stable`. */
static int add_samples(struct app *app, struct err *e)
{
    const char *folder = app_part(app->config, "models");
    struct dirent **list;
    int n = folder ? scandir(folder, &list, visible, by_name) : 0, rc = 0;
    if (!folder)
        return err_set(e, ERR_NO_MEMORY, "read the sample models");
    if (n < 0)
        return err_sys(e, ERR_CONFIG, "read the sample models in %s", folder);
    for (int i = 0; i < n; i++) {
        rc = rc ? rc : add_sample(app, folder, list[i]->d_name, e);
        free(list[i]);
    }
    free(list);
    return rc;
}

/* A start that was killed between two samples is finished by the next. */
static int finish_folder(struct app *app, const struct paths *p, struct err *e)
{
    if (registry_count(app->api.registry) && access(p->unfinished, F_OK))
        return 0;
    if (add_samples(app, e))
        return err_in(e, "the sample models");
    return unlink(p->unfinished) && errno != ENOENT ? err_sys(e, ERR_STORE, "finish the data folder") : 0;
}

int log_level_set(const char *name, struct err *e)
{
    static const char *const level[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < COUNT(level); i++)
        if (strcmp(name, level[i]) == 0)
            return log_set_level((enum log_level)i), 0;
    return err_set(e, ERR_CONFIG, "log.level is debug, info, warn or error");
}

static int refuse_unfinished(const struct app *app, struct err *e)
{
    int loading = app->restoring ? 0 : db_is_loading(app->api.db, e);
    return loading > 0
               ? err_set(e, ERR_CONFIG,
                         "that database is left of a restore that did not finish: drop it, make an empty one, and "
                         "restore again")
               : loading;
}

/* Without them the study's records cannot be had; everything else works. */
static void install_gates(struct db *db)
{
    const struct gate *gate[ROLE_COUNT];
    struct err e;
    if (gate_install(db, gate, policy_gates(gate), &e))
        log_err(LOG_WARN, "the study's records stay closed", &e);
}

static int open_ledger(struct app *app, struct err *e)
{
    struct keyring_status keys;
    const char *path = app->ledger_path ? app->ledger_path : app_ledger_path(app->config);
    keyring_status(app->api.keyring, &keys);
    if (!path)
        return err_set(e, ERR_NO_MEMORY, "open the data folder");
    app->ledger_path = path;
    if (ledger_open(path, keys.store_id, &app->ledger, e) || ledger_catch_up(app->ledger, app->api.db, e))
        return -1;
    jobs_ledger(app->api.jobs, app->ledger);
    return 0;
}

int app_open(struct app *app, struct config *c, struct err *e)
{
    struct api *api = &app->api;
    struct paths p;
    app->config = c;
    app->lock_fd = -1;
    if (!*c->data)
        return err_set(e, ERR_CONFIG, "say which data folder: --data DIR");
    int fresh = paths_of(c, &p, e) ? -1 : look_at_folder(app, c, &p, e);
    if (fresh < 0 || (!app->beside && take_lock(app, &p, e)))
        return -1;
    if (c->workers == 0 && p.place == p.db)
        return err_set(e, ERR_CONFIG,
                       "the records of %s are a file, so no other process can run its jobs: --workers 1 or more",
                       c->data);
    if (app->beside && p.place == p.db)
        return err_set(
            e, ERR_CONFIG,
            "the records of %s are a file: its workers are threads of 'lazaret serve' (--workers N); a store "
            "for several processes is PostgreSQL, --store postgres://USER@HOST/DATABASE",
            c->data);
    app->fresh = fresh;
    app->root = p.root;
    if (open_store(app, &p, e) || refuse_unfinished(app, e) || db_schema(api->db, &app->schema_found, e))
        return -1;
    if (app->look_only)
        return 0;
    if (db_migrate(api->db, e))
        return -1;
    install_gates(api->db);
    if (keyring_open(p.root, api->db, &api->keyring, e) || scope_gateway(api->db, "default", api->scope, e) ||
        audit_signer_open(api->db, api->keyring, api->scope, c->audit_origin, &app->signer, e) ||
        audit_seats_open(api->db, &api->seats, e) || registry_open(api->db, api->scope, p.models, &api->registry, e) ||
        jobs_open(api->db, api->keyring, api->scope, &api->jobs, e) || open_ledger(app, e) ||
        known_open(&api->known, e) || study_open(api->db, api->keyring, api->scope, &api->study, e) ||
        witness_open(c, app->signer, &app->witness, e) || finish_folder(app, &p, e))
        return -1;
    jobs_limit(api->jobs, &(struct jobs_limits){.client_running = (int)c->client_running,
                                                .model_running = (int)c->model_running,
                                                .keep_us = c->keep_days * 86400LL * 1000000,
                                                .keep_events_us = c->webhook_days * 86400LL * 1000000});
    api->signer = app->signer;
    api->ledger = app->ledger;
    api->sandbox = app->sandbox;
    api->workers_elsewhere = c->workers == 0 && db_shared(api->db);
    api->workers = (int)c->workers;
    if (strcmp(c->if_match, "on") != 0 && strcmp(c->if_match, "off") != 0)
        return err_set(e, ERR_CONFIG, "study.if_match is on or off, not \"%s\"", c->if_match);
    api->config = (struct api_config){.if_match = strcmp(c->if_match, "on") == 0,
                                      .open_client = *c->open_client ? c->open_client : NULL,
                                      .cors_origins = c->cors,
                                      .url = c->public_url,
                                      .client_streams = (int)c->client_streams,
                                      .client_queued = (int)c->client_queued,
                                      .wait_ms = (int)c->wait_ms,
                                      .await_most = ((int)c->handlers + 3) / 4,
                                      .negotiation_us = c->negotiation_minutes * 60 * 1000000,
                                      .cds_wait_ms = (int)c->cds_wait_ms,
                                      .document_max = (uint64_t)c->document_mib << 20};
    return 0;
}

int app_keep(struct app *app, struct err *e)
{
    if (audit_keeper_start(app->signer, &app->auditor, e) ||
        keeper_start(app->api.jobs, &app->api.study, &app->keeper, e) ||
        (app->witness && witness_start(app->witness, e)))
        return -1;
    const struct sandbox_ahead how = {(uint32_t)app->config->ready_mib, READY_IDLE_MS, SANDBOX_LIFE_MS};
    return app->sandbox ? sandbox_keep_ready(app->sandbox, &how, e) : 0;
}

void app_close(struct app *app)
{
    keeper_stop(app->keeper);
    if (app->signer && !app->auditor) /* a command that ends: what it appended is signed; else at the next start */
        audit_checkpoint(app->signer, &(struct err){.code = ERR_NONE});
    audit_keeper_stop(app->auditor);
    witness_close(app->witness);
    audit_signer_close(app->signer);
    audit_seats_close(app->api.seats);
    study_close(&app->api.study);
    known_close(app->api.known);
    jobs_close(app->api.jobs);
    ledger_close(app->ledger);
    registry_close(app->api.registry);
    keyring_close(app->api.keyring);
    db_close(app->api.db);
    sandbox_close(app->sandbox);
    if (app->lock_fd >= 0)
        close(app->lock_fd);
}
