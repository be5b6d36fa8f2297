/// What an `unrecorded` event tells: why a process that has run cannot be skipped later.
///
/// As bytes, version 1: a little-endian number of 8 bytes (the version), and two texts with a NUL between them.
public struct UnrecordedProcess: Sendable, Equatable {
  static let version: UInt64 = 1

  /// A sentence, in which `FILE` stands for the path where there is one: it is the same for all files.
  public var reason: String
  /// Empty where it is not about a file.
  public var path: [UInt8]

  public init(reason: String, path: [UInt8] = []) {
    self.reason = reason
    self.path = path
  }

  public var bytes: [UInt8] { EventFields.bytes([Self.version], [Array(reason.utf8), path]) }

  /// nil for what is none, or another version.
  public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let (numbers, texts) = EventFields.read(bytes, numbers: 1, texts: 2), numbers[0] == Self.version else {
      return nil
    }
    self.init(reason: String(decoding: texts[0], as: UTF8.self), path: texts[1])
  }

  /// The sentence about its path, in which hidden characters are escaped.
  public var text: [UInt8] {
    guard !path.isEmpty else { return Array(reason.utf8) }
    let parts = reason.split(separator: Self.placeholder, maxSplits: 1, omittingEmptySubsequences: false)
    return Array(parts[0].utf8) + Escaping.escape(path) + (parts.count > 1 ? Array(parts[1].utf8) : [])
  }

  public static let placeholder = "FILE"
}

extension UnrecordedProcess: ExpressibleByStringInterpolation {
  /// A path of the guest's in a sentence.
  public struct Path: Sendable {
    let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
  }

  public struct StringInterpolation: StringInterpolationProtocol {
    var reason = ""
    var path: [UInt8] = []

    public init(literalCapacity: Int, interpolationCount: Int) {}

    public mutating func appendLiteral(_ literal: String) { reason += literal }

    /// The path; there can be one.
    public mutating func appendInterpolation(_ path: Path) {
      reason += placeholder
      self.path = path.bytes
    }

    public mutating func appendInterpolation(_ value: some CustomStringConvertible) { reason += value.description }
  }

  public init(stringLiteral value: String) { self.init(reason: value) }

  public init(stringInterpolation: StringInterpolation) {
    self.init(reason: stringInterpolation.reason, path: stringInterpolation.path)
  }
}
