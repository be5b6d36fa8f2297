import CLinux
import Glibc
import SystemPackage

/// The guest's real root: an empty tmpfs that is filled on demand with the directories, links and executables that the
/// kernel itself must find when it runs a guest's own call. Paths are relative to its root.
public protocol Skeleton: AnyObject {
  /// Whether /proc/self and /proc/thread-self are there, and lead each process that follows them to its own directory.
  var hasOwnLinks: Bool { get }

  /// Makes the directory if it is missing.
  /// - Returns: what fstat tells of a descriptor to it.
  func makeDirectory(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity
  func makeSymbolicLink(_ target: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>) throws(Errno)
  /// Makes a FIFO or a socket without a listener, as `mode` says.
  func makeNode(_ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno)
  /// - Parameter flags: what fcntl(2), F_GETFL, is to tell.
  func openDirectory(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor
  func status(_ path: UnsafePointer<CChar>) throws(Errno) -> stat
  func rename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>, flags: UInt32) throws(Errno)
  func link(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) throws(Errno)
  /// Removes whatever is at the path, with what is bound there or below.
  func remove(_ path: UnsafePointer<CChar>) throws(Errno)
  /// Makes exactly this host file (`identity` is that of `hostPath`) appear at `path`, in place of what is there.
  func bind(
    _ hostPath: UnsafePointer<CChar>, identity: HostIdentity, at path: UnsafePointer<CChar>, isDevice: Bool
  ) throws(Errno)

  /// bind(2) of a local socket of the guest's to exactly this address, which is a path from `directory` or the root.
  func bind(
    _ socket: FileDescriptor, from directory: UnsafePointer<CChar>, to address: UnsafePointer<CChar>) throws(Errno)
  /// Makes a directory that has no name any more be what a path leads to.
  /// - Returns: what fstat tells of a descriptor to it.
  func bindRemovedDirectory(at path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity
}
