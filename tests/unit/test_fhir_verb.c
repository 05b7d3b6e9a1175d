/* lazaret fhir validate and fhir path as they are called: words in, lines and exit status out, over real files. */
#include "test.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"

static char dir[] = "/tmp/fhir-verb-XXXXXX";

static const char *at(const char *name)
{
    static char path[4][256];
    static int turn;
    snprintf(path[turn = (turn + 1) % 4], sizeof path[0], "%s/%s", dir, name);
    return path[turn];
}

static void write_file(const char *name, const char *text)
{
    OWN_FILE FILE *f = fopen(at(name), "w");
    CHECK(f && fputs(text, f) >= 0);
}

static int files_made(void **unused)
{
    (void)unused;
    CHECK(mkdtemp(dir));
    CHECK_INT(mkdir(at("sub"), 0700), 0);
    CHECK_INT(mkdir(at("empty"), 0700), 0);
    write_file("good.json", "{\"resourceType\":\"Patient\"}");
    write_file("sub/bad.json", "{\"resourceType\":\"Patient\",\n \"gender\":\"M\",\"x\":1}");
    write_file("lines.ndjson", "{\"resourceType\":\"Patient\"}\n\n{\"resourceType\":\"Patient\",\"active\":1}\r\n{\"resourceType\":");
    write_file("notes.txt", "not looked at");
    CHECK_INT(symlink(dir, at("sub/round")), 0);
    return 0;
}

static int files_gone(void **unused)
{
    (void)unused;
    static const char *const names[] = {"good.json", "sub/bad.json", "lines.ndjson", "notes.txt", "sub/round", "out"};
    for (size_t i = 0; i < COUNT(names); i++)
        unlink(at(names[i]));
    rmdir(at("sub"));
    rmdir(at("empty"));
    return rmdir(dir);
}

/* Runs the verb with the words of `line` ("@" stands for the folder), `input` on stdin; returns what it printed on stdout. */
static struct slice run_verb(struct arena *a, char *verb, const char *line, const char *input, int *ret_status)
{
    char *word[17] = {getenv("LAZARET"), "fhir", verb}, text[4096];
    int words = 3, status;
    pid_t pid;
    posix_spawn_file_actions_t io;
    for (struct slice rest = slice_of(line); rest.p;) {
        struct slice one = slice_cut(&rest, ' ');
        word[words++] = *one.p == '@' ? arena_printf(a, "%s%.*s", dir, (int)one.n - 1, one.p + 1) : arena_str(a, one);
    }
    OWN_FD int out = open(at("out"), O_RDWR | O_CREAT | O_TRUNC, 0600), in = memfd_create("in", 0);
    CHECK(write(in, input, strlen(input)) == (ssize_t)strlen(input) && lseek(in, 0, SEEK_SET) == 0);
    posix_spawn_file_actions_init(&io);
    posix_spawn_file_actions_adddup2(&io, in, 0);
    posix_spawn_file_actions_adddup2(&io, out, 1);
    posix_spawn_file_actions_addopen(&io, 2, "/dev/null", O_WRONLY, 0);
    CHECK(word[0] && posix_spawn(&pid, word[0], &io, NULL, word, environ) == 0);
    posix_spawn_file_actions_destroy(&io);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    *ret_status = WEXITSTATUS(status);
    ssize_t n = pread(out, text, sizeof text, 0);
    return arena_copy(a, (struct slice){text, n > 0 ? (size_t)n : 0});
}

static struct slice run(struct arena *a, const char *line, const char *input, int *ret_status)
{
    return run_verb(a, "validate", line, input, ret_status);
}

