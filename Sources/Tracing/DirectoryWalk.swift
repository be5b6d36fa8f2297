import Glibc
import SystemPackage

/// All that is in a directory, however deep. A guest can move directories into deep ones until neither a path nor a stack reaches what is in
/// them: this goes from one to the next, and holds a bounded number of descriptors.
public enum DirectoryWalk {
  public struct Entry {
    /// From the directory of the walk on.
    public let path: [UInt8]
    public let status: stat
    /// What it is in.
    public let directory: Int32
    /// Its name there.
    public let name: UnsafePointer<CChar>
  }

  /// What becomes of what cannot be looked at or opened, or lies too deep.
  public enum Failure {
    case thrown
    case skipped
  }

  /// The paths of all that is in a chain of directories take the square of its length.
  public static let longestPath = 1 << 15
  private static let mostDescriptors = 64

  private struct Level {
    /// -1 while it is closed.
    var file: Int32
    let device: dev_t
    let inode: ino_t
    /// What is still to be visited, the next one last; each with its zero.
    var names: [[CChar]]
    /// How much of the path is the directory's own.
    let prefix: Int
  }

  /// Calls `body` with all that is in a directory, a directory before what is in it. No link is followed.
  /// - Parameters:
  ///   - directory: is closed here.
  ///   - isWanted: of the names in the directory itself, each with its zero.
  /// - Throws: what failed, unless that is skipped, `fileNameTooLong` for a path that is longer than `longestPath`,
  ///   `staleNFSFileHandle` if the tree is changed meanwhile, or what `body` throws.
  public static func forEach(
    in directory: Int32, failure: Failure = .thrown, isWanted: ([CChar]) -> Bool = { _ in true },
    _ body: (Entry) throws(Errno) -> Void
  ) throws(Errno) {
    var path: [UInt8] = []
    var levels = [try level(directory, prefix: 0)]
    defer { for level in levels where level.file >= 0 { close(level.file) } }
    levels[0].names.removeAll { !isWanted($0) }
    while let last = levels.indices.last {
      let file = levels[last].file
      path.removeSubrange(levels[last].prefix...)
      guard let name = levels[last].names.popLast() else {
        if last > 0, levels[last - 1].file < 0 { levels[last - 1].file = try open(levels[last - 1], above: file) }
        close(file)
        levels.removeLast()
        continue
      }
      if !path.isEmpty { path.append(UInt8(ascii: "/")) }
      path += name.dropLast().map { UInt8(bitPattern: $0) }
      var status = stat()
      var error: Errno?
      if path.count > longestPath {
        error = .fileNameTooLong
      } else if fstatat(file, name, &status, AT_SYMLINK_NOFOLLOW) < 0 {
        error = Errno(rawValue: errno)
      } else {
        try visit(path, status, file, name, body)
        guard status.st_mode & S_IFMT == S_IFDIR else { continue }
        let child = openat(file, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        do throws(Errno) {
          guard child >= 0 else { throw Errno(rawValue: errno) }
          levels.append(try level(child, prefix: path.count))
        } catch let failed { error = failed }
        let oldest = levels.count - 1 - mostDescriptors
        if oldest >= 0, levels[oldest].file >= 0 {
          close(levels[oldest].file)
          levels[oldest].file = -1
        }
      }
      if let error, failure == .thrown { throw error }
    }
  }

  private static func visit(
    _ path: [UInt8], _ status: stat, _ directory: Int32, _ name: [CChar], _ body: (Entry) throws(Errno) -> Void
  ) throws(Errno) {
    let result: Result<Void, Errno> = name.withUnsafeBufferPointer { name in
      do throws(Errno) {
        return .success(
          try body(Entry(path: path, status: status, directory: directory, name: name.baseAddress!)))
      } catch { return .failure(error) }
    }
    try result.get()
  }

  /// Closes the directory if it cannot be read.
  private static func level(_ directory: Int32, prefix: Int) throws(Errno) -> Level {
    do throws(Errno) {
      var status = stat()
      guard fstat(directory, &status) == 0 else { throw Errno(rawValue: errno) }
      return Level(
        file: directory, device: status.st_dev, inode: status.st_ino, names: try names(in: directory), prefix: prefix)
    } catch {
      close(directory)
      throw error
    }
  }

  private static func open(_ level: Level, above child: Int32) throws(Errno) -> Int32 {
    let file = openat(child, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_dev == level.device, status.st_ino == level.inode else {
      close(file)
      throw .staleNFSFileHandle
    }
    return file
  }

  /// The names in a directory, each with its zero and in no order, without `.` and `..`.
  public static func names(in directory: Int32) throws(Errno) -> [[CChar]] {
    // Of its own: what was read already is read again.
    let copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { throw Errno(rawValue: errno) }
    guard let stream = fdopendir(copy) else {
      let failure = Errno(rawValue: errno)
      close(copy)
      throw failure
    }
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
