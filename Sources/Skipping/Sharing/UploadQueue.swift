import SystemPackage

/// What is to be uploaded: a thread of its own does it, while the build goes on.
final class UploadQueue: Sendable {
  struct Upload: Sendable {
    let key: [UInt8]
    let hint: RecordHint
    /// Of the record, which is in the directory.
    let digest: [UInt8]
    let started: StartedCommand?
  }

  private struct State {
    var waiting: [Upload] = []
    var isBusy = false
    var isEnding = false
    var hasEnded = true
    /// What did not reach the server.
    var lost = 0
    var reason: String?
  }

  private let state = Monitor(State())
  /// What is waiting beyond these is not uploaded.
  private static let mostWaiting = 2048

  /// - Parameters:
  ///   - start: makes a thread of a function; false if there can be none.
  ///   - upload: uploads, or tells why it cannot.
  func start(_ start: (@escaping @Sendable () -> Void) -> Bool, upload: @escaping @Sendable (Upload) -> String?) -> Bool
  {
    state.withLock { $0.hasEnded = false }
    let isStarted = start { [state] in
      while let next = state.wait({ state -> Upload?? in
        if !state.waiting.isEmpty, !state.isEnding {
          state.isBusy = true
          return .some(state.waiting.removeFirst())
        }
        return state.isEnding ? .some(nil) : nil
      })?.flatMap({ $0 }) {
        let failure = upload(next)
        state.withLock { state in
          state.isBusy = false
          guard let failure else { return }
          state.lost += 1
          state.reason = failure
        }
      }
      state.withLock { $0.hasEnded = true }
    }
    if !isStarted { state.withLock { $0.hasEnded = true } }
    return isStarted
  }

  func add(_ upload: Upload) {
    state.withLock { state in
      if state.hasEnded || state.waiting.count >= Self.mostWaiting {
        state.lost += 1
        state.reason = state.reason ?? (state.hasEnded ? nil : "there was too much at a time")
      } else {
        state.waiting.append(upload)
      }
    }
  }

  /// Waits for what is to be uploaded.
  /// - Parameters:
  ///   - deadline: of the monotonic clock.
  ///   - cut: makes the upload fail that goes on.
  /// - Returns: how much was not uploaded, and why.
  func finish(by deadline: Int64, cut: () -> Void) -> (lost: Int, reason: String?) {
    let isDone = state.wait(until: deadline) { $0.hasEnded || $0.waiting.isEmpty && !$0.isBusy ? true : nil } != nil
    state.withLock { state in
      state.isEnding = true
      if !isDone {
        state.lost += state.waiting.count
        state.reason = "the time for it was over"
        state.waiting = []
      }
    }
    if !isDone { cut() }
    _ = state.wait { $0.hasEnded ? true : nil }
    return state.withLock { ($0.lost, $0.reason) }
  }
}
