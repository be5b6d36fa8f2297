import Tracing

/// What is recorded of the tree. Events fall out at the side: nothing here decides anything.
final class FileEvents {
  /// The process whose call is being decided, by the trace's own number.
  var process = Event.supervisor
  /// The unit that it belongs to, of a run that skips.
  var unit: Unit?
  /// The path that was walked last began at the root.
  var isAbsolute = false
  private let sink: (any EventSink)?
  /// Whether what changes nothing is recorded, too.
  private let recordsUses: Bool
  private let nodes: NodeTree
  private let objects: OpenObjects
  /// In a run with a virtual clock.
  var times: FileTimes?
  private var recent = RecentEvents()
  /// The last number that was given to a name in an event, and those below it whose names are no more.
  private var lastNode = Event.rootNode
  private var freeNodes: [UInt32] = []

  init(_ sink: (any EventSink)?, recordsUses: Bool, _ nodes: NodeTree, _ objects: OpenObjects) {
    self.sink = sink
    self.recordsUses = recordsUses
    self.nodes = nodes
    self.objects = objects
  }

  /// Tells what the present process did to a file that has, or had, this name.
  func record(_ kind: EventKind, _ dentry: DentryID) {
    if let times, kind.metaName != nil, dentry != .none {
      times.note(nodes[dentry].pointee.inode)
      times.note(nodes[nodes[dentry].pointee.parent].pointee.inode)
    }
    unit?.note(kind, dentry)
    guard let sink, dentry != .none else { return }
    // A program is needed to tell who made a change.
    if !recordsUses, kind.metaName == nil, kind != .exec { return }
    guard let record = recordable(dentry) else { return }
    let node = node(of: dentry)
    if kind.metaName != nil {
      recent.changed()
    } else if kind != .exec, recent.isRepeated(kind, process, node, record.pointee.version) {
      return
    }
    sink.append(
      Event(kind, pid: process, node: node, version: record.pointee.version), UnsafeBufferPointer(start: nil, count: 0))
  }

  /// The same for what shows a file's contents to the process.
  func recordRead(_ kind: EventKind, _ dentry: DentryID) {
    markRead(dentry)
    record(kind, dentry)
  }

  /// The present process sees a file's contents: they must be kept.
  func markRead(_ dentry: DentryID) {
    let inode = nodes.inode(of: dentry)
    if inode.pointee.version != 0, inode.pointee.writer != process { inode.pointee.flags.insert(.readByOthers) }
  }

  /// The present process runs a version of a file.
  func recordExecution(_ dentry: DentryID, version: UInt32) {
    unit?.note(.exec, dentry)
    guard let sink, recordable(dentry) != nil else { return }
    sink.append(
      Event(.exec, pid: process, node: node(of: dentry), version: version), UnsafeBufferPointer(start: nil, count: 0))
  }

  /// Tells that a name was looked for and not found.
  func recordMissing(_ name: UnsafeBufferPointer<UInt8>, in directory: DentryID) {
    unit?.noteMissing(name, in: directory)
    guard let sink, recordsUses, recordable(directory) != nil else { return }
    let node = node(of: directory)
    if recent.isRepeated(.missing, process, node, nodes.hash(directory, name)) { return }
    sink.append(Event(.missing, pid: process, node: node, version: 0), name)
  }

  /// Tells where a version is when the run has ended.
  /// - Parameter process: who replaced it.
  func recordStored(_ version: UInt32, at place: [UInt8], by process: UInt32) {
    guard version != 0 else { return }
    place.withUnsafeBufferPointer { name in
      sink?.append(Event(.stored, pid: process, node: 0, version: version), name)
    }
  }

  /// The inode if it is of a file system whose contents depend on what processes do.
  private func recordable(_ dentry: DentryID) -> UnsafeMutablePointer<Inode>? {
    let id = nodes[dentry].pointee.inode
    guard id != .none else { return nil }
    let record = nodes[id]
    switch record.pointee.fileSystem {
    case FileSystemID.root, FileSystemID.tmp, FileSystemID.shm: return record
    default: return nil
    }
  }
}

// The numbers that events call names by.
extension FileEvents {
  /// The number of a name, which is defined if it has none yet.
  func node(of dentry: DentryID) -> UInt32 {
    if dentry == nodes.root { return Event.rootNode }
    let known = nodes[dentry].pointee.node
    if known != 0 { return known }
    let parent = node(of: nodes[dentry].pointee.parent)
    let node = newNode()
    nodes[dentry].pointee.node = node
    sink?.append(Event(.node, pid: 0, node: node, version: parent), nodes.name(of: dentry))
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
    let node = nodes[dentry].pointee.node
    guard node != 0 else { return }
    nodes[dentry].pointee.node = 0
    freeNodes.append(node)
  }

  /// The dentry has moved: it, and what is below it, has another path from now on.
  func forgetNodes(_ dentry: DentryID) {
    guard nodes[dentry].pointee.node != 0 else { return }
    forgetNodes(below: dentry)
    guard nodes.inode(of: dentry).pointee.kind == .directory else { return }
    // Files without a name stand below it, too, but in no list of children.
    for file in objects.namelessFiles where nodes[file].pointee.node != 0 && hasLostNode(above: file) {
      releaseNode(file)
    }
  }

  /// A child has a node only if its parent has one, so that what nobody has used since the last move costs nothing.
  private func forgetNodes(below dentry: DentryID) {
    guard nodes[dentry].pointee.node != 0 else { return }
    releaseNode(dentry)
    let id = nodes[dentry].pointee.inode
    guard id != .none, nodes[id].pointee.kind == .directory else { return }
    for child in nodes.directory(of: dentry).children where child != .none { forgetNodes(below: child) }
  }

  private func hasLostNode(above dentry: DentryID) -> Bool {
    var current = nodes[dentry].pointee.parent
    while current != nodes.root, current != .none {
      if nodes[current].pointee.node == 0 { return true }
      current = nodes[current].pointee.parent
    }
    return false
  }
}
