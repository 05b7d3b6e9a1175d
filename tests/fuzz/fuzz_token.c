/* Whatever is sent as a token: it is judged, and nothing that was not signed by the key is accepted. The key is one whose private
 * half nobody has; so whatever passes is a fault. The first byte chooses whether the rest is the token itself, or its header and
 * content in the clear, which are then put in base64url, so that the parsers behind it are reached. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/id_token.h"
#include "in_the_clear.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct token_rules rules = {"https://id.example", "lazaret", true, "realm_access.roles"};
    if (size < 1)
        return 0;
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct slice rest = {(const char *)data + 1, size - 1}, jwk;
    struct slice token = data[0] == 'T' ? rest : in_base64(rest, a);
    struct token_head head = {.alg = ""};
    struct token t = {.roles = 0};
    struct err e = {.code = ERR_NONE};
    if (data[0] == 'K') { /* a key set */
        memcpy(head.alg, "RS256", 6);
        int found = token_key(rest, &head, a, &jwk, &e);
        assert(found <= 0 || (jwk.p >= rest.p && jwk.p + jwk.n <= rest.p + rest.n));
        return 0;
    }
    if (token_head(token, a, &head, &e) == 0)
        assert(strlen(head.alg) == 5 && strlen(head.kid) <= KID_MAX);
    assert(token_check(&rules, token, slice_of(key), INT64_C(1900000000000000), a, &t, &e) == -1);
    assert(e.code == ERR_TOKEN || e.code == ERR_NO_MEMORY);
    /* the same as an ID token and as a logout token */
    static const struct id_rules id_rules = {"https://id.example", "lazaret", "realm_access.roles"};
    struct id_token id;
    struct logout_token logout;
    assert(id_token_check(&id_rules, token, slice_of(key), "n", SLICE("a"), INT64_C(1900000000000000), a, &id, &e) == -1);
    assert(e.code == ERR_TOKEN || e.code == ERR_NO_MEMORY);
    assert(logout_token_check(&id_rules, token, slice_of(key), INT64_C(1900000000000000), a, &logout, &e) == -1);
    assert(e.code == ERR_TOKEN || e.code == ERR_NO_MEMORY);
    return 0;
}
