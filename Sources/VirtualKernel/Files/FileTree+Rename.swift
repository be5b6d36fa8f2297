import CLinux
import Glibc
import SystemPackage

extension FileTree {
  /// rename(2) and renameat2(2) with RENAME_NOREPLACE or RENAME_EXCHANGE.
  func rename(
    _ from: WalkResult, _ to: WalkResult, _ call: Call, flags: UInt32
  ) throws(Errno) -> (any BlockingWork)? {
    if inode(of: from.parent).pointee.fileSystem != inode(of: to.parent).pointee.fileSystem {
      throw .init(rawValue: EXDEV)
    }
    guard from.last == .name else { throw .resourceBusy }
    guard to.last == .name else { throw flags & renameNoReplace != 0 ? .fileExists : .resourceBusy }
    let source = from.dentry
    guard source != .none, dentries[source].pointee.inode != .none else { throw .noSuchFileOrDirectory }
    let target = to.dentry
    let exists = target != .none && dentries[target].pointee.inode != .none
    let isExchange = flags & renameExchange != 0
    if exists, flags & renameNoReplace != 0 { throw .fileExists }
    if !exists, isExchange { throw .noSuchFileOrDirectory }
    if !exists, inode(of: to.parent).pointee.fileSystem == FileSystemID.proc { throw .noSuchFileOrDirectory }
    // What is not a file of the run's own cannot get another name in its layer.
    if inode(of: source).pointee.backing == .device { throw .notPermitted }

    let sourceIsDirectory = inode(of: source).pointee.kind == .directory
    let targetIsDirectory = exists && inode(of: target).pointee.kind == .directory
    if isExchange, !targetIsDirectory, to.hasTrailingSlash { throw .notDirectory }
    if !sourceIsDirectory, from.hasTrailingSlash || (to.hasTrailingSlash && !isExchange) { throw .notDirectory }
    // A source in /tmp is on the same virtual file system, but its layer is another.
    if directory(of: from.parent).store != directory(of: to.parent).store { throw .init(rawValue: EXDEV) }
    if inode(of: to.parent).pointee.links == 0 { throw .noSuchFileOrDirectory }
    try requireNoLoop(source, isDirectory: sourceIsDirectory, into: to.parent, .invalidArgument)
    try requireNoLoop(
      target, isDirectory: targetIsDirectory, into: from.parent, isExchange ? .invalidArgument : .directoryNotEmpty)
    if exists, dentries[source].pointee.inode == dentries[target].pointee.inode { return nil }
    try requireRemovable(source, call)
    try call.require([.write, .execute], inode(of: to.parent))
    if exists {
      try requireRemovable(target, call)
      if !isExchange { try requireReplaceable(target, by: sourceIsDirectory) }
    }
    // rename(2): a directory that gets another parent has its `..` changed.
    if from.parent != to.parent {
      if sourceIsDirectory { try call.require(.write, inode(of: source)) }
      if isExchange, targetIsDirectory { try call.require(.write, inode(of: target)) }
    }
    if exists, !isExchange, targetIsDirectory, try !isEmpty(target) { throw .directoryNotEmpty }
    if isExchange, let work = try copyUp(target) { return work }
    if let work = try copyUp(source) { return work }
    if exists, !isExchange, let work = try keepOpen(target, isReplaced: true) { return work }
    try ensureUpper(to.parent)

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
      ancestor = dentries[ancestor].pointee.parent
    }
  }

  private func requireReplaceable(_ target: DentryID, by isDirectory: Bool) throws(Errno) {
    if inode(of: target).pointee.kind == .directory {
      if !isDirectory { throw .isDirectory }
    } else if isDirectory {
      throw .notDirectory
    }
  }

  private func move(_ source: DentryID, _ to: WalkResult, replacing target: DentryID) throws(Errno) {
    let record = inode(of: source)
    let isDirectory = record.pointee.kind == .directory
    let root = upperRoot(directory(of: to.parent).store)
    try materialiseUpperName(source)
    let wasBelow = dentries[source].pointee.flags.contains(.inLower)
    let replaced = target == .none ? to.dentry : target
    let inLower = replaced != .none && dentries[replaced].pointee.flags.contains(.inLower)
    if inLower { try noteBase(replaced) }
    // Before the rename, after which nothing may fail.
    if isDirectory { try markMoved(source, over: inLower) }

    // A directory does not replace what is no directory, nor one that still holds whiteouts.
    if target != .none, isDirectory {
      tellReplaced(target)
      try removeAbove(target, isTold: false)
    }
    if target == .none { try prepareUpperName(to.name, in: to.parent, existing: to.dentry) }
    if target != .none, !isDirectory {
      try rememberTimes(of: target)
      try keepNames(of: target)
    }
    let name = Array(to.name)
    // Before the source takes its place there.
    if target != .none { dropFromSkeleton(target) }
    try moveInSkeleton(source, name, to.parent)
    try buildPath(of: to.name, in: to.parent, into: &path)
    try buildPath(of: source, into: &otherPath)
    self.record(.renameFrom, source)
    do throws(Errno) {
      var isKept = false
      if target != .none { isKept = try keepLast(target, isReplaced: true, moves: false) }
      tellMove(source, to: to.parent, replacing: target)
      do throws(Errno) {
        try renameOnHost(root, leavesWhiteout: wasBelow)
      } catch {
        if isKept { unkeepLast(target) }
        throw error
      }
    } catch {
      if dentries[source].pointee.flags.contains(.inSkeleton), isMovable(source) {
        try? skeleton.rename(path.cString, otherPath.cString, flags: 0)
      }
      throw error
    }

    if target != .none {
      // The new file hides the lower one by itself.
      dentries[target].pointee.flags.remove(.inLower)
      if inode(of: target).pointee.kind == .directory { inode(of: to.parent).pointee.links -= 1 }
      forget(target)
    } else if to.dentry != .none {
      directory(of: to.parent).negatives.remove(to.dentry)
      dentries.unhash(to.dentry)
    }
    if to.dentry != .none, target == .none {
      negativeCount -= inLower ? 0 : 1
      free(to.dentry)
    }

    let oldParent = dentries[source].pointee.parent
    if wasBelow { directory(of: oldParent).hasWhiteouts = true }
    removeFromListing(source)
    dentries.unhash(source)
    if wasBelow {
      let negative = dentries.insert(oldParent, dentries.name(of: source))
      dentries[negative].pointee.flags = [.inLower, .whiteoutOnDisk]
      remember(negative: negative, in: oldParent)
    }
    forgetNodes(source)
    keepNumber(source)
    name.withUnsafeBufferPointer { dentries.rehash(source, to.parent, $0) }
    self.record(.renameTo, source)
    dentries[source].pointee.flags.remove(.inLower)
    if inLower { dentries[source].pointee.flags.insert(.inLower) }
    addToListing(source, directory(of: to.parent))
    if isDirectory, oldParent != to.parent {
      inode(of: oldParent).pointee.links -= 1
      inode(of: to.parent).pointee.links += 1
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
    if let origin = origin(of: dentry) {
      try makeRedirect(dentry, from: origin)
      movedDirectories.append(directory(of: dentry).lowers)
    } else if isBelow {
      try makeOpaque(dentry)
    }
  }

  /// What is renamed on the host must have this very name there.
  private func materialiseUpperName(_ dentry: DentryID) throws(Errno) {
    if dentries[dentry].pointee.flags.contains(.inUpper) { return }
    let root = upperRoot(inode(of: dentry).pointee.backing)
    try prepareUpperName(dentries.name(of: dentry), in: dentries[dentry].pointee.parent, existing: dentry)
    try buildPath(of: upperName(of: dentry), into: &otherPath)
    try buildPath(of: dentry, into: &path)
    try host.link(root, otherPath.cString, root, path.cString)
    dentries[dentry].pointee.flags.insert(.inUpper)
  }

  /// rename replaces the target's name on the host; a file with other names that were not copied up keeps one.
  private func keepNames(of target: DentryID) throws(Errno) {
    guard dentries[target].pointee.flags.contains(.inUpper), inode(of: target).pointee.links > 1 else { return }
    try keepForOtherNames(target)
  }

  /// The path at which the guest would see the directory if nothing had been renamed: that of its lower directories.
  func origin(of dentry: DentryID) -> [UInt8]? {
    directory(of: dentry).lowers.first.map { origin(of: $0) }
  }

  func origin(of lower: LowerDirectory) -> [UInt8] {
    let destination = layers[lower.layer].destination
    var path = destination.prefix(lower.prefixDepth ?? destination.count).flatMap { [UInt8(ascii: "/")] + $0 }
    if !lower.path.isEmpty { path += [UInt8(ascii: "/")] + lower.path }
    return path
  }

  private func moveInSkeleton(_ source: DentryID, _ name: [UInt8], _ parent: DentryID) throws(Errno) {
    guard dentries[source].pointee.flags.contains(.inSkeleton) else { return }
    if isMovable(source) {
      try materialise(parent)
      try name.withUnsafeBufferPointer { bytes throws(Errno) in
        try buildPath(of: bytes, in: parent, into: &path)
      }
      try buildPath(of: source, into: &otherPath)
      try? skeleton.remove(path.cString)
      try skeleton.rename(otherPath.cString, path.cString, flags: 0)
    } else {
      dropFromSkeleton(source)
    }
  }

  private func exchange(_ a: DentryID, _ b: DentryID) throws(Errno) {
    let root = upperRoot(directory(of: dentries[a].pointee.parent).store)
    try materialiseUpperName(a)
    try materialiseUpperName(b)
    for (dentry, other) in [(a, b), (b, a)] where inode(of: dentry).pointee.kind == .directory {
      try markMoved(dentry, over: dentries[other].pointee.flags.contains(.inLower))
    }
    // A directory there may be someone's current one and keeps its identity; all else is made there again when needed.
    for dentry in [a, b] where !isMovable(dentry) { dropFromSkeleton(dentry) }
    try materialise(dentries[a].pointee.parent)
    try materialise(dentries[b].pointee.parent)
    try buildPath(of: a, into: &otherPath)
    try buildPath(of: b, into: &path)
    try exchangeInSkeleton(a, b, undo: false)
    tellMove(a, to: dentries[b].pointee.parent, replacing: .none)
    tellMove(b, to: dentries[a].pointee.parent, replacing: .none)
    do throws(Errno) {
      try host.rename(root, otherPath.cString, root, path.cString, flags: renameExchange)
    } catch {
      try? exchangeInSkeleton(a, b, undo: true)
      throw error
    }
    record(.renameFrom, a)
    record(.renameFrom, b)
    swapNames(a, b)
    record(.renameTo, a)
    record(.renameTo, b)
  }

  /// A directory that another takes the place of: its links are fewer.
  private func tellReplaced(_ dentry: DentryID) {
    guard isWatched(dentry) else { return }
    keepOpened(dentry)
    hush(dentry)
    tell(WatchEvents.attributes, dentry)
    touchMode(dentry)
    settleWatches()
  }

  private func tellMove(_ dentry: DentryID, to parent: DentryID, replacing target: DentryID) {
    tell(WatchEvents.moveSelf, dentry)
    tell(WatchEvents.movedFrom | WatchEvents.movedTo, dentries[dentry].pointee.parent)
    tell(WatchEvents.movedFrom | WatchEvents.movedTo, parent)
    if target != .none { tell(WatchEvents.attributes, target) }
  }

  /// Whether what stands at the name in the skeleton must move with it.
  private func isMovable(_ dentry: DentryID) -> Bool {
    [.directory, .fifo, .socket].contains(inode(of: dentry).pointee.kind)
  }

  /// `otherPath` is the path of `a`, `path` that of `b`.
  private func exchangeInSkeleton(_ a: DentryID, _ b: DentryID, undo: Bool) throws(Errno) {
    switch (dentries[a].pointee.flags.contains(.inSkeleton), dentries[b].pointee.flags.contains(.inSkeleton)) {
    case (true, true): try skeleton.rename(otherPath.cString, path.cString, flags: renameExchange)
    case (true, false):
      if !undo { try? skeleton.remove(path.cString) }
      let (from, to) = undo ? (path.cString, otherPath.cString) : (otherPath.cString, path.cString)
      try skeleton.rename(from, to, flags: 0)
    case (false, true):
      if !undo { try? skeleton.remove(otherPath.cString) }
      let (from, to) = undo ? (otherPath.cString, path.cString) : (path.cString, otherPath.cString)
      try skeleton.rename(from, to, flags: 0)
    case (false, false): break
    }
  }

  private func swapNames(_ a: DentryID, _ b: DentryID) {
    let parents = (dentries[a].pointee.parent, dentries[b].pointee.parent)
    let names = (Array(dentries.name(of: a)), Array(dentries.name(of: b)))
    let below = (dentries[a].pointee.flags.contains(.inLower), dentries[b].pointee.flags.contains(.inLower))
    removeFromListing(a)
    removeFromListing(b)
    forgetNodes(a)
    forgetNodes(b)
    keepNumber(a)
    keepNumber(b)
    dentries.unhash(a)
    dentries.unhash(b)
    names.1.withUnsafeBufferPointer { dentries.rehash(a, parents.1, $0) }
    names.0.withUnsafeBufferPointer { dentries.rehash(b, parents.0, $0) }
    addToListing(a, directory(of: parents.1))
    addToListing(b, directory(of: parents.0))
    for (dentry, isBelow) in [(a, below.1), (b, below.0)] {
      dentries[dentry].pointee.flags.remove(.inLower)
      if isBelow { dentries[dentry].pointee.flags.insert(.inLower) }
    }
    guard parents.0 != parents.1 else { return }
    let directories = (
      inode(of: a).pointee.kind == .directory ? UInt32(1) : 0, inode(of: b).pointee.kind == .directory ? UInt32(1) : 0
    )
    inode(of: parents.0).pointee.links = inode(of: parents.0).pointee.links &- directories.0 &+ directories.1
    inode(of: parents.1).pointee.links = inode(of: parents.1).pointee.links &- directories.1 &+ directories.0
  }
}
