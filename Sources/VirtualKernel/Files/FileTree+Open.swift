import Glibc
import SystemPackage
import Tracing

// What stands behind a file, wherever that is.
extension FileTree {
  /// Opens what stands behind a file. The dentry's inode is loaded.
  func openHost(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    nodes.inode(of: dentry).pointee.backing.isUpper
      ? try upperLayer.open(dentry, flags: flags) : try lowerLayers.open(dentry, flags: flags)
  }

  /// Opens a regular file for a descriptor of the guest's.
  func openForGuest(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let record = nodes.inode(of: dentry)
    // Nobody locks a file of /sys, and no copy of one tells what it says now.
    guard record.pointee.backing == .lower, record.pointee.fileSystem != FileSystemID.sys else {
      return try openHost(dentry, flags: flags)
    }
    return try lowerLayers.openForGuest(dentry, flags: flags)
  }

  /// Makes what the guest will open with O_PATH: its descriptor then tells which file it is by what stands in the skeleton.
  func materialiseForPath(_ dentry: DentryID, _ call: Call) throws(Errno) {
    let record = nodes.inode(of: dentry)
    switch (record.pointee.backing, record.pointee.kind) {
    case (_, .directory):
      if !nodes[dentry].pointee.flags.contains(.unlinked) { try mirror.materialise(dentry) }
    case (.proc, .symbolicLink):
      let text = Array(try call.kernel.proc.text(of: record, call))
      try text.withUnsafeBufferPointer { bytes throws(Errno) in try mirror.materialisePassingLink(dentry, target: bytes)
      }
      try mirror.registerPlace(of: dentry)
    case (.proc, _):
      // What a link in ns/ leads to is in no directory.
      if ProcNode(record).kind == .namespaceFile { throw .permissionDenied }
      // An empty file: only which one it is counts.
      try mirror.materialiseNode(dentry)
    case (.device, _): try call.kernel.devices.materialise(dentry, call)
    case (.skeleton, _): break
    case (_, .symbolicLink):
      try mirror.materialiseLink(dentry, target: nodes.linkTarget(of: record))
      try mirror.registerPlace(of: dentry)
    case (_, .fifo), (_, .socket): try mirror.materialiseNode(dentry)
    default: try mounts.bindExecutable(dentry)
    }
  }

  /// Calls `above` with the place of the file in the run's layer or the store, or `below` with that in a lower layer.
  /// - Parameter open: the guest's open file, whose place is that of a file without a name.
  /// - Returns: nil if it has none of the two.
  func withPlace<Value>(
    of dentry: DentryID, open: FileDescriptor? = nil,
    above: (FileDescriptor, UnsafePointer<CChar>) throws(Errno) -> Value,
    below: (any LowerTree, UnsafePointer<CChar>) throws(Errno) -> Value
  ) throws(Errno) -> Value? {
    let backing = nodes.inode(of: dentry).pointee.backing
    if backing.isUpper { return try upperLayer.withPlace(of: dentry, open: open, above) }
    return backing == .lower ? try lowerLayers.withPlace(of: dentry, below) : nil
  }

  /// The present process is about to change a file's contents.
  /// - Parameters:
  ///   - appends: it can only append to them.
  ///   - kind: what is recorded.
  /// - Returns: work that must be waited for, or nil if the file is ready.
  func beginVersion(
    _ dentry: DentryID, truncates: Bool, appends: Bool = false, as kind: EventKind = .write
  ) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    if record.pointee.backing == .run, record.pointee.kind == .regular {
      try upperLayer.requireSpace(.run)
      watches.hush(dentry)
      defer { watches.settle() }
      let work = try versions.begin(dentry, by: events.process, truncates: truncates, appends: appends)
      if let work { return work }
    }
    events.record(kind, dentry)
    return nil
  }

  /// The same for the contents of a file without a name.
  func beginNamelessVersion(
    _ dentry: DentryID, _ file: HostIdentity, as kind: EventKind = .write
  ) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    try upperLayer.requireSpace(record.pointee.backing)
    if let work = try versions.leaveArchive(file) { return work }
    versions.beginNameless(record, by: events.process)
    events.record(kind, dentry)
    return nil
  }
}
