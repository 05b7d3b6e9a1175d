/* browser.h -- what a browser's request carries besides: the cookie of its session, and which page sent it.
 *
 * The cookie is __Host-lazaret (RFC 6265bis: Secure, Path=/, of this host alone), HttpOnly and SameSite=Strict. No page
 * of others can therefore send it; and because one browser's idea of "site" is another's hole, whatever changes
 * something with a cookie, or gets one, must besides have been sent by a page of ours: Sec-Fetch-Site says same-origin,
 * or, of a browser that does not say, Origin is ours or the request has the header Lazaret-Page, which no other page
 * may add (CORS). */
#ifndef API_BROWSER_H
#define API_BROWSER_H

#include "api/api_int.h"

/* False: the request has none. */
bool browser_cookie(const struct api_request *q, struct slice *ret);
void browser_set_cookie(struct api_request *q, const char *cookie);
/* 0, or -1 ERR_NOT_ALLOWED. Of what only reads: 0. */
int browser_own_page(const struct api_request *q, struct err *e);

#endif
