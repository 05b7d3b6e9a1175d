/* user.c -- staff: who has signed in, and which roles they hold. */
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/app.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "identity/account.h"

const struct option role_options[] = {{"role", "ROLE", "doctor, installer, monitor, researcher, auditor or admin"},
                                      {"by", "NAME", "who does this; default: your user name on this machine"},
                                      {0}};
const struct option by_options[] = {{"by", "NAME", "who does this; default: your user name on this machine"}, {0}};

static struct people desk(struct app *app)
{
    return (struct people){.db = app->api.db, .keyring = app->api.keyring, .scope = app->api.scope};
}

struct asked {
    struct slice who;
    const char *by;
    enum role role;
};

static int take_asked(const struct json *args, bool role, struct arena *a, struct asked *ret, struct err *e)
{
    struct slice name = json_get_text(args, 0, "role", a);
    ret->who = json_get_text(args, 0, "who", a);
    ret->by = arena_str(a, json_get_text(args, 0, "by", a));
    if (!ret->by || arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "manage staff");
    if (role && (!name.p || !role_named(name, &ret->role)))
        return err_set(e, ERR_USAGE, "--role is doctor, installer, monitor, researcher, auditor or admin");
    return 0;
}

static int answer(struct json_out *out, const struct asked *x, bool role, const char *did)
{
    json_open(out, '{');
    json_pair(out, "user", x->who);
    if (role)
        json_pair_str(out, "role", role_name(x->role));
    json_pair_str(out, "done", did);
    json_close(out, '}');
    return 0;
}

int admin_user_list(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    (void)args;
    return desk_list(&d, NULL, a, out, e);
}

int admin_user_approve(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    enum desk_done done;
    if (take_asked(args, true, a, &x, e) || desk_approve(&d, x.who, x.role, x.by, a, &done, e))
        return -1;
    return answer(out, &x, true, done == DESK_GRANTED ? "approved" : "proposed");
}

int admin_user_propose(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    return take_asked(args, true, a, &x, e) || desk_propose(&d, x.who, x.role, x.by, a, e)
               ? -1
               : answer(out, &x, true, "proposed");
}

int admin_user_remove(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    return take_asked(args, true, a, &x, e) || desk_remove(&d, x.who, x.role, x.by, a, e)
               ? -1
               : answer(out, &x, true, "removed");
}

int admin_user_suspend(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    return take_asked(args, false, a, &x, e) || desk_suspend(&d, x.who, true, x.by, a, e)
               ? -1
               : answer(out, &x, false, "suspended");
}

int admin_user_resume(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    return take_asked(args, false, a, &x, e) || desk_suspend(&d, x.who, false, x.by, a, e)
               ? -1
               : answer(out, &x, false, "resumed");
}

/* {"user", "invitation", "until", "url"}, the code alone where nobody knows the server's address. */
static int answer_invitation(struct app *app, const struct asked *x, bool role, const char *did, const char *code,
                             struct arena *a, struct json_out *out, struct err *e)
{
    char until[CLOCK_TEXT];
    const char *url = app->api.config.url;
    json_open(out, '{');
    json_pair(out, "user", x->who);
    if (role)
        json_pair_str(out, "role", role_name(x->role));
    json_pair_str(out, "done", did);
    json_pair_str(out, "invitation", code);
    json_pair_str(out, "until", clock_text(clock_now_us() + INVITATION_HOURS * 3600 * INT64_C(1000000), until));
    if (url && *url) /* behind the #, so that it is in no log of a server or proxy */
        json_pair_str(out, "url", arena_printf(a, "%s/auth#%s", url, code));
    json_close(out, '}');
    return arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "an invitation") : 0;
}

int admin_user_add(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    enum desk_done done;
    char code[INVITATION_TEXT];
    if (take_asked(args, true, a, &x, e) || account_add(&d, x.who, x.role, x.by, a, &done, code, e))
        return -1;
    return answer_invitation(app, &x, true, done == DESK_GRANTED ? "approved" : "proposed", code, a, out, e);
}

int admin_user_invite(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct people d = desk(app);
    struct asked x;
    char code[INVITATION_TEXT];
    return take_asked(args, false, a, &x, e) || account_invite(&d, x.who, x.by, a, code, e)
               ? -1
               : answer_invitation(app, &x, false, "invited", code, a, out, e);
}

/* Whoever types the command, unless they say somebody else: it is for the record, not a proof. */
static const char *who_types(struct call *c)
{
    const char *by = call_option(c, "by");
    const struct passwd *p = by ? NULL : getpwuid(getuid());
    return by ? by : p ? p->pw_name : arena_printf(c->arena, "uid-%u", (unsigned)getuid());
}

static void print_invitation(struct call *c, const struct json *j)
{
    struct slice code = json_get_text(j, 0, "invitation", c->arena), url = json_get_text(j, 0, "url", c->arena),
                 until = json_get_text(j, 0, "until", c->arena);
    if (!code.p)
        return;
    printf("an invitation, good once and until %.*s; give it to them alone:\n", SLICE_FMT(until));
    if (url.p)
        printf("    %.*s\n", SLICE_FMT(url));
    else
        printf("    %.*s    (to be entered at /auth of this server)\n", SLICE_FMT(code));
}

static int change(struct call *c, const char *work, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    const char *role = call_option(c, "role");
    if (admin_call(c, work, call_args(c, "who", c->operand[0], "by", who_types(c), "role", role, NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice done = json_get_text(&j, 0, "done", c->arena);
    printf("%s: %s%s%.*s\n", c->operand[0], role ? role : "", role ? " is " : "", SLICE_FMT(done));
    print_invitation(c, &j);
    if ((strcmp(work, "user.approve") == 0 || strcmp(work, "user.add") == 0) && slice_is(done, "proposed"))
        printf("somebody else has to approve it: lazaret user approve %s --role %s --by NAME\n", c->operand[0],
               role ? role : "ROLE");
    return 0;
}

int cmd_user_approve(struct call *c, struct err *e)
{
    return change(c, "user.approve", e);
}

int cmd_user_add(struct call *c, struct err *e)
{
    return change(c, "user.add", e);
}

int cmd_user_invite(struct call *c, struct err *e)
{
    return change(c, "user.invite", e);
}

int cmd_role_add(struct call *c, struct err *e)
{
    return change(c, "user.propose", e);
}

int cmd_role_remove(struct call *c, struct err *e)
{
    return change(c, "user.remove", e);
}

int cmd_user_suspend(struct call *c, struct err *e)
{
    return change(c, "user.suspend", e);
}

int cmd_user_resume(struct call *c, struct err *e)
{
    return change(c, "user.resume", e);
}

static void print_roles(struct call *c, const struct json *j, uint32_t person, const char *which, const char *title)
{
    uint32_t list = json_get_kind(j, person, which, JSON_ARRAY);
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        struct slice role = json_get_text(j, k, "role", c->arena);
        printf("%s%.*s", k == json_first(j, list) ? title : ", ", SLICE_FMT(role));
    }
}

int cmd_user_list(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "user.list", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
        struct slice id = json_get_text(&j, k, "id", c->arena), name = json_get_text(&j, k, "name", c->arena),
                     state = json_get_text(&j, k, "state", c->arena);
        printf("%.*s  %-24.*s %-9.*s", SLICE_FMT(id), SLICE_FMT(name), SLICE_FMT(state));
        print_roles(c, &j, k, "roles", "  holds ");
        print_roles(c, &j, k, "proposals", "  proposed: ");
        printf("\n");
    }
    return 0;
}
