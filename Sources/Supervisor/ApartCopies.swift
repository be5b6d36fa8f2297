import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Copies of files of the host that no overlay can show: those that stand in a directory with mounts below it, for an ordinary user.
///
/// Who locks a copy locks nothing of the host's. All of the guest's descriptors lead to the same one, so that its processes meet.
final class ApartCopies {
  private struct Copy {
    var file: FileDescriptor
    var size: Int
    var modified: timespec
  }

  /// Making a copy holds up the receiver, and may take memory.
  private static let largest = 64 << 20
  /// Each keeps a descriptor.
  private static let most = 1024

  private let host: FileDescriptor
  private let store: FileDescriptor
  private let apart: ApartFiles
  private var copies: [HostIdentity: Copy] = [:]

  init(host: FileDescriptor, store: FileDescriptor, apart: ApartFiles) {
    self.host = host
    self.store = store
    self.apart = apart
  }

  deinit { for copy in copies.values { close(copy.file.rawValue) } }

  /// - Parameter path: absolute.
  /// - Returns: nil if the file is not `identity`, or is too large.
  func open(_ path: UnsafePointer<CChar>, _ identity: HostIdentity, _ flags: Int32) -> FileDescriptor? {
    // Read through the read-only clone, which does not move the access time.
    let result = uwrx_openat2(
      host.rawValue, path + 1, UInt64(O_RDONLY | O_CLOEXEC | O_NONBLOCK), 0, 0x08 | 0x04 | 0x02)
    guard result >= 0 else { return nil }
    let original = Int32(result)
    defer { close(original) }
    var status = stat()
    guard fstat(original, &status) == 0, HostIdentity(status) == identity, status.st_mode & S_IFMT == S_IFREG,
      let copy = copy(original, status)
    else { return nil }
    let opened = uwrx_openat(
      AT_FDCWD, "/proc/self/fd/\(copy.rawValue)", (flags | O_CLOEXEC | O_NOCTTY) & ~(O_NOFOLLOW | 0o1000000), 0)
    return opened < 0 ? nil : FileDescriptor(rawValue: Int32(opened))
  }

  private func copy(_ original: Int32, _ status: stat) -> FileDescriptor? {
    let identity = HostIdentity(status)
    if let known = copies[identity] {
      let (old, new) = (known.modified, status.st_mtim)
      if known.size == status.st_size, old.tv_sec == new.tv_sec, old.tv_nsec == new.tv_nsec { return known.file }
    } else if copies.count >= Self.most {
      return nil
    }
    guard status.st_size <= Self.largest, let file = makeCopy(original, status.st_size) else { return nil }
    var made = stat()
    fstat(file.rawValue, &made)
    apart.add(copy: HostIdentity(made), of: identity)
    // What is open of an older one stays what it was.
    if let old = copies[identity] { close(old.file.rawValue) }
    copies[identity] = Copy(file: file, size: status.st_size, modified: status.st_mtim)
    return file
  }

  private func makeCopy(_ original: Int32, _ size: Int) -> FileDescriptor? {
    let made = uwrx_openat(store.rawValue, ".", 0o20000000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o600)  // O_TMPFILE
    guard made >= 0 else { return nil }
    let file = Int32(made)
    var offset: off_t = 0
    while offset < size {
      let count = sendfile(file, original, &offset, size - offset)
      if count > 0 || count < 0 && uwrx_errno() == EINTR { continue }
      close(file)
      return nil
    }
    return FileDescriptor(rawValue: file)
  }
}
