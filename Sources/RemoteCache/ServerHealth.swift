import Skipping

/// Whether the server is asked any more: one that fails costs time, and a run does not wait for it for long.
package final class ServerHealth: Sendable {
  package enum Use: Sendable { case reading, writing }

  private struct State {
    /// One after another.
    var failures = 0
    /// Nanoseconds that failures have taken.
    var lost: Int64 = 0
    var all = 0
    var reason = ""
    var isOut = false
  }

  private let reading = Monitor(State())
  private let writing = Monitor(State())

  private static let mostFailures = 3
  private static let mostLost: Int64 = 10_000_000_000

  package init() {}

  private func state(_ use: Use) -> Monitor<State> { use == .reading ? reading : writing }

  /// - Throws: what `body` throws, or at once why the server is left out.
  package func attempt<Result>(_ use: Use, _ body: () throws(CacheFailure) -> Result) throws(CacheFailure) -> Result {
    let out = state(use).withLock { $0.isOut ? $0.reason : nil }
    if let out { throw CacheFailure(out) }
    let began = monotonicTime()
    do throws(CacheFailure) {
      let result = try body()
      state(use).withLock { $0.failures = 0 }
      return result
    } catch {
      let failure = error
      state(use).withLock { state in
        state.all += 1
        state.failures += failure.isOfOne ? 0 : 1
        state.lost += failure.isOfOne ? 0 : monotonicTime() - began
        // Who waited for it when it was left out has no other reason.
        if !state.isOut { state.reason = failure.reason }
        state.isOut =
          state.isOut || failure.isFinal || state.failures >= Self.mostFailures || state.lost >= Self.mostLost
      }
      throw error
    }
  }

  /// What the user is to know of reading. That something was not written is told by who counts that.
  package func report(_ address: CacheAddress) -> [String] {
    reading.withLock { state in
      let name = "the shared cache at \(address.scheme)://\(address.authority)"
      if state.isOut { return ["\(name) was left out: \(state.reason)"] }
      if state.all == 0 { return [] }
      return ["\(name) has failed \(state.all == 1 ? "once" : "\(state.all) times"): \(state.reason)"]
    }
  }
}
