import SystemPackage

/// What one connection's exchanges are written of in one go, and who is told of that afterwards. Of one thread.
///
/// A write and a message for each exchange would cost more than the exchange.
final class RecordingBatch {
  /// More is written at once.
  private static let most = 256 << 10

  private var requests: RequestsDirectory?
  private var bytes: [UInt8] = []
  /// Where the last record begins among them.
  private var last = 0
  /// Told where its record begins in the log; with where that is among the bytes.
  private var kept: [(offset: Int, done: (Int) -> Void)] = []
  private var told: [HTTPExchange] = []
  /// Whose they are, and whom it tells.
  private var teller: (owner: ObjectIdentifier, tell: @Sendable ([HTTPExchange]) -> Void)?

  var isEmpty: Bool { bytes.isEmpty && told.isEmpty }
  var isFull: Bool { bytes.count >= Self.most }

  /// Adds a record to a log.
  func add(to requests: RequestsDirectory, _ append: (inout [UInt8]) -> Void) throws(Errno) {
    if self.requests !== requests { try flush() }
    self.requests = requests
    last = bytes.count
    append(&bytes)
  }

  /// - Parameter done: called when the last record is written, with where it begins.
  func whenWritten(_ done: @escaping (Int) -> Void) { kept.append((last, done)) }

  /// Has somebody told when what was added before is written.
  /// - Parameter owner: whose exchange it is, who tells of all of theirs by `tell`.
  func tell(
    _ exchange: HTTPExchange, of owner: ObjectIdentifier, _ tell: @escaping @Sendable ([HTTPExchange]) -> Void
  ) throws(Errno) {
    if let teller, teller.owner != owner { try flush() }
    teller = (owner, tell)
    told.append(exchange)
  }

  func flush() throws(Errno) {
    defer {
      bytes.removeAll(keepingCapacity: true)
      kept.removeAll(keepingCapacity: true)
      told.removeAll(keepingCapacity: true)
    }
    if !bytes.isEmpty, let requests {
      let start = try requests.append(bytes)
      for (offset, done) in kept { done(start + offset) }
    }
    if !told.isEmpty { teller?.tell(told) }
  }
}
