/// A directory of one lower layer that is merged into a virtual directory.
package struct LowerDirectory {
  package var layer: Int
  /// Below the layer's root, without a leading slash.
  package var path: [UInt8]
  /// Where the virtual directory lies above the layer's destination: how many components of the destination lead to it.
  /// `nil` inside of the layer.
  package var prefixDepth: Int?
}

/// What a virtual directory knows beyond its inode.
final class Directory {
  /// Lower directories, the first wins.
  var lowers: [LowerDirectory]
  /// The children in the order of their cookies; a removed one leaves `.none`, so that the cookies of a listing
  /// that is being read stay true. A new name takes the place of a removed one, which readdir(3) may or may not show to who is
  /// in the middle of a listing.
  private(set) var children: [DentryID] = []
  private var vacant: [UInt32] = []
  /// In a run on which every machine is the same: the order in which they are listed; nil until somebody asks.
  var order: ListingOrder?
  /// All names of the lower layers are in the table: a name that is not found does not exist.
  var isComplete: Bool
  /// The directory exists in the run's layer or the store.
  var isUpper: Bool
  /// Children go to this store when they are created.
  var store: Backing
  /// Number of the virtual file system that children belong to.
  var fileSystem: UInt8
  /// What it is in the skeleton, nil if it is not there.
  var skeleton: HostIdentity? {
    didSet { lastSkeleton = skeleton ?? lastSkeleton }
  }
  /// What it was there last: a removed directory may still be someone's current one.
  private(set) var lastSkeleton: HostIdentity?
  /// Mounts in the skeleton that a removed directory was given since.
  private(set) var mounts: [HostIdentity] = []
  private(set) var liveChildren = 0
  /// Whiteouts stand in this directory on the host.
  var hasWhiteouts = false
  /// Negative dentries that must not be forgotten before the directory is.
  var negatives = DentryList()
  /// The names are made by the virtual /proc.
  var isProc = false

  /// It holds more than one directory of the host, or is not one at all.
  var isMerged: Bool {
    guard let first = lowers.first else { return false }
    return lowers.count > 1 || first.prefixDepth != nil || fileSystemRoot
  }
  /// The root of the tree: /tmp, /proc and the like are merged into it.
  var fileSystemRoot = false

  /// - Returns: the oldest mount, if there are more than `limit` now.
  func addMount(_ mount: HostIdentity, limit: Int) -> HostIdentity? {
    mounts.append(mount)
    return mounts.count > limit ? mounts.removeFirst() : nil
  }

  /// - Returns: the child's place.
  func insert(_ child: DentryID) -> UInt32 {
    liveChildren += 1
    order?.insert(child)
    if let slot = vacant.popLast() {
      children[Int(slot)] = child
      return slot
    }
    children.append(child)
    return UInt32(children.count - 1)
  }

  func remove(_ child: DentryID, at slot: UInt32) {
    guard slot < children.count, children[Int(slot)] == child else { return }
    children[Int(slot)] = .none
    vacant.append(slot)
    order?.remove(child)
    liveChildren -= 1
  }

  /// Gives all children new places in this order.
  func sort(by areInOrder: (DentryID, DentryID) -> Bool) {
    children.removeAll { $0 == .none }
    vacant = []
    children.sort(by: areInOrder)
  }

  init(lowers: [LowerDirectory], isComplete: Bool, isUpper: Bool, store: Backing, fileSystem: UInt8) {
    self.lowers = lowers
    self.isComplete = isComplete
    self.isUpper = isUpper
    self.store = store
    self.fileSystem = fileSystem
  }
}
