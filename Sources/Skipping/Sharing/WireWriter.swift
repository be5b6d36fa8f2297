/// Fields of a message one after another: numbers of eight bytes, the least significant first, and bytes with their count before them.
package struct WireWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func add(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: UInt64(truncatingIfNeeded: number).littleEndian) { bytes += $0 }
  }

  package mutating func add(_ part: some Collection<UInt8>) {
    add(part.count)
    bytes += part
  }

  package mutating func add(_ parts: [[UInt8]]) {
    add(parts.count)
    for part in parts { add(part) }
  }

  package mutating func add(_ name: ContentName) {
    add(name.digest)
    add(name.size)
  }
}

/// Takes fields from the front of a message. What is not there is nil, and so is what follows.
package struct WireReader {
  private var rest: ArraySlice<UInt8>

  package init(_ bytes: [UInt8]) { rest = bytes[...] }

  package var isAtEnd: Bool { rest.isEmpty }

  package mutating func number() -> Int64? {
    guard rest.count >= 8 else { return nil }
    let value = rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    rest = rest.dropFirst(8)
    return Int64(bitPattern: value)
  }

  package mutating func bytes() -> [UInt8]? {
    guard let count = number(), count >= 0, count <= rest.count else { return nil }
    let bytes = Array(rest.prefix(Int(count)))
    rest = rest.dropFirst(Int(count))
    return bytes
  }

  /// `count` of whatever `next` takes: each is a byte at least.
  package mutating func list<Element>(_ next: (inout WireReader) -> Element?) -> [Element]? {
    guard let count = number(), count >= 0, count <= rest.count else { return nil }
    var list: [Element] = []
    for _ in 0..<count {
      guard let element = next(&self) else { return nil }
      list.append(element)
    }
    return list
  }

  package mutating func digest() -> [UInt8]? { bytes().flatMap { $0.count == 32 ? $0 : nil } }

  package mutating func name() -> ContentName? {
    guard let digest = digest(), let size = number(), size >= 0 else { return nil }
    return ContentName(digest: digest, size: size)
  }
}
