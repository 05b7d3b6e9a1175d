/* password.h -- passwords of built-in accounts: what may be one, and the only place where one is hashed.
 *
 * Argon2id (RFC 9106; libsodium) with 46 MiB, one pass, one lane: OWASP's first choice and ASVS 5.0 appendix C. What is
 * kept says its parameters and salt ("$argon2id$v=19$m=47104,t=1,p=1$..."), so that they can be raised: whoever signs
 * in with an older one is hashed anew. Whoever stores it seals it; it is of no use without the root key then.
 *
 * Memory is the limit: at most `at_once` are hashed at a time, four times as many wait for it, all others are told that
 * the server is busy. To check for somebody who has no password costs what it costs for anybody else.
 *
 * A password is UTF-8 as it was typed: no normal form is asked for or made, so an é of one code point and one of two
 * are two passwords. Nothing is said of its kinds of characters (ASVS 6.2.5) and it never expires (6.2.10). Passwords
 * are in the caller's arena, which wipes them; libsodium wipes what it works with. */
#ifndef IDENTITY_PASSWORD_H
#define IDENTITY_PASSWORD_H

#include "base/err.h"
#include "base/str.h"

enum {
    PASSWORD_LEAST = 12, /* code points */
    PASSWORD_MOST = 256,
    PASSWORD_FREE = 6, /* of them beyond what password_fit knows */
    PASSWORD_STORED = 128,
    PASSWORD_MIB = 46
};

/* May it be one? ERR_BAD_REQUEST with a sentence for whoever chose it, which holds nothing of it. `own`: what it may
 * not be made of: the person's names. Pure. */
int password_fit(struct slice password, const struct slice *own, size_t n, struct err *e);

struct passwords;
/* ERR_NO_MEMORY. `at_once`: 1 to 64. */
int passwords_start(int at_once, struct passwords **ret, struct err *e);
void passwords_stop(struct passwords *p); /* NULL is fine; nobody may be hashing any more */

/* Each blocks for some 50 ms of work, and for those before it. ERR_BUSY: too many wait; ERR_NO_MEMORY. */
int password_hash(struct passwords *p, struct slice password, char ret[PASSWORD_STORED], struct err *e);
/* 1: it is the one; 0: it is not, or `stored` is NULL; that takes as long. *ret_old: hash it anew. */
int password_check(struct passwords *p, struct slice password, const char *stored, bool *ret_old, struct err *e);
/* How often it was hashed so far: how tests see that two answers cost the same. */
uint64_t passwords_hashed(struct passwords *p);

#endif
