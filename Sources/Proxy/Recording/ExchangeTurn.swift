/// How much of an answer had come when the guest had said so much, where the answer began before the request had ended.
///
/// What the guest was given after it had said `said` bytes, it had said so many without. So a replay that gives it then gives it in time.
struct ExchangeTurn: Hashable, Sendable {
  /// Bytes of the request's body.
  var said: Int
  /// Bytes of the answer's body.
  var given: Int
  /// The answer had ended.
  var isLast: Bool

  /// What comes after so many waits for the end of the request.
  static let most = 1 << 16
  /// The most that a file of them may take.
  static let longest = 4 << 20

  var line: [UInt8] { Array("\(said)\t\(given)\(isLast ? "\tend" : "")\n".utf8) }

  /// - Returns: nil for what is not rising.
  static func parse(_ bytes: [UInt8]) -> [ExchangeTurn]? {
    var turns: [ExchangeTurn] = []
    for line in bytes.split(separator: 0x0a) {
      let parts = line.split(separator: 0x09)
      guard parts.count == 2 || parts.count == 3 && parts[2].elementsEqual("end".utf8),
        let said = HTTPToken.number(parts[0]), let given = HTTPToken.number(parts[1]),
        turns.last.map({ $0.said < said && $0.given <= given && !$0.isLast }) ?? true, turns.count < most
      else { return nil }
      turns.append(ExchangeTurn(said: said, given: given, isLast: parts.count == 3))
    }
    return turns.isEmpty ? nil : turns
  }
}
