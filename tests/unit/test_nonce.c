/* No nonce twice: of N sealed values (100,000; N in the environment), by threads of forks that go on from one state, as the copies of a
 * virtual machine would. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/seal.h"

enum { FORKS = 4, THREADS = 2, NONCE = 24 };

struct share {
    uint8_t (*nonce)[NONCE];
    long n;
    const struct key *key;
};

static void *seals(void *arg)
{
    static const uint8_t id[16] = {1};
    const struct share *s = arg;
    struct seal_place at = {id, id, NULL, 1, 1, 0};
    for (long i = 0; i < s->n;) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        for (int k = 0; k < 1000 && i < s->n; k++, i++) {
            struct slice sealed;
            struct err e;
            if (seal(s->key, &at, SLICE("x"), a, &sealed, &e))
                abort();
            memcpy(s->nonce[i], sealed.p + 2 + KEY_ID_BYTES, NONCE);
        }
    }
    arena_thread_end();
    return NULL;
}

static void fork_seals(const struct key *key, uint8_t (*nonce)[NONCE], long n)
{
    pthread_t t[THREADS];
    struct share s[THREADS];
    for (int i = 0; i < THREADS; i++) {
        s[i] = (struct share){nonce + i * (n / THREADS), n / THREADS, key};
        if (pthread_create(&t[i], NULL, seals, &s[i]))
            abort();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    _exit(0);
}

static int by_bytes(const void *x, const void *y)
{
    return memcmp(x, y, NONCE);
}

TEST(no_nonce_comes_twice_from_any_thread_of_any_fork)
{
    long n = getenv("N") ? strtol(getenv("N"), NULL, 10) : 100000, each = (n + FORKS * THREADS - 1) / FORKS / THREADS * THREADS;
    size_t bytes = (size_t)each * FORKS * NONCE;
    uint8_t(*nonce)[NONCE] = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct key key;
    assert_true(nonce != MAP_FAILED);
    key_make(&key);
    struct share warm = {nonce, 1, &key};
    seals(&warm); /* whatever state there is, is there before the forks */
    pid_t child[FORKS];
    for (int i = 0; i < FORKS; i++)
        if ((child[i] = fork()) == 0)
            fork_seals(&key, nonce + i * each, each);
    for (int i = 0; i < FORKS; i++) {
        int status;
        CHECK_INT(waitpid(child[i], &status, 0), child[i]);
        CHECK_INT(status, 0);
    }
    qsort(nonce, (size_t)(each * FORKS), NONCE, by_bytes);
    for (long i = 1; i < each * FORKS; i++)
        if (memcmp(nonce[i - 1], nonce[i], NONCE) == 0)
            fail_msg("a nonce came twice among %ld", each * FORKS);
    munmap(nonce, bytes);
}

RUN(T(no_nonce_comes_twice_from_any_thread_of_any_fork))
