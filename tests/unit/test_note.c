#include "test.h"

#include <stdio.h>

#include "audit/note.h"

static const uint8_t seed[SIGN_SEED] = {1, 2, 3};

static struct note_key key_of(const char *name)
{
    uint8_t public[SIGN_PUBLIC];
    struct note_key k;
    sign_public(seed, public);
    CHECK(note_key_of(NOTE_LOG, slice_of(name), public, &k));
    return k;
}

/* The verifier key and the note of the specification's reference implementation (golang.org/x/mod/sumdb/note). */
TEST(a_published_verifier_key_is_read_and_written_alike)
{
    static const char text[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    struct note_key k;
    char out[NOTE_KEY_TEXT];
    CHECK(note_key_read(NOTE_LOG, slice_of(text), &k));
    CHECK_STR(note_key_text(&k, out), text);
    static const char signed_text[] = "If you think cryptography is the answer to your problem,\n"
                                      "then you don't know what your problem is.\n";
    uint8_t raw[4 + SIGN_BYTES];
    CHECK_INT(base64_decode(
                  SLICE("x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="),
                  raw, sizeof raw),
              (int)sizeof raw);
    CHECK(memcmp(raw, k.id, 4) == 0);
    CHECK(sign_verify(k.public, slice_of(signed_text), raw + 4));
    raw[10] ^= 1;
    CHECK(!sign_verify(k.public, slice_of(signed_text), raw + 4));
}

TEST(no_verifier_key_is_made_of_anything_else)
{
    static const char *const bad[] = {
        "",
        "+",
        "++",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T=",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAAA",
    };
    struct note_key k;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (note_key_read(NOTE_LOG, slice_of(bad[i]), &k))
            fail_msg("'%s' was taken for a key", bad[i]);
}

TEST(a_key_has_a_name_without_spaces_and_plus)
{
    static const struct {
        const char *name;
        bool good;
    } row[] = {{"lazaret.local/audit", true},
               {"è", true},
               {"", false},
               {"a b", false},
               {"a+b", false},
               {"a\tb", false},
               {"a\nb", false},
               {"a\x7F", false},
               {"a\xC2\xA0", false},
               {"a\xC2\x85", false},
               {"\xE2\x80\x83", false},
               {"\xE3\x80\x80x", false},
               {"a\xC3", false},
               {"\xE2\x80\x94", true},
               {"\xE1\x9A\x80", false},
               {"\xE2\x80\x80", false},
               {"\xE2\x80\x8A", false},
               {"\xE2\x80\x8B", true},
               {"\xE2\x80\xA8", false},
               {"\xE2\x80\xA9", false},
               {"\xE2\x80\xAF", false},
               {"\xE2\x81\x9F", false},
               {"\xC2\xA1", true},
               {"\xF0\x9F\x98\x80", true}};
    struct note_key k;
    for (size_t i = 0; i < COUNT(row); i++)
        if (note_key_of(NOTE_LOG, slice_of(row[i].name), seed, &k) != row[i].good)
            fail_msg("row %zu", i);
}

TEST(the_name_of_a_key_has_a_limit)
{
    char name[NOTE_NAME + 2];
    struct note_key k;
    memset(name, 'n', sizeof name);
    CHECK(note_key_of(NOTE_LOG, (struct slice){name, NOTE_NAME}, seed, &k));
    CHECK(!note_key_of(NOTE_LOG, (struct slice){name, NOTE_NAME + 1}, seed, &k));
}

static struct slice example(struct arena *a, const struct note_key *k, uint64_t size)
{
    struct buf b = buf_in(a, NOTE_MAX);
    struct checkpoint c = {.size = size};
    memset(&c.root, 7, sizeof c.root);
    checkpoint_write(&b, k, seed, &c);
    CHECK(!buf_failed(&b));
    return buf_text(&b);
}

TEST(a_checkpoint_is_the_note_its_specification_says)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct note_key k = key_of("lazaret.local/audit");
    struct slice note = example(a, &k, 4711);
    struct checkpoint c;
    const char *why;
    static const char begins[] = "lazaret.local/audit\n4711\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n"
                                 "\xE2\x80\x94 lazaret.local/audit ";
    CHECK(slice_starts(note, begins));
    CHECK_INT(note.n, sizeof begins - 1 + 92 + 1);
    CHECK_INT(checkpoint_read(note, &k, &c, &why), 0);
    CHECK_INT(c.size, 4711);
    CHECK_INT(c.root.byte[31], 7);
}

