/* credential.h -- the passkeys of accounts: registering, using, listing, removing (passkey.h judges one, challenge.h
 * says what it signs).
 *
 * A person may have CREDENTIAL_EACH. Each is found by the hash of the id its device knows it by, so a sign-in needs no
 * name; what it is, and what its owner calls it, is sealed. Its counter is changed by compare and set: of two answers
 * with one counter, one is refused, and so is one whose counter goes back, which is that of a copy. The last way in
 * cannot be removed.
 *
 * `audit` as in session.h; sentences of ERR_TOKEN, ERR_BAD_REQUEST, ERR_CONFLICT and ERR_NOT_FOUND may be told. Each
 * blocks for a commit, but for credential_options and credential_list. */
#ifndef IDENTITY_CREDENTIAL_H
#define IDENTITY_CREDENTIAL_H

#include "identity/account.h"
#include "identity/challenge.h"

enum { CREDENTIAL_EACH = 16, CREDENTIAL_LABEL_MAX = 64, CREDENTIAL_SENT_MAX = 16384 };

/* What navigator.credentials.get wants (PublicKeyCredentialRequestOptionsJSON): for a sign-in, or of `staff` who is
 * signed in, for a step up. ERR_CONFLICT where there are no passkeys. */
int credential_ask(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                   struct err *e);
/* What navigator.credentials.create wants (PublicKeyCredentialCreationOptionsJSON). */
int credential_offer(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                     struct err *e);

/* What navigator.credentials.create gave (RegistrationResponseJSON, node `at` of `sent`). `invitation`: is used by it,
 * or NULL; then `proved` must hold still (the session they do it in; ERR_TOKEN). ERR_CONFLICT: there are too many, or
 * it is registered already; ERR_SUSPENDED. */
int credential_add(const struct accounts *x, const uint8_t staff[16], const struct invitation *invitation,
                   const struct proved *proved, const struct json *sent, uint32_t at, struct slice label,
                   const struct audit_entry *audit, struct arena *a, uint8_t ret_id[16], struct err *e);
/* What navigator.credentials.get gave (AuthenticationResponseJSON). `staff`: of whom it must be, for a step up; NULL:
 * *ret_staff is who signed in. ERR_TOKEN; ret->known then says whether the passkey was one of theirs. */
int credential_use(const struct accounts *x, const uint8_t staff[16], const struct json *sent, uint32_t at,
                   const struct audit_entry *audit, struct arena *a, struct attempt *ret, struct err *e);

/* A JSON array: id, label, created_at, used_at, backed_up. */
int credential_list(const struct accounts *x, const uint8_t staff[16], struct arena *a, struct json_out *o,
                    struct err *e);
int credential_remove(const struct accounts *x, const uint8_t staff[16], const uint8_t id[16],
                      const struct audit_entry *audit, struct arena *a, struct err *e);

#endif
