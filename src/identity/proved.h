/* proved.h -- the credential by which somebody has just proved who they are, as it was when it was looked at.
 *
 * To check a password takes hundreds of milliseconds, and meanwhile an invitation or another change may end it, and
 * every session with it. So what follows from it (a session, a new password, another passkey) asks for it again in
 * its own body, once the person is locked (person_lock): whoever ends credentials locks them first, too. */
#ifndef IDENTITY_PROVED_H
#define IDENTITY_PROVED_H

#include <string.h>

#include "store/db.h"

struct proved {
    bool by_password, by_passkey, by_session; /* all that are set have to hold */
    int64_t password_at;                      /* when it was set */
    uint8_t passkey[16], session[16];
};
static inline void proved_passkey(struct proved *p, const uint8_t id[16])
{
    p->by_passkey = true;
    memcpy(p->passkey, id, sizeof p->passkey);
}
static inline void proved_session(struct proved *p, const uint8_t id[16])
{
    p->by_session = true;
    memcpy(p->session, id, sizeof p->session);
}

/* In a body that has locked the person. -1: ERR_TOKEN, to be told to them, when it was ended or changed meanwhile.
 * NULL: nothing has to hold. */
int proved_holds(struct tx *tx, const uint8_t scope[16], const uint8_t staff[16], const struct proved *p,
                 struct arena *a, struct err *e);

#endif
