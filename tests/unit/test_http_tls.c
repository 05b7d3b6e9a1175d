#include "http_live.h"

#include <signal.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static char dir[] = "/tmp/http_tls_XXXXXX";
static char cert[64], key[64];

/* A self-signed certificate for `name` and its key, into the files the server reads. */
static void write_pair(const char *name, bool write_cert, bool write_key)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, k);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    CHECK(X509_sign(x, k, EVP_sha256()));
    if (write_cert) {
        OWN_FILE FILE *f = fopen(cert, "w");
        PEM_write_X509(f, x);
    }
    if (write_key) {
        OWN_FILE FILE *f = fopen(key, "w");
        PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
    }
    X509_free(x);
    EVP_PKEY_free(k);
}

static struct http_config tls_config(void)
{
    struct http_config c = live_config();
    c.tls = HTTP_TLS_ON;
    c.cert = cert;
    c.key = key;
    return c;
}

/* p.ssl stays NULL when the handshake fails. */
static struct peer dial_tls(const struct live *l, SSL_CTX *t, SSL_SESSION *session)
{
    struct peer p = dial(l);
    SSL *ssl = SSL_new(t);
    SSL_set_fd(ssl, p.fd);
    if (session)
        SSL_set_session(ssl, session);
    if (SSL_connect(ssl) == 1)
        p.ssl = ssl;
    else
        SSL_free(ssl);
    return p;
}

static SSL_CTX *client(int version)
{
    SSL_CTX *t = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(t, 0);
    SSL_CTX_set_min_proto_version(t, version);
    SSL_CTX_set_max_proto_version(t, version);
    return t;
}

static void whose(const struct peer *p, char *name, int size)
{
    X509 *x = SSL_get1_peer_certificate(p->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, size);
    X509_free(x);
}

#define ONE "GET /tls HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(tls_1_2_and_1_3_are_spoken_and_older_ones_refused)
{
    static const struct {
        int version;
        bool spoken;
    } row[] = {{TLS1_3_VERSION, true}, {TLS1_2_VERSION, true}, {TLS1_1_VERSION, false}, {TLS1_VERSION, false}};
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    for (size_t i = 0; i < COUNT(row); i++) {
        SSL_CTX *t = client(row[i].version);
        struct peer p = dial_tls(&l, t, NULL);
        CHECK_INT(p.ssl != NULL, row[i].spoken);
        for (int k = 0; p.ssl && k < 3; k++) {
            struct answer a;
            char text[64];
            say_str(&p, ONE);
            CHECK_INT(hear(&p, &a), 200);
            CHECK_STR(a.body, "yes");
            CHECK_STR(answer_field(&a, "Strict-Transport-Security", text, sizeof text), "max-age=31536000");
        }
        hang_up(&p);
        SSL_CTX_free(t);
    }
    live_stop(&l);
}

TEST(weak_ciphers_compression_and_other_protocols_are_refused)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    static const char *const weak[] = {"AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"};
    for (size_t i = 0; i < COUNT(weak); i++) {
        SSL_CTX *t = client(TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(t, weak[i]);
        struct peer p = dial_tls(&l, t, NULL);
        CHECK(!p.ssl);
        hang_up(&p);
        SSL_CTX_free(t);
    }
    static const struct {
        struct slice offer;
        bool spoken;
    } row[] = {{SLICE("\x02h2\x08http/1.1"), true}, {SLICE("\x02h2"), false}};
    for (size_t i = 0; i < COUNT(row); i++) {
        SSL_CTX *t = client(TLS1_3_VERSION);
        SSL_CTX_set_alpn_protos(t, (const unsigned char *)row[i].offer.p, (unsigned)row[i].offer.n);
        struct peer p = dial_tls(&l, t, NULL);
        CHECK_INT(p.ssl != NULL, row[i].spoken);
        hang_up(&p);
        SSL_CTX_free(t);
    }
    live_stop(&l);
}

