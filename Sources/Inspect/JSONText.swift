import Tracing

/// Builds one line of JSON.
///
/// A name, argument or path is written as `Escaping` says and that as a JSON string: UTF-8 as it is, but a backslash, hidden
/// characters and bytes that are no UTF-8 as `\xHH`, whose backslash JSON doubles. Nothing is lost: whoever undoes both has the bytes.
package struct JSONText {
  package private(set) var bytes: [UInt8] = []

  package init() {}
  private var needsComma = false

  package mutating func clear() {
    bytes.removeAll(keepingCapacity: true)
    needsComma = false
  }

  private mutating func comma() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  package mutating func object(_ key: StaticString? = nil, _ body: (inout JSONText) -> Void) {
    nest(key, "{", "}", body)
  }
  package mutating func array(_ key: StaticString? = nil, _ body: (inout JSONText) -> Void) {
    nest(key, "[", "]", body)
  }

  private mutating func nest(
    _ key: StaticString?, _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONText) -> Void
  ) {
    self.key(key)
    bytes.append(UInt8(ascii: open))
    needsComma = false
    body(&self)
    bytes.append(UInt8(ascii: close))
    needsComma = true
  }

  private mutating func key(_ key: StaticString?) {
    comma()
    guard let key else { return }
    bytes.append(UInt8(ascii: "\""))
    bytes.append(contentsOf: UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
    bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
  }

  package mutating func number(_ key: StaticString? = nil, _ value: (some BinaryInteger)?) {
    self.key(key)
    if let value { appendDecimal(value, to: &bytes) } else { bytes.append(contentsOf: "null".utf8) }
  }

  /// Nanoseconds as milliseconds.
  package mutating func milliseconds(_ key: StaticString? = nil, _ nanoseconds: UInt64) {
    self.key(key)
    appendDecimal(nanoseconds / 1_000_000, to: &bytes)
    let fraction = "\(1_000_000 + nanoseconds % 1_000_000)".utf8.dropFirst()
    bytes.append(UInt8(ascii: "."))
    bytes.append(contentsOf: fraction)
  }

  /// Bytes as base64.
  package mutating func base64(_ key: StaticString? = nil, _ value: UnsafeBufferPointer<UInt8>) {
    self.key(key)
    bytes.append(UInt8(ascii: "\""))
    Base64.append(value, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  package mutating func flag(_ key: StaticString? = nil, _ value: Bool) {
    self.key(key)
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  /// A name of any bytes; nil is `null`.
  package mutating func string(_ key: StaticString? = nil, _ value: [UInt8]?) {
    self.key(key)
    guard let value else {
      bytes.append(contentsOf: "null".utf8)
      return
    }
    quote(Escaping.escape(value))
  }

  /// A word of uwrx's own.
  package mutating func string(_ key: StaticString? = nil, _ value: String) {
    self.key(key)
    quote(Array(value.utf8))
  }

  /// Text that may hold hidden characters, as JSON itself escapes them. It must be UTF-8.
  package mutating func text(_ key: StaticString? = nil, _ value: UnsafeBufferPointer<UInt8>) {
    self.key(key)
    quote(Array(value))
  }

  private mutating func quote(_ text: [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    Characters.decode(text) { scalar, raw in
      guard let scalar else { return bytes.append(raw) }
      switch scalar {
      case "\"", "\\":
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: scalar))
      case "\n": bytes.append(contentsOf: "\\n".utf8)
      case "\t": bytes.append(contentsOf: "\\t".utf8)
      case "\r": bytes.append(contentsOf: "\\r".utf8)
      case _ where Escaping.isHidden(scalar): for unit in UTF16.encode(scalar)! { escape(unit) }
      default: bytes.append(contentsOf: UTF8.encode(scalar)!)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ unit: UInt16) {
    bytes.append(contentsOf: "\\u".utf8)
    for shift in [12, 8, 4, 0] as [UInt16] { bytes.append(hexDigit(UInt8(unit >> shift & 15))) }
  }
}

private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

/// The digits of a number, without the way through a String.
func appendDecimal(_ value: some BinaryInteger, to bytes: inout [UInt8]) {
  if value < 0 { bytes.append(UInt8(ascii: "-")) }
  var rest = UInt64(value.magnitude)
  let start = bytes.count
  repeat {
    bytes.append(0x30 + UInt8(rest % 10))
    rest /= 10
  } while rest > 0
  bytes[start...].reverse()
}
