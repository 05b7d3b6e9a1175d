#include <openssl/err.h>

#include "base/clock.h"
#include "http/conn_int.h"

static int tls_err(struct err *e, const char *what, const char *file)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return err_set(e, ERR_CONFIG, "%s %s: %s", what, file, why ? why : "unknown reason");
}

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

/* A client that offers only other protocols is told so in the handshake (RFC 7301), not by a garbled first answer. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
                           unsigned inlen, void *ctx)
{
    (void)ssl, (void)ctx;
    static const unsigned char http11[] = "\x08http/1.1";
    unsigned char *chosen;
    int r = SSL_select_next_proto(&chosen, outlen, http11, sizeof http11 - 1, in, inlen);
    *out = chosen;
    return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void tls_policy(SSL_CTX *t)
{
    SSL_CTX_set_min_proto_version(t, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(t, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(t, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(t, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Sessions live in the client's ticket alone; the keys of tickets die with this context, so a reload forgets them.
     */
    SSL_CTX_set_session_cache_mode(t, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(t, 1);
    SSL_CTX_set_alpn_select_cb(t, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(t, no_passphrase);
}

static int tls_load(SSL_CTX *t, const char *cert, const char *key, struct err *e)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(t, cert) != 1)
        return tls_err(e, "cannot use the certificate", cert);
    if (SSL_CTX_use_PrivateKey_file(t, key, SSL_FILETYPE_PEM) != 1)
        return tls_err(e, "cannot use the private key", key);
    if (SSL_CTX_check_private_key(t) != 1)
        return tls_err(e, "the private key does not belong to the certificate", cert);
    return 0;
}

/* OpenSSL checks the chain, its times and what its certificates are for: on the server's side that is clientAuth. */
static int tls_clients(SSL_CTX *t, const char *ca, enum http_certs certs, struct err *e)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (!names || SSL_CTX_load_verify_file(t, ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_err(e, "cannot use the authorities of clients", ca);
    }
    SSL_CTX_set_client_CA_list(t, names);
    SSL_CTX_set_verify(t, SSL_VERIFY_PEER | (certs == HTTP_CERTS_NEEDED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_options(t, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(t, 0);
    return 0;
}

bool tls_peer(SSL *ssl, struct http_cert *ret)
{
    X509 *x = SSL_get0_peer_certificate(ssl);
    struct http_cert found;
    struct tm t;
    unsigned n, m;
    if (!x || SSL_get_verify_result(ssl) != X509_V_OK || X509_digest(x, EVP_sha256(), found.hash, &n) != 1 ||
        X509_NAME_digest(X509_get_subject_name(x), EVP_sha256(), found.subject, &m) != 1 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(x), &t) != 1)
        return false;
    int64_t days = clock_days(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
    found.until_us = (days * 86400 + t.tm_hour * 3600 + t.tm_min * 60 + t.tm_sec) * 1000000;
    *ret = found;
    return true;
}

SSL_CTX *tls_open(const struct http_config *c, struct err *e)
{
    const char *cert = c->cert, *key = c->key;
    if (!cert || !key) {
        err_set(e, ERR_CONFIG, "TLS needs a certificate and a private key, as PEM files");
        return NULL;
    }
    SSL_CTX *t = SSL_CTX_new(TLS_server_method());
    if (!t) {
        tls_err(e, "cannot set up TLS for", cert);
        return NULL;
    }
    tls_policy(t);
    if (tls_load(t, cert, key, e) || (c->client_ca && tls_clients(t, c->client_ca, c->certs, e))) {
        SSL_CTX_free(t);
        return NULL;
    }
    return t;
}
