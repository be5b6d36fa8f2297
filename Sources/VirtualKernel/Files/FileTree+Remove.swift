import CLinux
import Glibc
import SystemPackage

/// How many files without a name are remembered for the descriptors that may still refer to them.
private let orphanLimit = 4096

// Calls that take a name away.
extension FileTree {
  /// unlink(2) of what is no directory.
  /// - Returns: work that must be waited for, or nil if the name is gone.
  func unlink(_ dentry: DentryID, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    try requireRemovable(dentry, call, isDirectory: false)
    if let work = try keepOpen(dentry, isReplaced: false) { return work }
    tellDeletion(dentry)
    tell(WatchEvents.attributes, dentry)
    try removeAbove(dentry)
    try whiteoutIfBelow(dentry)
    record(.delete, dentry)
    forget(dentry)
    return nil
  }

  func removeDirectory(_ dentry: DentryID, _ call: Call) throws(Errno) {
    try requireRemovable(dentry, call, isDirectory: true)
    guard try isEmpty(dentry) else { throw .directoryNotEmpty }
    keepOpened(dentry)
    tellDeletion(dentry)
    try removeAbove(dentry)
    try whiteoutIfBelow(dentry)
    record(.removeDirectory, dentry)
    inode(of: dentries[dentry].pointee.parent).pointee.links -= 1
    forget(dentry)
  }

  func isEmpty(_ dentry: DentryID) throws(Errno) -> Bool {
    try complete(dentry)
    return directory(of: dentry).liveChildren == 0
  }

  /// Write permission on the directory, and the sticky bit's rule (unlink(2), EACCES and EPERM).
  /// - Parameter isDirectory: what the call removes, or nil if it takes both.
  func requireRemovable(_ dentry: DentryID, _ call: Call, isDirectory: Bool? = nil) throws(Errno) {
    let parent = inode(of: dentries[dentry].pointee.parent)
    if dentry == root { throw .resourceBusy }
    let directory = directory(of: dentries[dentry].pointee.parent)
    // proc_pid_fd(5): a process may do to its own what the modes say it may not, and then cannot.
    if directory.isProc, ProcNode(parent).kind == .descriptors {
      if isDirectory == true, inode(of: dentry).pointee.kind != .directory { throw .notDirectory }
      throw .notPermitted
    }
    try call.require([.write, .execute], parent)
    if let isDirectory, isDirectory != (inode(of: dentry).pointee.kind == .directory) {
      throw isDirectory ? .notDirectory : .isDirectory
    }
    if directory.isProc { throw .notPermitted }
    // What was put into the tree before the run began, /dev, /proc and /tmp, is a mount point to the guest.
    if inode(of: dentry).pointee.fileSystem != parent.pointee.fileSystem { throw .resourceBusy }
    // So is a source's place in /tmp, which is of another store than what is around it.
    if inode(of: dentry).pointee.kind == .directory {
      let own = self.directory(of: dentry)
      let leadsToSource = own.store == .tmp && own.lowers.contains { $0.prefixDepth != nil }
      if own.store != directory.store || leadsToSource { throw .resourceBusy }
    }
    let uid = credentials.pointee.user.fileSystem
    if parent.pointee.permissions & 0o1000 != 0, uid != parent.pointee.uid, uid != inode(of: dentry).pointee.uid,
      !credentials.pointee.has(.ownAnything)
    {
      throw .notPermitted
    }
  }

  /// Takes the name out of the run's layer.
  /// - Parameter isTold: the guest removes it; else something else takes its place.
  func removeAbove(_ dentry: DentryID, isTold: Bool = true) throws(Errno) {
    guard dentries[dentry].pointee.flags.contains(.inUpper) else { return }
    let record = inode(of: dentry)
    try keepForOtherNames(dentry)
    try rememberTimes(of: dentry)
    try buildPath(of: dentry, into: &path)
    let root = upperRoot(directory(of: dentries[dentry].pointee.parent).store)
    if record.pointee.kind == .directory { try removeWhiteouts(in: dentry, root) }
    // What moves away is not told as a removal.
    let moves = !isWatched(dentries[dentry].pointee.parent)
    let isKept = try keepLast(dentry, isReplaced: false, moves: moves)
    if !isKept || !moves {
      if isTold { tell(WatchEvents.delete, dentries[dentry].pointee.parent) }
      try host.remove(root, path.cString, isDirectory: record.pointee.kind == .directory)
    }
    dentries[dentry].pointee.flags.remove(.inUpper)
    if record.pointee.kind == .directory { directory(of: dentry).isUpper = false }
  }

