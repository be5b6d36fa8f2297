// Children that have made no call yet that is seen.
extension VirtualKernel {
  /// The process ends. Whom it has forked is found as long as the kernel knows whose child that is: a daemon's first call may come when its
  /// parent is no more, and who it is and what time it has must not depend on that.
  func findChildren(of group: ThreadGroup) {
    for thread in group.threads {
      for child in information.children(of: thread) {
        guard let child = (try? processes.thread(child.leader))?.group else { continue }
        if !child.isAnnounced { announce(child) }
        if reproduction.clock != nil { _ = clock(of: child) }
      }
    }
  }
}
