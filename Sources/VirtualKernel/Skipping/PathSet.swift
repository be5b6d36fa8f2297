import CLinux

/// A path as a key. Array's own hash takes a byte after the other, which costs a unit more than all else that it notes.
struct PathKey: Hashable {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

struct PathSet: ExpressibleByArrayLiteral {
  private var keys: Set<PathKey> = []

  init(arrayLiteral paths: [UInt8]...) { keys = Set(paths.map(PathKey.init)) }
  init(_ paths: some Sequence<[UInt8]>) { keys = Set(paths.map(PathKey.init)) }

  var isEmpty: Bool { keys.isEmpty }

  func contains(_ path: [UInt8]) -> Bool { !keys.isEmpty && keys.contains(PathKey(path)) }

  /// - Returns: whether it was not there.
  @discardableResult mutating func insert(_ path: [UInt8]) -> Bool { keys.insert(PathKey(path)).inserted }

  /// - Returns: whether it was there.
  @discardableResult mutating func remove(_ path: [UInt8]) -> Bool { keys.remove(PathKey(path)) != nil }

  func filter(_ body: ([UInt8]) -> Bool) -> [[UInt8]] { keys.compactMap { body($0.bytes) ? $0.bytes : nil } }
}

extension Collection<UInt8> {
  /// Whether these bytes stand in it.
  func contains(text: some Collection<UInt8>) -> Bool {
    func search(_ all: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer) -> Bool {
      guard let start = all.baseAddress, let first = part.baseAddress else { return part.isEmpty }
      return uwrx_memmem(start, all.count, first, part.count) != nil
    }
    func bytes<Text: Collection<UInt8>>(_ text: Text, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
      text.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) } ?? Array(text).withUnsafeBytes(body)
    }
    return bytes(self) { all in bytes(text) { search(all, $0) } }
  }
}
