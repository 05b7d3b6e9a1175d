#include "cmd/app.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cmd/privilege.h"
#include "identity/scope.h"

const char *app_path(const struct config *c, const char *name) { return arena_printf(c->arena, "%s/%s", c->data, name); }

const char *app_key_path(const struct config *c)
{
    size_t n = strlen(c->data);
    while (n > 1 && c->data[n - 1] == '/')
        n--;
    return *c->root_key ? c->root_key : arena_printf(c->arena, "%.*s.key", (int)n, c->data);
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
    return privilege_give(path, c->user, e);
}

void app_open_sandbox(struct app *app, struct config *c)
{
    if (make_folder(c, c->data, 0700, &app->sandbox_error) || make_folder(c, app_path(c, "models"), 0755, &app->sandbox_error))
        return;
    struct sandbox_config s = {.jail = app_part(c, "lazaret-jail"),
                               .images = app_part(c, "images"),
                               .models = app_path(c, "models"),
                               .spawners = (int)c->workers};
    if (sandbox_open(&s, &app->sandbox, &app->sandbox_error))
        app->sandbox = NULL;
}

/* 1: empty or not there (and then made); 0: has our database; -1: has something else. */
static int look_at_folder(const struct config *c, struct err *e)
{
    if (make_folder(c, c->data, 0700, e) || make_folder(c, app_path(c, "models"), 0755, e))
        return -1;
    if (access(app_path(c, "lazaret.db"), F_OK) == 0)
        return 0;
    DIR *d = opendir(c->data);
    if (!d)
        return err_sys(e, ERR_CONFIG, "open the data folder %s", c->data);
    const char *other = NULL;
    for (struct dirent *x; (x = readdir(d)) != NULL && !other;)
        if (strcmp(x->d_name, ".") && strcmp(x->d_name, "..") && strcmp(x->d_name, "lock") && strcmp(x->d_name, "models"))
            other = arena_str(c->arena, slice_of(x->d_name));
    closedir(d);
    if (other)
        return err_set(e, ERR_CONFIG, "%s is neither empty nor a data folder of lazaret (it holds %.60s): give another one with --data",
                       c->data, other);
    return 1;
}

static int take_lock(struct app *app, struct err *e)
{
    app->lock_fd = open(app_path(app->config, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (app->lock_fd < 0)
        return err_sys(e, ERR_STORE, "open the lock of the data folder");
    if (flock(app->lock_fd, LOCK_EX | LOCK_NB))
        return err_set(e, ERR_STORE, "another lazaret has %s open", app->config->data);
    return 0;
}

static int prepare_key(struct app *app, struct err *e)
{
    const char *path = app_key_path(app->config);
    bool there = access(path, F_OK) == 0;
    if (there)
        return 0;
    if (!app->fresh)
        return err_set(e, ERR_KEYS, "the data of %s were sealed with a root key, and %s is not there: bring it back; a new key could open nothing",
                       app->config->data, path);
    return keyring_make_root(path, e);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }

/* The sample models that come with the program, promoted to `stable`. */
static int add_samples(struct app *app, struct err *e)
{
    const char *folder = app_part(app->config, "models");
    struct dirent **list;
    int n = scandir(folder, &list, visible, by_name), rc = 0;
    if (n < 0)
        return err_sys(e, ERR_CONFIG, "read the sample models in %s", folder);
    for (int i = 0; i < n; i++) {
        OWN_ARENA struct arena *a = arena_new(64 << 20);
        const struct model *m;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        bool model = access(arena_printf(app->config->arena, "%s/manifest.json", path), F_OK) == 0;
        if (!rc && model)
            rc = !a || registry_add(app->api.registry, path, a, &m, e) ||
                 registry_promote(app->api.registry, m->manifest.key, m->manifest.version, SLICE("stable"), e);
        free(list[i]);
    }
    free(list);
    return rc ? -1 : 0;
}

int app_open(struct app *app, struct config *c, struct err *e)
{
    struct api *api = &app->api;
    app->config = c;
    app->lock_fd = -1;
    if (!*c->data)
        return err_set(e, ERR_CONFIG, "say which data folder: --data DIR");
    int fresh = look_at_folder(c, e);
    if (fresh < 0 || take_lock(app, e))
        return -1;
    app->fresh = fresh;
    if (prepare_key(app, e) || db_open(app_path(c, "lazaret.db"), true, &api->db, e) || db_migrate(api->db, e) ||
        keyring_open(app_key_path(c), api->db, &api->keyring, e) || scope_gateway(api->db, "default", api->scope, e) ||
        registry_open(api->db, api->scope, app_path(c, "models"), &api->registry, e) ||
        jobs_open(api->db, api->keyring, api->scope, &api->jobs, e))
        return -1;
    if (registry_count(api->registry) == 0 && add_samples(app, e))
        return err_in(e, "the sample models");
    api->sandbox = app->sandbox;
    api->workers = (int)c->workers;
    api->config = (struct api_config){.open_client = *c->open_client ? c->open_client : NULL, .cors_origins = c->cors};
    return 0;
}

void app_close(struct app *app)
{
    jobs_close(app->api.jobs);
    registry_close(app->api.registry);
    keyring_close(app->api.keyring);
    db_close(app->api.db);
    sandbox_close(app->sandbox);
    if (app->lock_fd >= 0)
        close(app->lock_fd);
}