TEST(large_bodies_and_pipelines_pass_through_tls)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    SSL_CTX *t = client(TLS1_3_VERSION);
    struct peer p = dial_tls(&l, t, NULL);
    struct answer a;
    say_str(&p, "POST /status?204 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    say(&p, (struct slice){live_big, 1000000});
    CHECK_INT(hear(&p, &a), 204);
    say_str(&p, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(hear(&p, &a), 200);
    CHECK_INT(a.body_n, BIG);
    OWN_ARENA struct arena *arena = arena_new(1 << 20);
    struct buf b = buf_in(arena, 1 << 20);
    enum { REQUESTS = 1500 }; /* more than one record */
    for (int i = 0; i < REQUESTS; i++)
        buf_printf(&b, "GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    say(&p, buf_text(&b));
    for (int i = 0; i < REQUESTS; i++) {
        char want[32];
        snprintf(want, sizeof want, "GET /?%d|", i);
        CHECK_INT(hear(&p, &a), 200);
        CHECK_STR(a.body, want);
    }
    hang_up(&p);
    SSL_CTX_free(t);
    live_stop(&l);
}

TEST(a_refusal_over_tls_can_be_read_and_ends_properly)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    SSL_CTX *t = client(TLS1_3_VERSION);
    struct peer p = dial_tls(&l, t, NULL);
    struct answer a;
    say_str(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nabc");
    CHECK_INT(hear(&p, &a), 413);
    CHECK(ended(&p));
    CHECK(SSL_get_shutdown(p.ssl) & SSL_RECEIVED_SHUTDOWN);
    hang_up(&p);
    SSL_CTX_free(t);
    live_stop(&l);
}

TEST(plain_http_and_silence_on_the_tls_port_are_cut_off)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    struct peer plain = dial(&l), silent = dial(&l);
    struct answer a;
    int64_t begun = clock_mono_us();
    say_str(&plain, ONE);
    CHECK(hear(&plain, &a) <= 0);
    CHECK(hear(&silent, &a) == 0);
    CHECK(elapsed_ms(begun) < 3000);
    CHECK_INT(atomic_load(&l.calls), 0);
    hang_up(&plain);
    hang_up(&silent);
    live_stop(&l);
}

TEST(sessions_are_resumed_by_ticket)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    static const int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < COUNT(version); i++) {
        SSL_CTX *t = client(version[i]);
        struct answer a;
        struct peer p = dial_tls(&l, t, NULL);
        say_str(&p, ONE);
        CHECK_INT(hear(&p, &a), 200);
        SSL_SESSION *session = SSL_get1_session(p.ssl);
        SSL_shutdown(p.ssl);
        hang_up(&p);
        p = dial_tls(&l, t, session);
        CHECK(SSL_session_reused(p.ssl));
        say_str(&p, ONE);
        CHECK_INT(hear(&p, &a), 200);
        SSL_SESSION_free(session);
        hang_up(&p);
        SSL_CTX_free(t);
    }
    live_stop(&l);
}

TEST(a_new_pair_is_used_from_then_on_and_a_wrong_one_is_not)
{
    struct live l;
    struct err e;
    char name[32];
    struct answer a;
    struct http_config c = tls_config();
    write_pair("first", true, true);
    live_start(&l, &c);
    SSL_CTX *t = client(TLS1_3_VERSION);
    struct peer before = dial_tls(&l, t, NULL);
    write_pair("second", true, true);
    CHECK_OK(http_server_reload(l.server, &e));
    struct peer after = dial_tls(&l, t, NULL);
    whose(&before, name, sizeof name);
    CHECK_STR(name, "first");
    whose(&after, name, sizeof name);
    CHECK_STR(name, "second");
    say_str(&before, ONE);
    CHECK_INT(hear(&before, &a), 200);
    hang_up(&after);

    write_pair("third", true, false); /* its key is not written */
    CHECK_INT(http_server_reload(l.server, &e), -1);
    CHECK_INT(e.code, ERR_CONFIG);
    CHECK(strstr(e.detail, "private key"));
    after = dial_tls(&l, t, NULL);
    whose(&after, name, sizeof name);
    CHECK_STR(name, "second");
    hang_up(&after);
    hang_up(&before);
    SSL_CTX_free(t);
    live_stop(&l);
    write_pair("localhost", true, true);
}

TEST(wrong_files_are_named)
{
    struct err e;
    struct http_server *s;
    struct http_config c = tls_config();
    c.cert = "/nowhere/cert.pem";
    CHECK_INT(http_server_open(&c, live_answer, NULL, &s, &e), -1);
    CHECK_INT(e.code, ERR_CONFIG);
    CHECK(strstr(e.detail, "/nowhere/cert.pem"));
    c = tls_config();
    c.key = cert;
    CHECK_INT(http_server_open(&c, live_answer, NULL, &s, &e), -1);
    CHECK(strstr(e.detail, cert));
}

