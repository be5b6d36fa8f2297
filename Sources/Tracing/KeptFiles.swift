import CLinux
import Glibc
import SystemPackage

/// What a trace keeps: all in `files/` and `files-<pid>/`.
enum KeptFiles {
  /// Calls `body` with all of them, a directory before what is in it. Paths are those below the run's directory.
  /// - Throws: as `DirectoryWalk.forEach`.
  static func forEach(_ trace: String, _ body: (DirectoryWalk.Entry) throws(Errno) -> Void) throws(Errno) {
    let directory = open(trace, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw Errno(rawValue: errno) }
    try DirectoryWalk.forEach(in: directory, isWanted: isKept, body)
  }

  private static func isKept(_ name: [CChar]) -> Bool {
    let bytes = name.dropLast().map { UInt8(bitPattern: $0) }
    return bytes.starts(with: LayerIndex.files) && (bytes.count == 5 || bytes[5] == UInt8(ascii: "-"))
  }
}

// What a signature tells of a file.
extension DirectoryWalk.Entry {
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
    guard let all = UserAttributes.all(of: file), !all.isEmpty else { return nil }
    let lines = all.map { name, value in name + Array("\0\(value?.count ?? -1)\0".utf8) + (value ?? []) }
    return Array(lines.sorted { $0.lexicographicallyPrecedes($1) }.joined())
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
    // A small file is one block.
    let needed = Int(clamping: min(Int64(Self.blockSize), Int64(status.st_size)))
    if buffer.count < needed { buffer = [UInt8](repeating: 0, count: needed) }
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
