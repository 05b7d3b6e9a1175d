#include "deliver/deliver.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "deliver/address_int.h"
#include "deliver/canonical.h"

enum {
    ATTEMPT_S = 15,
    LOOK_MS = 500,
    BODY_MAX = 25 << 20 /* six bytes for every two of the largest output, and some */
};

static const int delay_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
/* Longer than the longest of them: a row that waits longer was written by a clock that has been put back since. */
static const int64_t WAIT_MAX_US = 2 * 86400LL * 1000000;

struct deliver {
    struct deliver_config c;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t bell;
    bool stop;
};

/* --- where it may go --- */

/* What a connection about to be made is judged by. */
struct going {
    bool plain; /* http: the result would travel in the clear */
    const char *allow;
};

bool deliver_below(struct slice url, const char *origin)
{
    size_t n = strlen(origin);
    while (n && origin[n - 1] == '/')
        n--;
    return url.n >= n && memcmp(url.p, origin, n) == 0 && (url.n == n || url.p[n] == '/' || url.p[n] == '?');
}

/* Called by libcurl with the very address it is about to connect to: nothing is resolved again behind our back. */
static curl_socket_t open_checked(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    const struct going *g = ctx;
    (void)purpose;
    if (!address_may_connect(&at->addr, g->plain, g->allow))
        return CURL_SOCKET_BAD;
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* --- what is sent --- */

struct message {
    struct slice body;
    const char *url, *secret;
    char id[4 + UUID_TEXT];
    const char *trace;
};

static int body_of(const struct job_view *v, const uint8_t job[16], struct arena *a, struct slice *ret, struct err *e)
{
    char id[UUID_TEXT];
    struct buf raw = buf_in(a, BODY_MAX), b = buf_in(a, BODY_MAX);
    struct json_out o = json_out(&raw);
    struct json j;
    struct json_fault f;
    json_open(&o, '{');
    json_pair_str(&o, "job_id", uuid_text(job, id));
    json_pair_str(&o, "status", job_state_public(v->state));
    json_key(&o, "result");
    json_put_raw(&o, v->result.p ? v->result : SLICE("null"));
    json_close(&o, '}');
    if (buf_failed(&raw) || json_parse(a, buf_text(&raw), &j, &f))
        return err_set(e, ERR_NO_MEMORY, "a webhook's body");
    canonical_write(&b, &j, 0);
    if (buf_failed(&b) || arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "a webhook's body");
    *ret = buf_text(&b);
    return 0;
}

static int from_base64(const char *z, uint8_t *out, size_t max)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t v = 0;
    int bits = 0;
    size_t n = 0;
    for (; *z && *z != '='; z++) {
        const char *at = strchr(digit, *z);
        if (!at)
            return -1;
        v = v << 6 | (uint32_t)(at - digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (n == max)
                return -1;
            out[n++] = (uint8_t)(v >> bits);
        }
    }
    return (int)n;
}

static struct curl_slist *header(struct curl_slist *list, const char *line)
{
    struct curl_slist *more = line ? curl_slist_append(list, line) : NULL;
    return more ? more : list;
}

static struct curl_slist *headers_of(const struct message *m, struct arena *a)
{
    uint8_t key[64], mac[SHA256_BYTES];
    char b64[64], hex[SHA256_TEXT];
    const char *when = arena_printf(a, "%lld", (long long)(clock_now_us() / 1000000));
    int n = from_base64(m->secret + 6, key, sizeof key); /* behind "whsec_" */
    struct slice piece[] = {slice_of(m->id), SLICE("."), slice_of(when), SLICE("."), m->body};
    struct curl_slist *list = NULL;
    if (n < 0 || !when)
        return NULL;
    hmac_sha256((struct slice){(char *)key, (size_t)n}, piece, COUNT(piece), mac);
    base64_encode(mac, sizeof mac, b64);
    list = header(list, arena_printf(a, "webhook-id: %s", m->id));
    list = header(list, arena_printf(a, "webhook-timestamp: %s", when));
    list = header(list, arena_printf(a, "webhook-signature: v1,%s", b64));
    hmac_sha256(slice_of(m->secret), &m->body, 1, mac);
    hex_encode(mac, sizeof mac, hex);
    list = header(list, arena_printf(a, "X-CliniSandbox-Signature: %s", hex));
    list = header(list, "Content-Type: application/json");
    list = header(list, "Expect:");
    uint8_t span[8];
    char span_text[17];
    rnd_bytes(span, sizeof span);
    hex_encode(span, sizeof span, span_text);
    if (strlen(m->trace) == 32)
        list = header(list, arena_printf(a, "traceparent: 00-%s-%s-01", m->trace, span_text));
    wipe(key, sizeof key);
    return list;
}

/* The receiver's answer is not kept. */
static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
    size_t *seen = ctx;
    (void)p;
    *seen += size * n;
    return *seen > 65536 ? 0 : size * n;
}

/* The status, or 0 when there was none. */
static long post(struct deliver *d, const struct message *m, struct arena *a)
{
    struct going going = {.plain = !slice_starts(slice_of(m->url), "https://"), .allow = d->c.allow};
    CURL *h = curl_easy_init();
    struct curl_slist *list = headers_of(m, a);
    long status = 0;
    size_t seen = 0;
    if (h && list) {
        curl_easy_setopt(h, CURLOPT_URL, m->url);
        curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https,http");
        curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(h, CURLOPT_PROXY, "");
        curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)ATTEMPT_S);
        curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_checked);
        curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, &going);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, &seen);
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, m->body.p);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)m->body.n);
        curl_easy_setopt(h, CURLOPT_USERAGENT, "lazaret/" LAZARET_VERSION);
        curl_easy_perform(h);
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(list);
    curl_easy_cleanup(h);
    return status;
}

