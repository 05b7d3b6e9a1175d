/* keys.c -- which keys there are, and new ones for those that seal. */
#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"
#include "jobs/rotate.h"
#include "keys/subject.h"

enum { OLD_MAX = 64, ASIDE_MAX = 16, DOMAINS_SHOWN = 1024 };
static const int64_t year_us = 365LL * 86400 * 1000000;

const struct option keys_rotate_options[] = {
    {"root", NULL, "another root key: what it wraps is wrapped anew; the old one is kept under another name"},
    {"to", "SOURCE", "with --root: file:PATH, creds:NAME or pkcs11:URI; then set keys.root to it"},
    {0}};

/* --- status --- */

struct state {
    struct keyring_status keys;
    struct subject_count subjects;
    struct key_old old[OLD_MAX];
    int olds;
    int64_t under, now; /* values under older keys */
    struct key_domain *domain;
    int domains;
    struct rows roots; /* id, source, since, until */
    const char *aside[ASIDE_MAX];
    int asides;
};

static int look(struct app *app, struct arena *a, struct state *s, struct err *e)
{
    struct keyring *k = app->api.keyring;
    s->now = clock_now_us();
    s->domain = arena_take(a, DOMAINS_SHOWN * sizeof *s->domain);
    if (!s->domain)
        return err_set(e, ERR_NO_MEMORY, "the status of the keys");
    keyring_status(k, &s->keys);
    s->olds = keyring_old(k, NULL, s->old, OLD_MAX);
    s->domains = keyring_newest(k, NULL, s->domain, DOMAINS_SHOWN);
    s->asides = root_put_aside(s->keys.source, a, s->aside, ASIDE_MAX, e);
    return s->asides < 0 || keyring_roots(k, a, &s->roots, e) < 0 || keyring_subject_count(k, &s->subjects, e) ||
                   job_count_older(app->api.jobs, &s->under, e)
               ? -1
               : 0;
}

