import NIOCore
import Network
import Tracing

/// What is told of a connection to the supervisor.
struct Report: Sendable {
  let control: ControlChannel
  let domain: Domain
  let port: UInt16
  /// The trace's own number of the process, or 0.
  let process: UInt32

  private func send(_ kind: EventKind, number: UInt32 = 0, _ text: String) {
    send(kind, number: number, Array(text.utf8))
  }

  private func send(_ kind: EventKind, number: UInt32, _ bytes: [UInt8]) {
    control.send(.record(kind: kind.rawValue, process: process, number: number, bytes))
  }

  var place: String { "\(domain.bracketed):\(port)" }

  func connected(_ number: UInt32, _ text: String) { send(.connection, number: number, text) }

  func ended(_ number: UInt32, sent: UInt64, received: UInt64) {
    let counts = [sent, received].flatMap { count in (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } }
    send(.connectionEnd, number: number, counts)
  }

  func exchanged(_ number: UInt32, _ exchanges: [HTTPExchange], _ scheme: HTTPConnection.Scheme) {
    control.send(
      exchanges.map {
        .record(kind: EventKind.request.rawValue, process: process, number: number, record(of: $0, scheme).bytes)
      })
    for refusal in exchanges.compactMap(\.refusal) { refused(refusal) }
  }

  private func record(of exchange: HTTPExchange, _ scheme: HTTPConnection.Scheme) -> RequestRecord {
    let isUsual = port == (scheme == .http ? 80 : 443)
    let host = isUsual ? domain.bracketed : place
    let target = exchange.target.hasPrefix("/") ? "\(scheme.rawValue)://\(host)\(exchange.target)" : exchange.target
    let now = NIODeadline.now()
    let ended = exchange.ended ?? now
    let duration = UInt64(clamping: (ended - exchange.began).nanoseconds)
    return RequestRecord(
      method: exchange.method, url: target, status: exchange.status, sent: exchange.requestBytes,
      received: exchange.responseBytes, duration: duration,
      age: UInt64(clamping: (now - ended).nanoseconds), isBrokenOff: !exchange.isComplete)
  }

  /// Records what is not.
  func isLetThrough(_ decision: NetworkPolicy.Decision, at address: IPAddress? = nil) -> Bool {
    guard let reason = reason(against: decision) else { return true }
    refused(reason, at: address)
    return false
  }

  /// - Returns: why it may not be reached, or nil if it may.
  func reason(against decision: NetworkPolicy.Decision) -> String? {
    switch decision {
    case .allowed: nil
    case .refused(let hint): "\(hint) lets it through"
    case .denied(let rule): "--deny \(rule) keeps it out"
    }
  }

  func noted(_ text: String, on number: UInt32) { send(.network, number: number, "\(place): \(text)") }

  /// Of a replay.
  func missed(line: String, on number: UInt32) { send(.miss, number: number, line) }

  func missed(_ what: String, on number: UInt32 = 0) { send(.miss, number: number, "\(place): \(what)") }

  /// - Parameter reason: a clause for the user, with what to do.
  func refused(_ reason: String, at address: IPAddress? = nil) {
    let address = address.map { ", which is at \($0)" } ?? ""
    send(.refusal, "\(place)\(address)\0\(reason)")
  }
}
