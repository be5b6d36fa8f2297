import CLinux
import Glibc
import SystemPackage

/// The directory in which contents of archives are kept: `uwrx/sources` in the user's cache directory (XDG Base Directory
/// Specification). What is in it came out of archives that others may not be able to read, and is believed in part, so it is its
/// owner's alone; where that cannot be had, a directory of this run's own serves.
struct SourceCache {
  private let directory: FileDescriptor
  let path: String

  /// - Parameter temporary: makes a directory that is removed after the run, and tells its path without symbolic links.
  init(temporary: () throws(ArchiveError) -> String) throws(ArchiveError) {
    if let (directory, path) = Self.base.flatMap({ Self.own(below: $0) }) {
      self.directory = directory
      self.path = path
      return
    }
    path = try temporary()
    let file = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    guard file >= 0 else {
      throw ArchiveError("cannot open the directory \(path): \(Errno(rawValue: CInt(-file)))")
    }
    directory = FileDescriptor(rawValue: Int32(file))
  }

  /// A path that is not absolute is to be ignored.
  private static var base: String? {
    func absolute(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    return absolute("XDG_CACHE_HOME") ?? absolute("HOME").map { $0 + "/.cache" }
  }

  /// Makes and opens the directory, unless anybody else could change what is in it or take its place.
  private static func own(below base: String) -> (FileDescriptor, path: String)? {
    // In the home of another user, as sudo(8) may leave it, nothing is made.
    var status = stat()
    guard stat(base, &status) == 0 || stat(parent(of: base), &status) == 0, status.st_uid == geteuid() else {
      return nil
    }
    mkdir(base, 0o700)
    guard let real = realpath(base, nil) else { return nil }
    var path = String(cString: real)
    free(real)
    var file = uwrx_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    var excluded: UInt32 = 0o022
    for name in ["uwrx", "sources", ""] {
      guard file >= 0 else { return nil }
      let directory = FileDescriptor(rawValue: Int32(file))
      guard fstat(directory.rawValue, &status) == 0, status.st_uid == geteuid(), status.st_mode & excluded == 0 else {
        close(directory.rawValue)
        return nil
      }
      if name.isEmpty {
        // Not all file systems have files without names.
        let cache = CacheDirectory(file: directory, path: path)
        if let probe = try? cache.create() {
          close(probe.rawValue)
          return (directory, path)
        }
        close(directory.rawValue)
        return nil
      }
      mkdirat(directory.rawValue, name, 0o700)
      path += "/" + name
      file = uwrx_openat(directory.rawValue, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
      close(directory.rawValue)
      excluded = 0o077
    }
    return nil
  }

  private static func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? "/"
  }

  /// The directory of one archive.
  func open(_ key: String) throws(ArchiveError) -> CacheDirectory {
    if mkdirat(directory.rawValue, key, 0o700) < 0, uwrx_errno() != EEXIST {
      throw .system("make the directory", "\(path)/\(key)")
    }
    let file = uwrx_openat(directory.rawValue, key, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    guard file >= 0 else {
      throw ArchiveError("cannot open the directory \(path)/\(key): \(Errno(rawValue: CInt(-file)))")
    }
    return CacheDirectory(file: FileDescriptor(rawValue: Int32(file)), path: "\(path)/\(key)")
  }
}

/// Files of one archive that are there whole or not at all: they have no name while they are written, so that a run that is
/// killed leaves nothing, and of two runs that write the same one the first gives it its name.
struct CacheDirectory {
  let file: FileDescriptor
  let path: String

  /// Opens a file, or nil if it is not there.
  func open(_ name: String) -> FileDescriptor? {
    let result = uwrx_openat(file.rawValue, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
    return result < 0 ? nil : FileDescriptor(rawValue: Int32(result))
  }

  func status(_ name: String) -> stat? {
    var status = stat()
    return fstatat(file.rawValue, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }

  /// A new file without a name.
  func create() throws(Errno) -> FileDescriptor {
    let flags = 0o20000000 | O_DIRECTORY | O_RDWR | O_CLOEXEC  // O_TMPFILE
    let result = uwrx_openat(file.rawValue, ".", flags, 0o600)
    guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
    return FileDescriptor(rawValue: Int32(result))
  }

  /// Gives a file its name. If another run was faster, its file stays.
  /// - Returns: whether it has it.
  func publish(_ content: FileDescriptor, as name: String, mode: UInt32) throws(Errno) -> Bool {
    guard fchmod(content.rawValue, mode) == 0 else { throw Errno(rawValue: uwrx_errno()) }
    let from = "/proc/self/fd/\(content.rawValue)"
    if linkat(AT_FDCWD, from, file.rawValue, name, AT_SYMLINK_FOLLOW) == 0 { return true }
    guard uwrx_errno() == EEXIST else { throw Errno(rawValue: uwrx_errno()) }
    return false
  }

  func remove(_ name: String) { unlinkat(file.rawValue, name, 0) }

  /// Waits for another run that makes the same file; the kernel lets go when it ends.
  func lock() { while flock(file.rawValue, LOCK_EX) < 0, uwrx_errno() == EINTR {} }
  func unlock() { _ = flock(file.rawValue, LOCK_UN) }
}

/// Writes all bytes at an offset, but leaves holes for blocks of zeros: an archive of nothing but zeros takes no room.
func writeSparsely(_ bytes: UnsafeRawBufferPointer, to file: FileDescriptor, at offset: Int64) throws(Errno) {
  let block = 4096
  var position = 0
  while position < bytes.count {
    // A hole must begin and end where a block of the file does.
    let length = min(block - Int((offset + Int64(position)) % Int64(block)), bytes.count - position)
    let part = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
    var end = position + length
    if isZero(part) {
      position = end
      continue
    }
    while end < bytes.count {
      let next = min(block, bytes.count - end)
      if isZero(UnsafeRawBufferPointer(rebasing: bytes[end..<end + next])) { break }
      end += next
    }
    while position < end {
      let count = pwrite(
        file.rawValue, bytes.baseAddress! + position, end - position, off_t(offset + Int64(position)))
      if count < 0 {
        if uwrx_errno() == EINTR { continue }
        throw Errno(rawValue: uwrx_errno())
      }
      position += count
    }
  }
}

private func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
  guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
  return bytes[0] == 0 && (bytes.count == 1 || memcmp(base, base + 1, bytes.count - 1) == 0)
}
