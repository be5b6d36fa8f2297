import CLinux
import Glibc
import SystemPackage

/// Files up to this size are copied up by the receiver itself; larger ones by the blocking pool.
let inlineCopyLimit: Int64 = 256 * 1024

// A lower file becomes one of the run's own before it is changed.
extension FileTree {
  /// A name that the file still has, this one if it is not removed; nil if it has lost all that are known.
  func linkedName(of dentry: DentryID) -> DentryID? {
    if !dentries[dentry].pointee.flags.contains(.unlinked) { return dentry }
    var alias = inode(of: dentry).pointee.firstAlias
    while alias != .none, dentries[alias].pointee.flags.contains(.unlinked) {
      alias = dentries[alias].pointee.nextAlias
    }
    return alias == .none ? nil : alias
  }

  /// Makes the file one of the run's own, so that it can be changed. One that has lost its name stays as it is.
  /// - Parameter keepContents: false if they are about to be truncated.
  /// - Returns: work that must be waited for, or nil if the file is ready.
  func copyUp(_ dentry: DentryID, keepContents: Bool = true) throws(Errno) -> (any BlockingWork)? {
    try load(dentry)
    let record = inode(of: dentry)
    guard record.pointee.backing == .lower else { return nil }
    guard let dentry = linkedName(of: dentry) else { return nil }
    try requireWritable(dentry)
    try requireSpace(directory(of: dentries[dentry].pointee.parent).store)
    if record.pointee.kind == .directory {
      try ensureUpper(dentry)
      return nil
    }
    if keepContents, let work = try fetch(dentry) { return work }
    if hasWatches, watches.copying.contains(dentries[dentry].pointee.inode) { return AnotherCopy() }
    let parent = dentries[dentry].pointee.parent
    try prepareUpperName(dentries.name(of: dentry), in: parent, existing: dentry)
    hush(dentry)
    defer { settleWatches() }
    let backing = directory(of: parent).store
    let root = upperRoot(backing)
    let times = try timesAbove(parent)
    try buildPath(of: dentry, into: &path)
    switch record.pointee.kind {
    case .symbolicLink:
      let target = linkTarget(of: record)
      hostPath.clear()
      try hostPath.append(target)
      try host.makeSymbolicLink(hostPath.cString, root, path.cString)
    case .regular:
      let source = keepContents ? try openHostForCopy(dentry) : nil
      var space: Int64 = 0
      if let source {
        do throws(Errno) {
          space = try self.space(ofCopyOf: source)
          try requireSpace(backing, for: space)
        } catch {
          host.close(source)
          throw error
        }
      }
      if let source, record.pointee.size > inlineCopyLimit {
        return try CopyUp(tree: self, dentry: dentry, source: source, root: root, path: Array(path.bytes), size: space)
      }
      defer { if let source { host.close(source) } }
      let standIn = standIn(of: dentry)
      let copy =
        if let standIn { standIn } else {
          try host.open(
            root, path.cString, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            mode: Self.hostMode(record.pointee.mode, isDirectory: false))
        }
      defer { if standIn == nil { host.close(copy) } }
      do throws(Errno) {
        if let source { try host.copyContents(from: source, to: copy) }
        try finishCopy(dentry, copy)
      } catch {
        if standIn == nil { try? host.remove(root, path.cString, isDirectory: false) } else { renewStandIn(of: dentry) }
        throw error
      }
      if standIn != nil { try host.link(copy, root, path.cString) }
    default:
      try host.makeNode(
        root, path.cString, mode: record.pointee.kind.modeBits | Self.hostMode(record.pointee.mode, isDirectory: false),
        device: 0)
    }
    let status = try statusOfNew(root)
    if record.pointee.kind != .regular {
      do throws(Errno) {
        try host.setTimes(
          root, path.cString, access: record.pointee.accessed, modification: record.pointee.modified)
      } catch {
        try? host.remove(root, path.cString, isDirectory: false)
        throw error
      }
    }
    didCopyUp(dentry, backing, status)
    try restoreTimes(times, of: parent)
    return nil
  }

