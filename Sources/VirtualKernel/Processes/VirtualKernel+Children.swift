// Children that have made no call yet that is seen.
extension VirtualKernel {
  /// So many are looked for when a process ends: each costs as much as a call.
  private static let mostChildren = 256

  /// The process ends. Whom it has forked is found as long as the kernel knows whose child that is: a daemon's first call may come when its
  /// parent is no more, and who it is and what time it has must not depend on that.
  func findChildren(of group: ThreadGroup) {
    guard !reproduction.variants.isEmpty else { return }
    var left = Self.mostChildren
    // The number of a thread that has ended may be that of a process of the host's by now.
    for thread in group.threads where information.isThread(thread, of: group.id) {
      for child in information.children(of: thread).prefix(left) {
        left -= 1
        guard let child = processes.child(child, of: group) else { continue }
        if !child.isAnnounced { announce(child) }
        if reproduction.clock != nil { _ = clock(of: child) }
      }
    }
  }
}
