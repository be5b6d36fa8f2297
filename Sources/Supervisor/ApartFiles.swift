import Glibc
import Synchronization
import VirtualKernel

/// What the files that the guest's descriptors lead to are known by. An overlay has a device number of its own for the files of each
/// file system below it, and leaves their inode numbers as they are; a copy has both of its own.
///
/// Read by any thread, added to under the virtual kernel's lock.
final class ApartFiles: Sendable {
  static let capacity = 128
  private struct Pair {
    var overlay: UInt64
    var below: UInt64
  }
  private nonisolated(unsafe) let pairs = UnsafeMutablePointer<Pair>.allocate(capacity: ApartFiles.capacity)
  private let count = Atomic<Int>(0)
  private let hasCopies = Atomic<Bool>(false)
  private let originals = Mutex<[HostIdentity: HostIdentity]>([:])

  deinit { pairs.deallocate() }

  /// The device that a file is on when it is not seen through an overlay.
  func device(behind device: UInt64) -> UInt64 {
    for index in 0..<count.load(ordering: .acquiring) where pairs[index].overlay == device {
      return pairs[index].below
    }
    return device
  }

  /// What a file is known by when it is not opened apart.
  func identity(behind identity: HostIdentity) -> HostIdentity {
    let seen = HostIdentity(device: device(behind: identity.device), inode: identity.inode)
    guard hasCopies.load(ordering: .acquiring) else { return seen }
    return originals.withLock { $0[seen] } ?? seen
  }

  func resolve(_ status: inout stat) {
    let identity = identity(behind: HostIdentity(status))
    status.st_dev = dev_t(identity.device)
    status.st_ino = ino_t(identity.inode)
  }

  func add(copy: HostIdentity, of original: HostIdentity) {
    originals.withLock { $0[copy] = original }
    hasCopies.store(true, ordering: .releasing)
  }

  /// - Returns: false if there is no room left.
  func add(_ overlay: UInt64, below: UInt64) -> Bool {
    let index = count.load(ordering: .relaxed)
    guard index < Self.capacity else { return false }
    pairs[index] = Pair(overlay: overlay, below: below)
    count.store(index + 1, ordering: .releasing)
    return true
  }
}
