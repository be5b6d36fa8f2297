#include "CArchives.h"
#include <dlfcn.h>
#include <locale.h>

#define LOAD(table, names, library)                                                                                     \
  static struct table loaded;                                                                                           \
  static int state; /* 1: loaded, -1: missing */                                                                        \
  if (state) return state > 0 ? &loaded : NULL;                                                                         \
  state = -1;                                                                                                           \
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);                                                                \
  if (!handle) return NULL;                                                                                             \
  names(X) state = 1;                                                                                                   \
  return &loaded;

#define X(name)                                                                                                         \
  if (!(loaded.name = (__typeof__(name) *)dlsym(handle, #name))) return NULL;

const struct uwrx_libarchive *uwrx_load_libarchive(void) {
  LOAD(uwrx_libarchive, UWRX_LIBARCHIVE, "libarchive.so.13")
}

const struct uwrx_libarchive_writer *uwrx_load_libarchive_writer(void) {
  LOAD(uwrx_libarchive_writer, UWRX_LIBARCHIVE_WRITER, "libarchive.so.13")
}

const struct uwrx_libsquashfs *uwrx_load_libsquashfs(void) {
  LOAD(uwrx_libsquashfs, UWRX_LIBSQUASHFS, "libsquashfs.so.1")
}

void *uwrx_enter_utf8_locale(void) {
  static locale_t utf8;
  if (!utf8) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
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
