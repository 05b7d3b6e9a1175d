#include "test.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#include "identity/password.h"

TEST(a_password_is_long_enough_and_not_made_of_what_is_tried_first)
{
    char long_one[4 * PASSWORD_MOST + 8], too_long[4 * PASSWORD_MOST + 8];
    for (int i = 0; i < PASSWORD_MOST + 1; i++)
        memcpy(too_long + 4 * i, (char[]){(char)0xf0, (char)0x90, (char)(0x80 + i / 64 % 4), (char)(0x80 + i % 64)}, 4);
    too_long[4 * PASSWORD_MOST + 4] = 0;
    memcpy(long_one, too_long, 4 * PASSWORD_MOST);
    long_one[4 * PASSWORD_MOST] = 0;
    const struct {
        const char *password;
        bool fit;
    } row[] = {
        {"correct horse battery staple", true},
        {"xkq7 vmw2 pt9", true},
        {"xkq7vmw2pt9", false}, /* eleven */
        {"xkq7vmw2pt9z", true}, /* twelve, ASVS 6.2.1 */
        {"\xc3\xa8\xc3\xa9\xc3\xa0\xc3\xb9\xc3\xb2\xc3\xac-kvzw", false}, /* characters are counted, not bytes: eleven */
        {"\xc3\xa8\xc3\xa9\xc3\xa0\xc3\xb9\xc3\xb2\xc3\xac-kvzwt", true},
        {long_one, true},
        {too_long, false},
        {"xkq7vmw2pt\xff\xfe", false}, /* no UTF-8 */
        {"passwordpassword", false},
        {"Password123456", false},
        {"P@ssw0rd2026!!", false},
        {"aaaaaaaaaaaaaaaa", false},
        {"abcdefghijklmnop", false},
        {"qwertyuiop123456", false},
        {"QWERTYuiopasdf", false},
        {"1q2w3e4r5t6y7u", false},
        {"Iloveyou!2024!", false},
        {"Ospedale2026!!", false},
        {"abqxabqxabqxabqx", false},
        {"annarossi1984!", false}, /* the own name */
        {"AnnaRossiAnnaRossi", false},
        {"annarossi vmw2 kq7", true},
    };
    static const struct slice own[] = {{"anna", 4}, {"rossi", 5}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct err e = {.code = ERR_NONE};
        int rc = password_fit(slice_of(row[i].password), own, COUNT(own), &e);
        if ((rc == 0) != row[i].fit)
            fail_msg("row %zu: %s", i, rc ? e.detail : "taken");
        CHECK(rc == 0 || e.code == ERR_BAD_REQUEST);
    }
}

TEST(it_is_kept_as_argon2id_with_the_parameters_of_asvs_appendix_c)
{
    struct passwords *p;
    struct err e;
    char one[PASSWORD_STORED], two[PASSWORD_STORED];
    bool old = true;
    CHECK_OK(passwords_start(2, &p, &e));
    CHECK_OK(password_hash(p, SLICE("xkq7 vmw2 pt9"), one, &e));
    CHECK_OK(password_hash(p, SLICE("xkq7 vmw2 pt9"), two, &e));
    CHECK(strncmp(one, "$argon2id$v=19$m=47104,t=1,p=1$", 31) == 0);
    CHECK(strcmp(one, two) != 0);
    CHECK_INT(password_check(p, SLICE("xkq7 vmw2 pt9"), one, &old, &e), 1);
    CHECK(!old);
    CHECK_INT(password_check(p, SLICE("xkq7 vmw2 pt8"), one, &old, &e), 0);
    CHECK_INT(password_check(p, SLICE("xkq7 vmw2 pt9 "), one, &old, &e), 0);
    passwords_stop(p);
}

TEST(one_of_other_parameters_is_good_and_to_be_hashed_anew)
{
    struct passwords *p;
    struct err e;
    char weak[PASSWORD_STORED];
    bool old = false;
    CHECK_OK(passwords_start(1, &p, &e));
    CHECK_INT(crypto_pwhash_str_alg(weak, "xkq7 vmw2 pt9", 13, 2, 19 << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
    CHECK_INT(password_check(p, SLICE("xkq7 vmw2 pt9"), weak, &old, &e), 1);
    CHECK(old);
    passwords_stop(p);
}

TEST(who_has_no_password_costs_as_much_as_who_has_one)
{
    struct passwords *p;
    struct err e;
    char one[PASSWORD_STORED], endless[4 * PASSWORD_MOST + 2];
    bool old;
    CHECK_OK(passwords_start(1, &p, &e));
    CHECK_OK(password_hash(p, SLICE("xkq7 vmw2 pt9"), one, &e));
    uint64_t before = passwords_hashed(p);
    CHECK_INT(password_check(p, SLICE("wrong"), one, &old, &e), 0);
    CHECK_INT(passwords_hashed(p) - before, 1);
    CHECK_INT(password_check(p, SLICE("wrong"), NULL, &old, &e), 0);
    CHECK_INT(passwords_hashed(p) - before, 2);
    memset(endless, 'x', sizeof endless); /* longer than any: refused, and not by answering sooner */
    CHECK_INT(password_check(p, (struct slice){endless, sizeof endless}, one, &old, &e), 0);
    CHECK_INT(passwords_hashed(p) - before, 3);
    passwords_stop(p);
}

struct asking {
    struct passwords *p;
    int good, busy, other;
    pthread_mutex_t lock;
};

static void *ask(void *arg)
{
    struct asking *x = arg;
    struct err e = {.code = ERR_NONE};
    bool old;
    int rc = password_check(x->p, SLICE("wrong"), NULL, &old, &e);
    pthread_mutex_lock(&x->lock);
    x->good += rc == 0;
    x->busy += rc == -1 && e.code == ERR_BUSY;
    x->other += rc == 1 || (rc == -1 && e.code != ERR_BUSY);
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

TEST(no_more_than_so_many_are_hashed_or_wait)
{
    enum { ASKING = 24 };
    struct asking x = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct err e;
    pthread_t t[ASKING];
    CHECK_OK(passwords_start(1, &x.p, &e));
    for (int i = 0; i < ASKING; i++)
        CHECK_INT(pthread_create(&t[i], NULL, ask, &x), 0);
    for (int i = 0; i < ASKING; i++)
        pthread_join(t[i], NULL);
    CHECK_INT(x.other, 0);
    CHECK_INT(x.good + x.busy, ASKING);
    CHECK(x.busy > 0); /* one is hashed, four wait */
    CHECK(x.good >= 5);
    CHECK_INT(passwords_hashed(x.p), x.good);
    passwords_stop(x.p);
}

RUN(T(a_password_is_long_enough_and_not_made_of_what_is_tried_first), T(it_is_kept_as_argon2id_with_the_parameters_of_asvs_appendix_c),
    T(one_of_other_parameters_is_good_and_to_be_hashed_anew), T(who_has_no_password_costs_as_much_as_who_has_one),
    T(no_more_than_so_many_are_hashed_or_wait))