TEST(a_stream_goes_over_tls_and_its_end_is_noticed)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    for (int i = 0; i < 2; i++) {
        SSL_CTX *t = client(i ? TLS1_2_VERSION : TLS1_3_VERSION);
        struct peer p = dial_tls(&l, t, NULL);
        struct answer a;
        char chunk[64];
        say_str(&p, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK_INT(hear(&p, &a), 200);
        struct http_stream *s = live_stream_of(&l, 2 * i);
        CHECK_INT(http_stream_write(s, SLICE("one")), 0);
        CHECK_INT(hear_chunk(&p, chunk, sizeof chunk), 3);
        CHECK_STR(chunk, "one");
        CHECK_INT(http_stream_write(s, SLICE("the last")), 0);
        http_stream_end(s);
        CHECK_INT(hear_chunk(&p, chunk, sizeof chunk), 8);
        CHECK_INT(hear_chunk(&p, chunk, sizeof chunk), 0);
        say_str(&p, ONE);
        CHECK_INT(hear(&p, &a), 200);
        say_str(&p, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK_INT(hear(&p, &a), 200);
        s = live_stream_of(&l, 2 * i + 1);
        if (i)
            SSL_shutdown(p.ssl);
        hang_up(&p);
        CHECK(until_gone(s) < 2000);
        http_stream_end(s);
        SSL_CTX_free(t);
    }
    live_stop(&l);
}

static int filled(struct http_stream *s, const char *piece, size_t n)
{
    int pieces = 0;
    while (pieces < 2000 && http_stream_write(s, (struct slice){piece, n}) == 0) {
        usleep(1000);
        pieces++;
    }
    return pieces;
}

TEST(transfers_go_over_tls_both_ways)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *t = client(version);
        struct peer p = dial_tls(&l, t, NULL);
        struct answer a;
        char said[64];
        for (int chunked = 0; chunked < 2; chunked++) {
            say_str(&p, "POST /sink HTTP/1.1\r\nHost: a\r\n");
            send_body(&p, 3000001, chunked, said, sizeof said);
            CHECK_INT(hear(&p, &a), 200);
            CHECK_STR(a.body, said);
        }
        say_str(&p, "GET /source?20000001 HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK_INT(hear_source(&p, &a), 20000001);
        say_str(&p, ONE);
        CHECK_INT(hear(&p, &a), 200);
        say_str(&p, "GET /source?-10 HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK_INT(hear_source(&p, &a), 9);
        hang_up(&p);
        SSL_CTX_free(t);
    }
    live_stop(&l);
}

TEST(a_stream_over_tls_that_is_not_read_is_cut_off)
{
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c);
    SSL_CTX *t = client(TLS1_3_VERSION);
    struct peer p = dial_tls(&l, t, NULL);
    struct answer a;
    say_str(&p, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(hear(&p, &a), 200);
    struct http_stream *s = live_stream_of(&l, 0);
    CHECK(filled(s, live_big, 16384) < 2000);
    CHECK(http_stream_gone(s));
    http_stream_end(s);
    hang_up(&p);
    SSL_CTX_free(t);
    live_stop(&l);
}

/* --- clients' certificates --- */

static char ca_file[64];

struct pair {
    EVP_PKEY *key;
    X509 *cert;
};

/* By `by`, or by itself. `use` NULL: an authority. */
static struct pair make_pair(const char *name, const struct pair *by, const char *use, int days)
{
    struct pair p = {EVP_EC_gen("P-256"), X509_new()};
    X509V3_CTX ctx;
    X509_set_version(p.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(p.cert), (long)clock_mono_us());
    X509_gmtime_adj(X509_getm_notBefore(p.cert), -3 * 86400);
    X509_gmtime_adj(X509_getm_notAfter(p.cert), days * 86400);
    X509_set_pubkey(p.cert, p.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(p.cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(p.cert, X509_get_subject_name(by ? by->cert : p.cert));
    X509V3_set_ctx(&ctx, by ? by->cert : p.cert, p.cert, NULL, NULL, 0);
    X509_EXTENSION *x = use ? X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage, use)
                            : X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(p.cert, x, -1);
    X509_EXTENSION_free(x);
    CHECK(X509_sign(p.cert, by ? by->key : p.key, EVP_sha256()));
    return p;
}

static void drop_pair(struct pair *p)
{
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
}

/* What GET /cert answers twice, or "refused". */
static void cert_seen(const struct live *l, int version, const struct pair *p, char out[64])
{
    SSL_CTX *t = client(version);
    struct answer a;
    if (p) {
        SSL_CTX_use_certificate(t, p->cert);
        SSL_CTX_use_PrivateKey(t, p->key);
    }
    struct peer peer = dial_tls(l, t, NULL); /* of TLS 1.3 it ends before the server has judged */
    snprintf(out, 64, "refused");
    for (int i = 0; i < 2 && peer.ssl; i++) {
        say_str(&peer, "GET /cert HTTP/1.1\r\nHost: a\r\nX-Client-Cert: forged\r\n\r\n");
        if (hear(&peer, &a) == 200)
            snprintf(out, 64, "%.63s", a.body);
    }
    hang_up(&peer);
    SSL_CTX_free(t);
}

static void expected(const struct pair *p, char out[64])
{
    unsigned char md[32];
    char hash[17], subject[17];
    X509_digest(p->cert, EVP_sha256(), md, NULL);
    hex_encode(md, 8, hash);
    X509_NAME_digest(X509_get_subject_name(p->cert), EVP_sha256(), md, NULL);
    hex_encode(md, 8, subject);
    snprintf(out, 64, "%s %s", hash, subject);
}

TEST(a_clients_certificate_is_told_when_it_holds_and_ends_the_handshake_when_not)
{
    struct pair ca = make_pair("ca", NULL, NULL, 2), foreign = make_pair("ca", NULL, NULL, 2);
    struct pair good = make_pair("bot", &ca, "clientAuth", 1), past = make_pair("bot", &ca, "clientAuth", -1),
                purpose = make_pair("bot", &ca, "serverAuth", 1), forged = make_pair("bot", &foreign, "clientAuth", 1),
                own = make_pair("bot", NULL, "clientAuth", 1);
    OWN_FILE FILE *f = fopen(ca_file, "w");
    PEM_write_X509(f, ca.cert);
    fflush(f);
    char want[64], got[64];
    expected(&good, want);
    static const int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int needed = 0; needed < 2; needed++) {
        struct live l;
        struct http_config c = tls_config();
        c.client_ca = ca_file;
        c.certs = needed ? HTTP_CERTS_NEEDED : HTTP_CERTS_ASKED;
        live_start(&l, &c);
        for (size_t i = 0; i < COUNT(version); i++) {
            const struct pair *bad[] = {&past, &purpose, &forged, &own};
            cert_seen(&l, version[i], &good, got);
            CHECK_STR(got, want);
            cert_seen(&l, version[i], NULL, got);
            CHECK_STR(got, needed ? "refused" : "none");
            for (size_t k = 0; k < COUNT(bad); k++) {
                cert_seen(&l, version[i], bad[k], got);
                if (strcmp(got, "refused") != 0)
                    fail_msg("certificate %zu: %s", k, got);
            }
        }
        live_stop(&l);
    }
    struct live l;
    struct http_config c = tls_config();
    live_start(&l, &c); /* nobody is asked */
    cert_seen(&l, TLS1_3_VERSION, &good, got);
    CHECK_STR(got, "none");
    live_stop(&l);
    struct pair *all[] = {&ca, &foreign, &good, &past, &purpose, &forged, &own};
    for (size_t i = 0; i < COUNT(all); i++)
        drop_pair(all[i]);
}

TEST(where_certificates_are_asked_for_no_session_is_resumed)
{
    struct live l;
    struct http_config c = tls_config();
    c.client_ca = ca_file;
    live_start(&l, &c);
    static const int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < COUNT(version); i++) {
        SSL_CTX *t = client(version[i]);
        struct answer a;
        struct peer p = dial_tls(&l, t, NULL);
        say_str(&p, ONE);
        CHECK_INT(hear(&p, &a), 200);
        SSL_SESSION *session = SSL_get1_session(p.ssl);
        SSL_shutdown(p.ssl);
        hang_up(&p);
        p = dial_tls(&l, t, session);
        CHECK(p.ssl && !SSL_session_reused(p.ssl));
        SSL_SESSION_free(session);
        hang_up(&p);
        SSL_CTX_free(t);
    }
    live_stop(&l);
    struct err e;
    struct http_server *s;
    c.client_ca = "/nowhere/ca.pem";
    CHECK_INT(http_server_open(&c, live_answer, NULL, &s, &e), -1);
    CHECK(strstr(e.detail, "/nowhere/ca.pem"));
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", dir);
    signal(SIGPIPE, SIG_IGN); /* of the client's own SSL_write */
    write_pair("localhost", true, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(cert);
    unlink(key);
    unlink(ca_file);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(tls_1_2_and_1_3_are_spoken_and_older_ones_refused),
        T(weak_ciphers_compression_and_other_protocols_are_refused),
        T(large_bodies_and_pipelines_pass_through_tls),
        T(a_refusal_over_tls_can_be_read_and_ends_properly),
        T(plain_http_and_silence_on_the_tls_port_are_cut_off),
        T(sessions_are_resumed_by_ticket),
        T(a_new_pair_is_used_from_then_on_and_a_wrong_one_is_not),
        T(wrong_files_are_named),
        T(a_stream_goes_over_tls_and_its_end_is_noticed),
        T(a_stream_over_tls_that_is_not_read_is_cut_off),
        T(transfers_go_over_tls_both_ways),
        T(a_clients_certificate_is_told_when_it_holds_and_ends_the_handshake_when_not),
        T(where_certificates_are_asked_for_no_session_is_resumed),
    };
    int failed = cmocka_run_group_tests(tests, begin, end);
    arena_thread_end();
    return failed;
}
