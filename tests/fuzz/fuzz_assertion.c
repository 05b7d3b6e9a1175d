/* Whatever is sent as an assertion or registered as a key set: it is judged, and nothing that the key did not sign is accepted. The
 * first byte chooses: S a key set, A an assertion as it is, C a list of scopes, else header and content in the clear, a line each, which
 * are then put in base64url, so that the parsers behind it are reached. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/assertion.h"
#include "identity/scopes.h"
#include "in_the_clear.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is granted says itself. */
static void judge_scopes(struct slice text, struct arena *a)
{
    struct err e = {.code = ERR_NONE};
    uint32_t scopes = 0, again = 0;
    struct buf b = buf_in(a, 4096);
    if (scopes_parse(text, &scopes, &e)) {
        assert(e.code == ERR_SCOPE_UNKNOWN && scopes == 0);
        return;
    }
    scopes_tell(scopes, &b);
    assert(scopes && !buf_failed(&b) && scopes_parse(buf_text(&b), &again, &e) == 0 && again == scopes);
}

static void judge_set(struct slice text, struct arena *a)
{
    struct err e = {.code = ERR_NONE};
    struct token_head head = {.alg = "ES256"};
    struct slice jwk;
    int n = keyset_check(text, a, &e);
    assert(n > 0 ? n <= KEYSET_KEYS_MAX : n == -1 && (e.code == ERR_USAGE || e.code == ERR_NO_MEMORY));
    if (n > 0)
        assert(token_key(text, &head, a, &jwk, &e) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct assertion_rules rules = {"bot", "https://gw.example/auth/token", "https://gw.example", NULL};
    if (size < 1)
        return 0;
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct slice rest = {(const char *)data + 1, size - 1};
    struct token_head head;
    struct assertion x;
    struct err e = {.code = ERR_NONE};
    const char *client = NULL;
    if (data[0] == 'S')
        return judge_set(rest, a), 0;
    if (data[0] == 'C')
        return judge_scopes(rest, a), 0;
    struct slice text = data[0] == 'A' ? rest : in_base64(rest, a);
    if (assertion_head(text, a, &head, &client, &e) == 0)
        assert(strlen(head.alg) == 5 && *client && strlen(client) <= SUBJECT_MAX);
    assert(assertion_check(&rules, text, slice_of(key), INT64_C(1900000000000000), a, &x, &e) == -1);
    assert(e.code == ERR_ASSERTION || e.code == ERR_NO_MEMORY);
    return 0;
}
