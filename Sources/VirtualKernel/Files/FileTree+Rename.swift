import CLinux
import Glibc
import SystemPackage

extension FileTree {
  /// rename(2) and renameat2(2) with RENAME_NOREPLACE or RENAME_EXCHANGE.
  func rename(
    _ from: WalkResult, _ to: WalkResult, _ call: Call, flags: UInt32
  ) throws(Errno) -> (any BlockingWork)? {
    if nodes.inode(of: from.parent).pointee.fileSystem != nodes.inode(of: to.parent).pointee.fileSystem {
      throw .init(rawValue: EXDEV)
    }
    guard from.last == .name else { throw .resourceBusy }
    guard to.last == .name else { throw flags & renameNoReplace != 0 ? .fileExists : .resourceBusy }
    let source = from.dentry
    guard source != .none, nodes[source].pointee.inode != .none else { throw .noSuchFileOrDirectory }
    let target = to.dentry
    let exists = target != .none && nodes[target].pointee.inode != .none
    let isExchange = flags & renameExchange != 0
    if exists, flags & renameNoReplace != 0 { throw .fileExists }
    if !exists, isExchange { throw .noSuchFileOrDirectory }
    if !exists, nodes.inode(of: to.parent).pointee.fileSystem == FileSystemID.proc { throw .noSuchFileOrDirectory }
    // What is not a file of the run's own cannot get another name in its layer.
    if nodes.inode(of: source).pointee.backing == .device { throw .notPermitted }

    let sourceIsDirectory = nodes.inode(of: source).pointee.kind == .directory
    let targetIsDirectory = exists && nodes.inode(of: target).pointee.kind == .directory
    if isExchange, !targetIsDirectory, to.hasTrailingSlash { throw .notDirectory }
    if !sourceIsDirectory, from.hasTrailingSlash || (to.hasTrailingSlash && !isExchange) { throw .notDirectory }
    // A source in /tmp is on the same virtual file system, but its layer is another.
    if nodes.directory(of: from.parent).store != nodes.directory(of: to.parent).store { throw .init(rawValue: EXDEV) }
    if nodes.inode(of: to.parent).pointee.links == 0 { throw .noSuchFileOrDirectory }
    try requireNoLoop(source, isDirectory: sourceIsDirectory, into: to.parent, .invalidArgument)
    try requireNoLoop(
      target, isDirectory: targetIsDirectory, into: from.parent, isExchange ? .invalidArgument : .directoryNotEmpty)
    if exists, nodes[source].pointee.inode == nodes[target].pointee.inode { return nil }
    try requireRemovable(source, call)
    try call.require([.write, .execute], nodes.inode(of: to.parent))
    if exists {
      try requireRemovable(target, call)
      if !isExchange { try requireReplaceable(target, by: sourceIsDirectory) }
    }
    // rename(2): a directory that gets another parent has its `..` changed.
    if from.parent != to.parent {
      if sourceIsDirectory { try call.require(.write, nodes.inode(of: source)) }
      if isExchange, targetIsDirectory { try call.require(.write, nodes.inode(of: target)) }
    }
    if exists, !isExchange, targetIsDirectory, try !isEmpty(target) { throw .directoryNotEmpty }
    if let unit = events.unit {
      if let work = unit.willChange(source, .kept) { return work }
      if exists, let work = unit.willChange(target, isExchange ? .kept : .replaced) { return work }
    }
    if isExchange, let work = try copyUp(target) { return work }
    if let work = try copyUp(source) { return work }
    if exists, !isExchange, let work = try versions.keepOpen(target, by: events.process, isReplaced: true) {
      return work
    }
    try upperLayer.ensure(to.parent)

    if isExchange {
      try exchange(source, target)
    } else {
      try move(source, to, replacing: exists ? target : .none)
    }
    return nil
  }

  /// A directory cannot become a part of itself, nor replace one that it is in.
  private func requireNoLoop(
    _ dentry: DentryID, isDirectory: Bool, into parent: DentryID, _ failure: Errno
  ) throws(Errno) {
    guard isDirectory else { return }
    var ancestor = parent
    while true {
      if ancestor == dentry { throw failure }
      if ancestor == root { return }
      ancestor = nodes[ancestor].pointee.parent
    }
  }

  private func requireReplaceable(_ target: DentryID, by isDirectory: Bool) throws(Errno) {
    if nodes.inode(of: target).pointee.kind == .directory {
      if !isDirectory { throw .isDirectory }
    } else if isDirectory {
      throw .notDirectory
    }
  }

