#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/json.h"
#include "deliver/address_int.h"
#include "deliver/canonical.h"
#include "deliver/deliver.h"

extern char **environ;

static struct slice canonical(struct arena *a, struct slice text)
{
    struct json j;
    struct json_fault f;
    struct buf b = buf_in(a, 8 << 20);
    if (json_parse(a, text, &j, &f))
        fail_msg("'%.*s': %s", SLICE_FMT(text), f.what);
    canonical_write(&b, &j, 0);
    CHECK(!buf_failed(&b));
    return buf_text(&b);
}

/* Left: what is read; right: what Python 3.11 printed for json.dumps(json.loads(left), sort_keys=True). */
TEST(the_body_is_what_pythons_json_dumps_with_sorted_keys_writes)
{
    static const struct {
        const char *text, *want;
    } row[] = {
        {"{}", "{}"},
        {"[]", "[]"},
        {" [ 1 ,2 ] ", "[1, 2]"},
        {"{\"b\":1,\"a\":{\"d\":[],\"c\":null}}", "{\"a\": {\"c\": null, \"d\": []}, \"b\": 1}"},
        {"{\"B\":1,\"a\":2,\"_\":3,\"1\":4}", "{\"1\": 4, \"B\": 1, \"_\": 3, \"a\": 2}"},
        {"{\"aa\":1,\"a\":2,\"\":3}", "{\"\": 3, \"a\": 2, \"aa\": 1}"},
        {"{\"\xC3\xA9\":1,\"z\":2,\"\xF0\x9F\x98\x80\":3,\"\xEF\xBF\xBD\":4}",
         "{\"z\": 2, \"\\u00e9\": 1, \"\\ufffd\": 4, \"\\ud83d\\ude00\": 3}"},
        {"\"\\u00e9 \\ud83d\\ude00 \\/ \\u007f\"", "\"\\u00e9 \\ud83d\\ude00 / \\u007f\""},
        {"\"\\\" \\\\ \\b\\f\\n\\r\\t \\u0001\\u001f\"", "\"\\\" \\\\ \\b\\f\\n\\r\\t \\u0001\\u001f\""},
        {"true", "true"},
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "-0.0"},
        {"0.0", "0.0"},
        {"1.0", "1.0"},
        {"1.50", "1.5"},
        {"-1.5e0", "-1.5"},
        {"1e0", "1.0"},
        {"1E2", "100.0"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"123456789012345678901234567890.0", "1.2345678901234568e+29"},
        {"1e15", "1000000000000000.0"},
        {"1e16", "1e+16"},
        {"1.5e16", "1.5e+16"},
        {"9999999999999998.0", "9999999999999998.0"},
        {"0.0001", "0.0001"},
        {"0.00001", "1e-05"},
        {"0.000012", "1.2e-05"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"75.49882344", "75.49882344"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"5e-324", "5e-324"},
        {"1e-400", "0.0"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1e400", "Infinity"},
        {"-1e400", "-Infinity"},
        {"1e100", "1e+100"},
        {"1e22", "1e+22"},
        {"2251799813685248.5", "2251799813685248.5"},
        {"4503599627370496.5", "4503599627370496.0"},
        {"8.41", "8.41"},
        {"0.1e1", "1.0"},
        {"{\"result\":{\"score\":6,\"risk\":\"medium\"},\"status\":\"COMPLETED\",\"job_id\":\"x\"}",
         "{\"job_id\": \"x\", \"result\": {\"risk\": \"medium\", \"score\": 6}, \"status\": \"COMPLETED\"}"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        CHECK_SLICE(canonical(a, slice_of(row[i].text)), row[i].want);
    }
}

/* Two lines a document: as somebody may write it, and what Python makes of it. */
static const char oracle[] =
    "import json, random, sys\n"
    "sys.stdout.reconfigure(encoding='utf-8')\n"
    "r = random.Random(20261125)\n"
    "alphabet = [chr(c) for c in (*range(1, 128), 0x80, 0xe9, 0x3b1, 0x7ff, 0x800, 0x20ac, 0xfffd, 0xffff, 0x10000, 0x1f600, 0x10ffff)]\n"
    "def text(): return ''.join(r.choice(alphabet) for _ in range(r.randrange(9)))\n"
    "def number():\n"
    "    k = r.randrange(6)\n"
    "    if k == 0: return str(r.randrange(-99, 99))\n"
    "    if k == 1: return str(r.randrange(-10**40, 10**40))\n"
    "    if k == 2: return repr(r.uniform(-1000, 1000))\n"
    "    if k == 3: return '%d.%de%+d' % (r.randrange(10), r.randrange(10**r.randrange(1, 22)), r.randrange(-340, 320))\n"
    "    if k == 4: return '%sE%d' % (r.choice(['1', '-1', '0', '0.5', '123.456', '-0.0']), r.randrange(-20, 24))\n"
    "    return '%.*f' % (r.randrange(1, 20), r.random() * 10 ** r.randrange(-8, 18))\n"
    "def space(): return r.choice(['', '', ' ', '\\t', ' \\r '])\n"
    "def value(depth):\n"
    "    k = r.randrange(8 if depth < 5 else 6)\n"
    "    if k < 3: return number()\n"
    "    if k < 5: return json.dumps(text(), ensure_ascii=r.random() < 0.5)\n"
    "    if k == 5: return r.choice(['true', 'false', 'null'])\n"
    "    if k == 6: return '[' + ','.join(space() + value(depth + 1) + space() for _ in range(r.randrange(5))) + ']'\n"
    "    keys = list(dict.fromkeys(text() for _ in range(r.randrange(7))))\n"
    "    return '{' + ','.join(space() + json.dumps(x, ensure_ascii=r.random() < 0.5) + space() + ':' + space() + value(depth + 1)\n"
    "                          for x in keys) + '}'\n"
    "for _ in range(2000):\n"
    "    t = value(0)\n"
    "    print(t)\n"
    "    print(json.dumps(json.loads(t), sort_keys=True))\n";

static FILE *ask_python(pid_t *pid)
{
    int end[2];
    if (pipe(end))
        return NULL;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, end[1], 1);
    posix_spawn_file_actions_addclose(&files, end[0]);
    int rc = posix_spawnp(pid, "python3", &files, NULL, (char *[]){"python3", "-I", "-c", (char *)oracle, NULL}, environ);
    posix_spawn_file_actions_destroy(&files);
    close(end[1]);
    if (rc == 0)
        return fdopen(end[0], "re");
    close(end[0]);
    return NULL;
}

