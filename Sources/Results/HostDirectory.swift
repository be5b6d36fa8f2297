import CLinux
import Glibc
import Supervisor
import SystemPackage

/// A directory of the host that results are brought to. No symbolic link below it is followed, whoever made it.
final class HostDirectory {
  /// Absolute and without symbolic links.
  let path: [UInt8]
  private let root: Int32
  /// The directory that was used last.
  private var known: (path: [UInt8], descriptor: Int32)?

  /// openat2(2): RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS.
  private static let resolve: UInt64 = 0x08 | 0x04 | 0x02

  init(_ path: String) throws(Errno) {
    guard let real = realPath(path) else { throw Errno(rawValue: errno) }
    self.path = Array(real.utf8)
    root = Glibc.open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard root >= 0 else { throw Errno(rawValue: errno) }
  }

  deinit {
    if let known { close(known.descriptor) }
    close(root)
  }

  func fullPath(_ path: [UInt8]) -> [UInt8] {
    path.isEmpty ? self.path : (self.path == [UInt8(ascii: "/")] ? [] : self.path) + [UInt8(ascii: "/")] + path
  }

  /// A directory below this one.
  /// - Returns: a descriptor that the caller closes.
  func open(directory path: [UInt8]) throws(Errno) -> FileDescriptor {
    try open(path.isEmpty ? [UInt8(ascii: ".")] : path, flags: O_RDONLY | O_DIRECTORY)
  }

  func open(_ path: [UInt8], flags: Int32) throws(Errno) -> FileDescriptor {
    // openat2 refuses what O_PATH ignores.
    let flags = flags | O_CLOEXEC | O_NOFOLLOW | (flags & 0o10000000 == 0 ? O_NOCTTY : 0)
    let result = uwrx_openat2(root, MergedView.cString(path), UInt64(UInt32(bitPattern: flags)), 0, Self.resolve)
    guard result >= 0 else { throw Errno(rawValue: Int32(-result)) }
    return FileDescriptor(rawValue: Int32(result))
  }

  /// Calls `body` with the directory that a path is in, and its last name.
  func withParent<Value>(
    of path: [UInt8], _ body: (_ directory: Int32, _ name: [CChar]) throws(Errno) -> Value
  ) throws(Errno) -> Value {
    let slash = path.lastIndex(of: UInt8(ascii: "/"))
    let parent = Array(path[..<(slash ?? 0)])
    let name = MergedView.cString(Array(path[(slash.map { $0 + 1 } ?? 0)...]))
    if parent.isEmpty { return try body(root, name) }
    if known?.path != parent {
      let directory = try open(directory: parent)
      if let known { close(known.descriptor) }
      known = (parent, directory.rawValue)
    }
    return try body(known!.descriptor, name)
  }

  /// - Returns: nil if nothing is there.
  /// - Throws: `tooManySymbolicLinkLevels` if a link stands where a directory should.
  func status(_ path: [UInt8]) throws(Errno) -> stat? {
    do throws(Errno) {
      return try withParent(of: path) { directory, name throws(Errno) in
        var status = stat()
        // The root itself has no name.
        let result =
          name == [0]
          ? fstat(directory, &status) : fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW)
        guard result == 0 else { throw Errno(rawValue: errno) }
        return status
      }
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
      throw error
    }
  }

  func linkTarget(_ path: [UInt8]) throws(Errno) -> [UInt8] {
    try withParent(of: path) { directory, name throws(Errno) in
      var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = target.withUnsafeMutableBytes { readlinkat(directory, name, $0.baseAddress!, $0.count) }
      guard count >= 0 else { throw Errno(rawValue: errno) }
      return Array(target.prefix(count))
    }
  }

  /// A regular file, for reading.
  func open(file path: [UInt8]) throws(Errno) -> FileDescriptor {
    let file = try open(path, flags: O_RDONLY | O_NONBLOCK)
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file.rawValue)
      throw .noSuchAddressOrDevice
    }
    return file
  }

  /// The names in a directory, in their order.
  func names(in path: [UInt8]) throws(Errno) -> [[UInt8]] {
    let file = try open(directory: path)
    guard let stream = fdopendir(file.rawValue) else {
      close(file.rawValue)
      throw Errno(rawValue: errno)
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: UInt8.self, capacity: 256) {
          Array(UnsafeBufferPointer(start: $0, count: strlen(name)))
        }
      }
      if name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }
}
