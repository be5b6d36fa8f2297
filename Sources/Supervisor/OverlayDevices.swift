import Glibc
import Synchronization

/// What the files of overlay mounts are on: an overlay has a device number of its own for the files of each file system below it,
/// and leaves their inode numbers as they are.
///
/// Read by any thread, added to under the virtual kernel's lock.
final class OverlayDevices: Sendable {
  static let capacity = 128
  private struct Pair {
    var overlay: UInt64
    var below: UInt64
  }
  private nonisolated(unsafe) let pairs = UnsafeMutablePointer<Pair>.allocate(capacity: OverlayDevices.capacity)
  private let count = Atomic<Int>(0)

  deinit { pairs.deallocate() }

  /// The device that a file is on when it is not seen through an overlay.
  func device(behind device: UInt64) -> UInt64 {
    for index in 0..<count.load(ordering: .acquiring) where pairs[index].overlay == device {
      return pairs[index].below
    }
    return device
  }

  func resolve(_ status: inout stat) { status.st_dev = dev_t(device(behind: UInt64(status.st_dev))) }

  /// - Returns: false if there is no room left.
  func add(_ overlay: UInt64, below: UInt64) -> Bool {
    let index = count.load(ordering: .relaxed)
    guard index < Self.capacity else { return false }
    pairs[index] = Pair(overlay: overlay, below: below)
    count.store(index + 1, ordering: .releasing)
    return true
  }
}
