#include "CArchives.h"
#include <dlfcn.h>
#include <locale.h>
#include <pthread.h>

// Once, whichever thread is the first: runs of one program open their archives at the same time. pthread_once(3) of a child
// that was forked in between begins again.
#define LIBRARY(table, names, library, load)                                                                            \
  static struct table table##_loaded;                                                                                   \
  static int table##_is_loaded;                                                                                         \
  static void table##_load(void) {                                                                                      \
    struct table *loaded = &table##_loaded;                                                                             \
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);                                                              \
    if (!handle) return;                                                                                                \
    names(X) table##_is_loaded = 1;                                                                                     \
  }                                                                                                                     \
  const struct table *load(void) {                                                                                      \
    static pthread_once_t once = PTHREAD_ONCE_INIT;                                                                     \
    pthread_once(&once, table##_load);                                                                                  \
    return table##_is_loaded ? &table##_loaded : NULL;                                                                  \
  }

#define X(name)                                                                                                         \
  if (!(loaded->name = (__typeof__(name) *)dlsym(handle, #name))) return;

LIBRARY(uwrx_libarchive, UWRX_LIBARCHIVE, "libarchive.so.13", uwrx_load_libarchive)
LIBRARY(uwrx_libarchive_writer, UWRX_LIBARCHIVE_WRITER, "libarchive.so.13", uwrx_load_libarchive_writer)
LIBRARY(uwrx_libsquashfs, UWRX_LIBSQUASHFS, "libsquashfs.so.1", uwrx_load_libsquashfs)

static locale_t utf8;
static void make_utf8(void) { utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); }

void *uwrx_enter_utf8_locale(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_utf8);
  return utf8 ? uselocale(utf8) : NULL;
}

void uwrx_leave_utf8_locale(void *previous) {
  if (previous) uselocale(previous);
}

const char *uwrx_sqfs_link_target(const sqfs_inode_generic_t *inode) {
  return inode->base.type == SQFS_INODE_SLINK || inode->base.type == SQFS_INODE_EXT_SLINK ? (const char *)inode->extra
                                                                                         : NULL;
}

const uint8_t *uwrx_sqfs_entry_name(const sqfs_dir_entry_t *entry) { return entry->name; }

const char *uwrx_sqfs_key_name(const sqfs_xattr_entry_t *key) { return (const char *)key->key; }

const uint8_t *uwrx_sqfs_value_bytes(const sqfs_xattr_value_t *value) { return value->value; }
