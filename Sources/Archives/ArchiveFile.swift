import CLinux
import Glibc
import SystemPackage

/// The file of an archive on the host. It is opened once, and what is read of it later is read of that file.
final class ArchiveFile: @unchecked Sendable {
  let file: FileDescriptor
  let path: String
  let size: Int64
  /// What the contents are known by in the cache: another file, or a change to this one, has another key.
  let key: String

  convenience init(_ path: String) throws(ArchiveError) {
    let result = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0)
    guard result >= 0 else { throw ArchiveError("cannot open \(path): \(Errno(rawValue: CInt(-result)))") }
    try self.init(FileDescriptor(rawValue: Int32(result)), path)
  }

  init(_ file: FileDescriptor, _ path: String) throws(ArchiveError) {
    self.file = file
    self.path = path
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw .system("look at", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw ArchiveError("\(path) is not a file") }
    size = Int64(status.st_size)
    let numbers: [Int] = [
      numericCast(status.st_dev), numericCast(status.st_ino), status.st_size, status.st_mtim.tv_sec,
      status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
    ]
    key = numbers.map { String($0, radix: 36) }.joined(separator: "-")
  }

  deinit { close(file.rawValue) }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    while true {
      let count = pread(file.rawValue, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 { return count }
      if uwrx_errno() != EINTR { throw Errno(rawValue: uwrx_errno()) }
    }
  }

  /// All of a small file.
  func contents(limit: Int) throws(ArchiveError) -> [UInt8] {
    guard size <= limit else { throw ArchiveError("\(path) is larger than \(limit >> 20) MiB") }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    var done = 0
    while done < bytes.count {
      let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { buffer in
        do throws(Errno) {
          return .success(try read(at: Int64(done), into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...])))
        } catch { return .failure(error) }
      }
      guard case .success(let count) = result, count > 0 else { throw ArchiveError("cannot read \(path)") }
      done += count
    }
    return bytes
  }
}
