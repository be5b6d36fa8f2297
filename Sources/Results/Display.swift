import Glibc
import Tracing

/// How paths are told.
enum Display {
  static func text(_ path: [UInt8]) -> String { String(decoding: Escaping.escape(path), as: UTF8.self) }

  /// Of the host: below the current directory as its user names it.
  static func path(_ path: [UInt8], from directory: [UInt8]?) -> [UInt8] {
    guard let directory, HostPlaces.isBelow(path, directory), path.count > directory.count else { return path }
    return Array(path.dropFirst(directory.count).drop { $0 == UInt8(ascii: "/") })
  }

  static var currentDirectory: [UInt8]? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))
  }
}
