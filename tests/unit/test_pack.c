#include "test.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "models/pack.h"

static const char manifest[] =
    "{\"schema\":\"lazaret.model/"
    "1\",\"version\":\"1.0.0\",\"key\":\"k\",\"title\":\"\\u0074\",\"output\":{\"schema\":{\"maximum\":1.50}},"
    "\"runtime\":{\"kind\":\"stdio-json\",\"exec\":[\"/model/bin/run\"],\"image\":\"none\"},\"modelCard\":{\"path\":\"card.md\"},"
    "\"inputs\":{\"a\":{\"anyOf\":[{\"system\":\"s\",\"code\":\"c\"}],\"unit\":\"1\"}}}";

/* A folder of its own for each test, made anew and taken away at its end. */
static char base[32], to[48];
static char path[512];

static const char *in(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
    OWN_FILE FILE *f = fopen(in(name), "wb");
    assert_non_null(f);
    fputs(text, f);
    fflush(f);
    CHECK_INT(chmod(in(name), mode), 0);
}

static int set_up(void **unused)
{
    (void)unused;
    snprintf(base, sizeof base, "/tmp/pack-test-XXXXXX");
    assert_non_null(mkdtemp(base));
    umask(077); /* must not show in what is installed */
    snprintf(to, sizeof to, "%s/to", base);
    mkdir(in("m"), 0700);
    mkdir(in("m/bin"), 0700);
    mkdir(in("to"), 0700);
    put("m/manifest.json", manifest, 0600);
    put("m/card.md", "a card", 0640);
    put("m/bin/run", "#!/bin/sh\n", 0700);
    return 0;
}

static int remove_one(const char *file, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(file);
}

static int tear_down(void **unused)
{
    (void)unused;
    return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *fault(struct arena *a)
{
    struct pack p;
    struct err *e = TAKE_NEW(a, struct err);
    return pack_read(a, in("m"), &p, e) ? e->detail : "";
}

TEST(the_digest_is_over_the_canonical_manifest_and_all_files)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct pack p;
    struct err e = {0};
    uint8_t sum[SHA256_BYTES];
    char text[SHA256_TEXT];
    CHECK_OK(pack_read(a, in("m"), &p, &e));
    CHECK_SLICE(
        p.canonical,
        "{\"files\":{\"bin/"
        "run\":{\"mode\":\"0555\",\"sha256\":\"a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf\",\"size\":10},"
        "\"card.md\":{\"mode\":\"0444\",\"sha256\":\"da0d4b103341f3e6b5a9e1ee3ee34a2088e6db1b6d67613db33cd3eeefd2744b\",\"size\":6}},"
        "\"inputs\":{\"a\":{\"anyOf\":[{\"code\":\"c\",\"system\":\"s\"}],\"unit\":\"1\"}},\"key\":\"k\","
        "\"modelCard\":{\"path\":\"card.md\"},\"output\":{\"schema\":{\"maximum\":1.50}},"
        "\"runtime\":{\"exec\":[\"/model/bin/run\"],\"image\":\"none\",\"kind\":\"stdio-json\"},"
        "\"schema\":\"lazaret.model/1\",\"title\":\"t\",\"version\":\"1.0.0\"}");
    sha256(p.canonical, sum);
    CHECK_STR(p.digest, sha256_text(sum, text));
}

TEST(white_space_key_order_escapes_and_signature_do_not_change_the_digest)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct pack p, q;
    struct err e = {0};
    CHECK_OK(pack_read(a, in("m"), &p, &e));
    put("m/manifest.json",
        "{ \"title\" : \"t\", "
        "\"key\":\"k\",\"schema\":\"lazaret.model/1\",\n\"version\":\"1.0.0\",\"output\":{\"schema\":{\"maximum\":1.50}},"
        "\"runtime\":{\"image\":\"none\",\"kind\":\"stdio-json\",\"exec\":[\"/model/bin/run\"]},\"modelCard\":{\"path\":\"card.md\"},"
        "\"signature\":{\"alg\":\"ed25519\",\"keyId\":\"k\",\"sig\":\"c2ln\"},"
        "\"inputs\":{\"a\":{\"unit\":\"1\",\"anyOf\":[{\"code\":\"c\",\"system\":\"s\"}]}}}",
        0600);
    CHECK_OK(pack_read(a, in("m"), &q, &e));
    CHECK_STR(p.digest, q.digest);
}

