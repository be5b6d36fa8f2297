import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Reads the contents of files out of an archive.
protocol ContentReader: AnyObject, Sendable {
  /// Writes a file's contents to a new file of the host. Called by several threads at once.
  /// - Parameter path: where the file is in the archive, from its root.
  func copy(_ content: UInt64, path: [UInt8], to file: FileDescriptor) throws(Errno)
}

/// The files of the host that hold contents of an archive, each made when the guest first wants to open it.
///
/// `known` and `view` are used under the virtual kernel's lock only, or before there is a guest.
final class ContentStore: @unchecked Sendable {
  private let directory: CacheDirectory
  private let reader: any ContentReader
  /// The directory in the read-only clone of the host's mounts: nothing that is opened through it can be written.
  private var view: FileDescriptor?
  private var known: [UInt64: HostIdentity] = [:]
  /// The device that files without a place on the host seem to be on; no device of the host's has such a number.
  let device: UInt64

  init(_ directory: CacheDirectory, _ reader: any ContentReader, number: UInt64) {
    self.directory = directory
    self.reader = reader
    device = 1 << 40 | number
  }

  func attach(_ hostRoot: FileDescriptor) throws(ArchiveError) {
    let flags = UInt64(0o10000000 | O_DIRECTORY | O_CLOEXEC)  // O_PATH
    // RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    let result = uwrx_openat2(hostRoot.rawValue, directory.path, flags, 0, 0x10 | 0x04 | 0x02)
    guard result >= 0 else {
      throw ArchiveError("cannot open the directory \(directory.path): \(Errno(rawValue: CInt(-result)))")
    }
    view = FileDescriptor(rawValue: Int32(result))
  }

  static func name(_ content: UInt64) -> String { String(content, radix: 16) }

  func path(_ content: UInt64) -> [UInt8] { Array("\(directory.path)/\(Self.name(content))".utf8) }

  /// The host's file that holds the contents, if they were fetched.
  func identity(_ content: UInt64, size: Int64) -> HostIdentity? {
    if let identity = known[content] { return identity }
    guard let status = directory.status(Self.name(content)), status.st_mode & S_IFMT == S_IFREG,
      Int64(status.st_size) == size
    else { return nil }
    let identity = HostIdentity(status)
    known[content] = identity
    return identity
  }

  func open(_ content: UInt64, flags: Int32) throws(Errno) -> FileDescriptor {
    guard let view else { throw .staleNFSFileHandle }
    let result = uwrx_openat(view.rawValue, Self.name(content), flags | O_NOFOLLOW | O_CLOEXEC, 0)
    guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
    return FileDescriptor(rawValue: Int32(result))
  }

  /// Brings the contents of a file; without the virtual kernel's lock.
  func bring(_ content: UInt64, path: [UInt8], size: Int64, isExecutable: Bool) throws(Errno) {
    let file = try directory.create()
    defer { close(file.rawValue) }
    try reader.copy(content, path: path, to: file)
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, Int64(status.st_size) == size else { throw .ioError }
    // A file of another size has this name: an archive that was changed in place.
    if let old = directory.status(Self.name(content)), Int64(old.st_size) != size {
      unlinkat(directory.file.rawValue, Self.name(content), 0)
    }
    try directory.publish(file, as: Self.name(content), mode: isExecutable ? 0o555 : 0o444)
  }

  /// Contents that are needed before there is a guest.
  func openNow(_ content: UInt64, path: [UInt8], size: Int64) throws(Errno) -> FileDescriptor {
    if identity(content, size: size) == nil { try bring(content, path: path, size: size, isExecutable: false) }
    guard let file = directory.open(Self.name(content)) else { throw .ioError }
    return file
  }
}

/// Bringing the contents of a file on the blocking pool.
final class ContentFetch: BlockingWork, @unchecked Sendable {
  private let store: ContentStore
  private let content: UInt64
  private let path: [UInt8]
  private let size: Int64
  private let isExecutable: Bool

  init(_ store: ContentStore, _ content: UInt64, path: [UInt8], size: Int64, isExecutable: Bool) {
    self.store = store
    self.content = content
    self.path = path
    self.size = size
    self.isExecutable = isExecutable
  }

  func perform() throws(Errno) {
    try store.bring(content, path: path, size: size, isExecutable: isExecutable)
  }

  // The handler runs again, and finds them.
  func publish(failed: Bool) throws(Errno) {}
}
