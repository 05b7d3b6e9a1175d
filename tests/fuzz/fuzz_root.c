/* Whatever stands in the setting keys.root: what is taken for a source has a path, and a token's URI has lost where the wrapped key is. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "keys/root_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct root_parts *p = malloc(sizeof *p);
    struct err e;
    if (!text || !p)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1);
    if (root_parse(text, p, &e) == 0) {
        assert(root_kind(text) && *p->path);
        assert((p->type == ROOT_FILE) == (root_file(text) != NULL));
        assert(p->type != ROOT_PKCS11 || (*p->path == '/' && strncmp(p->uri, "pkcs11:", 7) == 0 && strlen(p->uri) < strlen(text)));
        assert(p->type != ROOT_CREDS || !strchr(p->path + strlen("/nowhere/"), '/'));
    }
    free(p);
    free(text);
    return 0;
}
