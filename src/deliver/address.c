#include "deliver/address_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "deliver/deliver.h"

/* 4 or 16 bytes of an address in text; 0: it is none. */
static size_t bytes_of(const char *text, uint8_t out[16])
{
    return inet_pton(AF_INET, text, out) == 1 ? 4 : inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, size_t bits)
{
    size_t whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* One word of the list: an address, or one with /BITS. How many bytes it has; 0: it is neither. */
static size_t read_word(const char *word, size_t len, uint8_t net[16], int64_t *bits)
{
    char text[INET6_ADDRSTRLEN + 4];
    if (len >= sizeof text)
        return 0;
    memcpy(text, word, len);
    text[len] = 0;
    char *slash = strchr(text, '/');
    if (slash)
        *slash = 0;
    size_t n = bytes_of(text, net);
    *bits = (int64_t)n * 8;
    return slash && !slice_int(slice_of(slash + 1), 0, (int64_t)n * 8, bits) ? 0 : n;
}

static bool names(const char *word, size_t len, const uint8_t *address, size_t n)
{
    uint8_t net[16];
    int64_t bits;
    return read_word(word, len, net, &bits) == n && same_bits(net, address, (size_t)bits);
}

int deliver_check_allow(const char *allow, struct err *e)
{
    for (const char *p = allow; *p; p += strspn(p, " ,")) {
        uint8_t net[16];
        int64_t bits;
        size_t len = strcspn(p, " ,");
        if (len && !read_word(p, len, net, &bits))
            return err_set(e, ERR_CONFIG,
                           "webhook.allow: '%.*s' is no address and no CIDR: write 10.1.2.3, 10.1.0.0/16 or fd00::/8, "
                           "several with spaces between, and no names of hosts",
                           len > 60 ? 60 : (int)len, p);
        p += len;
    }
    return 0;
}

static bool allowed(const char *allow, const uint8_t *address, size_t n)
{
    for (const char *p = allow; *p;) {
        size_t len = strcspn(p, " ,");
        if (len && names(p, len, address, n))
            return true;
        p += len;
        p += strspn(p, " ,");
    }
    return false;
}

/* Loopback, link-local (and with it cloud metadata), private, shared, multicast, reserved. */
enum kind { ORDINARY, PRIVATE, SPECIAL };

static enum kind kind4(uint32_t a)
{
    static const struct {
        uint32_t net;
        int bits;
        enum kind kind;
    } range[] = {{0x00000000, 8, SPECIAL},  {0x0A000000, 8, PRIVATE},  {0x64400000, 10, PRIVATE},
                 {0x7F000000, 8, SPECIAL},  {0xA9FE0000, 16, SPECIAL}, {0xAC100000, 12, PRIVATE},
                 {0xC0000000, 24, SPECIAL}, {0xC0000200, 24, SPECIAL}, {0xC0A80000, 16, PRIVATE},
                 {0xC6120000, 15, SPECIAL}, {0xC6336400, 24, SPECIAL}, {0xCB007100, 24, SPECIAL},
                 {0xE0000000, 3, SPECIAL}};
    for (size_t i = 0; i < COUNT(range); i++)
        if ((a ^ range[i].net) >> (32 - range[i].bits) == 0)
            return range[i].kind;
    return ORDINARY;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* An IPv6 address that carries an IPv4 one is judged by that; else only global unicast (2000::/3) is ordinary. */
static enum kind kind6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12))
        return kind4(word(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02)
        return kind4(word(a + 2));
    if ((a[0] & 0xfe) == 0xfc) /* unique local */
        return PRIVATE;
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0) /* Teredo and other protocol assignments */
        return SPECIAL;
    return (a[0] & 0xe0) != 0x20 || (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) ? SPECIAL : ORDINARY;
}

bool address_may_connect(const struct sockaddr *to, bool plain, const char *allow, bool private)
{
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)to;
        enum kind k = kind4(ntohl(in->sin_addr.s_addr));
        return allowed(allow, (const uint8_t *)&in->sin_addr, 4) ||
               (!plain && (k == ORDINARY || (k == PRIVATE && private)));
    }
    if (to->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)to;
        enum kind k = kind6(in->sin6_addr.s6_addr);
        return allowed(allow, in->sin6_addr.s6_addr, 16) || (!plain && (k == ORDINARY || (k == PRIVATE && private)));
    }
    return false;
}
