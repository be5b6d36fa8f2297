/// What a `lookUp` event tells: a question for a name and its answer. As bytes, the three with a NUL between them.
public struct LookUpRecord: Sendable, Equatable {
  public var name: String
  /// What was asked for: `A`, `MX`.
  public var type: String
  /// The address that the guest was given, or what else came of it.
  public var answer: String

  public init(name: String, type: String, answer: String) {
    self.name = name
    self.type = type
    self.answer = answer
  }

  public var bytes: [UInt8] { Array("\(name)\0\(type)\0\(answer)".utf8) }

  /// nil for what is none.
  public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    let parts = bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    guard parts.count == 3 else { return nil }
    (name, type, answer) = (parts[0], parts[1], parts[2])
  }

  /// `example.org A 127.1.2.3`
  public var text: String { "\(name) \(type) \(answer)" }
}
