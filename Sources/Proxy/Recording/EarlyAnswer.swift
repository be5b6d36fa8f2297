import Tracing

/// A recorded exchange whose answer began before its request had ended, and the guest's request so far: the answer goes on as far as the guest has said
/// what was said in the recorded one.
struct EarlyAnswer {
  let entry: ExchangeRecord
  let reader: ExchangeReader
  private var turns: ArraySlice<ExchangeTurn>
  private let request: ReadableFile?
  private var said = 0
  /// Bytes of the answer's body that may be given.
  private(set) var given = 0
  /// All of the answer may be given.
  private(set) var isLast = false

  /// - Returns: nil if the request is another one.
  init?(_ entry: ExchangeRecord, _ reader: ExchangeReader, _ turns: [ExchangeTurn], after said: [UInt8]) {
    self.entry = entry
    self.reader = reader
    self.turns = turns[...]
    request = reader.requestBody(entry)
    guard isSame(said[...]) else { return nil }
  }

  /// The guest has said more.
  /// - Returns: whether it is what was recorded. After the end of what was recorded anything is: a request may have been cut off by its answer.
  mutating func isSame(_ bytes: ArraySlice<UInt8>) -> Bool {
    let recorded = (try? request?.read(bytes.count)) ?? []
    guard bytes.starts(with: recorded), recorded.count == bytes.count || isLast || turns.last?.isLast == true else {
      return false
    }
    said += bytes.count
    while let turn = turns.first, turn.said <= said {
      (given, isLast) = (turn.given, turn.isLast)
      turns.removeFirst()
    }
    return true
  }
}