TEST(each_single_byte_of_a_checkpoint_is_needed)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct note_key k = key_of("lazaret.local/audit");
    struct slice note = example(a, &k, 4711);
    struct checkpoint c;
    const char *why;
    char *copy = arena_str(a, note);
    for (size_t i = 0; i < note.n; i++)
        for (int by = 1; by < 256; by += i % 7 ? 85 : 1) {
            copy[i] = (char)(copy[i] ^ by);
            if (checkpoint_read((struct slice){copy, note.n}, &k, &c, &why) == 0)
                fail_msg("byte %zu changed by %d, and it holds", i, by);
            copy[i] = (char)(copy[i] ^ by);
        }
    for (size_t n = 0; n < note.n; n++)
        CHECK_INT(checkpoint_read((struct slice){note.p, n}, &k, &c, &why), -1);
}

TEST(only_what_the_specification_allows_is_read)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct note_key k = key_of("lazaret.local/audit"), other = key_of("lazaret.local/other");
    struct slice note = example(a, &k, 0);
    struct checkpoint c;
    const char *why;
    CHECK_INT(checkpoint_read(note, &k, &c, &why), 0);
    CHECK_INT(c.size, 0);
    CHECK_INT(checkpoint_read(note, NULL, &c, &why), 0);
    CHECK_INT(checkpoint_read(note, &other, &c, &why), -1);
    CHECK_STR(why, "it is not signed by this log's key");

    /* a stranger's signature beside ours, before and behind, is passed over; a malformed one is not */
    char *two = arena_printf(a, "%.*s\xE2\x80\x94 w.example AAAAAAAA\n", SLICE_FMT(note));
    CHECK_INT(checkpoint_read(slice_of(two), &k, &c, &why), 0);
    static const char *const bad[] = {"\xE2\x80\x94 w.example AAAA\n",
                                      "\xE2\x80\x94 w.example\n",
                                      "- w.example AAAAAAAA\n",
                                      "\xE2\x80\x94 w+example AAAAAAAA\n",
                                      "\xE2\x80\x94  AAAAAAAA\n",
                                      "\n",
                                      "x"};
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(checkpoint_read(slice_of(arena_printf(a, "%.*s%s", SLICE_FMT(note), bad[i])), &k, &c, &why), -1);

    /* forms of the text, signed well */
    static const struct {
        const char *text;
        int rc;
    } form[] = {
        {"lazaret.local/audit\n0\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", 0},
        {"lazaret.local/audit\n9223372036854775806\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\nmore\n", 0},
        {"lazaret.local/audit\n9223372036854775807\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n18446744073709551617\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n00\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n+1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n-0\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n 1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\nmore\n", -1},
        {"lazaret.local/audit\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd=\n", -1},
        {"lazaret.local/audit\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n", -1},
        {"lazaret.local/audit\n1\n", -1},
        {"\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\nx\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"lazaret.local/audit\n1x\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
        {"another.example\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", -1},
    };
    for (size_t i = 0; i < COUNT(form); i++) {
        uint8_t raw[4 + SIGN_BYTES];
        char text[96];
        memcpy(raw, k.id, 4);
        sign_make(seed, slice_of(form[i].text), raw + 4);
        base64_encode(raw, sizeof raw, text);
        char *n = arena_printf(a, "%s\n\xE2\x80\x94 %s %s\n", form[i].text, k.name, text);
        if (checkpoint_read(slice_of(n), &k, &c, &why) != form[i].rc)
            fail_msg("form %zu", i);
    }
}

TEST(a_note_has_a_limit_and_one_that_does_not_fit_is_not_written)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct note_key k = key_of("lazaret.local/audit");
    struct slice note = example(a, &k, 1);
    struct checkpoint c;
    const char *why;
    char *longer = arena_take(a, NOTE_MAX + 1);
    memset(longer, 'x', NOTE_MAX + 1);
    memcpy(longer, note.p, note.n);
    CHECK_INT(checkpoint_read((struct slice){longer, NOTE_MAX + 1}, &k, &c, &why), -1);
    CHECK_STR(why, "it is no signed note");
    struct buf small = buf_in(a, 16);
    checkpoint_write(&small, &k, seed, &(struct checkpoint){.size = 1});
    CHECK(buf_failed(&small));
}

TEST(base64_is_read_in_its_one_form_only)
{
    static const struct {
        const char *text, *bytes;
        int n;
    } row[] = {{"", "", 0},        {"Zg==", "f", 1},        {"Zm8=", "fo", 2},
               {"Zm9v", "foo", 3}, {"Zm9vYg==", "foob", 4}, {"+/+/", "\xfb\xff\xbf", 3},
               {"Zh==", "", -1},   {"Zm9=", "", -1},        {"Zg=", "", -1},
               {"Zg", "", -1},     {"Z===", "", -1},        {"====", "", -1},
               {"=", "", -1},      {"Zg==Zg==", "", -1},    {"Zm9v\n", "", -1},
               {"-_-_", "", -1},   {"Zm9vZm9vZm9v", "", -1}};
    for (size_t i = 0; i < COUNT(row); i++) {
        char out[8];
        int n = base64_decode(slice_of(row[i].text), out, sizeof out);
        if (n != row[i].n || (n > 0 && memcmp(out, row[i].bytes, (size_t)n) != 0))
            fail_msg("'%s' gave %d", row[i].text, n);
    }
}

