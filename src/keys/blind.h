/* blind.h -- finding the row whose sealed column has exactly this value: a keyed hash stored beside it.
 *
 *     index = HMAC-SHA-256 (FIPS 198-1) of the value, the first 16 bytes; a key for each (scope, column)
 *
 * The columns are those of blind_columns.def. Tax codes, addresses and telephone numbers are few enough to be tried one
 * by one: whoever has an index key and the store can find out every value. So these keys are random, wrapped by the
 * root key itself (table blind_key), and not derived from anything: all domain, subject and data keys together do not
 * give them. They are read when the first value of the column is looked up, by the process that does it, and stay in
 * locked memory until the keyring is closed. Rotation of the root key wraps them anew; the keys stay as they are, since
 * a new one would have to index every value again, which is not there yet.
 *
 * Values are compared as bytes, so each has one form, and the caller brings it there:
 *   tax codes   upper case letters and digits without spaces, 11 or 16
 *   addresses   lower case, no spaces, one @, up to 254 bytes
 *   telephone   + and 7 to 15 digits, no leading zero
 *   ids         16 bytes
 * Anything else is refused (ERR_BAD_REQUEST), not indexed where nobody would find it. */
#ifndef KEYS_BLIND_H
#define KEYS_BLIND_H

#include "keys/keyring.h"

enum blind_column {
#define BLIND(name, text, form, what) BLIND_##name,
#include "keys/blind_columns.def"
#undef BLIND
    BLIND_COLUMNS
};
enum { BLIND_BYTES = 16 };

/* May wait for the store, and for a commit the first time a column is used. Any thread; not from inside a body. The
 * value is not kept and stands in no error. */
int blind_index(struct keyring *k, const uint8_t scope[ID_BYTES], enum blind_column column, struct slice value,
                uint8_t ret[BLIND_BYTES], struct err *e);

#endif
