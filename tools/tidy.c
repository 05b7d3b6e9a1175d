/* tidy.c -- reads the tree and says, file and line, where it departs from its own rules, and what to do instead.
 *
 *     tidy [ROOT]       exit 0: nothing found; 1: something; 2: ROOT cannot be read
 *
 * It reads text, not C: comments and strings are blanked out first, the rest is looked at line by line. That is enough
 * for the rules here and keeps a run far below a second. A line that has to break a rule says so and why:
 *     ... "tidy: allow (reason)"
 *
 * Rules: a folder of src/ includes from itself and from earlier lines of src/LAYERS only; private headers stay in their
 * folder; calls with a better replacement; sizes; white space; include guards; headers that begin with what they are;
 * no machine paths and no registry hosts; routes without a case; rows of the .def tables that nothing reads.
 * Functions over 100 lines are only told about: some are a table or a parser, and better whole. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_FILES = 20000,
    MAX_PATH = 1024,
    MAX_ROOMS = 64,
    MAX_LINES = 900,
    MAX_COLUMNS = 120,
    MAX_COLUMNS_ROW = 140,
    LONG_FUNCTION = 100,
    MAX_BYTES = 1 << 20
};

struct file {
    char *path; /* below the root, without "./" */
    char *text; /* as read, NUL-terminated */
    char *code; /* the same length, comments and strings blanked; NULL unless it is C */
    size_t n;
};

static struct file files[MAX_FILES];
static size_t file_count;
static int found, long_functions, longest;
static char longest_name[256];

static struct {
    char name[32];
    int layer;
} rooms[MAX_ROOMS];
static int room_count;

static void tell(const char *path, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void tell(const char *path, int line, const char *fmt, ...)
{
    va_list ap;
    printf("%s:%d: ", path, line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    found++;
}

static void *must(void *p)
{
    if (!p) {
        perror("tidy");
        exit(2);
    }
    return p;
}

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}
static bool ends(const char *s, const char *with)
{
    size_t n = strlen(s), m = strlen(with);
    return n >= m && strcmp(s + n - m, with) == 0;
}
static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}
static bool is_c(const char *path)
{
    return ends(path, ".c") || ends(path, ".h");
}

/* ---- reading the tree */

/* Comments and the insides of strings become spaces, line ends stay: what is left can be searched for calls. */
static char *blank(const char *text, size_t n)
{
    enum { CODE, LINE, BLOCK, STRING, CHAR } in = CODE;
    char *out = must(malloc(n + 1));
    for (size_t i = 0; i < n; i++) {
        char c = text[i], d = text[i + 1];
        out[i] = in == CODE || c == '\n' ? c : ' ';
        if (in == CODE) {
            if (c == '/' && (d == '/' || d == '*')) {
                in = d == '/' ? LINE : BLOCK;
                out[i] = ' ';
                out[++i] = ' ';
            } else if (c == '"') {
                in = STRING;
            } else if (c == '\'' && (i == 0 || !is_word(text[i - 1]))) {
                in = CHAR;
            }
        } else if (in == LINE) {
            in = c == '\n' ? CODE : LINE;
        } else if (in == BLOCK) {
            if (c == '*' && d == '/') {
                out[++i] = ' ';
                in = CODE;
            }
        } else if (c == '\\' && d) {
            out[++i] = d == '\n' ? '\n' : ' ';
        } else if (c == (in == STRING ? '"' : '\'') || c == '\n') {
            out[i] = c;
            in = CODE;
        }
    }
    out[n] = 0;
    return out;
}