TEST(every_byte_and_the_executable_bit_change_the_digest)
{
    static const struct {
        const char *file, *text;
        mode_t mode;
    } row[] = {
        {"m/card.md", "a Card", 0640}, {"m/card.md", "a card", 0750},   {"m/bin/run", "#!/bin/sh\n\n", 0700},
        {"m/more", "", 0600},          {"m/manifest.json", NULL, 0600},
    };
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    struct pack p, q;
    struct err e = {0};
    CHECK_OK(pack_read(a, in("m"), &p, &e));
    for (size_t i = 0; i < COUNT(row); i++) {
        char *other =
            arena_printf(a, "%.*s1.500}}%s", (int)(strstr(manifest, "1.50}}") - manifest), manifest, strstr(manifest, "1.50}}") + 6);
        put(row[i].file, row[i].text ? row[i].text : other, row[i].mode); /* number text counts as written */
        CHECK_OK(pack_read(a, in("m"), &q, &e));
        if (strcmp(p.digest, q.digest) == 0)
            fail_msg("row %zu did not change the digest", i);
        p = q;
    }
}

TEST(what_does_not_belong_in_a_pack_is_refused)
{
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    CHECK_STR(fault(a), "");
    CHECK_INT(symlink("/etc/passwd", in("m/link")), 0);
    CHECK(strstr(fault(a), "link: is a symbolic link"));
    unlink(in("m/link"));
    CHECK_INT(symlink("..", in("m/up")), 0);
    CHECK(strstr(fault(a), "up: is a symbolic link"));
    unlink(in("m/up"));
    CHECK_INT(mkfifo(in("m/pipe"), 0600), 0);
    CHECK(strstr(fault(a), "pipe: is no regular file"));
    unlink(in("m/pipe"));
    put("m/bin/su", "x", 04755);
    CHECK(strstr(fault(a), "bin/su: has a set-user-id"));
    unlink(in("m/bin/su"));
    put("m/a b", "x", 0600);
    CHECK(strstr(fault(a), "a file's name must be"));
    unlink(in("m/a b"));
    put("m/bin/run", "#!/bin/sh\n", 0600);
    CHECK(strstr(fault(a), "/runtime/exec/0: 'bin/run' is not executable"));
    unlink(in("m/bin/run"));
    CHECK(strstr(fault(a), "/runtime/exec/0: 'bin/run' is not in the folder"));
    put("m/bin/run", "#!/bin/sh\n", 0700);
    unlink(in("m/card.md"));
    CHECK(strstr(fault(a), "/modelCard/path: 'card.md' is not in the folder"));
    put("m/card.md", "a card", 0600);
    CHECK_STR(fault(a), "");
    unlink(in("m/manifest.json"));
    CHECK(strstr(fault(a), "manifest.json: is not in the folder"));
}

TEST(claims_about_files_must_be_true)
{
    static const struct {
        const char *files, *error;
    } row[] = {
        {"{\"card.md\":{\"size\":6,\"mode\":\"0444\"}}", ""},
        {"{\"card.md\":{\"size\":7}}", "/files/card.md/size: the file has 6 bytes"},
        {"{\"card.md\":{\"mode\":\"0555\"}}", "/files/card.md/mode: the file is not executable"},
        {"{\"card.md\":{\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\"}}",
         "/files/card.md/sha256: the file has"},
        {"{\"../m/card.md\":{}}", "/files: '../m/card.md' is not in the folder"},
        {"{\"other\":{}}", "/files: 'other' is not in the folder"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        put("m/manifest.json", arena_printf(a, "{\"files\":%s,%s", row[i].files, manifest + 1), 0600);
        const char *got = fault(a);
        if (*row[i].error ? !strstr(got, row[i].error) : *got)
            fail_msg("%s: %s", row[i].files, got);
    }
}

TEST(count_depth_and_size_are_limited)
{
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    char name[128];
    for (int i = 0; i < MANIFEST_FILES - 2; i++) {
        snprintf(name, sizeof name, "m/f%d", i);
        put(name, "", 0600);
    }
    CHECK_STR(fault(a), "");
    put("m/last", "", 0600);
    CHECK(strstr(fault(a), "one more than the 256 files"));
    for (int i = 0; i < MANIFEST_FILES - 2; i++) {
        snprintf(name, sizeof name, "m/f%d", i);
        unlink(in(name));
    }
    CHECK_INT(truncate(in("m/last"), PACK_BYTES), 0);
    CHECK(strstr(fault(a), "the pack has more than"));
    unlink(in("m/last"));
    size_t n = (size_t)snprintf(name, sizeof name, "m");
    for (int i = 0; i < PACK_DEPTH + 1; i++) {
        CHECK_STR(fault(a), "");
        n += (size_t)snprintf(name + n, sizeof name - n, "/d");
        mkdir(in(name), 0700);
    }
    CHECK(strstr(fault(a), "lies deeper than 8"));
}

/* What is stored is the manifest as it is compared, with its files: that is read at every start, and has a limit, too. */
TEST(a_manifest_that_grows_past_its_limit_by_what_it_is_stored_as_is_refused)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    static const int row[] = {100000, 200000};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct buf b = buf_in(a, MANIFEST_BYTES);
        buf_add(&b, manifest, sizeof manifest - 2);
        buf_str(&b, ",\"selftest\":[{\"inputs\":{\"a\":1},\"expect\":{\"x\":\"");
        for (int k = 0; k < row[i]; k++)
            buf_str(&b, "\\t"); /* two bytes, stored as six */
        buf_str(&b, "\"}}]}");
        buf_byte(&b, 0);
        CHECK(!buf_failed(&b));
        put("m/manifest.json", b.p, 0600);
        const char *got = fault(a);
        CHECK(i == 0 ? !*got : strstr(got, "manifest.json: has more than 1048576 bytes") != NULL);
    }
}

