import Glibc
import Synchronization

/// Marks that stay whatever becomes of the process that sets them: what a proxy has given of a record, its successor does not give again.
///
/// Their memory is shared with the processes that are forked after they were made.
final class SharedMarks: Sendable {
  private nonisolated(unsafe) let memory: UnsafeMutablePointer<Atomic<UInt8>>
  private let count: Int

  init(_ count: Int) {
    self.count = max(1, count)
    let memory = mmap(nil, self.count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { fatalError("out of memory") }
    // They are zeros, which is what an atomic zero is.
    self.memory = memory.bindMemory(to: Atomic<UInt8>.self, capacity: self.count)
  }

  deinit { munmap(memory, count) }

  /// Sets a mark.
  func set(_ place: Int) { memory[place].store(1, ordering: .relaxed) }

  func isSet(_ place: Int) -> Bool { memory[place].load(ordering: .relaxed) != 0 }
}