  /// What was just made at `path`; if not even this can be had, it is taken away again, or its name could never be used.
  func statusOfNew(_ root: FileDescriptor) throws(Errno) -> stat {
    do throws(Errno) { return try host.status(root, path.cString) } catch {
      try? host.remove(root, path.cString, isDirectory: false)
      throw error
    }
  }

  /// Holes are not copied.
  private func space(ofCopyOf source: FileDescriptor) throws(Errno) -> Int64 {
    let status = try host.status(of: source)
    return min(Int64(status.st_size), Int64(status.st_blocks) * 512)
  }

  private func openHostForCopy(_ dentry: DentryID) throws(Errno) -> FileDescriptor {
    let layer = try buildLowerPath(of: dentry)
    return try layers[layer].tree.open(hostPath.cString, flags: O_RDONLY | O_CLOEXEC)
  }

  fileprivate func finishCopy(_ dentry: DentryID, _ copy: FileDescriptor) throws(Errno) {
    let record = inode(of: dentry)
    try host.setMode(of: copy, Self.hostMode(record.pointee.mode, isDirectory: false))
    try host.setTimes(
      of: copy, access: record.pointee.accessed, modification: record.pointee.modified)
  }

  /// Carries the attributes of the user's over; a file system without them has none to carry.
  func copyAttributes(_ dentry: DentryID, _ root: FileDescriptor) throws(Errno) {
    let layer = try buildLowerPath(of: dentry)
    let lower = layers[layer].tree
    let names = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    let value = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
    defer {
      names.deallocate()
      value.deallocate()
    }
    guard let count = try? lower.listAttributes(hostPath.cString, into: names), count > 0 else { return }
    try buildPath(of: dentry, into: &path)
    for name in names.prefix(count).split(separator: 0)
    where name.starts(with: "user.".utf8) && !name.starts(with: "user.overlay.".utf8) {
      let cName = name.map { CChar(bitPattern: $0) } + [0]
      guard let size = try? lower.getAttribute(hostPath.cString, cName, into: value) else { continue }
      try host.setAttribute(
        root, path.cString, cName, UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: value.prefix(size))),
        flags: 0)
    }
  }

  fileprivate func didCopyUp(_ dentry: DentryID, _ backing: Backing, _ status: stat) {
    let record = inode(of: dentry)
    if record.pointee.kind == .regular { try? copyAttributes(dentry, upperRoot(backing)) }
    record.pointee.backing = backing
    record.pointee.lowerIdentity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    register(status, as: dentries[dentry].pointee.inode)
    dentries[dentry].pointee.flags.insert(.inUpper)
    if record.pointee.kind == .regular { dropStandIn(of: dentries[dentry].pointee.inode) }
    var alias = record.pointee.firstAlias
    while alias != .none {
      // A FIFO's or a socket's live end is in the skeleton, and may be open.
      if record.pointee.kind == .regular || record.pointee.kind == .symbolicLink { dropFromSkeleton(alias) }
      linkAbove(alias)
      alias = dentries[alias].pointee.nextAlias
    }
  }

  /// Gives the copy of a lower file of several names this one, too, or who reads the layer without this tree would find the
  /// lower file there. The tree knows better, so a failure is no one's.
  func linkAbove(_ alias: DentryID) {
    let record = inode(of: alias)
    let parent = dentries[alias].pointee.parent
    guard record.pointee.backing.isUpper, directory(of: parent).store == record.pointee.backing,
      dentries[alias].pointee.flags.isDisjoint(with: [.inUpper, .unlinked])
    else { return }
    let name = upperName(of: alias)
    guard name != alias else { return }
    let root = upperRoot(record.pointee.backing)
    do throws(Errno) {
      try prepareUpperName(dentries.name(of: alias), in: parent, existing: alias)
      let times = try timesAbove(parent)
      try buildPath(of: name, into: &otherPath)
      try buildPath(of: alias, into: &path)
      try host.link(root, otherPath.cString, root, path.cString)
      dentries[alias].pointee.flags.insert(.inUpper)
      try restoreTimes(times, of: parent)
    } catch {}
  }
}

