#include "keys/hint.h"

#include "base/wipe.h"
#include "crypto/digest.h"
#include "keys/keyring_int.h"

/* The place is said by a hash: names are near to each other. */
static int place_of_hint(const uint8_t name[HINT_NAME])
{
    uint8_t hash[SHA256_BYTES];
    sha256((struct slice){(const char *)name, HINT_NAME}, hash);
    return (hash[0] << 8 | hash[1]) % HINTS;
}

bool keyring_hint(struct keyring *k, const uint8_t name[HINT_NAME], uint8_t ret[HINT_IDS][ID_BYTES],
                  int64_t *ret_forgets)
{
    int at = place_of_hint(name);
    pthread_mutex_lock(&k->lock);
    const struct hint *h = k->hint ? &k->hint[at] : NULL;
    bool found = h && h->used && memcmp(h->name, name, HINT_NAME) == 0;
    if (found)
        memcpy(ret, h->id, sizeof h->id);
    *ret_forgets = k->forgets;
    pthread_mutex_unlock(&k->lock);
    return found;
}

void keyring_hint_keep(struct keyring *k, const uint8_t name[HINT_NAME], const uint8_t ids[HINT_IDS][ID_BYTES],
                       int64_t forgets)
{
    int at = place_of_hint(name);
    pthread_mutex_lock(&k->lock);
    if (!k->hint)
        k->hint = secret_memory(HINTS * sizeof *k->hint);
    if (k->hint && k->forgets == forgets) {
        struct hint *h = &k->hint[at];
        h->used = true;
        memcpy(h->name, name, HINT_NAME);
        memcpy(h->id, ids, sizeof h->id);
    }
    pthread_mutex_unlock(&k->lock);
}

void hints_forget(struct keyring *k, const uint8_t id[ID_BYTES])
{
    for (int i = 0; k->hint && i < HINTS; i++)
        for (int n = 0; n < HINT_IDS; n++)
            if (k->hint[i].used && memcmp(k->hint[i].id[n], id, ID_BYTES) == 0)
                wipe(&k->hint[i], sizeof k->hint[i]);
}
