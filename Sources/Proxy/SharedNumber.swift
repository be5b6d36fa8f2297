import Glibc
import Synchronization

/// A number that counts on whatever becomes of the process that counts: what a proxy's successor numbers does not begin again.
///
/// Its memory is shared with the processes that are forked after it was made.
final class SharedNumber: Sendable {
  nonisolated(unsafe) private let value: UnsafeMutablePointer<Atomic<UInt64>>

  init() {
    let page = mmap(nil, MemoryLayout<UInt64>.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let page, page != MAP_FAILED else { fatalError("out of memory") }
    value = page.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    value.initialize(to: Atomic(0))
  }

  deinit { munmap(value, MemoryLayout<UInt64>.size) }

  var current: UInt64 { value.pointee.load(ordering: .relaxed) }

  /// The first is 1.
  func next() -> UInt64 { value.pointee.add(1, ordering: .relaxed).newValue }
}
