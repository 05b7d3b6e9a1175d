/* renew.c -- lazaret study renew ROLE: the numbers of who left a role mean nothing any more. */
#include <stdio.h>

#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"
#include "study/renew.h"

int admin_study_renew(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct audit_entry audit = app_operator("update", "lazaret study renew");
    struct renewed r;
    enum role role;
    if (!role_named(json_get_text(args, 0, "role", a), &role))
        return err_set(e, ERR_USAGE, "there is no such role: 'lazaret policy' names them");
    if (begin_work(app, e))
        return -1;
    audit.scope = app->api.study.scope;
    int rc = study_renew(&app->api.study, role, &audit, &app->progress, &r, e);
    end_work(app);
    if (rc)
        return -1;
    json_open(out, '{');
    json_pair_str(out, "role", role_name(role));
    json_pair_int(out, "numbers", r.numbers);
    json_pair_int(out, "edges", r.edges);
    json_close(out, '}');
    return 0;
}

int cmd_study_renew(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (long_work(c, "study.renew", call_args(c, "role", c->operand[0], NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("%.*s numbers of this role are others now, and %.*s edges are of a new epoch. What somebody kept of them "
           "leads nowhere.\n",
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "numbers"))), SLICE_FMT(json_raw(&j, json_get(&j, 0, "edges"))));
    return 0;
}