  /// A lower file of several names of which only this one was copied up: another takes the copy over.
  func keepForOtherNames(_ dentry: DentryID) throws(Errno) {
    let record = inode(of: dentry)
    guard record.pointee.kind != .directory else { return }
    var heir = DentryID.none
    var alias = record.pointee.firstAlias
    while alias != .none {
      let flags = dentries[alias].pointee.flags
      if alias != dentry, flags.contains(.inUpper) { return }
      if alias != dentry, !flags.contains(.unlinked) { heir = alias }
      alias = dentries[alias].pointee.nextAlias
    }
    guard heir != .none else {
      // Names of the lower file that nobody has looked up yet show the lower file again, as in overlayfs.
      // Without such names it goes on to say which file a descriptor from before the copy refers to.
      if record.pointee.lowerIdentity.inode != 0, record.pointee.links > 1 {
        identities[record.pointee.lowerIdentity] = nil
        if let unfetched = unfetchedIdentities.removeValue(forKey: dentries[dentry].pointee.inode) {
          identities[unfetched] = nil
        }
      }
      return
    }
    let root = upperRoot(record.pointee.backing)
    let parent = dentries[heir].pointee.parent
    try prepareUpperName(dentries.name(of: heir), in: parent, existing: heir)
    let times = try timesAbove(parent)
    try buildPath(of: dentry, into: &otherPath)
    try buildPath(of: heir, into: &path)
    try host.link(root, otherPath.cString, root, path.cString)
    try restoreTimes(times, of: parent)
    dentries[heir].pointee.flags.insert(.inUpper)
  }

  /// An empty virtual directory may hold whiteouts on the host.
  private func removeWhiteouts(in dentry: DentryID, _ root: FileDescriptor) throws(Errno) {
    guard !directory(of: dentry).lowers.isEmpty || directory(of: dentry).hasWhiteouts else { return }
    hush(dentry)
    defer { settleWatches() }
    var names: [[UInt8]] = []
    try host.list(root, path.cString) { name, type, _ in
      if type == FileKind.characterDevice.rawValue { names.append(Array(name)) }
    }
    for name in names {
      hostPath.clear()
      try hostPath.append(path.bytes)
      try name.withUnsafeBufferPointer { bytes throws(Errno) in try hostPath.appendComponent(bytes) }
      try host.remove(root, hostPath.cString, isDirectory: false)
    }
  }

  /// Hides a name of a lower layer whose dentry is about to go.
  func whiteoutIfBelow(_ dentry: DentryID) throws(Errno) {
    guard dentries[dentry].pointee.flags.contains(.inLower) else { return }
    let parent = dentries[dentry].pointee.parent
    try noteBase(dentry)
    try makeWhiteout(dentries.name(of: dentry), in: parent)
    directory(of: parent).hasWhiteouts = true
  }

  /// Takes the dentry out of its directory. Its file lives on for the descriptors that refer to it.
  func forget(_ dentry: DentryID) {
    let parent = dentries[dentry].pointee.parent
    let isBelow = dentries[dentry].pointee.flags.contains(.inLower)
    keepNumber(dentry)
    dropFromSkeleton(dentry)
    removeFromListing(dentry)
    dentries.unhash(dentry)
    if isBelow {
      let negative = dentries.insert(parent, dentries.name(of: dentry))
      dentries[negative].pointee.flags = [.inLower, .whiteoutOnDisk]
      remember(negative: negative, in: parent)
    }
    dentries[dentry].pointee.flags.insert(.unlinked)
    dentries[dentry].pointee.flags.subtract([.inLower, .inUpper])
    let record = inode(of: dentry)
    record.pointee.changed = host.now()
    if record.pointee.kind == .directory {
      record.pointee.links = 0
      // The list may name dentries that have become files, and were perhaps freed and used again elsewhere.
      for negative in directory(of: dentry).negatives.entries
      where dentries[negative].pointee.inode == .none && dentries[negative].pointee.parent == dentry {
        dentries.unhash(negative)
        free(negative)
      }
      directory(of: dentry).negatives.removeAll()
    } else {
      record.pointee.links -= record.pointee.links > 0 ? 1 : 0
      dropStandInOfRemoved(dentry)
    }
    remember(orphan: dentry)
  }

  /// A file that never had a name gets one that no look-up finds.
  func insertOrphan(_ id: InodeID, named name: String, in parent: DentryID) -> DentryID {
    let dentry = Array(name.utf8).withUnsafeBufferPointer { dentries.insert(parent, $0) }
    dentries.unhash(dentry)
    attach(id, to: dentry)
    keepNumber(dentry)
    dentries[dentry].pointee.flags.insert(.unlinked)
    remember(orphan: dentry)
    return dentry
  }

  func remember(orphan dentry: DentryID) {
    orphans.append(dentry)
    if orphans.count > orphanLimit { releaseOrphans() }
  }

  /// Frees an unhashed dentry.
  func free(_ dentry: DentryID) {
    releaseNode(dentry)
    dentries.free(dentry)
  }

  private func releaseOrphans() {
    for dentry in orphans.prefix(orphanLimit / 2) {
      let id = dentries[dentry].pointee.inode
      if inodes[id.index].pointee.kind == .directory {
        if let own = directory(of: dentry).lastSkeleton { skeletonDirectories[own] = nil }
        for mount in directory(of: dentry).mounts { skeletonDirectories[mount] = nil }
      }
      detach(dentry)
      free(dentry)
      if inodes[id.index].pointee.firstAlias == .none { releaseInode(id) }
    }
    orphans.removeFirst(orphanLimit / 2)
    generation += 1
  }
}