TEST(path_prints_an_item_a_line)
{
    static const struct {
        const char *line, *input, *want;
        int status;
    } row[] = {
        {"--json name.given -", "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",\"b\\n\"]}]}", "\"a\"\n\"b\\n\"\n", 0},
        {"name.given -", "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",\"b\\n\"]}]}", "a\nb \n", 0},
        {"--json name -", "{\"resourceType\":\"Patient\",\"name\":[{\"given\":\n[\"a\"]}]}", "{\"given\":[\"a\"]}\n", 0},
        {"--json 1.50+1 @/good.json", "", "2.50\n", 0},
        {"--json 3'mg' @/good.json", "", "{\"value\":3,\"unit\":\"mg\"}\n", 0},
        {"3'mg' @/good.json", "", "3 mg\n", 0},
        {"--json (@2024-01-01T10:00Z) @/good.json", "", "\"2024-01-01T10:00Z\"\n", 0},
        {"--json (@T10:00) @/good.json", "", "\"10:00\"\n", 0},
        {"--json active.exists() @/good.json", "", "false\n", 0},
        {"--json name @/good.json", "", "", 0},
        {"--json nothing @/good.json", "", "", 2},
        {"--lenient --json nothing @/good.json", "", "", 0},
        {"--json 1+ @/good.json", "", "", 2},
        {"--json 1+'a' @/good.json", "", "", 2},
        {"--json name @/nothing.json", "", "", 2},
        {"--json name -", "{\"resourceType\":\"Nothing\"}", "", 1},
        {"--json name -", "{", "", 1},
        {"--json name", "", "", 2},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 16);
        int status;
        struct slice out = run_verb(a, "path", row[i].line, row[i].input, &status);
        if (status != row[i].status || !slice_is(out, row[i].want))
            fail_msg("path %s: %d '%.*s', want %d '%s'", row[i].line, status, SLICE_FMT(out), row[i].status, row[i].want);
    }
}

TEST(the_exit_status_says_all_valid_some_not_or_wrong_words)
{
    static const struct {
        const char *line, *input;
        int status;
    } row[] = {
        {"@/good.json", "", 0},
        {"--json @/good.json", "", 0},
        {"@/sub/bad.json", "", 1},
        {"@/good.json @/sub/bad.json", "", 1},
        {"@", "", 1},
        {"--jobs 4 @ @ @", "", 1},
        {"@/nothing.json", "", 2},
        {"@/nothing.json @/sub/bad.json", "", 2},
        {"@/empty", "", 2}, /* somebody meant another folder */
        {"@/good.json @/empty", "", 2},
        {"-", "{\"resourceType\":\"Patient\"}", 0},
        {"-", "", 1},
        {"--type Patient -", "{\"resourceType\":\"Patient\"}", 0},
        {"--type Bundle -", "{\"resourceType\":\"Patient\"}", 1},
        {"--ndjson -", "{\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Bundle\",\"type\":\"batch\"}\n", 0},
        {"--ndjson -", "", 0},
        {"--max 0 @/sub/bad.json", "", 1},
        {"--progress @/good.json", "", 0},
        {"-", "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\"}},{\"resource\":"
              "{\"resourceType\":\"Patient\"}}]}", 0},
        {"--one-subject -", "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\"}},"
                            "{\"resource\":{\"resourceType\":\"Patient\"}}]}", 1},
        {"--help", "", 0},
        {"--json", "", 2},
        {"--type Person2 -", "", 2},
        {"--jobs 0 -", "", 2},
        {"--jobs x -", "", 2},
        {"--max -1 -", "", 2},
        {"--quick -", "", 2},
        {"--jobs", "", 2},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 16);
        int status;
        run(a, row[i].line, row[i].input, &status);
        if (status != row[i].status)
            fail_msg("validate %s: %d, want %d", row[i].line, status, row[i].status);
    }
}

TEST(text_has_one_issue_a_line_with_its_place)
{
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    int status;
    const char *want = arena_printf(a,
        "%s/lines.ndjson:3:36: error: found a number, expected true or false (boolean) [Patient.active]\n"
        "%s/lines.ndjson:4:17: error: the text is not valid JSON: the text ends where a value is expected\n"
        "%s/sub/bad.json:2:11: error: found a code that is not allowed here, expected male | female | other | unknown [Patient.gender]\n"
        "%s/sub/bad.json:2:15: error: found a property that Patient does not have in FHIR R4 [Patient.x]\n", dir, dir, dir, dir);
    CHECK_SLICE(run(a, "--jobs 3 @", "", &status), want);
}