/* --- the outbox --- */

static const struct audit_entry worker_reads = {
    .actor = "deliver", .role = "worker", .action = "read", .outcome = "permit", .why = "webhook"};

/* 1: there is a message; 0: nowhere to send it. */
static int message_of(struct deliver *d, const uint8_t *event, const uint8_t *job, const uint8_t *client,
                      struct arena *a, struct message *ret, struct err *e)
{
    struct job_view v;
    struct json plan;
    struct json_fault f;
    char id[UUID_TEXT];
    const char *origin = NULL;
    int found = client_webhook(d->c.db, d->c.keyring, d->c.scope, client, a, &origin, &ret->secret, e);
    if (found <= 0 || !origin)
        return found < 0 ? -1 : 0;
    found = job_read(d->c.jobs, NULL, job, &worker_reads, a, &v, e);
    if (found <= 0)
        return found;
    if (json_parse(a, v.plan, &plan, &f))
        return err_set(e, ERR_INTERNAL, "a plan that is no JSON");
    struct slice url = json_get_text(&plan, 0, "webhook_url", a);
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "a webhook");
    if (!url.p || !deliver_below(url, origin))
        return 0;
    memcpy(ret->id, "msg_", 4);
    memcpy(ret->id + 4, uuid_text(event, id), UUID_TEXT);
    ret->url = arena_str(a, url);
    ret->trace = v.trace;
    if (!ret->url)
        return err_set(e, ERR_NO_MEMORY, "a webhook");
    return body_of(&v, job, a, &ret->body, e) ? -1 : 1;
}

struct outcome {
    const uint8_t *scope, *event;
    long status;
    int64_t attempts;
    bool done;
};

static int record(struct tx *tx, void *arg, struct err *e)
{
    struct outcome *x = arg;
    int64_t now = clock_now_us();
    uint32_t r;
    rnd_bytes(&r, sizeof r);
    bool last = x->done || x->status == 410 || x->attempts >= (int64_t)COUNT(delay_s);
    int64_t next = last ? 0 : clock_steady_us() + delay_s[x->attempts] * 1000LL * (800 + r % 400);
    return tx_exec(tx, e,
                   "UPDATE outbox SET attempts = $1, last_status = $2, next_at = $3, delivered_at = $4 WHERE scope = "
                   "$5 AND id = $6",
                   V_INT(x->attempts + 1), V_INT(x->status), last ? V_NULL : V_INT(next), x->done ? V_INT(now) : V_NULL,
                   V_ID(x->scope), V_ID(x->event)) < 0
               ? -1
               : 0;
}

/* 1: one was due. */
static int deliver_one(struct deliver *d, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(256 << 20);
    struct rows r;
    struct message m;
    int64_t now = clock_steady_us();
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "deliver");
    if (db_rows(d->c.db, a, &r, e,
                "SELECT id, job, client, attempts FROM outbox WHERE next_at <= $1 OR next_at > $2 ORDER BY next_at "
                "LIMIT 1",
                V_INT(now), V_INT(now + WAIT_MAX_US)) < 0)
        return -1;
    if (r.n == 0)
        return 0;
    const struct val *v = row_at(&r, 0, 0);
    struct outcome x = {.scope = d->c.scope, .event = (const uint8_t *)v[0].s.p, .attempts = v[3].i};
    int found = message_of(d, x.event, (const uint8_t *)v[1].s.p, (const uint8_t *)v[2].s.p, a, &m, e);
    if (found < 0) {
        log_err(LOG_ERROR, "an event could not be made ready; it is tried again later", e);
    } else if (found) {
        fault_crash(CRASH_hook_send);
        x.status = post(d, &m, a);
        fault_crash(CRASH_hook_sent);
        x.done = x.status >= 200 && x.status < 300;
        metric_add(x.done ? METRIC_WEBHOOKS_SENT : METRIC_WEBHOOKS_FAILED, 1);
        if (!x.done) {
            char status[16];
            snprintf(status, sizeof status, "%ld", x.status);
            log_line(LOG_WARN, "a webhook was not taken", "event", m.id, "status", status, "trace", m.trace, NULL);
        }
    } else {
        x.status = 410; /* nowhere to send it any more */
    }
    if (tx_run(d->c.db, record, &x, e))
        return -1;
    fault_crash(CRASH_hook_recorded);
    return 1;
}

static void *deliver_loop(void *arg)
{
    pthread_setname_np(pthread_self(), "deliver");
    struct deliver *d = arg;
    pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        struct err e;
        pthread_mutex_unlock(&d->lock);
        int rc = deliver_one(d, &e);
        if (rc < 0)
            log_err(LOG_ERROR, "a delivery failed", &e);
        pthread_mutex_lock(&d->lock);
        if (rc <= 0 && !d->stop) {
            struct timespec until;
            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_nsec += LOOK_MS * 1000000L;
            until.tv_sec += until.tv_nsec / 1000000000L;
            until.tv_nsec %= 1000000000L;
            pthread_cond_timedwait(&d->bell, &d->lock, &until);
        }
    }
    pthread_mutex_unlock(&d->lock);
    arena_thread_end();
    return NULL;
}

int deliver_start(const struct deliver_config *c, struct deliver **ret, struct err *e)
{
    struct deliver *d = calloc(1, sizeof *d);
    pthread_condattr_t attr;
    if (!d)
        return err_set(e, ERR_NO_MEMORY, "deliver");
    d->c = *c;
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->bell, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&d->thread, NULL, deliver_loop, d)) {
        free(d);
        return err_set(e, ERR_INTERNAL, "no thread for deliveries");
    }
    *ret = d;
    return 0;
}

void deliver_stop(struct deliver *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->bell);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->bell);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
