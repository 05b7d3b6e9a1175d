#include "identity/proved.h"

/* A query that finds nothing: it does not hold any more. */
static int expect(int found, struct err *e)
{
    return found > 0   ? 0
           : found < 0 ? -1
                       : err_set(e, ERR_TOKEN,
                                 "what you proved who you are by was changed or ended meanwhile: sign in "
                                 "again");
}

int proved_holds(struct tx *tx, const uint8_t scope[16], const uint8_t staff[16], const struct proved *p,
                 struct arena *a, struct err *e)
{
    struct rows r;
    if (p && p->by_password &&
        expect(tx_rows(tx, a, &r, e,
                       "SELECT 1 FROM account WHERE scope = $1 AND staff = $2 AND password IS NOT NULL AND password_at "
                       "= $3",
                       V_ID(scope), V_ID(staff), V_INT(p->password_at)),
               e))
        return -1;
    if (p && p->by_passkey &&
        expect(tx_rows(tx, a, &r, e, "SELECT 1 FROM passkey WHERE scope = $1 AND staff = $2 AND id = $3", V_ID(scope),
                       V_ID(staff), V_ID(p->passkey)),
               e))
        return -1;
    return p && p->by_session
               ? expect(
                     tx_rows(tx, a, &r, e,
                             "SELECT 1 FROM session WHERE scope = $1 AND staff = $2 AND id = $3 AND ended_at IS NULL",
                             V_ID(scope), V_ID(staff), V_ID(p->session)),
                     e)
               : 0;
}
