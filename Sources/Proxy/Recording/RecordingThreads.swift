import Glibc
import NIOPosix
import Synchronization

/// The threads that write what is recorded.
public final class RecordingThreads: Sendable {
  private let pool: NIOThreadPool
  private let running = Atomic(0)

  /// - Parameter pool: that runs when the first connection has come, and for as long as the process does.
  public init(_ pool: NIOThreadPool) { self.pool = pool }

  func run(_ body: @escaping @Sendable () -> Void) {
    running.add(1, ordering: .sequentiallyConsistent)
    pool.submit { [self] _ in
      body()
      running.subtract(1, ordering: .sequentiallyConsistent)
    }
  }

  /// Waits until all is written, however long the disk takes. Whoever brings something has ended.
  func finish() { while running.load(ordering: .sequentiallyConsistent) > 0 { usleep(1_000) } }
}
