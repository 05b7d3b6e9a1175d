#include "identity/password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rnd.h"

_Static_assert(PASSWORD_STORED == crypto_pwhash_STRBYTES, "what libsodium writes");

enum { PASSES = 1, QUEUE = 4, WORD_LEAST = 3, RUN_LEAST = 3, BYTES_MOST = 4 * PASSWORD_MOST };
static const size_t memory = (size_t)PASSWORD_MIB << 20;

/* --- what may be one --- */

static const char *const words[] = {
#define WORDS(list) list,
#include "identity/password_words.def"
#undef WORDS
};

/* Lower case of ASCII; the signs that stand for letters as those letters. */
static char fold(char c)
{
    static const char sign[] = "0134578@$!|+", letter[] = "oieastbasiit";
    const char *at = memchr(sign, c, sizeof sign - 1);
    return at ? letter[at - sign] : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How much of `text` the word covers at its beginning. */
static size_t covers(struct slice text, struct slice word)
{
    if (word.n < WORD_LEAST || word.n > text.n)
        return 0;
    for (size_t i = 0; i < word.n; i++)
        if (fold(text.p[i]) != fold(word.p[i]))
            return 0;
    return word.n;
}

static size_t covered_by_words(struct slice text, const struct slice *own, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t some = covers(text, own[i]);
        most = some > most ? some : most;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct slice rest = slice_of(words[i]);
        while (rest.p) {
            size_t some = covers(text, slice_cut(&rest, ' '));
            most = some > most ? some : most;
        }
    }
    return most;
}

