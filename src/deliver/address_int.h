/* address_int.h -- where a webhook may go. Pure. */
#ifndef DELIVER_ADDRESS_INT_H
#define DELIVER_ADDRESS_INT_H

#include <stdbool.h>
#include <sys/socket.h>

/* May a connection to this address be made? Special addresses (loopback, link-local, reserved ...; of IPv6 also what it
 * carries inside) only when `allow` names them: addresses and CIDRs, separated by spaces or commas. Private ones (RFC
 * 1918, shared, unique local) also when `private` says so. Without TLS (`plain`) none but those `allow` names. */
bool address_may_connect(const struct sockaddr *to, bool plain, const char *allow, bool private);

#endif