TEST(two_thousand_random_documents_come_out_as_python_writes_them)
{
    OWN_MEM char *text = NULL, *want = NULL;
    size_t text_cap = 0, want_cap = 0;
    pid_t pid;
    int n = 0, status;
    OWN_FILE FILE *f = ask_python(&pid);
    if (!f) {
        print_message("python3 is not installed\n");
        skip();
    }
    for (ssize_t t, w; (t = getline(&text, &text_cap, f)) > 0 && (w = getline(&want, &want_cap, f)) > 0; n++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        struct slice got = canonical(a, (struct slice){text, (size_t)t - 1});
        if (got.n != (size_t)w - 1 || memcmp(got.p, want, got.n) != 0)
            fail_msg("document %d: %sours:   %.*s\npython: %s", n, text, SLICE_FMT(got), want);
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    CHECK_INT(n, 2000);
}

TEST(a_webhook_lies_below_the_registered_origin_or_is_refused)
{
    static const struct {
        const char *url, *origin;
        bool below;
    } row[] = {
        {"https://ehr.example", "https://ehr.example", true},
        {"https://ehr.example/", "https://ehr.example", true},
        {"https://ehr.example/hook?x=1", "https://ehr.example", true},
        {"https://ehr.example?x=1", "https://ehr.example", true},
        {"https://ehr.example:8443/hook", "https://ehr.example:8443", true},
        {"https://ehr.example:8443/hook", "https://ehr.example", false},
        {"https://ehr.example.evil.example/hook", "https://ehr.example", false},
        {"https://ehr.example@evil.example/hook", "https://ehr.example", false},
        {"https://ehr.example\\@evil.example/", "https://ehr.example", false},
        {"https://ehr.example#@evil.example/", "https://ehr.example", false},
        {"http://ehr.example/hook", "https://ehr.example", false},
        {"HTTPS://ehr.example/hook", "https://ehr.example", false},
        {"https://other.example/hook", "https://ehr.example", false},
        {"file:///etc/passwd", "https://ehr.example", false},
        {"", "https://ehr.example", false},
        {"https://ehr.exampl", "https://ehr.example", false},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        if (deliver_below(slice_of(row[i].url), row[i].origin) != row[i].below)
            fail_msg("%s below %s", row[i].url, row[i].origin);
}

static bool may_connect(const char *address, bool plain, const char *allow)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        return address_may_connect((const struct sockaddr *)&four, plain, allow, false);
    CHECK_INT(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return address_may_connect((const struct sockaddr *)&six, plain, allow, false);
}

TEST(a_webhook_reaches_public_addresses_only)
{
    static const char *const public[] = {
        "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.0.3.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
        "223.255.255.255", "2a00:1450::1", "2606:4700::1111", "2400:cb00::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
    };
    static const char *const special[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.0.1",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1",
        "2001:db8::1", "2001::1", "2001:10::1", "100::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "4000::1",
    };
    for (size_t i = 0; i < COUNT(public); i++)
        if (!may_connect(public[i], false, ""))
            fail_msg("%s was refused", public[i]);
    for (size_t i = 0; i < COUNT(special); i++)
        if (may_connect(special[i], false, ""))
            fail_msg("%s was let through", special[i]);
}

TEST(the_operator_may_name_addresses_and_plain_http_needs_a_name_always)
{
    static const struct {
        const char *address;
        bool plain;
        const char *allow;
        bool may;
    } row[] = {
        {"127.0.0.1", false, "127.0.0.1", true},
        {"127.0.0.1", true, "127.0.0.1", true},
        {"127.0.0.1", true, "10.0.0.1, 127.0.0.1", true},
        {"127.0.0.1", true, "10.0.0.1 127.0.0.1", true},
        {"127.0.0.1", true, "127.0.0.10", false},
        {"127.0.0.1", true, "127.0.0", false},
        {"127.0.0.1", true, "", false},
        {"127.0.0.1", true, ",", false},
        {"::1", true, "::1", true},
        {"::1", true, "127.0.0.1", false},
        {"8.8.8.8", false, "", true},
        {"8.8.8.8", true, "", false}, /* a result in the clear across the internet */
        {"8.8.8.8", true, "8.8.8.8", true},
        {"10.1.2.3", false, "10.1.0.0/16", true},
        {"10.1.2.3", true, "10.1.0.0/16", true},
        {"10.2.2.3", false, "10.1.0.0/16", false},
        {"10.1.2.3", false, "10.1.2.2/31 10.1.2.4/30", true},
        {"10.1.2.3", false, "10.1.2.4/30", false},
        {"10.1.2.3", false, "10.1.0.0/33", false},
        {"10.1.2.3", false, "10.1.0.0/", false},
        {"10.1.2.3", false, "10.1.0.0/-1", false},
        {"10.1.2.3", false, "0.0.0.0/0", true},
        {"fd00::1", false, "fd00::/8", true},
        {"fe80::1", false, "fd00::/8", false},
        {"::1", false, "0.0.0.0/0", false},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        if (may_connect(row[i].address, row[i].plain, row[i].allow) != row[i].may)
            fail_msg("%s, plain %d, allowed '%s'", row[i].address, row[i].plain, row[i].allow);
    struct sockaddr local = {.sa_family = AF_UNIX};
    CHECK(!address_may_connect(&local, false, "127.0.0.1", false));
    CHECK(!address_may_connect(&local, false, "", false));
}

TEST(a_list_of_addresses_with_a_bad_word_is_refused_by_that_word)
{
    static const struct {
        const char *allow, *bad; /* NULL: it is good */
    } row[] = {
        {"", NULL}, {" , ", NULL}, {"127.0.0.1", NULL}, {"127.0.0.0/8,::1 fd00::/8", NULL}, {"0.0.0.0/0", NULL},
        {"localhost", "'localhost'"}, {"127.0.0.1 ehr.example", "'ehr.example'"}, {"10.0.0.0/33", "'10.0.0.0/33'"},
        {"10.0.0.0/", "'10.0.0.0/'"}, {"fd00::/129", "'fd00::/129'"}, {"127.0.0.1;::1", "'127.0.0.1;::1'"},
        {"10.0.0", "'10.0.0'"}, {"http://127.0.0.1", "'http://127.0.0.1'"}, {"/8", "'/8'"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct err e = {0};
        int rc = deliver_check_allow(row[i].allow, &e);
        if (rc != (row[i].bad ? -1 : 0) || (rc && !strstr(e.detail, row[i].bad)))
            fail_msg("'%s': %d %s", row[i].allow, rc, e.detail);
        if (rc)
            CHECK_INT(e.code, ERR_CONFIG);
    }
}

TEST(the_switch_for_private_addresses_opens_private_addresses_only_and_only_over_tls)
{
    static const struct {
        const char *address;
        bool may;
    } row[] = {{"10.0.0.1", true}, {"172.16.0.1", true}, {"172.31.255.255", true}, {"192.168.1.1", true}, {"100.64.0.1", true},
               {"fd00::1", true}, {"fc00::1", true}, {"::ffff:10.0.0.1", true}, {"8.8.8.8", true},
               {"127.0.0.1", false}, {"169.254.169.254", false}, {"::1", false}, {"fe80::1", false}, {"0.0.0.0", false},
               {"::ffff:127.0.0.1", false}, {"224.0.0.1", false}, {"198.18.0.1", false}, {"64:ff9b::169.254.169.254", false}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        const struct sockaddr *to = inet_pton(AF_INET, row[i].address, &four.sin_addr) == 1 ? (struct sockaddr *)&four
                                                                                          : (struct sockaddr *)&six;
        if (to == (struct sockaddr *)&six)
            CHECK_INT(inet_pton(AF_INET6, row[i].address, &six.sin6_addr), 1);
        if (address_may_connect(to, false, "", true) != row[i].may)
            fail_msg("%s", row[i].address);
        CHECK(!address_may_connect(to, true, "", true));
    }
}

RUN(T(the_body_is_what_pythons_json_dumps_with_sorted_keys_writes), T(two_thousand_random_documents_come_out_as_python_writes_them),
    T(a_webhook_lies_below_the_registered_origin_or_is_refused), T(a_webhook_reaches_public_addresses_only),
    T(the_operator_may_name_addresses_and_plain_http_needs_a_name_always),
    T(a_list_of_addresses_with_a_bad_word_is_refused_by_that_word),
    T(the_switch_for_private_addresses_opens_private_addresses_only_and_only_over_tls))
