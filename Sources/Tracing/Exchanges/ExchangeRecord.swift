/// A request and its answer as they stand in a trace's `net/<domain>/requests/log` (``ExchangeLog``).
///
/// A record has a head: lines of a key, a tab and a value, of which the first is `exchange` with its number, those of ``ExchangeMeta`` follow, and the last tell
/// how many bytes each part has (``Part``), or `file` for a body in a file of its own, `requests/<n>.request-body` or `requests/<n>.response-body`. Then there
/// are an empty line, the parts one after the other in the order of their lines, and a line feed. A part without a line is not there.
package struct ExchangeRecord: Sendable {
  package enum Part: String, CaseIterable, Sendable {
    case request
    case requestBody = "request-body"
    case interim
    case response
    case responseBody = "response-body"
    case turns

    /// Whether it may have a file of its own.
    var isBody: Bool { self == .requestBody || self == .responseBody }
  }

  package enum Place: Equatable, Sendable {
    /// Bytes of the log.
    case log(Range<Int>)
    /// A file of its own.
    case file
  }

  /// Of the domain's exchanges, in the order in which they began: 1, 2, …
  package let number: Int
  package let meta: ExchangeMeta
  /// In the order of `Part.allCases`.
  private let places: [Place?]

  /// The most that a head may take.
  package static let longestHead = 4096
  private static let firstKey = "exchange"

  package func place(of part: Part) -> Place? { places[part.index] }

  /// The name of a body's own file in `requests`.
  package func fileName(of part: Part) -> String { "\(number).\(part.rawValue)" }

  // MARK: Writing

  /// Appends a head.
  /// - Parameter sizes: in the order of the parts; nil for a body in a file of its own.
  package static func append(
    _ number: UInt64, _ meta: ExchangeMeta, _ sizes: [(part: Part, size: Int?)], to bytes: inout [UInt8]
  ) {
    append("exchange", number, to: &bytes)
    meta.append(to: &bytes)
    for (part, size) in sizes {
      bytes += part.rawValue.utf8
      bytes.append(0x09)
      if let size { appendDigits(UInt64(size), to: &bytes) } else { bytes += "file".utf8 }
      bytes.append(0x0a)
    }
    bytes.append(0x0a)
  }

  static func append(_ key: StaticString, _ value: UInt64, to bytes: inout [UInt8]) {
    key.withUTF8Buffer { bytes += $0 }
    bytes.append(0x09)
    appendDigits(value, to: &bytes)
    bytes.append(0x0a)
  }

  static func append(_ key: StaticString, _ value: [UInt8], to bytes: inout [UInt8]) {
    key.withUTF8Buffer { bytes += $0 }
    bytes.append(0x09)
    bytes += value
    bytes.append(0x0a)
  }

  private static func appendDigits(_ value: UInt64, to bytes: inout [UInt8]) {
    let start = bytes.count
    var rest = value
    repeat {
      bytes.append(0x30 + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }

  // MARK: Reading

  /// - Parameters:
  ///   - head: with the empty line.
  ///   - offset: of the head in the log.
  /// - Throws: what is wrong with it. Each key stands in it once.
  init(parsing head: ArraySlice<UInt8>, at offset: Int) throws(ExchangeFormatError) {
    var values: [String: String] = [:]
    var sizes: [(part: Part, size: Int?)] = []
    let lines = head.dropLast(2).split(separator: 0x0a, omittingEmptySubsequences: false)
    for (place, line) in lines.enumerated() {
      guard let tab = line.firstIndex(of: 0x09) else { throw ExchangeFormatError("a line of its head has no tab") }
      let key = String(decoding: line[..<tab], as: UTF8.self)
      let value = String(decoding: line[(tab + 1)...], as: UTF8.self)
      guard (key == Self.firstKey) == (place == 0), values.updateValue(value, forKey: key) == nil else {
        throw ExchangeFormatError("its head has \(place == 0 ? "no number" : "a key twice")")
      }
      guard let part = Part(rawValue: key) else { continue }
      guard sizes.last.map({ $0.part.index < part.index }) ?? true else {
        throw ExchangeFormatError("its parts have another order")
      }
      if value == "file", part.isBody {
        sizes.append((part, nil))
      } else {
        guard value.utf8.count <= Self.longestSize, let size: Int = Self.number(value) else {
          throw ExchangeFormatError("it does not say how long its \(key) is")
        }
        sizes.append((part, size))
      }
    }
    guard let number: Int = values[Self.firstKey].flatMap({ Self.number($0) }), number > 0 else {
      throw ExchangeFormatError("its head has no number")
    }
    self.number = number
    meta = try ExchangeMeta(values)
    var places = [Place?](repeating: nil, count: Part.allCases.count)
    var end = offset + head.count
    for (part, size) in sizes {
      places[part.index] = size.map { .log(end..<end + $0) } ?? .file
      end += size ?? 0
    }
    self.places = places
    self.end = end + 1
  }

  /// Decimal digits of a part's size: so many of each make no number that is too large.
  private static let longestSize = 17
  private static let longestNumber = 20

  /// Where the next record begins.
  package let end: Int

  static func number<Number: FixedWidthInteger>(_ text: String) -> Number? {
    guard text.utf8.count <= longestNumber, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Number(text)
  }
}

extension ExchangeRecord.Part {
  fileprivate var index: Int {
    switch self {
    case .request: 0
    case .requestBody: 1
    case .interim: 2
    case .response: 3
    case .responseBody: 4
    case .turns: 5
    }
  }
}
