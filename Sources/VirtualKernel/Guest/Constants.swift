import CLinux
import Glibc

// The C headers give these as macros or as types that differ between modules and architectures; the virtual kernel uses
// one type for each.

/// The type bits of st_mode (inode(7)).
let S_IFMT: UInt32 = 0o170000
let S_IFDIR: UInt32 = 0o040000
let S_IFREG: UInt32 = 0o100000
let S_IFLNK: UInt32 = 0o120000
let S_IFCHR: UInt32 = 0o020000
let S_IFBLK: UInt32 = 0o060000
let S_IFIFO: UInt32 = 0o010000
let S_IFSOCK: UInt32 = 0o140000

/// AT_FDCWD as a register holds it.
let atCurrentDirectory = UInt64(bitPattern: Int64(AT_FDCWD))

// <fcntl.h> defines these as expressions or only for some feature levels, which Swift does not import.
let O_PATH_: Int32 = 0o10000000
let O_NOATIME_: Int32 = 0o1000000
let O_SYNC_: Int32 = 0o4010000
#if arch(arm64)
  let O_DIRECT_: Int32 = 0o200000
#else
  let O_DIRECT_: Int32 = 0o40000
#endif
let O_TMPFILE_: Int32 = 0o20000000 | O_DIRECTORY
let AT_EMPTY_PATH_: Int32 = 0x1000
let AT_NO_AUTOMOUNT_: Int32 = 0x800

/// renameat2(2).
let renameNoReplace: UInt32 = 1
let renameExchange: UInt32 = 2
let renameWhiteout: UInt32 = 4

/// The longest path, with its NUL (limits.h).
let PATH_MAX = 4096

extension HostIdentity {
  /// Of what fstat(2) told.
  @inline(__always)
  public init(_ status: stat) {
    self.init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}

/// makedev(3), as st_dev and st_rdev hold it.
func makeDevice(_ major: UInt32, _ minor: UInt32) -> dev_t { numericCast(uwrx_makedev(major, minor)) }
