import CLinux
import Glibc
import SystemPackage

// Calls that take a name away.
extension FileTree {
  /// unlink(2) of what is no directory.
  /// - Returns: work that must be waited for, or nil if the name is gone.
  func unlink(_ dentry: DentryID, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    try requireRemovable(dentry, call, isDirectory: false)
    if let work = events.unit?.willChange(dentry, .replaced) { return work }
    if let work = try versions.keepOpen(dentry, by: events.process, isReplaced: false) { return work }
    watches.tellDeletion(dentry)
    watches.tell(WatchEvents.attributes, dentry)
    try removeAbove(dentry)
    try upperLayer.whiteoutIfBelow(dentry)
    events.record(.delete, dentry)
    forget(dentry)
    return nil
  }

  func removeDirectory(_ dentry: DentryID, _ call: Call) throws(Errno) {
    try requireRemovable(dentry, call, isDirectory: true)
    guard try isEmpty(dentry) else { throw .directoryNotEmpty }
    _ = events.unit?.willChange(dentry, .replaced)
    closings.keepOpened(dentry)
    watches.tellDeletion(dentry)
    try removeAbove(dentry)
    try upperLayer.whiteoutIfBelow(dentry)
    events.record(.removeDirectory, dentry)
    nodes.inode(of: nodes[dentry].pointee.parent).pointee.links -= 1
    forget(dentry)
  }

  func isEmpty(_ dentry: DentryID) throws(Errno) -> Bool {
    try complete(dentry)
    return nodes.directory(of: dentry).liveChildren == 0
  }

  /// Write permission on the directory, and the sticky bit's rule (unlink(2), EACCES and EPERM).
  /// - Parameter isDirectory: what the call removes, or nil if it takes both.
  func requireRemovable(_ dentry: DentryID, _ call: Call, isDirectory: Bool? = nil) throws(Errno) {
    let parent = nodes.inode(of: nodes[dentry].pointee.parent)
    if dentry == root { throw .resourceBusy }
    let directory = nodes.directory(of: nodes[dentry].pointee.parent)
    // proc_pid_fd(5): a process may do to its own what the modes say it may not, and then cannot.
    if directory.isProc, ProcNode(parent).kind == .descriptors {
      if isDirectory == true, nodes.inode(of: dentry).pointee.kind != .directory { throw .notDirectory }
      throw .notPermitted
    }
    try call.require([.write, .execute], parent)
    if let isDirectory, isDirectory != (nodes.inode(of: dentry).pointee.kind == .directory) {
      throw isDirectory ? .notDirectory : .isDirectory
    }
    if directory.isProc { throw .notPermitted }
    // What was put into the tree before the run began, /dev, /proc and /tmp, is a mount point to the guest.
    if nodes.inode(of: dentry).pointee.fileSystem != parent.pointee.fileSystem { throw .resourceBusy }
    // So is a source's place in /tmp, which is of another store than what is around it.
    if nodes.inode(of: dentry).pointee.kind == .directory {
      let own = nodes.directory(of: dentry)
      let leadsToSource = own.store == .tmp && own.lowers.contains { $0.prefixDepth != nil }
      if own.store != directory.store || leadsToSource { throw .resourceBusy }
    }
    let uid = credentials.pointee.user.fileSystem
    if parent.pointee.permissions & 0o1000 != 0, uid != parent.pointee.uid, uid != nodes.inode(of: dentry).pointee.uid,
      !credentials.pointee.has(.ownAnything)
    {
      throw .notPermitted
    }
  }