/// Another thread makes what stands for a watched file a copy of it: the handler looks again.
final class AnotherCopy: BlockingWork {
  func perform() throws(Errno) { usleep(1000) }
  func publish(failed: Bool) throws(Errno) {}
}

/// The copy-up of a large file on the blocking pool.
final class CopyUp: BlockingWork, @unchecked Sendable {
  private let tree: FileTree
  private let host: any HostFiles
  private let dentry: DentryID
  private let inode: InodeID
  private let source: FileDescriptor
  private let copy: FileDescriptor
  /// Whether the copy is what stood for the file to those who watch it.
  private let isWatched: Bool
  private let root: FileDescriptor
  private let path: [UInt8]
  private let backing: Backing
  private let size: Int64

  fileprivate init(
    tree: FileTree, dentry: DentryID, source: FileDescriptor, root: FileDescriptor, path: [UInt8], size: Int64
  ) throws(Errno) {
    self.tree = tree
    self.host = tree.host
    self.dentry = dentry
    self.inode = tree.dentries[dentry].pointee.inode
    self.source = source
    self.root = root
    self.size = size
    self.path = path
    self.backing = tree.directory(of: tree.dentries[dentry].pointee.parent).store
    let standIn = tree.standIn(of: dentry)
    isWatched = standIn != nil
    if let standIn {
      copy = standIn
      tree.watches.standIns[inode] = nil
      tree.watches.copying.insert(inode)
      tree.room.beginCopy(size)
      return
    }
    // Without a name until it is whole: a run that dies in the middle leaves no half file.
    do throws(Errno) {
      self.copy = try tree.host.open(root, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    } catch {
      tree.host.close(source)
      throw error
    }
    tree.room.beginCopy(size)
  }

  func perform() throws(Errno) {
    try host.copyContents(from: source, to: copy)
  }

  func publish(failed: Bool) throws(Errno) {
    tree.hush(dentry)
    defer {
      host.close(source)
      if isWatched { endWatched() } else { host.close(copy) }
      tree.room.endCopy(size)
      tree.settleWatches()
    }
    if failed { return }
    let current = tree.dentries[dentry].pointee
    // Meanwhile another thread may have copied the file up, or removed or renamed it: the handler looks again.
    // A removed name keeps its inode for open files.
    guard current.inode == inode, !current.flags.contains(.unlinked),
      tree.inodes[inode.index].pointee.backing == .lower
    else { return }
    try tree.buildPath(of: dentry, into: &tree.path)
    guard tree.path.bytes.elementsEqual(path) else { return }
    let parent = tree.dentries[dentry].pointee.parent
    let times = try tree.timesAbove(parent)
    try tree.finishCopy(dentry, copy)
    // Before it has a name: what fails afterwards would leave the name behind.
    let status = try host.status(of: copy)
    try tree.buildPath(of: dentry, into: &tree.path)
    try host.link(copy, root, tree.path.cString)
    tree.didCopyUp(dentry, backing, status)
    try tree.restoreTimes(times, of: parent)
  }

  /// What stood for the file does so again if it has not become the copy, and may be of no use any more.
  private func endWatched() {
    tree.watches.copying.remove(inode)
    tree.hush(dentry)
    let record = tree.inodes[inode.index]
    guard tree.watches.all[inode] != nil, record.pointee.backing == .lower, record.pointee.links > 0 else {
      host.close(copy)
      return
    }
    tree.watches.standIns[inode] = copy
    tree.renewStandIn(of: dentry)
  }
}
