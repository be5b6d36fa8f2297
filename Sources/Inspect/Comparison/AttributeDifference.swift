import Glibc
import Tracing

/// What a file has beside its contents.
struct FileAttributes {
  var mode: UInt32
  /// nil where the trace does not tell.
  var user: UInt32?
  var group: UInt32?
  /// How many names it has.
  var names: UInt32
}

enum AttributeDifference {
  /// - Parameters: nil for a version that is not kept.
  static func findings(_ first: FileAttributes?, _ second: FileAttributes?) -> [ContentFinding] {
    guard let first, let second else { return [] }
    let pairs: [(name: String, first: UInt32?, second: UInt32?, radix: Int)] = [
      ("mode", first.mode, second.mode, 8), ("user", first.user, second.user, 10),
      ("group", first.group, second.group, 10), ("number of names", first.names, second.names, 10),
    ]
    return pairs.compactMap { pair in
      guard let one = pair.first, let other = pair.second, one != other else { return nil }
      func field(_ value: UInt32) -> [UInt8] { Anatomy.Field(pair.name, value, radix: pair.radix).value }
      return ContentFinding(place: [], kind: .field(name: pair.name, first: field(one), second: field(other)))
    }
  }
}

extension RunFiles {
  /// - Returns: nil if the version is not kept, or the run has not ended.
  func attributes(ofVersion version: UInt32, at path: PathTable.ID) -> FileAttributes? {
    guard let index = layerIndex else { return nil }
    if let line = index[Array(history.paths.path(of: path).drop { $0 == UInt8(ascii: "/") })] {
      return FileAttributes(mode: line.mode & 0o7777, user: line.uid, group: line.gid, names: line.links)
    }
    guard let file = file(ofVersion: version, at: path) else { return nil }
    var status = stat()
    guard lstat(file.map { CChar(bitPattern: $0) }, &status) == 0 else { return nil }
    // Whose it is the first line of the index says for all.
    return FileAttributes(mode: status.st_mode & 0o7777, names: UInt32(status.st_nlink))
  }
}
