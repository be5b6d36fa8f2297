import SystemPackage
import Tracing

// Events fall out at the side: nothing here decides anything.
extension FileTree {
  /// Tells what the present process did to a file that has, or had, this name.
  func record(_ kind: EventKind, _ dentry: DentryID) {
    guard let events, dentry != .none else { return }
    // A program is needed to tell who made a change.
    if !recordsUses, kind.metaName == nil, kind != .exec { return }
    guard let record = recordable(dentry) else { return }
    let node = node(of: dentry)
    if kind.metaName != nil {
      recent.changed()
    } else if kind != .exec, recent.isRepeated(kind, process, node, record.pointee.version) {
      return
    }
    events.append(
      Event(kind, pid: process, node: node, version: record.pointee.version), UnsafeBufferPointer(start: nil, count: 0))
  }

  /// The same for what shows a file's contents to the process.
  func recordRead(_ kind: EventKind, _ dentry: DentryID) {
    markRead(dentry)
    record(kind, dentry)
  }

  /// The present process sees a file's contents: they must be kept.
  func markRead(_ dentry: DentryID) {
    let inode = inode(of: dentry)
    if inode.pointee.version != 0, inode.pointee.writer != process { inode.pointee.flags.insert(.readByOthers) }
  }

  /// The present process runs a version of a file.
  func recordExecution(_ dentry: DentryID, version: UInt32) {
    guard let events, recordable(dentry) != nil else { return }
    events.append(
      Event(.exec, pid: process, node: node(of: dentry), version: version), UnsafeBufferPointer(start: nil, count: 0))
  }

  /// Tells that a name was looked for and not found.
  func recordMissing(_ name: UnsafeBufferPointer<UInt8>, in directory: DentryID) {
    guard let events, recordsUses, recordable(directory) != nil else { return }
    let node = node(of: directory)
    if recent.isRepeated(.missing, process, node, dentries.hash(directory, name)) { return }
    events.append(Event(.missing, pid: process, node: node, version: 0), name)
  }

  /// The inode if it is of a file system whose contents depend on what processes do.
  private func recordable(_ dentry: DentryID) -> UnsafeMutablePointer<Inode>? {
    let id = dentries[dentry].pointee.inode
    guard id != .none else { return nil }
    let record = inodes[id.index]
    switch record.pointee.fileSystem {
    case FileSystemID.root, FileSystemID.tmp, FileSystemID.shm: return record
    default: return nil
    }
  }

  /// The number of a name, which is defined if it has none yet.
  func node(of dentry: DentryID) -> UInt32 {
    if dentry == root { return Event.rootNode }
    let known = dentries[dentry].pointee.node
    if known != 0 { return known }
    let parent = node(of: dentries[dentry].pointee.parent)
    let node = newNode()
    dentries[dentry].pointee.node = node
    events?.append(Event(.node, pid: 0, node: node, version: parent), dentries.name(of: dentry))
    return node
  }

  private func newNode() -> UInt32 {
    guard let free = freeNodes.popLast() else {
      lastNode += 1
      return lastNode
    }
    // What was asked of the number before was of another name.
    recent.changed()
    return free
  }

  /// The name is no more: its number can be another's, so that who reads the events need not keep all names there ever were.
  func releaseNode(_ dentry: DentryID) {
    let node = dentries[dentry].pointee.node
    guard node != 0 else { return }
    dentries[dentry].pointee.node = 0
    freeNodes.append(node)
  }

  /// The dentry has moved: it, and what is below it, has another path from now on.
  func forgetNodes(_ dentry: DentryID) {
    guard dentries[dentry].pointee.node != 0 else { return }
    forgetNodes(below: dentry)
    guard inodes[dentries[dentry].pointee.inode.index].pointee.kind == .directory else { return }
    // Files without a name stand below it, too, but in no list of children.
    for orphan in orphans where dentries[orphan].pointee.node != 0 && hasLostNode(above: orphan) { releaseNode(orphan) }
  }

  /// A child has a node only if its parent has one, so that what nobody has used since the last move costs nothing.
  private func forgetNodes(below dentry: DentryID) {
    guard dentries[dentry].pointee.node != 0 else { return }
    releaseNode(dentry)
    let id = dentries[dentry].pointee.inode
    guard id != .none, inodes[id.index].pointee.kind == .directory else { return }
    for child in directory(of: dentry).children where child != .none { forgetNodes(below: child) }
  }

  private func hasLostNode(above dentry: DentryID) -> Bool {
    var current = dentries[dentry].pointee.parent
    while current != root, current != .none {
      if dentries[current].pointee.node == 0 { return true }
      current = dentries[current].pointee.parent
    }
    return false
  }
}
