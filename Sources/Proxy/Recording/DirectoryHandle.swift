import Glibc
import SystemPackage

/// An open directory.
final class DirectoryHandle: Sendable {
  let descriptor: Int32

  init(_ path: String) throws(Errno) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    if descriptor < 0 { throw Errno(rawValue: errno) }
  }

  deinit { close(descriptor) }

  /// The names of what is in it, unsorted, without `.` and `..`.
  func names() throws(Errno) -> [[UInt8]] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else { throw Errno(rawValue: errno) }
    defer { closedir(stream) }
    var result: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != [0x2e], name != [0x2e, 0x2e] { result.append(name) }
    }
    return result
  }

  /// The largest of the numbers that names begin with, with or without a dot before; 0 if none does.
  func lastNumber() throws(Errno) -> Int {
    try names().compactMap { name in
      let name = name.first == UInt8(ascii: ".") ? name.dropFirst() : name[...]
      return HTTPToken.number(name.prefix { $0 != UInt8(ascii: ".") })
    }.max() ?? 0
  }

  /// Opens a regular file below it to be read, and no other.
  /// - Returns: the file and its size in bytes; nil if it is not there.
  func file(_ path: String) throws(Errno) -> (file: ReadableFile, size: Int)? {
    let file = openat(descriptor, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    if file < 0 {
      if errno == ENOENT { return nil }
      throw Errno(rawValue: errno)
    }
    let readable = ReadableFile(descriptor: file)
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Errno(rawValue: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .invalidArgument }
    return (readable, Int(status.st_size))
  }

  func createFile(_ path: String) throws(Errno) -> WritableFile {
    let file = openat(descriptor, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    return WritableFile(descriptor: file)
  }
}
