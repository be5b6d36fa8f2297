import CGuest
import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// The skeleton root as guest init has mounted it.
final class TmpfsSkeleton: Skeleton {
  private let root: FileDescriptor
  private let channel: InitChannel

  init(root: FileDescriptor, channel: InitChannel) {
    self.root = root
    self.channel = channel
  }

  func makeDirectory(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity {
    if path[0] != 0, mkdirat(root.rawValue, path, 0o755) < 0, uwrx_errno() != EEXIST {
      throw Errno(rawValue: uwrx_errno())
    }
    let status = try status(path)
    guard status.st_mode & 0o170000 == 0o040000 else { throw .notDirectory }
    return HostIdentity(status)
  }

  func makeSymbolicLink(_ target: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>) throws(Errno) {
    try checkErrno(symlinkat(target, root.rawValue, path))
  }

  func makeNode(_ path: UnsafePointer<CChar>, mode: UInt32) throws(Errno) {
    if mknodat(root.rawValue, path, mode, 0) < 0 {
      guard uwrx_errno() == EEXIST else { throw Errno(rawValue: uwrx_errno()) }
      try remove(path)
      try checkErrno(mknodat(root.rawValue, path, mode, 0))
    }
  }

  func openDirectory(_ path: UnsafePointer<CChar>) throws(Errno) -> FileDescriptor {
    let resolve: UInt64 = 0x08 | 0x04  // RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS
    let flags = UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    let result =
      path[0] == 0
      ? uwrx_openat2(root.rawValue, ".", flags, 0, resolve) : uwrx_openat2(root.rawValue, path, flags, 0, resolve)
    return FileDescriptor(rawValue: Int32(try check(result)))
  }

  func status(_ path: UnsafePointer<CChar>) throws(Errno) -> stat {
    var status = stat()
    _ = try check(uwrx_fstatat(root.rawValue, path, &status, AT_SYMLINK_NOFOLLOW | 0x1000 /* AT_EMPTY_PATH */))
    return status
  }

  func rename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>, flags: UInt32) throws(Errno) {
    _ = try check(uwrx_renameat2(root.rawValue, from, root.rawValue, to, flags))
  }

  func link(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) throws(Errno) {
    try checkErrno(linkat(root.rawValue, from, root.rawValue, to, 0))
  }

  func remove(_ path: UnsafePointer<CChar>) throws(Errno) {
    switch try status(path).st_mode & 0o170000 {
    case 0o040000:
      let file = try openDirectory(path)
      var names: [[UInt8]] = []
      defer { Glibc.close(file.rawValue) }
      try forEachEntry(of: file) { name, _, _ in names.append(Array(name)) }
      for name in names {
        var child = Array(UnsafeBufferPointer(start: path, count: strlen(path)))
        child.append(CChar(UInt8(ascii: "/")))
        child += name.map { CChar(bitPattern: $0) }
        child.append(0)
        try remove(child)
      }
      try checkErrno(unlinkat(root.rawValue, path, AT_REMOVEDIR))
    case 0o120000, 0o140000, 0o010000:
      try checkErrno(unlinkat(root.rawValue, path, 0))
    default:
      // A file of the host is mounted here, which only guest init can undo.
      try channel.request(UWRX_UNBIND, path)
    }
  }

  func bind(
    _ hostPath: UnsafePointer<CChar>, identity: HostIdentity, at path: UnsafePointer<CChar>, isDevice: Bool
  ) throws(Errno) {
    if mknodat(root.rawValue, path, 0o100755, 0) < 0 {
      guard uwrx_errno() == EEXIST else { throw Errno(rawValue: uwrx_errno()) }
      try remove(path)
      try checkErrno(mknodat(root.rawValue, path, 0o100755, 0))
    }
    do throws(Errno) {
      try channel.request(
        isDevice ? UWRX_BIND_DEVICE : UWRX_BIND_FILE, device: identity.device, inode: identity.inode, hostPath, path)
    } catch {
      _ = unlinkat(root.rawValue, path, 0)
      throw error
    }
  }
}