TEST(what_somebody_gave_by_mistake_is_told)
{
    static const struct {
        const char *line, *input, *says;
    } row[] = {
        {"-", "<Patient xmlns=\"http://hl7.org/fhir\"/>", "it looks like XML, and FHIR's JSON is expected\n"},
        {"-", "  \n<Patient/>", ""},
        {"-", "\x1F\x8B\x08", "it looks like gzip: unpack it first\n"},
        {"-", "PK\x03\x04", "it looks like a zip file: unpack it first\n"},
        {"-", "\xFF\xFE{", "it looks like UTF-16, and UTF-8 is expected\n"},
        {"-", "{\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Patient\"}\n", "a resource a line is NDJSON: --ndjson\n"},
        {"-", "{\"resourceType\":\"Patient\"} {\"resourceType\":\"Patient\"}\n", "text after the end of the value\n"},
        {"-", "{\"resourceType\":\"SubscriptionTopic\"}", "(it is of FHIR R4B and R5), expected the name of one [Resource]\n"},
        {"-", "{\"resourceType\":\"Conformance\"}", "(it is of FHIR DSTU2), expected the name of one [Resource]\n"},
        {"-", "{\"resourceType\":\"Person2\"}", "FHIR R4 does not have, expected the name of one [Resource]\n"},
        {"--type Bundle @/good.json", "", "found a resource of type Patient, expected Bundle [Resource]\n"},
        {"@/empty", "", "cannot be read: a folder in which there is no .json or .ndjson file\n"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 16);
        int status;
        struct slice out = run(a, row[i].line, row[i].input, &status);
        size_t n = strlen(row[i].says);
        CHECK_INT(status, row[i].says[0] == 'c' ? 2 : 1);
        if (out.n < n || memcmp(out.p + out.n - n, row[i].says, n) != 0)
            fail_msg("%s: %.*s", row[i].says, SLICE_FMT(out));
    }
}

TEST(json_has_one_line_a_file_in_the_order_of_the_names)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    int status;
    struct slice out = run(a, "--json --max 1 --jobs 2 @", "", &status);
    static const struct {
        const char *name;
        bool valid;
        size_t issues, cut;
    } want[] = {{"/good.json", true, 0, 0}, {"/lines.ndjson", false, 2, 0}, {"/sub/bad.json", false, 1, 1}};
    for (size_t i = 0; i < COUNT(want); i++) {
        struct json j;
        struct json_fault f;
        CHECK_INT(json_parse(a, slice_cut(&out, '\n'), &j, &f), 0);
        CHECK_SLICE(json_get_text(&j, 0, "file", a), arena_printf(a, "%s%s", dir, want[i].name));
        CHECK_INT(json_kind(&j, json_get(&j, 0, "valid")), want[i].valid ? JSON_TRUE : JSON_FALSE);
        uint32_t list = json_get_kind(&j, 0, "issues", JSON_ARRAY);
        CHECK_INT(j.node[list].len, want[i].issues);
        CHECK_INT(json_get(&j, 0, "cut") != 0, want[i].cut);
        for (uint32_t k = json_first(&j, list); k != json_end(&j, list); k = json_next(&j, k)) {
            static const char *const keys[] = {"severity", "code", "expression", "line", "column", "text"};
            CHECK_INT(j.node[k].len, COUNT(keys));
            for (size_t l = 0; l < COUNT(keys); l++)
                CHECK(json_get(&j, k, keys[l]));
        }
    }
    CHECK_INT(out.n, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {T(the_exit_status_says_all_valid_some_not_or_wrong_words),
        T(text_has_one_issue_a_line_with_its_place), T(what_somebody_gave_by_mistake_is_told),
        T(json_has_one_line_a_file_in_the_order_of_the_names), T(path_prints_an_item_a_line)};
    int failed = cmocka_run_group_tests(tests, files_made, files_gone);
    arena_thread_end();
    return failed;
}