static void read_file(int dir, const char *name, const char *path, size_t size)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *text = must(malloc(size + 2));
    size_t n = 0;
    ssize_t got = 0;
    while (fd >= 0 && n < size && (got = read(fd, text + n, size - n)) > 0)
        n += (size_t)got;
    if (fd < 0 || got < 0) {
        fprintf(stderr, "tidy: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    close(fd);
    text[n] = text[n + 1] = 0;
    if (memchr(text, 0, n) || file_count == MAX_FILES) { /* not text */
        free(text);
        return;
    }
    files[file_count++] = (struct file){must(strdup(path)), text, is_c(path) ? blank(text, n) : NULL, n};
}

/* What git does not track either: built, downloaded or written while running. */
static bool skipped_folder(const char *path, const char *name)
{
    return name[0] == '.' ? strcmp(name, ".ci") != 0
                          : strcmp(name, "node_modules") == 0 || starts(path, "build") || starts(path, "data-run");
}

/* `path` ends where the folder's own entries are appended; it is used as it was when this returns. */
static void read_tree(int dir, char *path, size_t n)
{
    DIR *d = must(fdopendir(dir));
    for (struct dirent *entry; (entry = readdir(d));) {
        size_t m = strlen(entry->d_name);
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || n + m + 2 > MAX_PATH ||
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        memcpy(path + n, entry->d_name, m + 1);
        if (S_ISDIR(st.st_mode) && !skipped_folder(path, entry->d_name)) {
            int sub = openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            memcpy(path + n + m, "/", 2);
            if (sub >= 0)
                read_tree(sub, path, n + m + 1);
        } else if (S_ISREG(st.st_mode) && st.st_size <= MAX_BYTES && strcmp(path, ".git") != 0) {
            read_file(dirfd(d), entry->d_name, path, (size_t)st.st_size);
        }
    }
    closedir(d);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static const struct file *file_find(const char *path)
{
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}

/* ---- layers */

static void read_layers(void)
{
    const struct file *f = file_find("src/LAYERS");
    int layer = 1;
    for (const char *p = f ? f->text : ""; *p; p++) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
        if (n > 0 && n < sizeof rooms[0].name && room_count < MAX_ROOMS) {
            memcpy(rooms[room_count].name, p, n);
            rooms[room_count++].layer = layer;
            p += n;
        }
        if (*p == '\n')
            layer++;
        if (!*p)
            break;
    }
}

static int layer_of(const char *room)
{
    for (int i = 0; i < room_count; i++)
        if (strcmp(rooms[i].name, room) == 0)
            return rooms[i].layer;
    return 0;
}

/* "src/http/server.h" -> "http"; false outside src/ and for files of src/ itself. */
static bool room_of(const char *path, char *room, size_t max)
{
    const char *slash = starts(path, "src/") ? strchr(path + 4, '/') : NULL;
    if (!slash || (size_t)(slash - path - 4) >= max)
        return false;
    snprintf(room, max, "%.*s", (int)(slash - path - 4), path + 4);
    return true;
}

static void check_include(const struct file *f, int line, const char *target)
{
    char from[32], to[32] = "";
    const char *slash = strchr(target, '/');
    bool in_src = room_of(f->path, from, sizeof from);
    if (slash && (size_t)(slash - target) < sizeof to)
        snprintf(to, sizeof to, "%.*s", (int)(slash - target), target);
    if (!in_src)
        return;
    if (!slash || target[0] == '.')
        tell(f->path, line, "include \"%s\": say the room, as in \"%s/%s\"", target, from, slash ? slash + 1 : target);
    else if (strcmp(from, to) == 0)
        return;
    else if (strcmp(from, "jail") == 0) {
        if (strcmp(target, "sandbox/protocol.h") != 0 && strcmp(target, "sandbox/reasons.def") != 0)
            tell(f->path, line, "include \"%s\": the jail is a program of its own; only sandbox/protocol.h is shared",
                 target);
    } else if (ends(target, "_int.h"))
        tell(f->path, line, "include \"%s\": private to %s/; move what you need into a public header there", target,
             to);
    else if (!layer_of(from))
        tell(f->path, line, "src/%s is not in src/LAYERS: put it on the line it belongs to", from);
    else if (!layer_of(to))
        tell(f->path, line, "include \"%s\": %s is not a room of src/LAYERS", target, to);
    else if (layer_of(to) >= layer_of(from))
        tell(f->path, line,
             "include \"%s\": %s/ is not below %s/ in src/LAYERS; hand it up through a row or an argument", target, to,
             from);
}

/* ---- calls with something better */

enum where { ANY = 1, SRC = 2, PURE = 4 };
static const struct {
    const char *call, *instead, *except; /* rooms that may, between spaces */
    enum where where;
} banned[] = {
    {"strcpy", "arena_str or snprintf", "", ANY},
    {"stpcpy", "snprintf", "", ANY},
    {"strcat", "buf_add or snprintf", "", ANY},
    {"strncpy", "snprintf, which ends with a NUL", "", ANY},
    {"strncat", "snprintf at the end, or a buf", "", ANY},
    {"sprintf", "snprintf, arena_printf or a buf", "", ANY},
    {"vsprintf", "vsnprintf", "", ANY},
    {"gets", "fgets or getline", "", ANY},
    {"strtok", "slice_cut", "", ANY},
    {"alloca", "arena_take", "", ANY},
    {"tmpnam", "mkstemp, or memfd_create", "", ANY},
    {"tempnam", "mkstemp, or memfd_create", "", ANY},
    {"mktemp", "mkstemp", "", ANY},
    {"system", "posix_spawn with a fixed argument list; no shell", "", ANY},
    {"popen", "posix_spawn with a fixed argument list and a pipe; no shell", "", ANY},
    {"vfork", "posix_spawn", "", ANY},
    {"chroot", "pivot_root: chroot can be left", "", SRC},
    {"rand", "rnd_bytes", "", ANY},
    {"srand", "rnd_bytes", "", ANY},
    {"random", "rnd_bytes", "", SRC},
    {"drand48", "rnd_bytes", "", ANY},
    {"atoi", "slice_int, which says no to what is not a number", "", ANY},
    {"atol", "slice_int, which says no to what is not a number", "", ANY},
    {"atof", "base/dec.h: decimals keep their text", "", ANY},
    {"strtod", "base/dec.h: decimals keep their text", "", PURE},
    {"strtok_r", "slice_cut", "", SRC},
    {"localtime", "base/clock.h: everything is UTC", "", ANY},
    {"gmtime", "base/clock.h", "", ANY},
    {"ctime", "base/clock.h", "", ANY},
    {"asctime", "base/clock.h", "", ANY},
    {"mktime", "base/clock.h: everything is UTC", "", SRC},
    {"time", "base/clock.h", " base jail ", SRC},
    {"gettimeofday", "base/clock.h", " base ", SRC},
    {"signal", "sigaction; only SIG_IGN and SIG_DFL are safe with it", "", ANY},
    {"gethostbyname", "getaddrinfo, and not on a loop thread", "", ANY},
    {"inet_ntoa", "inet_ntop", "", ANY},
    {"perror", "err_sys, or a log line", " base cmd jail ", SRC},
    {"printf", "a log line; standard output belongs to the commands", " cmd jail ", SRC},
    {"puts", "a log line; standard output belongs to the commands", " cmd jail ", SRC},
    {"exit", "return -1 through err_set; only a command may end the process", " cmd jail ", SRC},
    {"getenv", "a row of config.def", " base cmd jail keys ", SRC},
    {"malloc", "arena_take: what lies in an arena is wiped", "", PURE},
    {"calloc", "arena_take: what lies in an arena is wiped", "", PURE},
    {"realloc", "arena_grow", "", PURE},
    {"free", "nothing: the arena does it, and wipes", "", PURE},
    {"strdup", "arena_str", "", PURE},
    {"strndup", "arena_str", "", PURE},
    {"asprintf", "arena_printf", "", PURE},
    {"vasprintf", "arena_printf", "", PURE},
};

/* Rooms that only ever work for one request. */
static const char pure_rooms[] = " fhir policy negotiate study api ";

static bool in_list(const char *list, const char *room)
{
    char key[40];
    snprintf(key, sizeof key, " %s ", room);
    return strstr(list, key) != NULL;
}

static bool is_call(const char *code, const char *at, size_t n)
{
    const char *after = at + n + strspn(at + n, " ");
    if (*after != '(' ||
        (at > code && (is_word(at[-1]) || at[-1] == '.' || (at[-1] == '>' && at - 1 > code && at[-2] == '-'))))
        return false;
    return true;
}

static void check_calls(const struct file *f, int line, const char *code, size_t n)
{
    char room[32] = "", text[1024];
    bool in_src = room_of(f->path, room, sizeof room);
    if (n >= sizeof text)
        n = sizeof text - 1;
    memcpy(text, code, n);
    text[n] = 0;
    for (size_t i = 0; i < sizeof banned / sizeof banned[0]; i++) {
        bool applies = banned[i].where == ANY ||
                       (in_src && banned[i].where == SRC && !in_list(banned[i].except, room)) ||
                       (in_src && banned[i].where == PURE && in_list(pure_rooms, room));
        const char *at = applies ? strstr(text, banned[i].call) : NULL;
        for (; at; at = strstr(at + 1, banned[i].call)) {
            bool plain_signal =
                strcmp(banned[i].call, "signal") == 0 && (strstr(at, "SIG_IGN") || strstr(at, "SIG_DFL"));
            if (is_call(text, at, strlen(banned[i].call)) && !plain_signal) {
                tell(f->path, line, "%s(): use %s", banned[i].call, banned[i].instead);
                break;
            }
        }
    }
}

/* ---- text */

static bool has_word(const char *line, size_t n, const char *word)
{
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= n; i++)
        if (memcmp(line + i, word, m) == 0 && (i == 0 || !is_word(line[i - 1])) &&
            (i + m == n || !is_word(line[i + m])))
            return true;
    return false;
}

