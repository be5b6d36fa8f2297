// Libraries that read archives, loaded when a run has one: linked, they would cost every run its start-up time.
#ifndef UWRX_CARCHIVES_H
#define UWRX_CARCHIVES_H

#include <archive.h>
#include <archive_entry.h>
#include <sqfs/compressor.h>
#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/super.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>
#include <stddef.h>
#include <stdint.h>

#define UWRX_LIBARCHIVE(X)                                                                                              \
  X(archive_read_new)                                                                                                   \
  X(archive_read_free)                                                                                                  \
  X(archive_read_support_filter_gzip)                                                                                   \
  X(archive_read_support_filter_bzip2)                                                                                  \
  X(archive_read_support_filter_xz)                                                                                     \
  X(archive_read_support_filter_zstd)                                                                                   \
  X(archive_read_support_format_tar)                                                                                    \
  X(archive_read_support_format_raw)                                                                                    \
  X(archive_read_open2)                                                                                                 \
  X(archive_read_next_header)                                                                                           \
  X(archive_read_header_position)                                                                                       \
  X(archive_read_data_block)                                                                                            \
  X(archive_filter_code)                                                                                                \
  X(archive_error_string)                                                                                               \
  X(archive_entry_pathname)                                                                                             \
  X(archive_entry_hardlink)                                                                                             \
  X(archive_entry_symlink)                                                                                              \
  X(archive_entry_filetype)                                                                                             \
  X(archive_entry_perm)                                                                                                 \
  X(archive_entry_uid)                                                                                                  \
  X(archive_entry_gid)                                                                                                  \
  X(archive_entry_size)                                                                                                 \
  X(archive_entry_mtime)                                                                                                \
  X(archive_entry_mtime_nsec)                                                                                           \
  X(archive_entry_xattr_reset)                                                                                          \
  X(archive_entry_xattr_next)

struct uwrx_libarchive {
#define X(name) __typeof__(name) *_Null_unspecified name;
  UWRX_LIBARCHIVE(X)
#undef X
};

#define UWRX_LIBARCHIVE_WRITER(X)                                                                                       \
  X(archive_write_new)                                                                                                  \
  X(archive_write_free)                                                                                                 \
  X(archive_write_close)                                                                                                \
  X(archive_write_set_format_pax)                                                                                       \
  X(archive_write_open_fd)                                                                                              \
  X(archive_write_header)                                                                                               \
  X(archive_write_data)                                                                                                 \
  X(archive_error_string)                                                                                               \
  X(archive_entry_new)                                                                                                  \
  X(archive_entry_free)                                                                                                 \
  X(archive_entry_set_pathname)                                                                                         \
  X(archive_entry_set_mode)                                                                                             \
  X(archive_entry_set_size)                                                                                             \
  X(archive_entry_set_uid)                                                                                              \
  X(archive_entry_set_gid)                                                                                              \
  X(archive_entry_set_mtime)                                                                                            \
  X(archive_entry_set_symlink)                                                                                          \
  X(archive_entry_set_hardlink)                                                                                         \
  X(archive_entry_xattr_add_entry)                                                                                      \
  X(archive_entry_sparse_add_entry)

struct uwrx_libarchive_writer {
#define X(name) __typeof__(name) *_Null_unspecified name;
  UWRX_LIBARCHIVE_WRITER(X)
#undef X
};

#define UWRX_LIBSQUASHFS(X)                                                                                             \
  X(sqfs_open_file)                                                                                                     \
  X(sqfs_super_read)                                                                                                    \
  X(sqfs_compressor_config_init)                                                                                        \
  X(sqfs_compressor_create)                                                                                             \
  X(sqfs_id_table_create)                                                                                               \
  X(sqfs_id_table_read)                                                                                                 \
  X(sqfs_id_table_index_to_id)                                                                                          \
  X(sqfs_dir_reader_create)                                                                                             \
  X(sqfs_dir_reader_get_root_inode)                                                                                     \
  X(sqfs_dir_reader_open_dir)                                                                                           \
  X(sqfs_dir_reader_read)                                                                                               \
  X(sqfs_dir_reader_find)                                                                                               \
  X(sqfs_dir_reader_get_inode)                                                                                          \
  X(sqfs_data_reader_create)                                                                                            \
  X(sqfs_data_reader_load_fragment_table)                                                                               \
  X(sqfs_data_reader_read)                                                                                              \
  X(sqfs_inode_get_file_size)                                                                                           \
  X(sqfs_inode_get_xattr_index)                                                                                         \
  X(sqfs_xattr_reader_create)                                                                                           \
  X(sqfs_xattr_reader_load)                                                                                             \
  X(sqfs_xattr_reader_get_desc)                                                                                         \
  X(sqfs_xattr_reader_seek_kv)                                                                                          \
  X(sqfs_xattr_reader_read_key)                                                                                         \
  X(sqfs_xattr_reader_read_value)                                                                                       \
  X(sqfs_free)

struct uwrx_libsquashfs {
#define X(name) __typeof__(name) *_Null_unspecified name;
  UWRX_LIBSQUASHFS(X)
#undef X
};

// NULL if the library or one of its functions is missing.
const struct uwrx_libarchive *_Nullable uwrx_load_libarchive(void);
const struct uwrx_libarchive_writer *_Nullable uwrx_load_libarchive_writer(void);
const struct uwrx_libsquashfs *_Nullable uwrx_load_libsquashfs(void);

// SHA-256 of OpenSSL's libcrypto: NULL if it is missing. `finish` frees, and returns 0 or -1.
void *_Nullable uwrx_sha256_begin(void);
int uwrx_sha256_update(void *_Nonnull context, const void *_Nullable bytes, size_t length);
int uwrx_sha256_finish(void *_Nonnull context, uint8_t *_Nonnull digest);

// Forks a child that keeps only one descriptor beside its socket, and calls `serve` in it.
// Returns its process id or an error number below 0. `confine` leaves it the system calls that reading needs.
int uwrx_reader_start(int file, size_t memory, void (*_Nonnull serve)(int socket, void *_Nullable context),
                      void *_Nullable context, int *_Nonnull socket);
int uwrx_reader_confine(void);

// Libraries convert names to the locale's character set: in this one they stay as they are.
void *_Nullable uwrx_enter_utf8_locale(void);
void uwrx_leave_utf8_locale(void *_Nullable previous);

const char *_Nullable uwrx_sqfs_link_target(const sqfs_inode_generic_t *_Nonnull inode);
const uint8_t *_Nonnull uwrx_sqfs_entry_name(const sqfs_dir_entry_t *_Nonnull entry);
const char *_Nonnull uwrx_sqfs_key_name(const sqfs_xattr_entry_t *_Nonnull key);
const uint8_t *_Nonnull uwrx_sqfs_value_bytes(const sqfs_xattr_value_t *_Nonnull value);

#endif