/* c2sp.org/tlog-cosignature, made here step by step. */
static struct slice cosigned(struct arena *a, struct slice text, uint64_t at, const struct note_key *w,
                             const uint8_t secret[SIGN_SEED], size_t signature)
{
    struct buf message = buf_in(a, 1024), note = buf_in(a, 4096);
    uint8_t raw[4 + 8 + SIGN_BYTES];
    char base64[128];
    memcpy(raw, w->id, 4);
    for (int i = 0; i < 8; i++)
        raw[4 + i] = (uint8_t)(at >> (56 - 8 * i));
    buf_printf(&message, "cosignature/v1\ntime %llu\n%.*s", (unsigned long long)at, SLICE_FMT(text));
    sign_make(secret, buf_text(&message), raw + 12);
    base64_encode(raw, 12 + signature, base64);
    buf_printf(&note, "%.*s\n\xE2\x80\x94 %s %s\n", SLICE_FMT(text), w->name, base64);
    return buf_text(&note);
}

TEST(a_cosignature_is_of_its_witness_its_checkpoint_and_its_time)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static const uint8_t one[SIGN_SEED] = {1}, two[SIGN_SEED] = {2};
    const struct slice text = SLICE("log.example\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
    uint8_t public[SIGN_PUBLIC];
    char key[NOTE_KEY_TEXT];
    struct note_key w, other, log;
    struct slice line;
    const char *why;
    int64_t at = 0;
    sign_public(one, public);
    CHECK(note_key_of(NOTE_WITNESS, SLICE("witness.example/w1"), public, &w));
    CHECK(note_key_of(NOTE_LOG, SLICE("witness.example/w1"), public, &log));
    CHECK(memcmp(w.id, log.id, sizeof w.id) != 0); /* the kind is part of the id */
    CHECK(note_key_read(NOTE_WITNESS, slice_of(note_key_text(&w, key)), &other) && memcmp(&other, &w, sizeof w) == 0);
    CHECK(!note_key_read(NOTE_LOG, slice_of(key), &other));
    sign_public(two, public);
    CHECK(note_key_of(NOTE_WITNESS, SLICE("witness.example/w1"), public, &other));
    struct slice note = cosigned(a, text, 1679315147, &w, one, SIGN_BYTES);
    CHECK_INT(cosignature_read(note, &w, &line, &at, &why), 1);
    CHECK_INT(at, 1679315147);
    CHECK(line.p + line.n == note.p + note.n && line.p[line.n - 1] == '\n');
    CHECK_INT(cosignature_read(note, &other, &line, &at, &why), 0); /* another key of that name */
    CHECK_INT(cosignature_read(cosigned(a, text, 5, &w, two, SIGN_BYTES), &w, &line, &at, &why), -1);
    CHECK_INT(cosignature_read(cosigned(a, text, 5, &w, one, 20), &w, &line, &at, &why), -1);
    CHECK_INT(cosignature_read(cosigned(a, text, UINT64_MAX, &w, one, SIGN_BYTES), &w, &line, &at, &why), -1);
    char *bent = arena_str(a, note);
    bent[12] = '6'; /* of six entries */
    CHECK_INT(cosignature_read((struct slice){bent, note.n}, &w, &line, &at, &why), -1);
    CHECK_INT(cosignature_read((struct slice){note.p, note.n - 1}, &w, &line, &at, &why), -1);
    static char much[NOTE_MAX + 1];
    static const char *const bad[] = {"", "text\n", "a\x01" "b\n\n\xE2\x80\x94 x AAAA\n", "text\n\nno dash\n"};
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(cosignature_read(slice_of(bad[i]), &w, &line, &at, &why), -1);
    CHECK_INT(cosignature_read((struct slice){much, sizeof much}, &w, &line, &at, &why), -1);
}

RUN(T(a_cosignature_is_of_its_witness_its_checkpoint_and_its_time), T(the_name_of_a_key_has_a_limit),
    T(a_note_has_a_limit_and_one_that_does_not_fit_is_not_written),
    T(a_published_verifier_key_is_read_and_written_alike), T(no_verifier_key_is_made_of_anything_else),
    T(a_key_has_a_name_without_spaces_and_plus), T(a_checkpoint_is_the_note_its_specification_says),
    T(each_single_byte_of_a_checkpoint_is_needed), T(only_what_the_specification_allows_is_read),
    T(base64_is_read_in_its_one_form_only))
