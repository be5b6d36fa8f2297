import Network
import Synchronization

/// Which process asked for a connection: the supervisor says who is about to connect where, and the request comes right after it.
///
/// Where several processes connect to one place at a moment they may be taken for one another; nothing but the record rests on it.
final class Diallers: Sendable {
  private struct Calls {
    var waiting: [Endpoint: [UInt32]] = [:]
    var count = 0
  }

  private let calls = Mutex(Calls())
  /// A process that connects again and again without a packet, as poll loops do, says so each time.
  private static let most = 4096

  func add(_ process: UInt32, to endpoint: Endpoint) {
    calls.withLock { calls in
      if calls.count >= Self.most { calls = Calls() }
      calls.waiting[endpoint, default: []].append(process)
      calls.count += 1
    }
  }

  /// - Returns: the process, or 0 if none has said so.
  func take(for endpoint: Endpoint) -> UInt32 {
    calls.withLock { calls in
      guard var waiting = calls.waiting[endpoint] else { return 0 }
      let process = waiting.removeFirst()
      calls.count -= 1
      calls.waiting[endpoint] = waiting.isEmpty ? nil : waiting
      return process
    }
  }
}