/* A path of somebody's machine: begins here (not inside a longer path) and goes on with a name. */
static bool has_path(const char *line, size_t n, const char *path)
{
    size_t m = strlen(path);
    for (size_t i = 0; i + m < n; i++)
        if (memcmp(line + i, path, m) == 0 && isalnum((unsigned char)line[i + m]) &&
            (i == 0 || !(is_word(line[i - 1]) || strchr("./}$", line[i - 1]))))
            return true;
    return false;
}

static bool has(const char *line, size_t n, const char *what)
{
    return memmem(line, n, what, strlen(what)) != NULL;
}

/* Columns as an editor counts them: a UTF-8 sequence is one. */
static int columns(const char *line, size_t n)
{
    int c = 0;
    for (size_t i = 0; i < n; i++)
        c += ((unsigned char)line[i] & 0xC0) != 0x80;
    return c;
}

/* Test data is what it is: it may be crooked on purpose. */
static bool is_data(const char *path)
{
    return strstr(path, "/corpus/") || starts(path, "tests/data/") || starts(path, "tests/cases/") ||
           ends(path, ".tsv") || ends(path, "package-lock.json");
}

static void check_text(const struct file *f, int line, const char *s, size_t n)
{
    static const char *const words[] = {"TO"
                                        "DO",
                                        "FIX"
                                        "ME",
                                        "XX"
                                        "X"};
    static const char *const homes[] = {"/work/", "/root/", "/home/", "/Users/"};
    static const char *const hosts[] = {"registry.npm"
                                        "js.org",
                                        "deb.debian"
                                        ".org",
                                        "pypi"
                                        ".org",
                                        "ghcr"
                                        ".io",
                                        "docker"
                                        ".io",
                                        "crates"
                                        ".io",
                                        "proxy.golang"
                                        ".org"};
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++)
        if (has_path(s, n, homes[i]))
            tell(f->path, line, "a path of somebody's machine (%s...): make it relative, or ask for it", homes[i]);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (has(s, n, hosts[i]))
            tell(f->path, line, "the host of a registry (%s): which one is asked is configuration", hosts[i]);
    if (is_data(f->path))
        return;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (has_word(s, n, words[i]))
            tell(f->path, line, "%s: do it, or describe the limit in docs/limits.md", words[i]);
    if (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
        tell(f->path, line, "space at the end of the line: remove it");
    if (memchr(s, '\t', n) && strcmp(f->path, "Makefile") != 0)
        tell(f->path, line, "tab: indent with 4 spaces");
    /* A row of a test's table is better whole. */
    int max = starts(f->path, "tests/") ? MAX_COLUMNS_ROW : MAX_COLUMNS;
    if (f->code && columns(s, n) > max)
        tell(f->path, line, "%d columns: break the line at %d", columns(s, n), max);
}

