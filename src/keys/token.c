/* token.c -- the root key, encrypted by an AES key that does not leave its token (PKCS #11, by p11-kit). */
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "keys/root_int.h"

enum { IV = 12, TAG = 16, WRAP = KEY_BYTES + TAG, SLOTS = 64, PIN = 256 };
static const char form[] = "lazaret-root 1 aes-gcm ", aad[] = "laz/v1/root";

/* --- a session with the one token the URI names --- */

struct token {
    P11KitUri *uri;
    CK_FUNCTION_LIST **all, *alone, *module; /* p11-kit's list of modules, or the one of module-path */
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    bool open;
};

static int refuse(CK_RV rv, const char *what, struct err *e)
{
    return err_set(e, ERR_KEYS, "the token of keys.root: %s: %s", what, p11_kit_strerror(rv));
}

static int parse(const char *text, struct token *t, struct err *e)
{
    const char *path;
    t->uri = p11_kit_uri_new();
    int rc =
        t->uri ? p11_kit_uri_parse(text, P11_KIT_URI_FOR_OBJECT_ON_TOKEN_AND_MODULE, t->uri) : P11_KIT_URI_UNEXPECTED;
    if (rc != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(t->uri))
        return err_set(e, ERR_CONFIG, "keys.root is no URI of PKCS #11 (RFC 7512), or names what is not known here: %s",
                       rc == P11_KIT_URI_OK ? "an attribute" : p11_kit_uri_message(rc));
    if (p11_kit_uri_get_pin_value(t->uri))
        return err_set(e, ERR_CONFIG,
                       "a PIN in keys.root would be seen by others: put it into a file of mode 0400, and "
                       "pin-source=file:PATH or creds:NAME instead of pin-value");
    path = p11_kit_uri_get_module_path(t->uri);
    return path && *path != '/' ? err_set(e, ERR_CONFIG, "module-path of keys.root is not an absolute path") : 0;
}

static int load(struct token *t, struct err *e)
{
    const char *path = p11_kit_uri_get_module_path(t->uri);
    if (!path) {
        t->all = p11_kit_modules_load_and_initialize(0);
        return t->all ? 0 : err_set(e, ERR_KEYS, "no module of PKCS #11 could be loaded: %s", p11_kit_message());
    }
    t->alone = p11_kit_module_load(path, 0);
    if (!t->alone)
        return err_set(e, ERR_KEYS, "the module %.100s could not be loaded: %s", path, p11_kit_message());
    CK_RV rv = p11_kit_module_initialize(t->alone);
    if (rv == CKR_OK)
        return 0;
    p11_kit_module_release(t->alone);
    t->alone = NULL;
    return refuse(rv, "start its module", e);
}

/* The slots of one module whose token the URI names; the last is remembered. */
static int look_at(struct token *t, CK_FUNCTION_LIST *m, CK_SLOT_ID *ret)
{
    CK_SLOT_ID slot[SLOTS];
    CK_ULONG n = SLOTS;
    CK_INFO info;
    CK_TOKEN_INFO token;
    int found = 0;
    if (m->C_GetInfo(&info) || !p11_kit_uri_match_module_info(t->uri, &info) || m->C_GetSlotList(CK_TRUE, slot, &n))
        return 0;
    for (CK_ULONG i = 0; i < n; i++) {
        if (m->C_GetTokenInfo(slot[i], &token) || !(token.flags & CKF_TOKEN_INITIALIZED) ||
            !p11_kit_uri_match_token_info(t->uri, &token))
            continue;
        t->module = m;
        *ret = slot[i];
        found++;
    }
    return found;
}

static int find_token(struct token *t, CK_SLOT_ID *ret, struct err *e)
{
    CK_FUNCTION_LIST *one[] = {t->alone, NULL}, **list = t->all ? t->all : one;
    int found = 0;
    for (int i = 0; list[i]; i++)
        found += look_at(t, list[i], ret);
    return found == 1 ? 0
                      : err_set(e, ERR_KEYS,
                                found ? "keys.root names %d tokens: say which one, by token= or serial="
                                      : "the token that keys.root names is not there (%d found)",
                                found);
}

static int read_pin(const struct token *t, char ret[PIN], struct err *e)
{
    const char *from = p11_kit_uri_get_pin_source(t->uri);
    struct root_parts p;
    if (!from)
        return err_set(e, ERR_CONFIG,
                       "keys.root does not say where the token's PIN is: pin-source=file:PATH or creds:NAME");
    if (*from == '|' || (strncmp(from, "creds:", 6) && strncmp(from, "file:/", 6) && *from != '/'))
        return err_set(e, ERR_CONFIG, "pin-source of keys.root is file:PATH, a path or creds:NAME");
    if (root_parse(from, &p, e))
        return -1;
    int n = root_read_secret(p.path, p.type == ROOT_CREDS ? 037 : 077, "PIN file", ret, PIN - 1, e);
    return n == 0 ? err_set(e, ERR_KEYS, "the PIN file %s is empty", p.path) : n;
}

static int log_in(struct token *t, CK_SLOT_ID slot, struct err *e)
{
    char pin[PIN];
    CK_RV rv = t->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return refuse(rv, "open a session", e);
    t->open = true;
    int n = read_pin(t, pin, e);
    if (n < 0)
        return -1;
    rv = t->module->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)pin, (CK_ULONG)n);
    wipe(pin, sizeof pin);
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ? 0 : refuse(rv, "sign in with the PIN", e);
}

