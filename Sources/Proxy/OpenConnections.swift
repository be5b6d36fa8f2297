import Glibc
import NIOCore
import Synchronization

/// The connections that are open, how many there may be, and their end at the end of the run.
final class OpenConnections: Sendable {
  /// As many as there are descriptors for: of both ends, of what is recorded of them, and of what else the proxy has open.
  private let most: Int
  private static let descriptorsOfOne = 6
  private static let otherDescriptors = 128

  /// A program may have as many descriptors as the user's hard limit says; what is given at the start is for select(2).
  static func raiseLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private struct State {
    var channels: [UInt32: [any Channel]] = [:]
  }

  private let state = Mutex(State())
  private let numbers: SharedNumber

  init(numbers: SharedNumber) {
    self.numbers = numbers
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let descriptors = Int(clamping: limit.rlim_cur) - Self.otherDescriptors
    most = max(1, descriptors / Self.descriptorsOfOne)
  }

  /// - Parameter pending: connections that are being made.
  func hasRoom(beside pending: Int) -> Bool { state.withLock { $0.channels.count + pending < most } }

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
