#include "deliver/address_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/own.h"

static bool allowed_by_name(const char *allow, const char *address)
{
    size_t n = strlen(address);
    for (const char *p = allow; *p;) {
        size_t len = strcspn(p, " ,");
        if (len == n && memcmp(p, address, n) == 0)
            return true;
        p += len;
        p += strspn(p, " ,");
    }
    return false;
}

/* Loopback, link-local (and with it cloud metadata), private, shared, multicast, reserved. */
static bool special4(uint32_t a)
{
    static const struct {
        uint32_t net;
        int bits;
    } range[] = {{0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8},  {0xA9FE0000, 16},
                 {0xAC100000, 12}, {0xC0000000, 24}, {0xC0000200, 24}, {0xC0A80000, 16}, {0xC6120000, 15},
                 {0xC6336400, 24}, {0xCB007100, 24}, {0xE0000000, 3}};
    for (size_t i = 0; i < COUNT(range); i++)
        if ((a ^ range[i].net) >> (32 - range[i].bits) == 0)
            return true;
    return false;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* An IPv6 address that carries an IPv4 one is judged by that; else only global unicast (2000::/3) is ordinary. */
static bool special6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12))
        return special4(word(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02)
        return special4(word(a + 2));
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0) /* Teredo and other protocol assignments */
        return true;
    return (a[0] & 0xe0) != 0x20 || (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8);
}

bool address_may_connect(const struct sockaddr *to, bool plain, const char *allow)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool special = true;
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)to;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        special = special4(ntohl(in->sin_addr.s_addr));
    } else if (to->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)to;
        inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
        special = special6(in->sin6_addr.s6_addr);
    }
    return (!special && !plain) || (*text && allowed_by_name(allow, text));
}