/* What is on a token and can be copied off it is no safer than a file. */
static int check_key(struct token *t, struct err *e)
{
    CK_BBOOL extractable = CK_TRUE, sensitive = CK_FALSE;
    CK_ULONG bytes = 0;
    CK_ATTRIBUTE a[] = {{CKA_EXTRACTABLE, &extractable, sizeof extractable},
                        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
                        {CKA_VALUE_LEN, &bytes, sizeof bytes}};
    CK_RV rv = t->module->C_GetAttributeValue(t->session, t->key, a, COUNT(a));
    if (rv != CKR_OK)
        return refuse(rv, "look at its key", e);
    if (bytes != KEY_BYTES)
        return err_set(e, ERR_KEYS, "the key that keys.root names has %lu bytes: an AES key of 32 is needed", bytes);
    if (extractable || !sensitive)
        return err_set(
            e, ERR_KEYS,
            "the key that keys.root names can be copied off its token: make another one there, sensitive and "
            "not extractable");
    return 0;
}

static int find_key(struct token *t, struct err *e)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE want[8] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG given = 0, n = 2, count = 0;
    CK_ATTRIBUTE *a = p11_kit_uri_get_attributes(t->uri, &given);
    for (CK_ULONG i = 0; i < given && n < COUNT(want); i++)
        if (a[i].type != CKA_CLASS)
            want[n++] = a[i];
    CK_RV rv = t->module->C_FindObjectsInit(t->session, want, n);
    if (rv == CKR_OK) {
        rv = t->module->C_FindObjects(t->session, found, COUNT(found), &count);
        t->module->C_FindObjectsFinal(t->session);
    }
    if (rv != CKR_OK)
        return refuse(rv, "look for its key", e);
    if (count != 1)
        return err_set(e, ERR_KEYS, "keys.root names %s AES keys on its token: object= or id= has to name one",
                       count ? "several" : "no");
    t->key = found[0];
    return check_key(t, e);
}

static void token_close(struct token *t)
{
    if (t->open) {
        t->module->C_Logout(t->session);
        t->module->C_CloseSession(t->session);
    }
    if (t->all)
        p11_kit_modules_finalize_and_release(t->all);
    if (t->alone) {
        p11_kit_module_finalize(t->alone);
        p11_kit_module_release(t->alone);
    }
    p11_kit_uri_free(t->uri);
}

static int token_open(const char *uri, struct token *ret, struct err *e)
{
    struct token t = {0};
    CK_SLOT_ID slot;
    if (parse(uri, &t, e) || load(&t, e) || find_token(&t, &slot, e) || log_in(&t, slot, e) || find_key(&t, e)) {
        token_close(&t);
        return -1;
    }
    *ret = t;
    return 0;
}

/* --- AES-GCM there --- */

/* In the order of PKCS #11 2.40, 2.12.3; headers name the fields in two ways. */
static CK_GCM_PARAMS params(uint8_t iv[IV])
{
    return (CK_GCM_PARAMS){iv, IV, 8 * IV, (uint8_t *)(uintptr_t)aad, sizeof aad - 1, 8 * TAG};
}

int token_wrap(const char *uri, const uint8_t secret[KEY_BYTES], char *ret, size_t max, struct err *e)
{
    uint8_t iv[IV], plain[KEY_BYTES], wrap[WRAP];
    char iv_hex[2 * IV + 1], wrap_hex[2 * WRAP + 1];
    CK_ULONG n = sizeof wrap;
    CK_GCM_PARAMS gcm = params(iv);
    CK_MECHANISM how = {CKM_AES_GCM, &gcm, sizeof gcm};
    struct token t;
    if (token_open(uri, &t, e))
        return -1;
    rnd_bytes(iv, sizeof iv); /* a token that insists on one of its own puts it here */
    memcpy(plain, secret, sizeof plain);
    CK_RV rv = t.module->C_EncryptInit(t.session, &how, t.key);
    if (rv == CKR_OK)
        rv = t.module->C_Encrypt(t.session, plain, sizeof plain, wrap, &n);
    wipe(plain, sizeof plain);
    token_close(&t);
    if (rv != CKR_OK || n != sizeof wrap)
        return refuse(rv == CKR_OK ? CKR_FUNCTION_FAILED : rv, "encrypt by CKM_AES_GCM", e);
    hex_encode(iv, IV, iv_hex);
    hex_encode(wrap, WRAP, wrap_hex);
    return snprintf(ret, max, "%s%s %s", form, iv_hex, wrap_hex) < (int)max
               ? 0
               : err_set(e, ERR_KEYS, "a wrapped root key is longer than expected");
}

int token_unwrap(const char *uri, struct slice line, uint8_t ret[KEY_BYTES], struct err *e)
{
    uint8_t iv[IV], wrap[WRAP], plain[WRAP];
    CK_ULONG n = sizeof plain;
    CK_GCM_PARAMS gcm = params(iv);
    CK_MECHANISM how = {CKM_AES_GCM, &gcm, sizeof gcm};
    struct token t;
    struct slice rest = {line.p + sizeof form - 1, line.n - (sizeof form - 1)};
    if (!slice_starts(line, form) || hex_decode(slice_cut(&rest, ' '), iv, IV) != IV ||
        hex_decode(rest, wrap, WRAP) != WRAP)
        return err_set(e, ERR_KEYS, "the wrapped root key does not have the form of one");
    if (token_open(uri, &t, e))
        return -1;
    CK_RV rv = t.module->C_DecryptInit(t.session, &how, t.key);
    if (rv == CKR_OK)
        rv = t.module->C_Decrypt(t.session, wrap, sizeof wrap, plain, &n);
    token_close(&t);
    if (rv == CKR_OK && n == KEY_BYTES)
        memcpy(ret, plain, KEY_BYTES);
    wipe(plain, sizeof plain);
    return rv == CKR_OK && n == KEY_BYTES
               ? 0
               : refuse(rv == CKR_OK ? CKR_ENCRYPTED_DATA_INVALID : rv, "decrypt the wrapped root key", e);
}
