import CLinux
import Glibc
import SystemPackage

/// A NUL-terminated path under construction, in storage that is allocated once.
public struct PathBuffer: ~Copyable {
  private static var capacity: Int { PATH_MAX + 1 }
  private let storage: UnsafeMutablePointer<CChar>
  private var start: Int
  private var end: Int

  init() {
    storage = .allocate(capacity: Self.capacity)
    start = 0
    end = 0
    storage[0] = 0
  }

  deinit { storage.deallocate() }

  var cString: UnsafePointer<CChar> { UnsafePointer(storage + start) }
  var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(
      start: UnsafeRawPointer(storage + start).assumingMemoryBound(to: UInt8.self), count: end - start)
  }

  /// Empty, to be filled from the front.
  mutating func clear() {
    start = 0
    end = 0
    storage[0] = 0
  }

  /// Empty, to be filled from the back: a dentry knows its parent, not its children.
  mutating func clearForPrepending() {
    start = Self.capacity - 1
    end = start
    storage[start] = 0
  }

  /// - Throws: `.fileNameTooLong` beyond PATH_MAX.
  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) throws(Errno) {
    guard end + bytes.count + 1 < Self.capacity else { throw .fileNameTooLong }
    if let base = bytes.baseAddress { memcpy(storage + end, base, bytes.count) }
    end += bytes.count
    storage[end] = 0
  }

  /// - Throws: `.fileNameTooLong` beyond PATH_MAX.
  public mutating func append(_ bytes: [UInt8]) throws(Errno) {
    guard end + bytes.count + 1 < Self.capacity else { throw .fileNameTooLong }
    copy(bytes)
  }

  private mutating func copy(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { memcpy(storage + end, base, source.count) }
    }
    end += bytes.count
    storage[end] = 0
  }

  /// Appends a slash and a path; nothing if that is empty.
  /// - Throws: `.fileNameTooLong` beyond PATH_MAX.
  public mutating func append(below path: UnsafePointer<CChar>) throws(Errno) {
    guard path[0] != 0 else { return }
    guard end + 1 < Self.capacity else { throw .fileNameTooLong }
    storage[end] = CChar(UInt8(ascii: "/"))
    end += 1
    try append(
      UnsafeBufferPointer(start: UnsafeRawPointer(path).assumingMemoryBound(to: UInt8.self), count: strlen(path)))
  }

  /// Appends a slash, unless the path is empty, and a name.
  mutating func appendComponent(_ name: UnsafeBufferPointer<UInt8>) throws(Errno) {
    guard end + name.count + 2 < Self.capacity else { throw .fileNameTooLong }
    if end > start {
      storage[end] = CChar(UInt8(ascii: "/"))
      end += 1
    }
    try append(name)
  }

  mutating func prependComponent(_ name: UnsafeBufferPointer<UInt8>) throws(Errno) {
    let separator = end > start ? 1 : 0
    guard start - name.count - separator >= 1 else { throw .fileNameTooLong }
    if separator == 1 {
      start -= 1
      storage[start] = CChar(UInt8(ascii: "/"))
    }
    start -= name.count
    if let base = name.baseAddress { memcpy(storage + start, base, name.count) }
  }

  mutating func prependSlash() {
    start -= 1
    storage[start] = CChar(UInt8(ascii: "/"))
  }
}
