#include "test.h"

#include "base/buf.h"
#include "cmd/config.h"

static struct config fresh(struct arena *a)
{
    struct config c;
    struct err e;
    CHECK_OK(config_default(a, &c, &e));
    return c;
}

TEST(without_a_file_the_defaults_hold)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct config c = fresh(a);
    CHECK_STR(c.data, "");
    CHECK_STR(c.listen, "127.0.0.1:8080");
    CHECK_STR(c.tls, "off");
    CHECK_STR(c.open_client, "");
    CHECK_STR(c.cors, "");
    CHECK_STR(c.webhook_allow, "");
    CHECK_STR(c.log_level, "info");
    CHECK_INT(c.workers, 2);
    CHECK_INT(c.body_mib, 8);
    CHECK_INT(c.drain_ms, 10000);
}

TEST(an_option_is_a_settings_name_with_dashes)
{
    static const struct {
        const char *option, *name;
    } row[] = {
        {"listen", "listen"},
        {"webhook-allow", "webhook.allow"},
        {"webhook.allow", "webhook.allow"},
        {"legacy-open-client", "legacy.open_client"},
        {"legacy.open_client", "legacy.open_client"},
        {"legacy.open-client", "legacy.open_client"},
        {"limit-body-mib", "limit.body_mib"},
        {"limit_body_mib", NULL},
        {"Listen", NULL},
        {"listen ", NULL},
        {"liste", NULL},
        {"listenx", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *name = config_name(row[i].option);
        if (row[i].name)
            CHECK_STR(name ? name : "(none)", row[i].name);
        else
            CHECK(name == NULL);
    }
}

TEST(a_value_is_taken_within_its_bounds_and_else_refused_with_a_sentence)
{
    static const struct {
        const char *name, *value, *sentence; /* sentence NULL: taken */
    } row[] = {
        {"workers", "1", NULL},
        {"workers", "64", NULL},
        {"workers", "0", NULL},
        {"workers", "65", "workers is a number from 0 to 64"},
        {"workers", "-1", "workers is a number"},
        {"workers", "2.5", "workers is a number"},
        {"workers", "2x", "workers is a number"},
        {"workers", "", "workers is a number"},
        {"workers", "99999999999999999999", "workers is a number"},
        {"drain_ms", "0", NULL},
        {"limit.memory_mib", "15", "limit.memory_mib is a number from 16 to 4096"},
        {"tls", "on", NULL},
        {"cors.origins", "https://a.example https://b.example", NULL},
        {"nonsense", "1", "there is no setting named nonsense"},
        {"cors-origins", "x", "there is no setting named cors-origins"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct config c = fresh(a);
        struct err e = {.code = ERR_NONE};
        int rc = config_set(&c, row[i].name, row[i].value, &e);
        CHECK_INT(rc, row[i].sentence ? -1 : 0);
        if (row[i].sentence) {
            CHECK_INT(e.code, ERR_CONFIG);
            if (!strstr(e.detail, row[i].sentence))
                fail_msg("'%s' does not say '%s'", e.detail, row[i].sentence);
        }
    }
}

static int read_text(struct config *c, const char *text, struct err *e)
{
    char path[] = "/tmp/config.XXXXXX";
    OWN_FD int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    int rc = config_file(c, path, e);
    unlink(path);
    return rc;
}

TEST(a_file_is_name_and_value_lines_with_comments_and_sections)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct config c = fresh(a);
    struct err e;
    CHECK_OK(read_text(&c, "# settings\nlisten = 127.0.0.1:9000\n; another comment\n\nworkers=3\nlegacy.open_client = bot\n"
                           "[limit]\nbody_mib = 16\n[cors]\norigins = https://a.example https://b.example\n", &e));
    CHECK_STR(c.listen, "127.0.0.1:9000");
    CHECK_INT(c.workers, 3);
    CHECK_INT(c.body_mib, 16);
    CHECK_STR(c.open_client, "bot");
    CHECK_STR(c.cors, "https://a.example https://b.example");
}

TEST(a_line_is_one_setting_however_it_begins_and_is_never_cut)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct config c = fresh(a);
    struct err e = {.code = ERR_NONE};
    CHECK_OK(read_text(&c, "cors.origins = https://a.example\n  workers = 3\n\tlegacy.open_client = bot", &e));
    CHECK_STR(c.cors, "https://a.example");
    CHECK_INT(c.workers, 3);
    CHECK_STR(c.open_client, "bot");
    for (int spaces = 0; spaces < 2; spaces++) { /* the rest of a long line looked like a line of its own, or like more of the value */
        struct buf b = buf_in(a, 4096);
        c = fresh(a);
        buf_str(&b, "workers = 3\nwebhook.allow = 10.0.0.0/8");
        while (b.n < 260)
            buf_str(&b, spaces ? " 10.1.0.0/16" : ",10.1.0.0/16");
        buf_str(&b, " workers = 9\n");
        buf_byte(&b, 0);
        CHECK_INT(read_text(&c, b.p, &e), -1);
        CHECK_INT(e.code, ERR_CONFIG);
        if (!strstr(e.detail, "line 2 is too long"))
            fail_msg("%s", e.detail);
    }
}

TEST(a_folder_is_no_file_of_settings)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct config c = fresh(a);
    struct err e = {.code = ERR_NONE};
    CHECK_INT(config_file(&c, "/tmp", &e), -1);
    CHECK_STR(e.detail, "read the settings of /tmp: Is a directory");
}

TEST(a_wrong_file_is_refused_with_its_line)
{
    static const struct {
        const char *text, *sentence;
    } row[] = {
        {"listen = x\nworkerz = 3\n", "line 2: there is no setting named workerz"},
        {"workers = none\n", "line 1: workers is a number"},
        {"\n\nworkers = 65\n", "line 3: workers is a number"},
        {"[limit]\nworkers = 3\n", "line 2: there is no setting named limit.workers"},
        {"listen\n", "line 1 is not 'name = value'"},
        {"workers = none\nworkerz = 3\n", "line 1: workers is a number"},
        {"listen\nworkerz = 3\n", "line 1 is not 'name = value'"},
        {"listen = x\n  more\n", "line 2 is not 'name = value'"},
        {"[limit\nbody_mib = 3\n", "line 1"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct config c = fresh(a);
        struct err e = {.code = ERR_NONE};
        CHECK_INT(read_text(&c, row[i].text, &e), -1);
        CHECK_INT(e.code, ERR_CONFIG);
        if (!strstr(e.detail, row[i].sentence))
            fail_msg("row %zu: '%s' does not say '%s'", i, e.detail, row[i].sentence);
    }
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct config c = fresh(a);
    struct err e;
    CHECK_INT(config_file(&c, "/nonexistent/lazaret.conf", &e), -1);
    CHECK(strstr(e.detail, "read the settings of"));
}

RUN(T(without_a_file_the_defaults_hold), T(an_option_is_a_settings_name_with_dashes),
    T(a_value_is_taken_within_its_bounds_and_else_refused_with_a_sentence), T(a_file_is_name_and_value_lines_with_comments_and_sections),
    T(a_line_is_one_setting_however_it_begins_and_is_never_cut), T(a_folder_is_no_file_of_settings),
    T(a_wrong_file_is_refused_with_its_line))
