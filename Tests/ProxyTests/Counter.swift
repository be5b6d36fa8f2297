import Synchronization

/// Counts from 0.
final class Counter: Sendable {
  private let value = Mutex(0)

  func next() -> Int {
    value.withLock {
      defer { $0 += 1 }
      return $0
    }
  }
}
