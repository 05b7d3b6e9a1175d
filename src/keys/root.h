/* root.h -- where the 32 bytes of the root key come from. Knows nothing of what is done with them, nor of the store.
 *
 * A source is one line of text, the setting keys.root:
 *
 *   file:PATH     a file of one line, 64 hexadecimal digits, mode 0400. PATH alone is the same.
 *   creds:NAME    $CREDENTIALS_DIRECTORY/NAME, where systemd puts what a unit's LoadCredential(Encrypted)= names: the
 *                 same line. It belongs to root or to this user, and others may neither read nor write it (systemd
 *                 lets the unit's user in by an ACL, which shows as the group's r).
 *   pkcs11:URI    an AES-256 key on a token, named as in RFC 7512; it encrypts the root key (CKM_AES_GCM), and what
 *                 comes out lies in a file, the "wrapped root key". Query attributes: module-path (else the modules
 *                 that p11-kit is configured with are asked), pin-source (a path, file:PATH or creds:NAME; pin-value is
 *                 refused: settings and command lines are seen by others), x-wrapped (that file; its path as it
 *                 stands).
 *
 * What somebody has who took
 *   the disk      file: everything, if the key file is on it. creds, encrypted: nothing without this machine's TPM or
 *                 /var/lib/systemd/credential.secret, which may be on that disk, too. pkcs11: nothing; the wrapped root
 *                 key opens on the token alone.
 *   the token     pkcs11: nothing, without its PIN; and with it nothing, without the wrapped root key on the disk. A
 *                 key that is not CKA_SENSITIVE, or is CKA_EXTRACTABLE, could be copied, and is refused.
 *   the process   the root key, whatever the source: it is in the memory of whoever has the store open. A token is
 *                 asked once, at the start; destroying its key ends everything at the next one.
 *
 * Wrapped root key, one line: "lazaret-root 1 aes-gcm IV WRAP", the two in hexadecimal: 12 bytes, and 32 + 16; the
 * additional data is "laz/v1/root". GCM does not commit to its key; the store does to the root key (root_check).
 *
 * Next to a file (key or wrapped key) PATH there may be PATH.next, the key that a rotation is about to bring, and
 * PATH.old-FINGERPRINT, one that a rotation replaced: keyring.h.
 *
 * All of it blocks, on the disk or the token. Errors are ERR_KEYS, a source that is malformed ERR_CONFIG; they name
 * the source, never a byte of a key or PIN. */
#ifndef KEYS_ROOT_H
#define KEYS_ROOT_H

#include "crypto/seal.h"

enum { ROOT_ID_TEXT = 17, ROOT_SOURCE_MAX = 2048 };

/* The key and its id, which is derived from it. Wipe it with key_wipe. */
int root_read(const char *source, struct key *ret, struct err *e);
/* Is there something at the source? What it is worth, root_read says. 1, 0, -1 (malformed). */
int root_there(const char *source, struct err *e);
/* Makes a new key there: whole and durable or not at all. ERR_KEYS when there is one, and for credentials always:
 * those systemd makes. */
int root_make(const char *source, struct err *e);

/* "file", "creds" or "pkcs11"; NULL: malformed. */
const char *root_kind(const char *source);
/* The file of the source that has to be kept: of the key or of the wrapped key; NULL: there is none. */
const char *root_file(const char *source);
char *root_id_text(const struct key *root, char ret[ROOT_ID_TEXT]);

/* Root keys that rotations have put aside, by their files' paths: at most `max`, in `a`. Their number, or -1. */
int root_put_aside(const char *source, struct arena *a, const char **ret, int max, struct err *e);

/* --- another key at the same source, which is a file or has one --- */

/* The key that is to follow, made at PATH.next if it is not there yet. ERR_KEYS: this source cannot be written. */
int root_next(const char *source, struct key *ret, struct err *e);
/* PATH.next if there is one. 1, 0, -1. */
int root_read_next(const char *source, struct key *ret, struct err *e);
/* PATH.next becomes PATH, and what was there PATH.old-FINGERPRINT: there is never no file. Only if PATH.next is `now`;
 * done before, it does nothing. */
int root_settle(const char *source, const struct key *now, struct err *e);

#endif
