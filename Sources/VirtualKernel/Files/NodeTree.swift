import CLinux
import Glibc
import SystemPackage

/// How many names that do not exist are remembered; beyond it a miss asks the host each time, so that a guest cannot
/// grow the supervisor by asking for names.
private let negativeLimit = 200_000

/// The names of the tree and the inodes that they lead to, in memory alone: nothing here asks a layer or the host.
///
/// A class, because a struct of this size that cannot be copied is still handed over by value to each call that only reads it, and there is
/// such a call for every component of every path. For that reason, too, the run-time check of exclusive access is left out: nothing here calls
/// what could come back.
final class NodeTree {
  /// A dentry whose parent is itself.
  let root: DentryID
  @exclusivity(unchecked) private var dentries = DentryTable()
  @exclusivity(unchecked) private var inodes = Arena<Inode>()
  @exclusivity(unchecked) private var directories: [Directory?] = [nil]
  private var freeDirectories: [UInt32] = []
  @exclusivity(unchecked) private var linkTargets: [UnsafeMutableBufferPointer<UInt8>] = [.init(start: nil, count: 0)]
  private var freeLinkTargets: [UInt32] = []
  /// Names that are known not to exist; only so many are remembered.
  private var negativeCount = 0
  /// Inode numbers of files that do not stand at the name that they were made of.
  private var movedNumbers: Set<UInt64> = []
  private var path = PathBuffer()

  init() {
    root = dentries.insert(.none, UnsafeBufferPointer(start: nil, count: 0))
    dentries[root].pointee.parent = root
  }

  deinit {
    for target in linkTargets { target.deallocate() }
  }

  /// How much is kept, for tests of what names that come and go leave behind.
  var counts: (inodes: Int, children: Int, negatives: Int, negativeNames: Int, movedNumbers: Int) {
    let known = directories.compactMap { $0 }
    return (
      inodes.count, known.reduce(0) { $0 + $1.children.count }, known.reduce(0) { $0 + $1.negatives.entries.count },
      negativeCount, movedNumbers.count
    )
  }
}

// Names.
extension NodeTree {
  /// Valid until the dentry is freed.
  subscript(dentry: DentryID) -> UnsafeMutablePointer<Dentry> {
    @inline(__always) get { dentries[dentry] }
  }

  @inline(__always)
  func name(of dentry: DentryID) -> UnsafeBufferPointer<UInt8> { dentries.name(of: dentry) }