  private func move(_ source: DentryID, _ to: WalkResult, replacing target: DentryID) throws(Errno) {
    let record = nodes.inode(of: source)
    let isDirectory = record.pointee.kind == .directory
    let root = upperLayer.root(nodes.directory(of: to.parent).store)
    try materialiseUpperName(source)
    let wasBelow = nodes[source].pointee.flags.contains(.inLower)
    let replaced = target == .none ? to.dentry : target
    let inLower = replaced != .none && nodes[replaced].pointee.flags.contains(.inLower)
    if inLower { try lowerLayers.noteBase(replaced) }
    // Before the rename, after which nothing may fail.
    if isDirectory { try markMoved(source, over: inLower) }

    // A directory does not replace what is no directory, nor one that still holds whiteouts.
    if target != .none, isDirectory {
      tellReplaced(target)
      try removeAbove(target, isTold: false)
    }
    if target == .none { try upperLayer.prepareName(to.name, in: to.parent, existing: to.dentry) }
    if target != .none, !isDirectory {
      try upperLayer.rememberTimes(of: target)
      try keepNames(of: target)
    }
    let name = Array(to.name)
    // Before the source takes its place there.
    if target != .none { mirror.drop(target) }
    try mirror.move(source, to: to.name, in: to.parent)
    try nodes.buildPath(of: to.name, in: to.parent, into: &path)
    try nodes.buildPath(of: source, into: &otherPath)
    events.record(.renameFrom, source)
    do throws(Errno) {
      var isKept = false
      if target != .none { isKept = try versions.keepLast(target, by: events.process, isReplaced: true, moves: false) }
      tellMove(source, to: to.parent, replacing: target)
      do throws(Errno) {
        try renameOnHost(root, leavesWhiteout: wasBelow)
      } catch {
        if isKept { versions.unkeepLast(target) }
        throw error
      }
    } catch {
      mirror.undoMove(source, to: to.name, in: to.parent)
      throw error
    }

    if target != .none {
      // The new file hides the lower one by itself.
      nodes[target].pointee.flags.remove(.inLower)
      if nodes.inode(of: target).pointee.kind == .directory { nodes.inode(of: to.parent).pointee.links -= 1 }
      forget(target)
    } else if to.dentry != .none {
      nodes.directory(of: to.parent).negatives.remove(to.dentry)
      nodes.unhash(to.dentry)
    }
    if to.dentry != .none, target == .none {
      if !inLower { nodes.didUseNegative() }
      free(to.dentry)
    }

    let oldParent = nodes[source].pointee.parent
    if wasBelow { nodes.directory(of: oldParent).hasWhiteouts = true }
    nodes.removeFromListing(source)
    nodes.unhash(source)
    if wasBelow { nodes.insertWhiteout(oldParent, nodes.name(of: source)) }
    events.forgetNodes(source)
    nodes.keepNumber(source)
    name.withUnsafeBufferPointer { nodes.rehash(source, to.parent, $0) }
    events.record(.renameTo, source)
    nodes[source].pointee.flags.remove(.inLower)
    if inLower { nodes[source].pointee.flags.insert(.inLower) }
    nodes.addToListing(source, nodes.directory(of: to.parent))
    if isDirectory, oldParent != to.parent {
      nodes.inode(of: oldParent).pointee.links -= 1
      nodes.inode(of: to.parent).pointee.links += 1
    }
    record.pointee.changed = host.now()
  }

  /// rename(2) on the host from `otherPath` to `path`.
  private func renameOnHost(_ root: FileDescriptor, leavesWhiteout: Bool) throws(Errno) {
    guard leavesWhiteout else {
      try host.rename(root, otherPath.cString, root, path.cString, flags: 0)
      return
    }
    do throws(Errno) {
      try host.rename(root, otherPath.cString, root, path.cString, flags: renameWhiteout)
    } catch {
      // Not every file system can do both at once.
      guard error == .invalidArgument || error == .notPermitted else { throw error }
      try host.rename(root, otherPath.cString, root, path.cString, flags: 0)
      do throws(Errno) {
        try host.makeNode(root, otherPath.cString, mode: S_IFCHR, device: 0)
      } catch {
        try? host.rename(root, path.cString, root, otherPath.cString, flags: 0)
        throw error
      }
    }
  }

  /// Says of a directory that gets another name where its lower directories are, or that what is below the name is not its.
  private func markMoved(_ dentry: DentryID, over isBelow: Bool) throws(Errno) {
    if let origin = lowerLayers.origin(of: dentry) {
      try upperLayer.makeRedirect(dentry, from: origin)
      lowerLayers.noteMove(of: nodes.directory(of: dentry))
    } else if isBelow {
      try upperLayer.makeOpaque(dentry)
    }
  }