  /// Takes the name out of the run's layer.
  /// - Parameter isTold: the guest removes it; else something else takes its place.
  func removeAbove(_ dentry: DentryID, isTold: Bool = true) throws(Errno) {
    guard nodes[dentry].pointee.flags.contains(.inUpper) else { return }
    let record = nodes.inode(of: dentry)
    try keepForOtherNames(dentry)
    try upperLayer.rememberTimes(of: dentry)
    try nodes.buildPath(of: dentry, into: &path)
    let root = upperLayer.root(nodes.directory(of: nodes[dentry].pointee.parent).store)
    if record.pointee.kind == .directory { try removeWhiteouts(in: dentry) }
    // What moves away is not told as a removal.
    let moves = !watches.isWatched(nodes[dentry].pointee.parent)
    let isKept = try versions.keepLast(dentry, by: events.process, isReplaced: false, moves: moves)
    if !isKept || !moves {
      if isTold { watches.tell(WatchEvents.delete, nodes[dentry].pointee.parent) }
      try host.remove(root, path.cString, isDirectory: record.pointee.kind == .directory)
    }
    nodes[dentry].pointee.flags.remove(.inUpper)
    if record.pointee.kind == .directory { nodes.directory(of: dentry).isUpper = false }
  }

  /// A lower file of several names of which only this one was copied up: another takes the copy over.
  func keepForOtherNames(_ dentry: DentryID) throws(Errno) {
    let record = nodes.inode(of: dentry)
    guard record.pointee.kind != .directory else { return }
    var heir = DentryID.none
    var alias = record.pointee.firstAlias
    while alias != .none {
      let flags = nodes[alias].pointee.flags
      if alias != dentry, flags.contains(.inUpper) { return }
      if alias != dentry, !flags.contains(.unlinked) { heir = alias }
      alias = nodes[alias].pointee.nextAlias
    }
    guard heir != .none else {
      // Names of the lower file that nobody has looked up yet show the lower file again, as in overlayfs.
      // Without such names it goes on to say which file a descriptor from before the copy refers to.
      if record.pointee.lowerIdentity.inode != 0, record.pointee.links > 1 {
        objects.forgetLower(of: nodes[dentry].pointee.inode)
      }
      return
    }
    try upperLayer.link(dentry, asKnown: heir)
  }

  /// An empty virtual directory may hold whiteouts on the host.
  private func removeWhiteouts(in dentry: DentryID) throws(Errno) {
    guard !nodes.directory(of: dentry).lowers.isEmpty || nodes.directory(of: dentry).hasWhiteouts else { return }
    watches.hush(dentry)
    defer { watches.settle() }
    try upperLayer.removeWhiteouts(in: dentry)
  }

  /// Takes the dentry out of its directory. Its file lives on for the descriptors that refer to it.
  func forget(_ dentry: DentryID) {
    let parent = nodes[dentry].pointee.parent
    let isBelow = nodes[dentry].pointee.flags.contains(.inLower)
    nodes.keepNumber(dentry)
    mirror.drop(dentry)
    nodes.removeFromListing(dentry)
    nodes.unhash(dentry)
    if isBelow { nodes.insertWhiteout(parent, nodes.name(of: dentry)) }
    nodes[dentry].pointee.flags.insert(.unlinked)
    nodes[dentry].pointee.flags.subtract([.inLower, .inUpper])
    let record = nodes.inode(of: dentry)
    record.pointee.changed = host.now()
    if record.pointee.kind == .directory {
      record.pointee.links = 0
      // The list may name dentries that have become files, and were perhaps freed and used again elsewhere.
      for negative in nodes.directory(of: dentry).negatives.entries
      where nodes[negative].pointee.inode == .none && nodes[negative].pointee.parent == dentry {
        nodes.unhash(negative)
        free(negative)
      }
      nodes.directory(of: dentry).negatives.removeAll()
    } else {
      record.pointee.links -= record.pointee.links > 0 ? 1 : 0
      watches.dropStandInOfRemoved(dentry)
    }
    remember(orphan: dentry)
  }

  /// A file that never had a name gets one that no look-up finds.
  func insertOrphan(_ id: InodeID, named name: String, in parent: DentryID) -> DentryID {
    let dentry = Array(name.utf8).withUnsafeBufferPointer { nodes.insert(parent, $0) }
    nodes.unhash(dentry)
    nodes.attach(id, to: dentry)
    nodes.keepNumber(dentry)
    nodes[dentry].pointee.flags.insert(.unlinked)
    remember(orphan: dentry)
    return dentry
  }
}