  @inline(__always)
  func hash(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> UInt32 { dentries.hash(parent, name) }

  /// - Returns: `.none` for a name that is not in the table; whether there is such a file the layers know.
  func find(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> DentryID { dentries.find(parent, name) }

  /// A name without an inode. It must not be in the table.
  func insert(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> DentryID { dentries.insert(parent, name) }

  /// Takes the dentry out of the look-up but keeps it: an open file still names it.
  func unhash(_ dentry: DentryID) { dentries.unhash(dentry) }

  /// Gives an unhashed dentry a new place and name.
  func rehash(_ dentry: DentryID, _ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) {
    dentries.rehash(dentry, parent, name)
  }

  /// Frees an unhashed dentry.
  func free(_ dentry: DentryID) { dentries.free(dentry) }
}

// Names that are known not to exist.
extension NodeTree {
  /// - Returns: `.none` if too many are remembered.
  func insertMissing(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> DentryID {
    guard negativeCount < negativeLimit else { return .none }
    let negative = insertUnborn(parent, name)
    remember(negative: negative, in: parent)
    return negative
  }

  /// A name that is about to be a file's.
  func insertUnborn(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> DentryID {
    negativeCount += 1
    return dentries.insert(parent, name)
  }

  /// One of the names that did not exist does so now, or is forgotten.
  func didUseNegative() { negativeCount -= 1 }

  /// A whiteout takes the place of a name that is about to go.
  func insertWhiteout(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) {
    let negative = dentries.insert(parent, name)
    dentries[negative].pointee.flags = [.inLower, .whiteoutOnDisk]
    remember(negative: negative, in: parent)
  }

  /// A name of the directory that is known not to exist.
  private func remember(negative: DentryID, in parent: DentryID) {
    directory(of: parent).negatives.append(negative) {
      dentries[$0].pointee.parent == parent && dentries[$0].pointee.inode == .none
    }
  }
}

// Inodes and what they have beside them.
extension NodeTree {
  /// Valid until the inode is released.
  subscript(inode: InodeID) -> UnsafeMutablePointer<Inode> {
    @inline(__always) get { inodes[inode.index] }
  }

  @inline(__always)
  func inode(of dentry: DentryID) -> UnsafeMutablePointer<Inode> {
    inodes[dentries[dentry].pointee.inode.index]
  }

  func insert(_ inode: Inode) -> InodeID { InodeID(index: inodes.insert(inode)) }

  @inline(__always)
  func directory(of dentry: DentryID) -> Directory {
    directories[Int(inode(of: dentry).pointee.side)].unsafelyUnwrapped
  }

  /// - Returns: nil for a directory that has been released.
  func directory(of inode: UnsafeMutablePointer<Inode>) -> Directory? { directories[Int(inode.pointee.side)] }

  func setDirectory(_ directory: Directory, of inode: UnsafeMutablePointer<Inode>) {
    if let index = freeDirectories.popLast() {
      directories[Int(index)] = directory
      inode.pointee.side = index
    } else {
      directories.append(directory)
      inode.pointee.side = UInt32(directories.count - 1)
    }
  }

  func linkTarget(of inode: UnsafeMutablePointer<Inode>) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(linkTargets[Int(inode.pointee.side)])
  }

  func setLinkTarget(_ bytes: UnsafeBufferPointer<UInt8>, of inode: UnsafeMutablePointer<Inode>) {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = copy.initialize(from: bytes)
    if let index = freeLinkTargets.popLast() {
      linkTargets[Int(index)] = copy
      inode.pointee.side = index
    } else {
      linkTargets.append(copy)
      inode.pointee.side = UInt32(linkTargets.count - 1)
    }
  }

  /// Frees an inode without names, and what it has beside it.
  func release(_ id: InodeID) {
    let record = inodes[id.index]
    switch record.pointee.kind {
    case .directory:
      directories[Int(record.pointee.side)] = nil
      freeDirectories.append(record.pointee.side)
    case .symbolicLink where record.pointee.side != 0:
      linkTargets[Int(record.pointee.side)].deallocate()
      linkTargets[Int(record.pointee.side)] = .init(start: nil, count: 0)
      freeLinkTargets.append(record.pointee.side)
    default: break
    }
    if !movedNumbers.isEmpty { movedNumbers.remove(record.pointee.number) }
    inodes.remove(id.index)
  }
}

// Which names an inode has.
extension NodeTree {
  /// Makes `dentry` a name of `inode`.
  func attach(_ inode: InodeID, to dentry: DentryID) {
    dentries[dentry].pointee.inode = inode
    let record = inodes[inode.index]
    if record.pointee.number == 0 { record.pointee.number = birthNumber(at: dentry) }
    dentries[dentry].pointee.nextAlias = record.pointee.firstAlias
    record.pointee.firstAlias = dentry
  }

  func detach(_ dentry: DentryID) {
    let inode = inode(of: dentry)
    var link = inode.pointee.firstAlias
    if link == dentry {
      inode.pointee.firstAlias = dentries[dentry].pointee.nextAlias
    } else {
      while dentries[link].pointee.nextAlias != dentry { link = dentries[link].pointee.nextAlias }
      dentries[link].pointee.nextAlias = dentries[dentry].pointee.nextAlias
    }
    dentries[dentry].pointee.nextAlias = .none
    dentries[dentry].pointee.inode = .none
  }

  /// The inode number of a file that begins at this name: the same in every run, whatever order files are looked at in.
  private func birthNumber(at dentry: DentryID) -> UInt64 {
    let parent = dentries[dentry].pointee.parent
    if parent == dentry { return 2 }
    // FNV-1a, then a finalizer, for the low bits of FNV hardly mix. Node.js keeps numbers of 53 bits.
    var hash = inode(of: parent).pointee.number ^ 0xcbf2_9ce4_8422_2325
    for byte in dentries.name(of: dentry) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    while true {
      var number = hash
      number = (number ^ (number >> 32)) &* 0x9e37_79b9_7f4a_7c15
      number = (number ^ (number >> 29)) & (1 << 53 - 1)
      if number > 2, movedNumbers.isEmpty || !movedNumbers.contains(number) { return number }
      hash = hash &+ 0x9e37_79b9_7f4a_7c15
    }
  }

  /// The file's name is about to become free for another file, which must get another number while this one exists.
  func keepNumber(_ dentry: DentryID) { movedNumbers.insert(inode(of: dentry).pointee.number) }

  /// A name that the file still has, this one if it is not removed; nil if it has lost all that are known.
  func linkedName(of dentry: DentryID) -> DentryID? {
    if !dentries[dentry].pointee.flags.contains(.unlinked) { return dentry }
    var alias = inode(of: dentry).pointee.firstAlias
    while alias != .none, dentries[alias].pointee.flags.contains(.unlinked) {
      alias = dentries[alias].pointee.nextAlias
    }
    return alias == .none ? nil : alias
  }

  /// A name under which the inode can be reached in its layer. Of several names of a lower file only some may have been
  /// copied up, and this one may have been removed while the file is open.
  func upperName(of dentry: DentryID) -> DentryID {
    if dentries[dentry].pointee.flags.contains(.inUpper) { return dentry }
    var alias = inode(of: dentry).pointee.firstAlias
    while alias != .none, !dentries[alias].pointee.flags.contains(.inUpper) {
      alias = dentries[alias].pointee.nextAlias
    }
    return alias == .none ? dentry : alias
  }

  /// Whether the file is the run's own and has lost its name there: only a descriptor leads to it.
  func isNameless(_ dentry: DentryID) -> Bool {
    inode(of: dentry).pointee.backing.isUpper && inode(of: dentry).pointee.kind == .regular
      && !dentries[upperName(of: dentry)].pointee.flags.contains(.inUpper)
  }
}

// Listings.
extension NodeTree {
  func addToListing(_ dentry: DentryID, _ directory: Directory) {
    dentries[dentry].pointee.slot = directory.insert(dentry)
  }

  func removeFromListing(_ dentry: DentryID) {
    directory(of: dentries[dentry].pointee.parent).remove(dentry, at: dentries[dentry].pointee.slot)
  }

  private func areInOrder(_ left: DentryID, _ right: DentryID) -> Bool {
    let a = dentries.name(of: left)
    let b = dentries.name(of: right)
    let order = memcmp(a.baseAddress!, b.baseAddress!, min(a.count, b.count))
    return order == 0 ? a.count < b.count : order < 0
  }

  /// Of names that the kernel makes, such as those of processes, the numbers ascend.
  private func areInOrderOfNumbers(_ left: DentryID, _ right: DentryID) -> Bool {
    let a = dentries.name(of: left)
    let b = dentries.name(of: right)
    func isNumber(_ name: UnsafeBufferPointer<UInt8>) -> Bool { name.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
    if a.count != b.count, isNumber(a), isNumber(b) { return a.count < b.count }
    return areInOrder(left, right)
  }

  /// The order in which the children are listed in a run on which every machine is the same.
  func listingOrder(_ directory: Directory) -> ListingOrder {
    var order = directory.order ?? ListingOrder(directory.children.filter { $0 != .none })
    directory.order = nil
    order.settle(by: directory.isProc ? areInOrderOfNumbers : areInOrder)
    directory.order = order
    return order
  }

  /// Puts the children in the order of their names, before the first cookie is given out.
  func sortListing(_ directory: Directory) {
    directory.sort(by: areInOrder)
    for (slot, child) in directory.children.enumerated() { dentries[child].pointee.slot = UInt32(slot) }
  }
}

// Paths.
extension NodeTree {
  /// The path of a dentry from the guest's root, without a leading slash.
  func buildPath(of dentry: DentryID, into buffer: inout PathBuffer) throws(Errno) {
    buffer.clearForPrepending()
    try prependPath(of: dentry, to: &buffer)
  }

  /// The path of a name in a directory.
  func buildPath(
    of name: UnsafeBufferPointer<UInt8>, in directory: DentryID, into buffer: inout PathBuffer
  ) throws(Errno) {
    buffer.clearForPrepending()
    try buffer.prependComponent(name)
    try prependPath(of: directory, to: &buffer)
  }

  @inline(__always)
  private func prependPath(of dentry: DentryID, to buffer: inout PathBuffer) throws(Errno) {
    var current = dentry
    while current != root {
      try buffer.prependComponent(dentries.name(of: current))
      current = dentries[current].pointee.parent
    }
  }

  /// The absolute path of a dentry as the guest names it.
  func guestPath(of dentry: DentryID) throws(Errno) -> [UInt8] {
    try buildPath(of: dentry, into: &path)
    path.prependSlash()
    return Array(path.bytes)
  }
}
