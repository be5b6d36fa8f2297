import Glibc
import SystemPackage

// inotify_add_watch(2)
extension FileTree {
  /// - Parameters:
  ///   - inotify: a descriptor to the guest's instance.
  ///   - isKept: whether the descriptor is the tree's now.
  /// - Returns: the watch's number, or work that must be waited for.
  func watch(
    _ dentry: DentryID, _ inotify: FileDescriptor, _ group: ThreadGroup, mask: UInt32, isKept: inout Bool
  ) throws(Errno) -> Outcome {
    watches.begin()
    if let work = try prepareWatch(dentry) { return .blocked(on: work) }
    return .value(Int64(try watches.add(dentry, inotify, group, mask: mask, isKept: &isKept)))
  }

  /// Something on the host that the watch can be put on: the file itself if it is the run's own.
  /// - Returns: work that must be waited for, or nil if there is.
  private func prepareWatch(_ dentry: DentryID) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    let id = nodes[dentry].pointee.inode
    if watches.hasStandIn(id) { return nil }
    if watches.isCopying(id) { return AnotherCopy() }
    switch (record.pointee.backing, record.pointee.kind) {
    case (.run, .directory), (.tmp, .directory), (.lower, .directory):
      do throws(Errno) { try upperLayer.ensure(dentry) } catch {
        // In a source that is read-only for real nothing will change.
        if error != .readOnlyFileSystem { throw error }
        try watches.makeStandIn(for: dentry)
      }
    case (.run, _), (.tmp, _): break
    case (.lower, let kind):
      // A link that no layer has.
      guard lowerLayers.has(dentry) else { throw .noSuchFileOrDirectory }
      if kind == .regular, !watches.hasManyStandIns {
        try watches.makeStandIn(for: dentry)
        return nil
      }
      do throws(Errno) { return try copyUp(dentry) } catch {
        if error != .readOnlyFileSystem { throw error }
        try watches.makeStandIn(for: dentry)
      }
    case (.proc, _), (.device, _), (.skeleton, _): try watches.makeStandIn(for: dentry)
    }
    return nil
  }
}
