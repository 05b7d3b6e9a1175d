/* address_int.h -- where a webhook may go. Pure. */
#ifndef DELIVER_ADDRESS_INT_H
#define DELIVER_ADDRESS_INT_H

#include <stdbool.h>
#include <sys/socket.h>

/* May a connection to this address be made? Loopback, link-local, private and other special addresses (also those an
 * IPv6 address carries inside) only when `allow` names them, in the form inet_ntop prints, separated by spaces or
 * commas; and without TLS (`plain`) no others either. */
bool address_may_connect(const struct sockaddr *to, bool plain, const char *allow);

#endif
