/* Whatever a stranger sends as a checkpoint or as a verifier key: what is taken for one says the same when it is written again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[SIGN_SEED] = {1, 2, 3};
    static const struct note_key witness = {.kind = NOTE_WITNESS, .name = "w", .id = "w"};
    struct slice text = {(const char *)data, size};
    uint8_t public[SIGN_PUBLIC];
    char again[NOTE_KEY_TEXT];
    struct note_key k, ours;
    struct checkpoint c;
    struct slice line;
    int64_t at;
    const char *why = NULL;
    if (note_key_read(NOTE_LOG, text, &k))
        assert(slice_is(text, note_key_text(&k, again)));
    assert(cosignature_read(text, &witness, &line, &at, &why) <= 0); /* nobody has signed for this key */
    why = NULL;
    if (checkpoint_read(text, NULL, &c, &why))
        assert(why);
    else
        assert(c.size < INT64_MAX && size <= NOTE_MAX && utf8_valid(text));
    sign_public(seed, public);
    assert(note_key_of(NOTE_LOG, SLICE("lazaret.local/audit"), public, &ours));
    why = NULL;
    if (checkpoint_read(text, &ours, &c, &why) == 0)
        assert(checkpoint_read(text, NULL, &c, &why) == 0);
    else
        assert(why);
    return 0;
}