static unsigned mode_of(const char *name)
{
    struct stat st;
    return lstat(in(name), &st) ? 0 : st.st_mode & 07777;
}

static int entries(const char *name)
{
    DIR *d = opendir(in(name));
    int n = -2; /* without . and .. */
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

TEST(an_installed_pack_is_read_only_and_has_the_same_digest)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct pack p, q;
    struct err e = {0};
    char name[200];
    CHECK_OK(pack_read(a, in("m"), &p, &e));
    for (int twice = 0; twice < 2; twice++)
        CHECK_OK(pack_install(&p, in("m"), to, &e));
    CHECK_INT(entries("to"), 1);
    snprintf(name, sizeof name, "to/%s", p.digest);
    CHECK_INT(mode_of(name), 0755);
    CHECK_OK(pack_read(a, in(name), &q, &e));
    CHECK_STR(q.digest, p.digest);
    CHECK(slice_eq(q.text, p.text));
    snprintf(name, sizeof name, "to/%s/bin", p.digest);
    CHECK_INT(mode_of(name), 0755);
    snprintf(name, sizeof name, "to/%s/bin/run", p.digest);
    CHECK_INT(mode_of(name), 0555);
    snprintf(name, sizeof name, "to/%s/manifest.json", p.digest);
    CHECK_INT(mode_of(name), 0444);
}

TEST(a_file_that_changed_is_not_installed)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct pack p;
    struct err e = {0};
    CHECK_OK(pack_read(a, in("m"), &p, &e));
    put("m/card.md", "A card", 0600);
    CHECK_INT(pack_install(&p, in("m"), to, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(entries("to"), 0);
    unlink(in("m/card.md"));
    CHECK_INT(symlink("/etc/hostname", in("m/card.md")), 0);
    CHECK_INT(pack_install(&p, in("m"), to, &e), -1);
    CHECK_INT(entries("to"), 0);
}

#ifdef LAZARET_FAULTS
TEST(a_failing_write_leaves_nothing_behind)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct pack p;
    struct err e = {0};
    CHECK_OK(pack_read(a, in("m"), &p, &e));
    for (long n = 1; n <= 3; n++) {
        fault_arm(FAULT_WRITE, n, 0);
        CHECK_INT(pack_install(&p, in("m"), to, &e), -1);
        CHECK_INT(e.code, ERR_STORE);
        CHECK_INT(entries("to"), 0);
    }
    fault_arm(FAULT_WRITE, 0, 0);
    CHECK_OK(pack_install(&p, in("m"), to, &e));
}
#define FAULT_TESTS , EACH(a_failing_write_leaves_nothing_behind)
#else
#define FAULT_TESTS
#endif

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
RUN(EACH(the_digest_is_over_the_canonical_manifest_and_all_files),
    EACH(white_space_key_order_escapes_and_signature_do_not_change_the_digest), EACH(every_byte_and_the_executable_bit_change_the_digest),
    EACH(what_does_not_belong_in_a_pack_is_refused), EACH(claims_about_files_must_be_true), EACH(count_depth_and_size_are_limited),
    EACH(a_manifest_that_grows_past_its_limit_by_what_it_is_stored_as_is_refused),
    EACH(an_installed_pack_is_read_only_and_has_the_same_digest), EACH(a_file_that_changed_is_not_installed) FAULT_TESTS)