static void domain_rows(const struct state *s, struct json_out *out)
{
    json_key(out, "domain_keys");
    json_open(out, '[');
    for (int i = 0; i < s->domains; i++) {
        const struct key_domain *d = &s->domain[i];
        char when[CLOCK_TEXT], scope[UUID_TEXT];
        int older = 0;
        for (int n = 0; n < s->olds; n++)
            older += !memcmp(s->old[n].scope, d->scope, ID_BYTES) && !strcmp(s->old[n].domain, d->domain);
        json_open(out, '{');
        json_pair_str(out, "scope", uuid_text(d->scope, scope));
        json_pair_str(out, "domain", d->domain);
        json_pair_int(out, "epoch", d->epoch);
        json_pair_str(out, "since", clock_text(d->made_at, when));
        json_pair_int(out, "older", older);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void replaced_roots(const struct state *s, struct json_out *out)
{
    char when[CLOCK_TEXT];
    json_key(out, "replaced_root_keys");
    json_open(out, '[');
    for (int i = 0; i < s->roots.n; i++) {
        const struct val *v = row_at(&s->roots, i, 0);
        if (v[3].kind == VAL_NULL)
            continue;
        json_open(out, '{');
        json_pair(out, "root_id", v[0].s);
        json_pair(out, "root_key", v[1].s);
        json_pair_str(out, "until", clock_text(v[3].i, when));
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* What an operator should do, each in a sentence; none: nothing. */
static void advice(const struct app *app, const struct state *s, struct arena *a, struct json_out *out)
{
    int64_t oldest = s->now;
    for (int i = 0; i < s->domains; i++)
        if (subject_domain_is(s->domain[i].domain) && s->domain[i].made_at < oldest)
            oldest = s->domain[i].made_at;
    json_key(out, "next");
    json_open(out, '[');
    if (strcmp(s->keys.source, app->root))
        json_put_str(
            out, arena_printf(a, "Set keys.root = %s before the next start: the setting names the source of before.",
                              s->keys.source));
    for (int i = 0; i < s->asides; i++)
        json_put_str(out,
                     arena_printf(a,
                                  "%s is a root key that was replaced. Backups made before open with it alone: keep it "
                                  "with them, apart from the data, and remove it here.",
                                  s->aside[i]));
    if (s->under)
        json_put_str(out,
                     "Values are under older domain keys: a running server moves them within the hour, 'lazaret keys "
                     "rotate' at once.");
    else if (s->olds)
        json_put_str(out,
                     "Nothing is under the older domain keys: a running server destroys them an hour after they were "
                     "replaced.");
    if (s->now - s->keys.root_since > year_us)
        json_put_str(out, "The root key is older than a year: 'lazaret keys rotate --root' brings another one.");
    if (s->now - oldest > year_us)
        json_put_str(out, "Domain keys are older than a year: 'lazaret keys rotate' brings new ones.");
    json_close(out, ']');
}

int admin_keys_status(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct state s;
    char when[CLOCK_TEXT];
    (void)args;
    if (look(app, a, &s, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "root_key", s.keys.source);
    json_pair_str(out, "root_kind", root_kind(s.keys.source));
    json_pair_str(out, "root_id", s.keys.root_id);
    json_pair_str(out, "root_since", clock_text(s.keys.root_since, when));
    replaced_roots(&s, out);
    json_pair_int(out, "domains", s.keys.domains);
    json_pair_int(out, "keys", s.keys.epochs);
    json_pair_int(out, "older", s.olds);
    json_pair_int(out, "under_older", s.under);
    domain_rows(&s, out);
    json_pair_int(out, "subject_keys", s.subjects.live);
    json_pair_int(out, "subject_keys_destroyed", s.subjects.destroyed);
    advice(app, &s, a, out);
    json_close(out, '}');
    return arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "the status of the keys") : 0;
}

static void say_root(struct call *c, const struct json *j)
{
    struct slice kind = json_get_text(j, 0, "root_kind", c->arena), at = json_get_text(j, 0, "root_key", c->arena),
                 id = json_get_text(j, 0, "root_id", c->arena), since = json_get_text(j, 0, "root_since", c->arena);
    const char *what = slice_is(kind, "creds")    ? "a credential that systemd hands over"
                       : slice_is(kind, "pkcs11") ? "wrapped by a key on a token"
                                                  : "a file";
    printf(
        "The root key is %s, %.*s (fingerprint %.*s), since %.10s. Keep a copy of it apart from the data: without it "
        "nothing opens.\n",
        what, SLICE_FMT(at), SLICE_FMT(id), since.p);
    uint32_t list = json_get(j, 0, "replaced_root_keys");
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        struct slice was = json_get_text(j, k, "root_id", c->arena), until = json_get_text(j, k, "until", c->arena);
        printf("Until %.10s it was another one (fingerprint %.*s): backups of that time open with it alone.\n", until.p,
               SLICE_FMT(was));
    }
}

static void say_domains(struct call *c, const struct json *j)
{
    uint32_t list = json_get(j, 0, "domain_keys");
    printf("Under it are %lld domain keys; every job has a data key of its own, wrapped by one of them.\n"
           "Values are sealed with AES-256-GCM under a key derived for each value.\n",
           (long long)number_in(j, "keys"));
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        struct slice name = json_get_text(j, k, "domain", c->arena), since = json_get_text(j, k, "since", c->arena);
        struct slice epoch = json_raw(j, json_get(j, k, "epoch"));
        printf("  %-16.*s epoch %.*s, since %.10s\n", SLICE_FMT(name), SLICE_FMT(epoch), since.p);
    }
    if (number_in(j, "older"))
        printf("%lld of them were replaced: nothing new is sealed under them, what is moves to the newer ones (%lld "
               "values have not yet), and then they are destroyed.\n",
               (long long)number_in(j, "older"), (long long)number_in(j, "under_older"));
    else
        puts("None of them was replaced by a newer one and is still there.");
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
    say_root(c, &j);
    say_domains(c, &j);
    printf("Of the keys of subjects, %lld live and %lld were destroyed.\n", (long long)number_in(&j, "subject_keys"),
           (long long)number_in(&j, "subject_keys_destroyed"));
    uint32_t list = json_get(&j, 0, "next");
    if (json_first(&j, list) == json_end(&j, list))
        puts("Nothing is to be done.");
    for (uint32_t k = json_first(&j, list); k != json_end(&j, list); k = json_next(&j, k))
        printf("To do: %.*s\n", SLICE_FMT(json_text(&j, k, c->arena)));
    return 0;
}

/* --- rotate --- */

static const struct audit_entry operator_rotates = {
    .actor = "operator", .role = "operator", .action = "update", .outcome = "permit", .route = "lazaret keys rotate"};

static int rotate(struct app *app, int *ret_keys, struct resealed *ret, struct err *e)
{
    if (job_rotate_keys(app->api.jobs, &operator_rotates, ret_keys, e))
        return -1;
    progress_begin(&app->progress, "sealing keys anew", 0);
    return job_reseal(app->api.jobs, KEY_REST_US, &app->progress, ret, e);
}

/* The root key, where the store is open. Its source is the operator's word; paths in it are absolute. */
int admin_keys_rotate_root(struct app *app, const struct json *args, struct arena *a, struct json_out *out,
                           struct err *e)
{
    struct root_rotated r;
    struct keyring_status s;
    char *to = arena_str(a, json_get_text(args, 0, "to", a));
    struct audit_entry audit = operator_rotates;
    audit.route = "lazaret keys rotate --root";
    if (!to)
        return err_set(e, ERR_NO_MEMORY, "rotate the root key");
    if (begin_work(app, e))
        return -1;
    int rc = job_rotate_root(app->api.jobs, *to ? to : NULL, &audit, &r, e);
    end_work(app);
    if (rc)
        return -1;
    keyring_status(app->api.keyring, &s);
    json_open(out, '{');
    json_pair_str(out, "root_key", s.source);
    json_pair_str(out, "root_id", r.id);
    json_pair_str(out, "old_root_id", r.old_id);
    json_pair_int(out, "rewrapped", r.wraps);
    json_pair_bool(out, "setting_changes", strcmp(s.source, app->root) != 0);
    json_close(out, '}');
    return 0;
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

static int rotate_root(struct call *c, struct err *e)
{
    const char *to = call_option(c, "to");
    struct slice r;
    struct json j;
    struct json_fault f;
    if (to && !(to = app_root_at(&c->config, to)))
        return err_set(e, ERR_NO_MEMORY, "rotate the root key");
    if (long_work(c, "keys.rotate_root", call_args(c, "to", to ? to : "", NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice at = json_get_text(&j, 0, "root_key", c->arena), id = json_get_text(&j, 0, "root_id", c->arena),
                 old = json_get_text(&j, 0, "old_root_id", c->arena);
    bool moved = json_kind(&j, json_get(&j, 0, "setting_changes")) == JSON_TRUE;
    printf(
        "The root key has the fingerprint %.*s now, and is %.*s: %lld keys were wrapped anew. Keep a copy of it.\n"
        "Backups made before open with the old one alone (%.*s): keep it with them, as 'lazaret keys status' says.\n",
        SLICE_FMT(id), SLICE_FMT(at), (long long)number_in(&j, "rewrapped"), SLICE_FMT(old));
    if (moved)
        printf("Set keys.root = %.*s before the next start.\n", SLICE_FMT(at));
    return 0;
}

int cmd_keys_rotate(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (call_option(c, "root"))
        return rotate_root(c, e);
    if (call_option(c, "to"))
        return err_set(e, ERR_USAGE, "--to says where another root key is: keys rotate --root --to SOURCE");
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