static void check_lines(const struct file *f)
{
    int line = 0;
    for (const char *p = f->text; *p;) {
        size_t n = strcspn(p, "\n");
        line++;
        if (!has(p, n, "tidy: allow (")) {
            check_text(f, line, p, n);
            if (f->code) {
                const char *code = f->code + (p - f->text), *q = code + strspn(code, " ");
                char target[256];
                /* The name stands in a string, which is blanked in `code`: that it is no comment is seen there. */
                if (*q == '#' && sscanf(p, " # include \"%255[^\"]\"", target) == 1)
                    check_include(f, line, target);
                check_calls(f, line, code, n);
            }
        }
        p += n + (p[n] == '\n');
    }
    if (f->code && line > MAX_LINES)
        tell(f->path, line, "%d lines: a file of more than %d holds two things; give each its own", line, MAX_LINES);
    if (f->n && f->text[f->n - 1] != '\n' && !is_data(f->path))
        tell(f->path, line, "no line end at the end of the file: add one");
}

/* ---- shape of C files */

/* src/http/server.h begins with a comment that says what it is, and is guarded by HTTP_SERVER_H. */
static void check_header(const struct file *f)
{
    char room[32], guard[256], line[600];
    const char *base = strrchr(f->path, '/') + 1;
    if (!ends(f->path, ".h") || !room_of(f->path, room, sizeof room))
        return;
    size_t n = (size_t)snprintf(guard, sizeof guard, "%s_%s", room, base);
    for (size_t i = 0; i < n && i < sizeof guard; i++)
        guard[i] = isalnum((unsigned char)guard[i]) ? (char)toupper((unsigned char)guard[i]) : '_';
    snprintf(line, sizeof line, "#ifndef %s\n#define %s\n", guard, guard);
    if (!strstr(f->text, line))
        tell(f->path, 1, "no include guard: #ifndef %s, #define %s", guard, guard);
    if (!starts(f->text, "/*"))
        tell(f->path, 1,
             "a header reads alone: begin with a comment, \"%s -- what it does\", what it refuses to know, who owns "
             "what",
             base);
}

