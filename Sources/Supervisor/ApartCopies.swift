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
  /// The latest of each file.
  private var copies: [HostIdentity: Copy] = [:]
  /// Kept to the end: what an inode number stands for must not change while the guest may have it open.
  private var made: [FileDescriptor] = []

  init(host: FileDescriptor, store: FileDescriptor, apart: ApartFiles) {
    self.host = host
    self.store = store
    self.apart = apart
  }

  deinit { for file in made { Glibc.close(file.rawValue) } }

  /// - Parameter path: absolute.
  /// - Returns: nil if the file is not `identity`, or is too large.
  func open(
    _ path: UnsafePointer<CChar>, _ identity: HostIdentity, _ flags: Int32, with files: any HostFiles
  ) -> FileDescriptor? {
    // Read through the read-only clone, which does not move the access time.
    guard let original = try? files.open(host, path + 1, flags: O_RDONLY | O_NONBLOCK, mode: 0) else { return nil }
    defer { files.close(original) }
    guard let status = try? files.status(of: original), HostIdentity(status) == identity,
      status.st_mode & S_IFMT == S_IFREG, let copy = copy(original, status, files)
    else { return nil }
    return try? files.reopen(copy, flags: flags & ~0o1000000)  // O_NOATIME is for the owner alone.
  }

  private func copy(_ original: FileDescriptor, _ status: stat, _ files: any HostFiles) -> FileDescriptor? {
    let identity = HostIdentity(status)
    if let known = copies[identity] {
      let (old, new) = (known.modified, status.st_mtim)
      if known.size == status.st_size, old.tv_sec == new.tv_sec, old.tv_nsec == new.tv_nsec { return known.file }
    }
    guard made.count < Self.most, status.st_size <= Self.largest,
      let file = try? files.open(store, "", flags: 0o20000000 | O_DIRECTORY | O_RDWR, mode: 0o600)  // O_TMPFILE
    else { return nil }
    do {
      try files.copyContents(from: original, to: file)
      apart.add(copy: HostIdentity(try files.status(of: file)), of: identity)
    } catch {
      files.close(file)
      return nil
    }
    made.append(file)
    copies[identity] = Copy(file: file, size: status.st_size, modified: status.st_mtim)
    return file
  }
}
