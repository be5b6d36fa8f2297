import NIOCore
import Network
import Synchronization

/// Which process asked for a connection: the supervisor says who is about to connect where, and the request comes right after it.
///
/// Where several processes connect to one place at a moment, the first is taken for the first: nothing but the record rests on it. Not each
/// that says so sends a request: some ask again and again whether they are connected. So who has said it long before is nobody if another has
/// said it since.
final class Diallers: Sendable {
  private struct Call {
    let process: UInt32
    let time: NIODeadline
  }

  private struct Calls {
    var waiting: [Endpoint: [Call]] = [:]
    var count = 0

    mutating func replace(_ rest: ArraySlice<Call>, of endpoint: Endpoint) {
      count -= (waiting[endpoint]?.count ?? 0) - rest.count
      waiting[endpoint] = rest.isEmpty ? nil : Array(rest)
    }
  }

  private let calls = Mutex(Calls())
  /// A process that connects again and again without a packet, as poll loops do, says so each time.
  private static let most = 4096
  /// From what is said to the request it is some hundred microseconds.
  static let moment = TimeAmount.milliseconds(100)

  func add(_ process: UInt32, to endpoint: Endpoint, at time: NIODeadline = .now()) {
    calls.withLock { calls in
      if calls.count >= Self.most { calls = Calls() }
      calls.waiting[endpoint, default: []].append(Call(process: process, time: time))
      calls.count += 1
    }
  }

  /// - Returns: the process, or 0 if none has said so.
  func take(for endpoint: Endpoint, at time: NIODeadline = .now()) -> UInt32 {
    calls.withLock { calls in
      guard let waiting = calls.waiting[endpoint] else { return 0 }
      let place = waiting.firstIndex { time - $0.time <= Self.moment } ?? waiting.count - 1
      calls.replace(waiting[(place + 1)...], of: endpoint)
      return waiting[place].process
    }
  }

  /// What a process that is known already has said once more.
  func forget(_ process: UInt32, for endpoint: Endpoint) {
    calls.withLock { calls in
      guard var waiting = calls.waiting[endpoint], let place = waiting.firstIndex(where: { $0.process == process })
      else { return }
      waiting.remove(at: place)
      calls.replace(waiting[...], of: endpoint)
    }
  }
}
