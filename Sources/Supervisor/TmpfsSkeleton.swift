import CGuest
import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// The skeleton root as guest init has mounted it.
final class TmpfsSkeleton: Skeleton {
  /// In the command's mount namespace: what the guest is given is opened here.
  private let root: FileDescriptor
  /// The same files without what is bound over them, and without following links: what is changed is changed here.
  private let view: FileDescriptor
  private let channel: InitChannel

  var hasOwnLinks: Bool { true }

  init(root: FileDescriptor, view: FileDescriptor, channel: InitChannel) {
    self.root = root
    self.view = view
    self.channel = channel
  }

  private static let mode: mode_t = 0o755

  func makeDirectory(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity {
    let isNew = path[0] != 0 && mkdirat(view.rawValue, path, Self.mode) == 0
    if path[0] != 0, !isNew, uwrx_errno() != EEXIST { throw Errno(rawValue: uwrx_errno()) }
    let status = try status(path)
    guard status.st_mode & 0o170000 == 0o040000 else { throw .notDirectory }
    // The user's umask is that of the guest's files.
    if isNew, status.st_mode & 0o777 != Self.mode { try checkErrno(fchmodat(view.rawValue, path, Self.mode, 0)) }
    return HostIdentity(status)
  }

  func makeSymbolicLink(_ target: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>) throws(Errno) {
    try checkErrno(symlinkat(target, view.rawValue, path))
  }

  func makeNode(_ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno) {
    if mknodat(view.rawValue, path, mode, 0) < 0 {
      guard uwrx_errno() == EEXIST else { throw Errno(rawValue: uwrx_errno()) }
      try remove(path)
      try checkErrno(mknodat(view.rawValue, path, mode, 0))
    }
  }

  func openDirectory(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    try open(root, path, flags: flags | O_DIRECTORY)
  }

  func status(_ path: UnsafePointer<CChar>) throws(Errno) -> stat {
    let file = try open(root, path, flags: 0o10000000 | O_NOFOLLOW)  // O_PATH
    defer { Glibc.close(file.rawValue) }
    var status = stat()
    _ = try check(uwrx_fstatat(file.rawValue, "", &status, 0x1000))  // AT_EMPTY_PATH
    return status
  }

  /// Opens what is beneath `directory`, through no symbolic link; an empty path is the directory itself.
  private func open(
    _ directory: FileDescriptor, _ path: UnsafePointer<CChar>, flags: Int32
  ) throws(Errno) -> FileDescriptor {
    let flags = UInt64(flags | O_CLOEXEC)
    let resolve: UInt64 = 0x08 | 0x04  // RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
    let result =
      path[0] == 0
      ? uwrx_openat2(directory.rawValue, ".", flags, 0, resolve)
      : uwrx_openat2(directory.rawValue, path, flags, 0, resolve)
    return FileDescriptor(rawValue: Int32(try check(result)))
  }

  func rename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>, flags: UInt32) throws(Errno) {
    _ = try check(uwrx_renameat2(view.rawValue, from, view.rawValue, to, flags))
  }

  func link(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) throws(Errno) {
    try checkErrno(linkat(view.rawValue, from, view.rawValue, to, 0))
  }

  func remove(_ path: UnsafePointer<CChar>) throws(Errno) {
    // What is mounted on a name is detached with it: unlink(2) refuses a mount point only of the caller's own namespace.
    if unlinkat(view.rawValue, path, 0) == 0 { return }
    guard uwrx_errno() == EISDIR else { throw Errno(rawValue: uwrx_errno()) }
    if unlinkat(view.rawValue, path, AT_REMOVEDIR) == 0 { return }
    guard uwrx_errno() == ENOTEMPTY else { throw Errno(rawValue: uwrx_errno()) }
    let directory = try open(view, path, flags: O_RDONLY | O_DIRECTORY)
    var names: [[UInt8]] = []
    defer { Glibc.close(directory.rawValue) }
    try forEachEntry(of: directory) { name, _, _ in names.append(Array(name)) }
    for name in names {
      var child = Array(UnsafeBufferPointer(start: path, count: strlen(path)))
      child.append(CChar(UInt8(ascii: "/")))
      child += name.map { CChar(bitPattern: $0) }
      child.append(0)
      try remove(child)
    }
    try checkErrno(unlinkat(view.rawValue, path, AT_REMOVEDIR))
  }

  func bind(
    _ hostPath: UnsafePointer<CChar>, identity: HostIdentity, at path: UnsafePointer<CChar>, isDevice: Bool
  ) throws(Errno) {
    try makeNode(path, mode: 0o100755)
    do throws(Errno) {
      try channel.request(
        isDevice ? UWRX_BIND_DEVICE : UWRX_BIND_FILE, device: identity.device, inode: identity.inode, hostPath, path)
    } catch {
      unlinkat(view.rawValue, path, 0)
      throw error
    }
  }

  func bind(
    _ socket: FileDescriptor, from directory: UnsafePointer<CChar>, to address: UnsafePointer<CChar>
  ) throws(Errno) {
    try channel.request(UWRX_BIND_SOCKET, directory, address, with: socket)
  }

  func bindRemovedDirectory(at path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity {
    let identity = try makeDirectory(Self.removed)
    do throws(Errno) {
      _ = try makeDirectory(path)
      try channel.request(UWRX_BIND_REMOVED, Self.removed, path)
    } catch {
      unlinkat(view.rawValue, Self.removed, AT_REMOVEDIR)
      throw error
    }
    return identity
  }

  /// In a directory where the guest makes no names.
  private static let removed = "proc/removed"
}
