import CLinux
import Glibc

/// What setxattr(2) has set of the attributes that a user may set (xattr(7)).
public enum UserAttributes {
  private static let prefix = "user.".utf8.map { CChar(bitPattern: $0) }
  /// XATTR_SIZE_MAX
  private static let largest = 1 << 16

  /// - Parameter path: with its zero; a link at its end is not followed.
  /// - Returns: values by name, nil for one that cannot be read; nothing where the file system keeps none; nil if the names cannot be read.
  public static func all(of path: [CChar]) -> [[UInt8]: [UInt8]?]? {
    // Most have none.
    let size = llistxattr(path, nil, 0)
    if size <= 0 { return size == 0 || errno == ENOTSUP ? [:] : nil }
    var names = [CChar](repeating: 0, count: size)
    let count = llistxattr(path, &names, names.count)
    guard count >= 0 else { return nil }
    var all: [[UInt8]: [UInt8]?] = [:]
    var value = [UInt8](repeating: 0, count: largest)
    for name in names[..<count].split(separator: 0) where name.starts(with: prefix) {
      let length = value.withUnsafeMutableBytes { lgetxattr(path, Array(name) + [0], $0.baseAddress, $0.count) }
      all[name.map { UInt8(bitPattern: $0) }] = .some(length < 0 ? nil : Array(value.prefix(length)))
    }
    return all
  }
}
