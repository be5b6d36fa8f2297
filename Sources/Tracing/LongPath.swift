import CLinux
import Glibc
import SystemPackage

/// Files of the host by paths of any length: the kernel takes less than PATH_MAX bytes at a time, and what a run has kept can lie deeper.
public enum LongPath {
  /// O_PATH, which is not imported.
  static let onlyPath: Int32 = 0o10000000
  private static let slash = UInt8(ascii: "/")

  /// - Parameters:
  ///   - path: with its zero.
  ///   - resolve: as openat2(2) has it, of directories on the way that is too long for one call.
  ///   - body: gets a directory and a path from there that the kernel takes.
  /// - Throws: what opening a directory on the way failed with.
  public static func with<Value>(
    _ path: [UInt8], resolve: UInt64 = 0, _ body: (Int32, UnsafePointer<CChar>) -> Value
  ) throws(Errno) -> Value {
    var (directory, start) = (AT_FDCWD, 0)
    defer { if directory >= 0 { close(directory) } }
    while path.count - start > Int(PATH_MAX) {
      let part = path[start..<start + Int(PATH_MAX) - 1]
      guard let end = part.lastIndex(of: slash), end > start else { throw .fileNameTooLong }
      let result = (Array(path[start..<end]) + [0]).withUnsafeBytes {
        uwrx_openat2(
          directory, $0.baseAddress!.assumingMemoryBound(to: CChar.self),
          UInt64(onlyPath | O_DIRECTORY | O_CLOEXEC), 0, resolve)
      }
      guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
      if directory >= 0 { close(directory) }
      directory = Int32(result)
      start = path[end...].firstIndex { $0 != slash } ?? path.count
    }
    return path.withUnsafeBytes { bytes in
      body(directory, (bytes.baseAddress! + start).assumingMemoryBound(to: CChar.self))
    }
  }

  /// What lstat(2) tells; nil if nothing can be found there.
  /// - Parameter path: with its zero.
  public static func status(_ path: [UInt8]) -> stat? {
    var status = stat()
    let result = try? with(path) { fstatat($0, $1, &status, AT_SYMLINK_NOFOLLOW) }
    return result == 0 ? status : nil
  }
}
