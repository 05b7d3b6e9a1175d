#include "api/api_int.h"
#include "base/rnd.h"

int api_me(struct api_request *q, struct err *e)
{
    const struct caller *c = &q->caller;
    bool staff = c->subject != NULL;
    char id[UUID_TEXT];
    struct buf b = buf_in(q->arena, 8192);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "id", uuid_text(c->id, id));
    json_pair_str(&o, "kind", staff ? "staff" : "client");
    json_pair_str(&o, "name", staff ? c->display : c->name);
    if (staff)
        json_pair_str(&o, "subject", c->subject);
    json_pair_str(&o, "role", role_name(c->role));
    json_key(&o, "roles");
    json_open(&o, '[');
    for (int role = 0; role < ROLE_COUNT; role++)
        if (staff ? c->roles >> role & 1 : role == (int)c->role)
            json_put_str(&o, role_name((enum role)role));
    json_close(&o, ']');
    json_pair_str(&o, "scope", uuid_text(c->scope, id));
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}
