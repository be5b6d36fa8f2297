import Glibc
import NIOCore
import Synchronization

/// The connections that are open, and their end at the end of the run.
final class OpenConnections: Sendable {
  private struct State {
    var channels: [UInt32: [any Channel]] = [:]
  }

  private let state = Mutex(State())
  private let numbers: SharedNumber

  init(numbers: SharedNumber) { self.numbers = numbers }

  /// - Returns: the number of a new one.
  func add(_ channels: [any Channel]) -> UInt32 {
    let number = UInt32(truncatingIfNeeded: numbers.next())
    state.withLock { $0.channels[number] = channels }
    return number
  }

  func remove(_ number: UInt32) { state.withLock { _ = $0.channels.removeValue(forKey: number) } }

  /// Milliseconds that what the guest has sent may take to go out when it has ended, and that connections may take to close.
  private static let patience: UInt32 = 2_000

  /// Waits until all have ended; those that do not are closed.
  func end() {
    if waitForAll() { return }
    for channel in state.withLock({ $0.channels.values.flatMap(\.self) }) { channel.close(promise: nil) }
    _ = waitForAll()
  }

  private func waitForAll() -> Bool {
    for _ in 0..<Self.patience / 5 {
      if state.withLock({ $0.channels.isEmpty }) { return true }
      usleep(5_000)
    }
    return false
  }
}