  /// What is renamed on the host must have this very name there.
  private func materialiseUpperName(_ dentry: DentryID) throws(Errno) {
    if nodes[dentry].pointee.flags.contains(.inUpper) { return }
    try upperLayer.prepareName(nodes.name(of: dentry), in: nodes[dentry].pointee.parent, existing: dentry)
    try upperLayer.link(nodes.upperName(of: dentry), as: dentry)
    nodes[dentry].pointee.flags.insert(.inUpper)
  }

  /// rename replaces the target's name on the host; a file with other names that were not copied up keeps one.
  private func keepNames(of target: DentryID) throws(Errno) {
    guard nodes[target].pointee.flags.contains(.inUpper), nodes.inode(of: target).pointee.links > 1 else { return }
    try keepForOtherNames(target)
  }

  private func exchange(_ a: DentryID, _ b: DentryID) throws(Errno) {
    let root = upperLayer.root(nodes.directory(of: nodes[a].pointee.parent).store)
    try materialiseUpperName(a)
    try materialiseUpperName(b)
    for (dentry, other) in [(a, b), (b, a)] where nodes.inode(of: dentry).pointee.kind == .directory {
      try markMoved(dentry, over: nodes[other].pointee.flags.contains(.inLower))
    }
    try mirror.exchange(a, b)
    try nodes.buildPath(of: a, into: &otherPath)
    try nodes.buildPath(of: b, into: &path)
    tellMove(a, to: nodes[b].pointee.parent, replacing: .none)
    tellMove(b, to: nodes[a].pointee.parent, replacing: .none)
    do throws(Errno) {
      try host.rename(root, otherPath.cString, root, path.cString, flags: renameExchange)
    } catch {
      mirror.undoExchange(a, b)
      throw error
    }
    events.record(.renameFrom, a)
    events.record(.renameFrom, b)
    swapNames(a, b)
    events.record(.renameTo, a)
    events.record(.renameTo, b)
  }

  /// A directory that another takes the place of: its links are fewer.
  private func tellReplaced(_ dentry: DentryID) {
    guard watches.isWatched(dentry) else { return }
    closings.keepOpened(dentry)
    watches.hush(dentry)
    watches.tell(WatchEvents.attributes, dentry)
    watches.touchMode(dentry)
    watches.settle()
  }

  private func tellMove(_ dentry: DentryID, to parent: DentryID, replacing target: DentryID) {
    watches.tell(WatchEvents.moveSelf, dentry)
    watches.tell(WatchEvents.movedFrom | WatchEvents.movedTo, nodes[dentry].pointee.parent)
    watches.tell(WatchEvents.movedFrom | WatchEvents.movedTo, parent)
    if target != .none { watches.tell(WatchEvents.attributes, target) }
  }

  private func swapNames(_ a: DentryID, _ b: DentryID) {
    let parents = (nodes[a].pointee.parent, nodes[b].pointee.parent)
    let names = (Array(nodes.name(of: a)), Array(nodes.name(of: b)))
    let below = (nodes[a].pointee.flags.contains(.inLower), nodes[b].pointee.flags.contains(.inLower))
    nodes.removeFromListing(a)
    nodes.removeFromListing(b)
    events.forgetNodes(a)
    events.forgetNodes(b)
    nodes.keepNumber(a)
    nodes.keepNumber(b)
    nodes.unhash(a)
    nodes.unhash(b)
    names.1.withUnsafeBufferPointer { nodes.rehash(a, parents.1, $0) }
    names.0.withUnsafeBufferPointer { nodes.rehash(b, parents.0, $0) }
    nodes.addToListing(a, nodes.directory(of: parents.1))
    nodes.addToListing(b, nodes.directory(of: parents.0))
    for (dentry, isBelow) in [(a, below.1), (b, below.0)] {
      nodes[dentry].pointee.flags.remove(.inLower)
      if isBelow { nodes[dentry].pointee.flags.insert(.inLower) }
    }
    guard parents.0 != parents.1 else { return }
    let directories = (
      nodes.inode(of: a).pointee.kind == .directory ? UInt32(1) : 0,
      nodes.inode(of: b).pointee.kind == .directory ? UInt32(1) : 0
    )
    nodes.inode(of: parents.0).pointee.links =
      nodes.inode(of: parents.0).pointee.links &- directories.0 &+ directories.1
    nodes.inode(of: parents.1).pointee.links =
      nodes.inode(of: parents.1).pointee.links &- directories.1 &+ directories.0
  }
}
