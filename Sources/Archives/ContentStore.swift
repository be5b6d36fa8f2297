import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Reads the contents of files out of an archive.
protocol ContentReader: AnyObject, Sendable {
  /// Hands out a file's contents. Called by several threads at once.
  /// - Parameter path: where the file is in the archive, from its root.
  func copy(_ content: UInt64, path: [UInt8], to sink: FileSink) throws(Errno)
}

/// The files of the host that hold contents of an archive, each made or
/// compared with the archive when the guest of a run first wants to open it.
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

  /// The host's file that holds the contents, if this run has fetched or compared them.
  func identity(_ content: UInt64) -> HostIdentity? { known[content] }

  func didBring(_ content: UInt64, _ identity: HostIdentity) { known[content] = identity }

  func open(_ content: UInt64, flags: Int32) throws(Errno) -> FileDescriptor {
    guard let view else { throw .staleNFSFileHandle }
    let result = uwrx_openat(view.rawValue, Self.name(content), flags | O_NOFOLLOW | O_CLOEXEC, 0)
    guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
    let file = FileDescriptor(rawValue: Int32(result))
    var status = stat()
    // The file that was compared, and none that took its name since.
    guard fstat(file.rawValue, &status) == 0, known[content] == HostIdentity(status) else {
      close(file.rawValue)
      throw .staleNFSFileHandle
    }
    return file
  }

  /// Brings the contents of a file, or compares those that were kept; without the virtual kernel's lock.
  func bring(_ content: UInt64, path: [UInt8], size: Int64, isExecutable: Bool) throws(Errno) -> HostIdentity {
    let name = Self.name(content)
    let mode: UInt32 = isExecutable ? 0o555 : 0o444
    // Twice: another run may give a file its name meanwhile.
    for _ in 0..<2 {
      if let kept = try compared(content, path: path, size: size, mode: mode) { return kept }
      let file = try directory.create()
      defer { close(file.rawValue) }
      try reader.copy(content, path: path, to: FileSink(writing: file))
      var status = stat()
      guard fstat(file.rawValue, &status) == 0, Int64(status.st_size) == size else { throw .ioError }
      if try directory.publish(file, as: name, mode: mode) { return HostIdentity(status) }
    }
    throw .ioError
  }

  /// The kept file, if its contents are the archive's; one with others is removed.
  private func compared(
    _ content: UInt64, path: [UInt8], size: Int64, mode: UInt32
  ) throws(Errno) -> HostIdentity? {
    guard let kept = directory.open(Self.name(content)) else { return nil }
    defer { close(kept.rawValue) }
    var status = stat()
    guard fstat(kept.rawValue, &status) == 0 else { throw Errno(rawValue: uwrx_errno()) }
    if status.st_mode == S_IFREG | mode, status.st_uid == geteuid(), Int64(status.st_size) == size {
      do throws(Errno) {
        try reader.copy(content, path: path, to: FileSink(comparing: kept))
        return HostIdentity(status)
      } catch { if error != FileSink.difference { throw error } }
    }
    directory.remove(Self.name(content))
    return nil
  }

  /// Contents that are needed before there is a guest.
  func openNow(_ content: UInt64, path: [UInt8], size: Int64) throws(Errno) -> FileDescriptor {
    let identity = try bring(content, path: path, size: size, isExecutable: false)
    guard let file = directory.open(Self.name(content)) else { throw .ioError }
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, HostIdentity(status) == identity else {
      close(file.rawValue)
      throw .ioError
    }
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
  private var identity: HostIdentity?

  init(_ store: ContentStore, _ content: UInt64, path: [UInt8], size: Int64, isExecutable: Bool) {
    self.store = store
    self.content = content
    self.path = path
    self.size = size
    self.isExecutable = isExecutable
  }

  func perform() throws(Errno) {
    identity = try store.bring(content, path: path, size: size, isExecutable: isExecutable)
  }

  // The handler runs again, and finds them.
  func publish(failed: Bool) throws(Errno) {
    if let identity { store.didBring(content, identity) }
  }
}