/* A body opens and closes in the first column; its name stands before the first '(' of the lines above it. */
static void check_functions(const struct file *f)
{
    int line = 0, opened = 0;
    char name[128] = "", last[128] = "";
    for (const char *p = f->code; *p;) {
        size_t n = strcspn(p, "\n");
        const char *paren = memchr(p, '(', n);
        line++;
        if (n && is_word(*p) && paren) {
            const char *q = paren;
            while (q > p && is_word(q[-1]))
                q--;
            snprintf(last, sizeof last, "%.*s", (int)(paren - q), q);
        }
        if (*p == '{' && n == 1 && last[0]) {
            opened = line;
            memcpy(name, last, sizeof name);
        } else if (*p == '}' && n == 1 && opened) {
            int length = line - opened - 1;
            if (length > LONG_FUNCTION) {
                long_functions++;
                printf("%s:%d: note: %s() has %d lines\n", f->path, opened, name, length);
            }
            if (length > longest) {
                longest = length;
                snprintf(longest_name, sizeof longest_name, "%s() in %s", name, f->path);
            }
            opened = 0;
        } else if (*p == '}') {
            last[0] = 0;
        }
        p += n + (p[n] == '\n');
    }
}

/* ---- tables */

/* Does `text` hold `name` as the end of a word: ROW in ERR_ROW, METRIC_ROW or config.row? */
static bool names_row(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at++)
        if (!is_word(at[n]) && (at == text || at[-1] == '_' || !is_word(at[-1])))
            return true;
    return false;
}

