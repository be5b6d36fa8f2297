/// Index of a dentry; 0 is none.
struct DentryID: Hashable, BitwiseCopyable {
  var index: UInt32
  static let none = DentryID(index: 0)
}

/// A name in a directory. One without an inode is negative: the name is known not to exist.
struct Dentry: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    var rawValue: UInt8
    /// The name stands in a lower layer, whatever this run made of it.
    static let inLower = Flags(rawValue: 1)
    /// A whiteout stands at this name in the run's layer.
    static let whiteoutOnDisk = Flags(rawValue: 2)
    /// Something stands at this path of the skeleton.
    static let inSkeleton = Flags(rawValue: 16)
    /// Removed from its directory; kept as the path of an open file.
    static let unlinked = Flags(rawValue: 32)
    /// The name stands in the run's layer or the store, and leads to the inode there.
    static let inUpper = Flags(rawValue: 64)
  }

  /// The dentry itself for the root.
  var parent: DentryID
  var inode: InodeID
  var hash: UInt32
  var nameOffset: NameArena.Offset
  var nameLength: UInt16
  var flags: Flags
  /// Which of the lower directories of the parent holds the file, if one does.
  var lowerIndex: UInt8
  /// The next name of the same inode.
  var nextAlias: DentryID
  /// Position in the parent's list of children, which is its directory cookie.
  var slot: UInt32
  /// What events call this name; 0 if none has named it since it got its place.
  var node: UInt32 = 0
}
