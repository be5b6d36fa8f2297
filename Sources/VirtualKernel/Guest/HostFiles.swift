import CLinux
import Glibc
import SystemPackage

/// Files of the host, reached only below directories that the supervisor opened. No symbolic link is followed.
/// Paths are relative to `directory`, NUL-terminated, without `.` and `..`; an empty path means the directory itself.
public protocol HostFiles: AnyObject {
  func status(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> stat
  func status(of file: FileDescriptor) throws(Errno) -> stat
  func open(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, flags: Int32, mode: UInt32
  ) throws(Errno) -> FileDescriptor
  /// Opens a regular file of a lower layer for reading so that locks on it (flock(2), fcntl(2)) are locks among the guest's
  /// processes, and never keep one of the host's waiting.
  /// - Parameters:
  ///   - path: absolute on the host, without symbolic links.
  ///   - identity: the file that must be found there.
  /// - Returns: nil if the file cannot be opened so.
  func openApart(_ path: UnsafePointer<CChar>, identity: HostIdentity, flags: Int32) -> FileDescriptor?
  /// Whether a file was opened so.
  func isApart(_ file: FileDescriptor) -> Bool
  /// What a file that proc_pid_maps(5) tells of is known by when it is not opened apart.
  func identity(behind identity: HostIdentity) -> HostIdentity
  /// A new open file description of what `file` refers to.
  func reopen(_ file: FileDescriptor, flags: Int32) throws(Errno) -> FileDescriptor
  func close(_ file: FileDescriptor)
  func readLink(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8]
  /// Calls `body` for each entry but `.` and `..` with its name, its `d_type` and its inode number.
  func list(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>,
    _ body: (UnsafeBufferPointer<UInt8>, UInt8, UInt64) -> Void
  ) throws(Errno)
  func read(_ file: FileDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  /// pwrite(2)
  func write(_ file: FileDescriptor, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int
  /// Where the next byte at or after `offset` is that is not in a hole; nil if there is none.
  func nextData(of file: FileDescriptor, from offset: Int) -> Int?

  func makeDirectory(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno)
  /// mknod(2); `mode` holds the type. A character device 0/0 is a whiteout and needs no privilege.
  func makeNode(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mode: UInt32, device: UInt64) throws(Errno)
  func makeSymbolicLink(
    _ target: UnsafePointer<CChar>, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno)
  func link(
    _ fromDirectory: FileDescriptor, _ from: UnsafePointer<CChar>,
    _ toDirectory: FileDescriptor, _ to: UnsafePointer<CChar>) throws(Errno)
  /// Gives an open file without a name (O_TMPFILE) one.
  func link(_ file: FileDescriptor, _ directory: FileDescriptor, _ to: UnsafePointer<CChar>) throws(Errno)
  /// Whether anyone but the caller has the file open or runs it, or can write to it through a descriptor or a mapping.
  func isOpen(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, forWriting: Bool) throws(Errno) -> Bool
  func rename(
    _ fromDirectory: FileDescriptor, _ from: UnsafePointer<CChar>,
    _ toDirectory: FileDescriptor, _ to: UnsafePointer<CChar>, flags: UInt32) throws(Errno)
  func remove(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, isDirectory: Bool) throws(Errno)
  func setMode(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ mode: UInt32) throws(Errno)
  func setMode(of file: FileDescriptor, _ mode: UInt32) throws(Errno)
  func setTimes(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, access: timespec, modification: timespec) throws(Errno)
  func setTimes(of file: FileDescriptor, access: timespec, modification: timespec) throws(Errno)
  func truncate(_ file: FileDescriptor, to length: Int64) throws(Errno)
  /// Copies the whole contents: by reflink, by copy_file_range or by hand, keeping holes.
  func copyContents(from: FileDescriptor, to: FileDescriptor) throws(Errno)
  func fileSystemStatus(_ directory: FileDescriptor) throws(Errno) -> statfs

  /// getxattr(2) and its family on an open file (O_PATH is not enough) or, for a symbolic link, its path.
  func getAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int
  func listAttributes(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int
  func setAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>,
    _ value: UnsafeRawBufferPointer, flags: Int32) throws(Errno)
  func removeAttribute(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>) throws(Errno)
  /// inotify_add_watch(2) of a host file on an inotify descriptor of the guest's.
  func addWatch(
    _ inotify: FileDescriptor, _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, mask: UInt32
  ) throws(Errno) -> Int32
  /// Opens a directory and reads from it once, for those who watch it.
  func touch(_ directory: FileDescriptor, _ path: UnsafePointer<CChar>) throws(Errno)
  /// Calls `body` with the watch and the mask of each event that waits in an instance of the supervisor's.
  func takeEvents(_ inotify: FileDescriptor, _ body: (Int32, UInt32) -> Void)
  /// inotify_init1(2), for the supervisor itself; reading never waits.
  func makeInotify() throws(Errno) -> FileDescriptor
  /// inotify_rm_watch(2)
  func removeWatch(_ inotify: FileDescriptor, _ number: Int32) throws(Errno)
  /// Whether two descriptors of the supervisor's are of one open file description (kcmp(2), KCMP_FILE).
  func isSame(_ one: FileDescriptor, _ other: FileDescriptor) -> Bool
  /// A sealed memory file with these contents: what is open for writing refuses each write with EPERM.
  func sealedFile(_ name: String, _ contents: [UInt8], flags: Int32) throws(Errno) -> FileDescriptor
  func now() -> timespec
}
