import CLinux
import Glibc
import SystemPackage

/// Files up to this size are copied up by the receiver itself; larger ones by the blocking pool.
let inlineCopyLimit: Int64 = 256 * 1024

// A lower file becomes one of the run's own before it is changed.
extension FileTree {
  /// Makes the file one of the run's own, so that it can be changed. One that has lost its name stays as it is.
  /// - Parameter keepContents: false if they are about to be truncated.
  /// - Returns: work that must be waited for, or nil if the file is ready.
  func copyUp(_ dentry: DentryID, keepContents: Bool = true) throws(Errno) -> (any BlockingWork)? {
    try load(dentry)
    let record = nodes.inode(of: dentry)
    guard record.pointee.backing == .lower else { return nil }
    guard let dentry = nodes.linkedName(of: dentry) else { return nil }
    try lowerLayers.requireWritable(dentry)
    try upperLayer.requireSpace(nodes.directory(of: nodes[dentry].pointee.parent).store)
    if record.pointee.kind == .directory {
      try upperLayer.ensure(dentry)
      return nil
    }
    if keepContents, let work = try lowerLayers.fetch(dentry) { return work }
    if watches.isCopying(nodes[dentry].pointee.inode) { return AnotherCopy() }
    let parent = nodes[dentry].pointee.parent
    try upperLayer.prepareName(nodes.name(of: dentry), in: parent, existing: dentry)
    watches.hush(dentry)
    defer { watches.settle() }
    let backing = nodes.directory(of: parent).store
    let root = upperLayer.root(backing)
    let times = try upperLayer.times(of: parent)
    try nodes.buildPath(of: dentry, into: &path)
    switch record.pointee.kind {
    case .symbolicLink:
      otherPath.clear()
      try otherPath.append(nodes.linkTarget(of: record))
      try host.makeSymbolicLink(otherPath.cString, root, path.cString)
    case .regular:
      let source = keepContents ? try lowerLayers.open(dentry, flags: O_RDONLY | O_CLOEXEC) : nil
      var space: Int64 = 0
      if let source {
        do throws(Errno) {
          space = try self.space(ofCopyOf: source)
          try upperLayer.requireSpace(backing, for: space)
        } catch {
          host.close(source)
          throw error
        }
      }
      if let source, record.pointee.size > inlineCopyLimit {
        return try CopyUp(tree: self, dentry: dentry, source: source, root: root, path: Array(path.bytes), size: space)
      }
      defer { if let source { host.close(source) } }
      let standIn = watches.standIn(of: dentry)
      let copy =
        if let standIn { standIn } else {
          try host.open(
            root, path.cString, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            mode: UpperLayer.hostMode(record.pointee.mode, isDirectory: false))
        }
      defer { if standIn == nil { host.close(copy) } }
      do throws(Errno) {
        if let source { try host.copyContents(from: source, to: copy) }
        try finishCopy(dentry, copy)
      } catch {
        if standIn == nil {
          try? host.remove(root, path.cString, isDirectory: false)
        } else {
          watches.renewStandIn(of: dentry)
        }
        throw error
      }
      if standIn != nil { try host.link(copy, root, path.cString) }
    default:
      try host.makeNode(
        root, path.cString,
        mode: record.pointee.kind.modeBits | UpperLayer.hostMode(record.pointee.mode, isDirectory: false),
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
    try upperLayer.restoreTimes(times, of: parent)
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

  fileprivate func finishCopy(_ dentry: DentryID, _ copy: FileDescriptor) throws(Errno) {
    let record = nodes.inode(of: dentry)
    try host.setMode(of: copy, UpperLayer.hostMode(record.pointee.mode, isDirectory: false))
    try host.setTimes(
      of: copy, access: record.pointee.accessed, modification: record.pointee.modified)
  }

  fileprivate func didCopyUp(_ dentry: DentryID, _ backing: Backing, _ status: stat) {
    let record = nodes.inode(of: dentry)
    if record.pointee.kind == .regular { try? upperLayer.copyAttributes(of: dentry, to: upperLayer.root(backing)) }
    record.pointee.backing = backing
    record.pointee.lowerIdentity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    objects.register(status, as: nodes[dentry].pointee.inode)
    nodes[dentry].pointee.flags.insert(.inUpper)
    if record.pointee.kind == .regular { watches.dropStandIn(of: nodes[dentry].pointee.inode) }
    var alias = record.pointee.firstAlias
    while alias != .none {
      // A FIFO's or a socket's live end is in the skeleton, and may be open.
      if record.pointee.kind == .regular || record.pointee.kind == .symbolicLink { mirror.drop(alias) }
      upperLayer.linkAbove(alias)
      alias = nodes[alias].pointee.nextAlias
    }
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
    self.inode = tree.nodes[dentry].pointee.inode
    self.source = source
    self.root = root
    self.size = size
    self.path = path
    self.backing = tree.nodes.directory(of: tree.nodes[dentry].pointee.parent).store
    let standIn = tree.watches.beginCopy(of: dentry)
    isWatched = standIn != nil
    if let standIn {
      copy = standIn
      tree.upperLayer.beginCopy(size)
      return
    }
    // Without a name until it is whole: a run that dies in the middle leaves no half file.
    do throws(Errno) {
      self.copy = try tree.host.open(root, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    } catch {
      tree.host.close(source)
      throw error
    }
    tree.upperLayer.beginCopy(size)
  }

  func perform() throws(Errno) {
    try host.copyContents(from: source, to: copy)
  }

  func publish(failed: Bool) throws(Errno) {
    tree.watches.hush(dentry)
    defer {
      host.close(source)
      if isWatched { tree.watches.endCopy(copy, of: inode, dentry) } else { host.close(copy) }
      tree.upperLayer.endCopy(size)
      tree.watches.settle()
    }
    if failed { return }
    let current = tree.nodes[dentry].pointee
    // Meanwhile another thread may have copied the file up, or removed or renamed it: the handler looks again.
    // A removed name keeps its inode for open files.
    guard current.inode == inode, !current.flags.contains(.unlinked),
      tree.nodes[inode].pointee.backing == .lower
    else { return }
    try tree.nodes.buildPath(of: dentry, into: &tree.path)
    guard tree.path.bytes.elementsEqual(path) else { return }
    let parent = tree.nodes[dentry].pointee.parent
    let times = try tree.upperLayer.times(of: parent)
    try tree.finishCopy(dentry, copy)
    // Before it has a name: what fails afterwards would leave the name behind.
    let status = try host.status(of: copy)
    try tree.nodes.buildPath(of: dentry, into: &tree.path)
    try host.link(copy, root, tree.path.cString)
    tree.didCopyUp(dentry, backing, status)
    try tree.upperLayer.restoreTimes(times, of: parent)
  }
}
