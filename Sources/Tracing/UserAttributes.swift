import CLinux
import Glibc

/// What setxattr(2) has set of the attributes that a user may set (xattr(7)).
public enum UserAttributes {
  /// By name; nil for a value that cannot be read.
  public typealias Values = [[UInt8]: [UInt8]?]

  private static let prefix = "user.".utf8.map { CChar(bitPattern: $0) }
  /// XATTR_SIZE_MAX
  private static let largest = 1 << 16

  /// - Parameter path: with its zero; a link at its end is not followed.
  /// - Returns: nothing where the file system keeps none; nil if the names cannot be read.
  public static func all(of path: [CChar]) -> Values? {
    all({ llistxattr(path, $0, $1) }, { lgetxattr(path, $0, $1, $2) })
  }

  /// The same of an open file.
  public static func all(of file: Int32) -> Values? {
    all({ flistxattr(file, $0, $1) }, { fgetxattr(file, $0, $1, $2) })
  }

  /// The same of a name in a directory; a link is not followed.
  public static func all(of name: UnsafePointer<CChar>, in directory: Int32) -> Values? {
    // There are no *at forms before Linux 6.13; a path below /proc/self/fd is one.
    let place = directory == AT_FDCWD ? [] : "/proc/self/fd/\(directory)/".utf8.map { CChar(bitPattern: $0) }
    return all(of: place + UnsafeBufferPointer(start: name, count: strlen(name) + 1))
  }

  private static func all(
    _ list: (UnsafeMutablePointer<CChar>?, Int) -> Int,
    _ get: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) -> Values? {
    // Most have none.
    let size = list(nil, 0)
    if size <= 0 { return size == 0 || errno == ENOTSUP ? [:] : nil }
    var names = [CChar](repeating: 0, count: size)
    let count = list(&names, names.count)
    guard count >= 0 else { return nil }
    var all: Values = [:]
    var value = [UInt8](repeating: 0, count: largest)
    for name in names[..<count].split(separator: 0) where name.starts(with: prefix) {
      let length = value.withUnsafeMutableBytes { get(Array(name) + [0], $0.baseAddress, $0.count) }
      all[name.map { UInt8(bitPattern: $0) }] = .some(length < 0 ? nil : Array(value.prefix(length)))
    }
    return all
  }
}