static bool row_is_read(const char *table, const char *name)
{
    for (size_t i = 0; i < file_count; i++)
        if (starts(files[i].path, "src/") && files[i].code && strcmp(files[i].path, table) != 0 &&
            names_row(files[i].code, name))
            return true;
    return false;
}

/* Rows are MACRO(NAME, ...) at the beginning of a line. */
static void check_rows(const char *table)
{
    const struct file *f = file_find(table);
    int line = 0;
    for (const char *p = f ? f->text : ""; *p;) {
        size_t n = strcspn(p, "\n");
        char macro[64], name[64];
        line++;
        if (isupper((unsigned char)*p) && sscanf(p, "%63[A-Z_](%63[A-Za-z0-9_]", macro, name) == 2 &&
            !row_is_read(table, name))
            tell(table, line, "nothing reads the row %s: use it or remove it", name);
        p += n + (p[n] == '\n');
    }
}

/* A case file asks for the route with its method: "GET /v1/jobs/123" for ROUTE(GET, "/v1/jobs/:id", ...). */
static bool request_matches(const char *s, const char *route)
{
    while (*route && *s && !isspace((unsigned char)*s) && *s != '?') {
        if (*route == ':' || *route == '{' || *route == '*') {
            size_t n = strcspn(s, *route == '*' ? " ?\n\t" : "/ ?\n\t");
            if (n == 0)
                return false;
            s += n;
            route += strcspn(route, "/");
        } else if (*route++ != *s++) {
            return false;
        }
    }
    return !*route && (!*s || isspace((unsigned char)*s) || *s == '?');
}

static bool route_has_case(const char *method, const char *route)
{
    char want[32];
    size_t n = (size_t)snprintf(want, sizeof want, "%s /", method);
    for (size_t i = 0; i < file_count; i++) {
        if (!starts(files[i].path, "tests/cases/"))
            continue;
        for (const char *at = files[i].text; (at = strstr(at, want)); at++)
            if ((at == files[i].text || !is_word(at[-1])) && request_matches(at + n - 1, route))
                return true;
    }
    return false;
}

static void check_routes(const struct file *f)
{
    int line = 0;
    for (const char *p = f->text; *p;) {
        size_t n = strcspn(p, "\n");
        char method[16], route[128];
        line++;
        if (sscanf(p, "ROUTE(%15[A-Z] , \"%127[^\"]\"", method, route) == 2 && !route_has_case(method, route))
            tell(f->path, line, "%s %s has no case in tests/cases/: write one", method, route);
        p += n + (p[n] == '\n');
    }
}

/* Only a whole program can have unread rows and untested routes; the routes make it whole. */
static void check_tables(void)
{
    const struct file *routes = file_find("src/api/routes.def");
    bool cases = false;
    for (size_t i = 0; i < file_count; i++)
        cases |= starts(files[i].path, "tests/cases/");
    if (!routes)
        return;
    if (cases)
        check_routes(routes);
    check_rows("src/base/errors.def");
    check_rows("src/base/metrics.def");
    check_rows("src/cmd/config.def");
}

int main(int argc, char **argv)
{
    int root = open(argc > 1 ? argv[1] : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        perror("tidy");
        return 2;
    }
    char path[MAX_PATH] = "";
    read_tree(root, path, 0);
    qsort(files, file_count, sizeof files[0], by_path);
    read_layers();
    size_t lines = 0;
    for (size_t i = 0; i < file_count; i++) {
        check_lines(&files[i]);
        if (files[i].code) {
            check_header(&files[i]);
            check_functions(&files[i]);
        }
        for (const char *p = files[i].text; files[i].code && (p = strchr(p, '\n')); p++)
            lines++;
    }
    check_tables();
    printf("tidy: %zu files, %zu lines of C, longest function %s (%d lines), %d over %d; %d to mend\n", file_count,
           lines, longest_name[0] ? longest_name : "none", longest, long_functions, LONG_FUNCTION, found);
    for (size_t i = 0; i < file_count; i++) {
        free(files[i].path);
        free(files[i].text);
        free(files[i].code);
    }
    return found != 0;
}
