/// The lines of a head or of the fields after a body, one by one.
struct HTTPLines {
  private let bytes: [UInt8]
  private let allowsBareLineFeeds: Bool
  private var place = 0

  init(_ bytes: [UInt8], allowsBareLineFeeds: Bool) {
    self.bytes = bytes
    self.allowsBareLineFeeds = allowsBareLineFeeds
  }

  var isAtEnd: Bool { place == bytes.count }

  /// - Returns: where the next line is, without and with its end; nil for the empty line.
  /// - Throws: 400 for bytes that no line has, or a line without end.
  mutating func next() throws(HTTPFailure) -> (text: Range<Int>, line: Range<Int>)? {
    guard let feed = bytes[place...].firstIndex(of: 0x0a) else { throw HTTPFailure(400, "a line has no end") }
    var end = feed
    if end > place, bytes[end - 1] == 0x0d {
      end -= 1
    } else if !allowsBareLineFeeds {
      throw HTTPFailure(400, "a line ends in a line feed alone")
    }
    let text = place..<end
    if bytes[text].contains(where: { $0 == 0 || $0 == 0x0d }) {
      throw HTTPFailure(400, "a line has a NUL or a carriage return in it")
    }
    defer { place = feed + 1 }
    return text.isEmpty ? nil : (text, place..<feed + 1)
  }

  /// All fields up to the empty line.
  mutating func fields() throws(HTTPFailure) -> [HTTPHead.Field] {
    var fields: [HTTPHead.Field] = []
    while let (text, line) = try next() {
      // RFC 9112, 5.2: obsolete folding; 5.1: a space before the colon is how requests are smuggled.
      if HTTPToken.isSpace(bytes[text.lowerBound]) { throw HTTPFailure(400, "a field is folded over lines") }
      guard let colon = bytes[text].firstIndex(of: 0x3a), HTTPToken.isToken(bytes[text.lowerBound..<colon]) else {
        throw HTTPFailure(400, "a field has no proper name")
      }
      let value = HTTPToken.trimmed(bytes[colon + 1..<text.upperBound])
      fields.append(
        HTTPHead.Field(
          line: line, name: text.lowerBound..<colon, value: value.startIndex..<value.endIndex))
    }
    return fields
  }
}
