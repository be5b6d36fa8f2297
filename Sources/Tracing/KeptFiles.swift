import CLinux
import Glibc
import SystemPackage

/// What a trace keeps: all in `files/` and `files-<pid>/`.
enum KeptFiles {
  struct Entry {
    /// Below the run's directory.
    var path: [UInt8]
    var status: stat
    fileprivate var directory: Int32
    fileprivate var name: UnsafePointer<CChar>

    /// Type, mode and size.
    var fields: [[UInt8]] {
      let type =
        switch status.st_mode & S_IFMT {
        case S_IFREG: "file"
        case S_IFLNK: "link"
        case S_IFDIR: "directory"
        case S_IFCHR: "device"
        default: "other"
        }
      let isSized = type == "file" || type == "link"
      return [type, String(status.st_mode & 0o7777, radix: 8), isSized ? String(status.st_size) : "-"].map {
        Array($0.utf8)
      }
    }

    /// Of its contents or its target, and of its attributes.
    func digests(_ contents: inout ContentDigests) throws(Errno) -> [[UInt8]] {
      let none = [UInt8(ascii: "-")]
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        var target = [UInt8](repeating: 0, count: 4096)
        let count = target.withUnsafeMutableBytes { readlinkat(directory, name, $0.baseAddress!, $0.count) }
        guard count >= 0 else { throw Errno(rawValue: errno) }
        return [SHA256.text(SHA256.digest(Array(target[..<count]))), none]
      case S_IFREG, S_IFDIR:
        let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        defer { close(file) }
        let isFile = status.st_mode & S_IFMT == S_IFREG
        let digest = try isFile ? contents.digest(FileDescriptor(rawValue: file), status) : none
        return [digest, Self.attributes(file).map { SHA256.text(SHA256.digest($0)) } ?? none]
      default: return [none, none]
      }
    }

    /// The attributes that a guest can set, and those that say how a layer is read, in the order of their names.
    private static func attributes(_ file: Int32) -> [UInt8]? {
      // Most have none.
      let size = flistxattr(file, nil, 0)
      if size <= 0 { return nil }
      var names = [CChar](repeating: 0, count: size)
      let count = flistxattr(file, &names, names.count)
      if count <= 0 { return nil }
      let prefix = "user.".utf8.map { CChar($0) }
      var all: [[UInt8]] = []
      for name in names[..<count].split(separator: 0) where name.starts(with: prefix) {
        var value = [UInt8](repeating: 0, count: 1 << 16)
        let length = fgetxattr(file, Array(name) + [0], &value, value.count)
        var attribute = name.map { UInt8(bitPattern: $0) }
        attribute += Array("\0\(length)\0".utf8)
        attribute += value[..<max(0, length)]
        all.append(attribute)
      }
      return all.isEmpty ? nil : Array(all.sorted { $0.lexicographicallyPrecedes($1) }.joined())
    }
  }

  /// Calls `body` with all of them, a directory before what is in it.
  /// - Throws: what reading a directory failed with, or what `body` throws.
  static func forEach(_ trace: String, _ body: (Entry) throws(Errno) -> Void) throws(Errno) {
    let directory = open(trace, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw Errno(rawValue: errno) }
    defer { close(directory) }
    try visit(directory, [], body) {
      $0.starts(with: LayerIndex.files) && ($0.count == 5 || $0[5] == UInt8(ascii: "-"))
    }
  }

  private static func visit(
    _ directory: Int32, _ path: [UInt8], _ body: (Entry) throws(Errno) -> Void,
    _ isWanted: ([UInt8]) -> Bool = { _ in true }
  ) throws(Errno) {
    for name in try names(directory) {
      let bytes = name.dropLast().map { UInt8(bitPattern: $0) }
      guard isWanted(bytes) else { continue }
      var status = stat()
      guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Errno(rawValue: errno) }
      let entryPath = path.isEmpty ? bytes : path + [UInt8(ascii: "/")] + bytes
      let result: Result<Void, Errno> = name.withUnsafeBufferPointer { name in
        do throws(Errno) {
          try body(Entry(path: entryPath, status: status, directory: directory, name: name.baseAddress!))
          return .success(())
        } catch { return .failure(error) }
      }
      try result.get()
      guard status.st_mode & S_IFMT == S_IFDIR else { continue }
      let child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard child >= 0 else { throw Errno(rawValue: errno) }
      defer { close(child) }
      try visit(child, entryPath, body)
    }
  }

  /// NUL-terminated, in no order.
  private static func names(_ directory: Int32) throws(Errno) -> [[CChar]] {
    let copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else { throw Errno(rawValue: errno) }
    defer { closedir(stream) }
    var names: [[CChar]] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) {
          Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
        }
      }
      if name != [0x2e, 0], name != [0x2e, 0x2e, 0] { names.append(name) }
    }
    return names
  }
}

/// Digests of contents, each made once for all names of a file.
struct ContentDigests {
  private struct Identity: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  private static let blockSize = 1 << 16

  private var known: [Identity: [UInt8]] = [:]
  private var buffer: [UInt8] = []

  /// The SHA-256 of those blocks of 64 KiB that hold anything but zeros, each behind its offset in 8 bytes, and of the size, in
  /// hexadecimal. A file of terabytes that is all hole takes no time, and a copy without holes has the same digest.
  mutating func digest(_ file: FileDescriptor, _ status: stat) throws(Errno) -> [UInt8] {
    let identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    if status.st_nlink > 1, let digest = known[identity] { return digest }
    if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.blockSize) }
    var digest = SHA256()
    var offset = Int64(0)
    while offset < Int64(status.st_size) {
      let data = Int64(lseek(file.rawValue, off_t(offset), 3))  // SEEK_DATA
      if data < 0, errno == ENXIO { break }
      // A file system that knows of no holes has none.
      if data > offset { offset = data / Int64(Self.blockSize) * Int64(Self.blockSize) }
      let count = try file.readFully(at: offset, into: &buffer)
      if count == 0 { break }
      buffer.withUnsafeBytes { bytes in
        let block = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        if block[0] == 0, memcmp(block.baseAddress!, block.baseAddress! + 1, count - 1) == 0 { return }
        withUnsafeBytes(of: offset.littleEndian) { digest.add($0) }
        digest.add(block)
      }
      let (next, isLast) = offset.addingReportingOverflow(Int64(Self.blockSize))
      if isLast { break }
      offset = next
    }
    withUnsafeBytes(of: Int64(status.st_size).littleEndian) { digest.add($0) }
    let text = SHA256.text(digest.finish())
    if status.st_nlink > 1 { known[identity] = text }
    return text
  }
}
