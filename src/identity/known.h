/* known.h -- who was asking lately: spares a read of the store for every request of a client that keeps calling.
 *
 * Remembers what client_identify said of an Authorization header, by the header's SHA-256, and what
 * client_identify_cert said of a certificate; never the key itself, never a refusal, no access token beyond its end.
 * Whoever changes a client forgets all of it (known_forget) before answering that the change is made. In a store of one
 * process nothing else can make it stale. Where several share one (db_shared), another may have changed the client and
 * cannot say so: there it is remembered for KNOWN_SHARED_S and no longer. Any thread. */
#ifndef IDENTITY_KNOWN_H
#define IDENTITY_KNOWN_H

#include "identity/client.h"

enum { KNOWN_SHARED_S = 1 };

struct known;

int known_open(struct known **ret, struct err *e);
void known_close(struct known *k);
/* As client_identify. */
int known_identify(struct known *k, struct db *db, const uint8_t scope[16], struct slice authorization,
                   const char *open_client, struct arena *a, struct caller *ret, struct err *e);
/* As client_identify_cert. */
int known_identify_cert(struct known *k, struct db *db, const uint8_t scope[16], const uint8_t cert[32],
                        const uint8_t subject[32], struct arena *a, struct caller *ret, struct err *e);
void known_forget(struct known *k);

#endif