/* "4567", "cba", "aaaa", and rows of keys. */
static size_t covered_by_run(struct slice text)
{
    static const char *const keys[] = {"qwertyuiop",
                                       "asdfghjkl",
                                       "zxcvbnm",
                                       "qwertzuiop",
                                       "azertyuiop",
                                       "1q2w3e4r5t6y7u8i9o0p",
                                       "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
                                       "!@#$%^&*()",
                                       "!\"#$%&/()="};
    size_t most = 1;
    for (int step = -1; step <= 1; step++) {
        size_t n = 1;
        while (n < text.n && text.p[n] - text.p[n - 1] == step)
            n++;
        most = n > most ? n : most;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        for (const char *from = keys[i]; *from; from++) {
            size_t n = 0;
            while (n < text.n && from[n] && (text.p[n] | (text.p[n] >= 'A' && text.p[n] <= 'Z' ? 0x20 : 0)) == from[n])
                n++;
            most = n > most ? n : most;
        }
    return most >= RUN_LEAST ? most : most == 2 && text.p[0] == text.p[1] ? 2 : 0;
}

/* Years, as they stand at the end. */
static size_t covered_by_year(struct slice text)
{
    int64_t year;
    return text.n >= 4 && slice_int((struct slice){text.p, 4}, 1900, 2099, &year) ? 4 : 0;
}

/* What stood before: "abxyabxy". */
static size_t covered_by_repeat(struct slice all, size_t at)
{
    size_t most = 0;
    for (size_t from = 0; from < at; from++) {
        size_t n = 0;
        while (at + n < all.n && all.p[from + n] == all.p[at + n])
            n++;
        most = n > most ? n : most;
    }
    return most >= RUN_LEAST ? most : 0;
}

static size_t code_points(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (s.p[i] & 0xc0) != 0x80;
    return n;
}

/* Code points that nothing known covers; each covered stretch counts one. */
static size_t count_free(struct slice all, const struct slice *own, size_t n)
{
    size_t found = 0;
    for (size_t at = 0; at < all.n;) {
        struct slice rest = {all.p + at, all.n - at};
        size_t by[] = {covered_by_words(rest, own, n), covered_by_run(rest), covered_by_year(rest),
                       covered_by_repeat(all, at)};
        size_t most = 1;
        for (size_t i = 0; i < sizeof by / sizeof by[0]; i++)
            most = by[i] > most ? by[i] : most;
        found += most > 1 || (all.p[at] & 0xc0) != 0x80;
        at += most;
    }
    return found;
}

int password_fit(struct slice password, const struct slice *own, size_t n, struct err *e)
{
    if (password.n > BYTES_MOST || !utf8_valid(password) || memchr(password.p, 0, password.n))
        return err_set(e, ERR_BAD_REQUEST, "a password is UTF-8 text of %d to %d characters", PASSWORD_LEAST,
                       PASSWORD_MOST);
    size_t points = code_points(password);
    if (points < PASSWORD_LEAST || points > PASSWORD_MOST)
        return err_set(e, ERR_BAD_REQUEST, "the password has %zu characters; it may have %d to %d", points,
                       PASSWORD_LEAST, PASSWORD_MOST);
    if (count_free(password, own, n) < PASSWORD_FREE)
        return err_set(e, ERR_BAD_REQUEST,
                       "the password is made of common words, names, rows of keys and years alone, which is what is "
                       "tried first: choose another, such as four words that have nothing to do with each other");
    return 0;
}

/* --- hashing --- */

struct passwords {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int at_once, busy, waiting;
    uint64_t hashed;
    char nobody[PASSWORD_STORED]; /* checked where there is no password, so that it takes as long */
};

/* ERR_BUSY when there are too many before. */
static int enter(struct passwords *p, struct err *e)
{
    int rc = 0;
    pthread_mutex_lock(&p->lock);
    if (p->busy >= p->at_once && p->waiting >= QUEUE * p->at_once)
        rc = err_set(e, ERR_BUSY, "too many passwords are waiting to be checked");
    else {
        p->waiting++;
        while (p->busy >= p->at_once)
            pthread_cond_wait(&p->freed, &p->lock);
        p->waiting--;
        p->busy++;
        p->hashed++;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static void leave(struct passwords *p)
{
    pthread_mutex_lock(&p->lock);
    p->busy--;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

int password_hash(struct passwords *p, struct slice password, char ret[PASSWORD_STORED], struct err *e)
{
    if (enter(p, e))
        return -1;
    int rc = crypto_pwhash_str_alg(ret, password.p, password.n, PASSES, memory, crypto_pwhash_ALG_ARGON2ID13);
    leave(p);
    return rc ? err_set(e, ERR_NO_MEMORY, "hash a password") : 0;
}

int password_check(struct passwords *p, struct slice password, const char *stored, bool *ret_old, struct err *e)
{
    if (password.n > BYTES_MOST) { /* it is none, and costs no more than one */
        password.n = BYTES_MOST;
        stored = NULL;
    }
    if (enter(p, e))
        return -1;
    errno = 0;
    bool same = crypto_pwhash_str_verify(stored ? stored : p->nobody, password.p, password.n) == 0;
    bool starved = !same && errno == ENOMEM;
    leave(p);
    if (starved)
        return err_set(e, ERR_NO_MEMORY, "check a password");
    *ret_old = stored && crypto_pwhash_str_needs_rehash(stored, PASSES, memory) != 0;
    return stored && same;
}

uint64_t passwords_hashed(struct passwords *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t n = p->hashed;
    pthread_mutex_unlock(&p->lock);
    return n;
}

/* What a hash looks like; no password is known to have it. */
static void write_nobody(char ret[PASSWORD_STORED])
{
    uint8_t salt[16], hash[32];
    char salt_text[32], hash_text[64];
    rnd_bytes(salt, sizeof salt);
    rnd_bytes(hash, sizeof hash);
    sodium_bin2base64(salt_text, sizeof salt_text, salt, sizeof salt, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    sodium_bin2base64(hash_text, sizeof hash_text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    snprintf(ret, PASSWORD_STORED, "$argon2id$v=19$m=%zu,t=%d,p=1$%s$%s", memory >> 10, PASSES, salt_text, hash_text);
}

int passwords_start(int at_once, struct passwords **ret, struct err *e)
{
    struct passwords *p = sodium_init() < 0 ? NULL : calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ERR_NO_MEMORY, "passwords");
    p->at_once = at_once;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->freed, NULL);
    write_nobody(p->nobody);
    *ret = p;
    return 0;
}

void passwords_stop(struct passwords *p)
{
    if (!p)
        return;
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
