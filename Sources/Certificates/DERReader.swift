import TrustStores

/// Reads the elements of DER one after the other, of bytes that anybody may have written. It holds no copy.
struct DERReader {
  struct Element {
    let tag: UInt8
    /// Tag, length and content.
    let whole: ArraySlice<UInt8>
    let content: ArraySlice<UInt8>

    var reader: DERReader { DERReader(content) }

    /// A number that is not negative and fits; nil for others.
    var number: Int? {
      guard tag == 0x02, let first = content.first, first < 0x80, content.count <= 8 else { return nil }
      return content.reduce(0) { $0 << 8 | Int($1) }
    }
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }
  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  /// The next element, of a tag where one is given.
  mutating func next(_ tag: UInt8? = nil, _ what: String) throws(TrustStoreError) -> Element {
    let start = rest.startIndex
    guard rest.count >= 2 else { throw .malformed("\(what) is missing") }
    // Tags above 30 have more bytes; none of the formats read here has one.
    guard rest[start] & 0x1f != 0x1f, tag == nil || rest[start] == tag else { throw .malformed("\(what) is not there") }
    var length = Int(rest[start + 1])
    var content = start + 2
    if length >= 0x80 {
      let count = length & 0x7f
      guard count > 0 else { throw .unsupported("\(what) of indefinite length (BER)") }
      guard count <= 4, rest.endIndex - content >= count else { throw .malformed("the length of \(what)") }
      length = rest[content..<(content + count)].reduce(0) { $0 << 8 | Int($1) }
      content += count
    }
    guard length <= rest.endIndex - content else { throw .malformed("\(what) is cut off") }
    let end = content + length
    defer { rest = rest[end...] }
    return Element(tag: rest[start], whole: rest[start..<end], content: rest[content..<end])
  }
}
