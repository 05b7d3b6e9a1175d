/* keys.c -- which keys there are, and new ones for those that seal. */
#include <stdio.h>

#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"
#include "jobs/rotate.h"

enum { OLD_MAX = 64 };

int admin_keys_status(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct keyring_status s;
    struct key_old old[OLD_MAX];
    (void)args, (void)a, (void)e;
    keyring_status(app->api.keyring, &s);
    json_open(out, '{');
    json_pair_str(out, "root_key", app->key_path);
    json_pair_str(out, "root_id", s.root_id);
    json_pair_int(out, "domains", s.domains);
    json_pair_int(out, "keys", s.epochs);
    json_pair_int(out, "older", keyring_old(app->api.keyring, app->api.scope, old, OLD_MAX));
    json_close(out, '}');
    return 0;
}

int cmd_keys_status(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "keys.status", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice path = json_get_text(&j, 0, "root_key", c->arena), id = json_get_text(&j, 0, "root_id", c->arena);
    struct slice older = json_raw(&j, json_get(&j, 0, "older"));
    printf("The root key is the file %.*s (fingerprint %.*s). Keep a copy of it apart from the data: without it "
           "nothing opens.\n"
           "Under it are %.*s domain keys; every job has a data key of its own, wrapped by one of them.\n"
           "Values are sealed with AES-256-GCM under a key derived for each value.\n",
           SLICE_FMT(path), SLICE_FMT(id), SLICE_FMT(json_raw(&j, json_get(&j, 0, "keys"))));
    if (slice_is(older, "0"))
        puts("None of them was replaced by a newer one and is still there.");
    else
        printf(
            "%.*s of them were replaced: nothing new is sealed under them, what is moves to the newer ones, and then "
            "they are destroyed.\n",
            SLICE_FMT(older));
    return 0;
}

static const struct audit_entry operator_rotates = {
    .actor = "operator", .role = "operator", .action = "update", .outcome = "permit", .route = "lazaret keys rotate"};

static int rotate(struct app *app, int *ret_keys, struct resealed *ret, struct err *e)
{
    if (job_rotate_keys(app->api.jobs, &operator_rotates, ret_keys, e))
        return -1;
    progress_begin(&app->progress, "sealing keys anew", 0);
    return job_reseal(app->api.jobs, KEY_REST_US, &app->progress, ret, e);
}

int admin_keys_rotate(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct resealed r;
    int keys;
    (void)args, (void)a;
    if (begin_work(app, e))
        return -1;
    int rc = rotate(app, &keys, &r, e);
    end_work(app);
    if (rc)
        return -1;
    json_open(out, '{');
    json_pair_int(out, "new_keys", keys);
    json_pair_int(out, "resealed", r.rows);
    json_pair_int(out, "older", r.older);
    json_close(out, '}');
    return 0;
}

int cmd_keys_rotate(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (long_work(c, "keys.rotate", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("%.*s new domain keys; %.*s values are sealed anew under them. The %.*s older keys are destroyed in an "
           "hour, by a "
           "running server.\n",
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "new_keys"))), SLICE_FMT(json_raw(&j, json_get(&j, 0, "resealed"))),
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "older"))));
    return 0;
}
