/* browser.h -- what a browser's request carries besides: the cookie of its session, and which page sent it.
 *
 * The cookie is __Host-lazaret (RFC 6265bis: Secure, Path=/, of this host alone), HttpOnly and SameSite=Strict, so no
 * page of others can send it. Because one browser's idea of "site" is another's hole, whatever changes something with a
 * cookie, or gets one, needs besides the header "X-Lazaret: 1", which a page of another origin may not add (CORS), and
 * Sec-Fetch-Site, or of a browser that does not send it Origin, says that it is our own page. */
#ifndef API_BROWSER_H
#define API_BROWSER_H

#include "api/api_int.h"

/* False: the request has none. */
bool browser_cookie(const struct api_request *q, struct slice *ret);
/* 0, or -1 ERR_CROSS_SITE. Of what only reads: 0. */
int browser_own_page(const struct api_request *q, struct err *e);

#endif
