/* web_files.h -- the files of the web page, gzipped, as web/tools/build.mjs makes them; the first is its document. */
#ifndef API_WEB_FILES_H
#define API_WEB_FILES_H

#include <stddef.h>

struct web_file {
    const char *name, *type, *tag;
    const unsigned char *gz;
    size_t size;
};
/* Ended by name == NULL. */
extern const struct web_file web_files[];

#endif
