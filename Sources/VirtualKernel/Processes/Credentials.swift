/// Who a thread is to the virtual kernel (credentials(7)). The kernel's own ids of a guest process never change: it has no
/// capability there. What the guest sees, and what decides about files, is this.
public struct Credentials: Hashable {
  /// One kind of id. -1 is never a value.
  struct IDs: Hashable {
    var real: UInt32
    var effective: UInt32
    var saved: UInt32
    /// Decides about files; follows the effective id but for setfsuid(2).
    var fileSystem: UInt32

    init(_ id: UInt32) { (real, effective, saved, fileSystem) = (id, id, id, id) }

    /// Whether an unprivileged process may take on this id.
    func contains(_ id: UInt32) -> Bool { id == real || id == effective || id == saved }
  }

  var user: IDs
  var group: IDs
  /// Ascending, as the kernel keeps them.
  var groups: [UInt32]
  var capabilities: Capabilities
  /// The timer slack that it believes to have, in nanoseconds; 0 for the usual. The one that it has says who it is (`CredentialsTable`).
  var timerSlack: UInt64 = 0

  init(user: UInt32, group: UInt32, groups: [UInt32] = []) {
    self.user = IDs(user)
    self.group = IDs(group)
    self.groups = groups
    capabilities = user == 0 ? .root : .none
  }

  func has(_ capability: Capabilities.Set) -> Bool { capabilities.effective.contains(capability) }

  func isIn(_ group: UInt32) -> Bool {
    if group == self.group.fileSystem { return true }
    return groups.count > 0 && groups.contains(group)
  }

  /// Whether a file of this group may be set-group-id by this user's hand (chmod(2), inode(7)).
  func maySetGroupID(for group: UInt32) -> Bool { has(.keepSetID) || isIn(group) }

  /// Whether `ofRealIDs` is the same.
  var isOfRealIDs: Bool {
    user.fileSystem == user.real && group.fileSystem == group.real
      && capabilities.effective == (user.real == 0 ? capabilities.permitted : [])
  }

  /// As access(2) asks: for the real ids, with the capabilities that they would give.
  var ofRealIDs: Credentials {
    var copy = self
    copy.user.fileSystem = user.real
    copy.group.fileSystem = group.real
    copy.capabilities.effective = user.real == 0 ? capabilities.permitted : []
    return copy
  }
}

// Changes of ids and what they do to capabilities (capabilities(7), "Effect of user ID changes on capabilities").
extension Credentials {
  /// Brings the capabilities into line after the user ids have changed from `old`.
  mutating func didChangeUser(from old: IDs) {
    let wasRoot = old.real == 0 || old.effective == 0 || old.saved == 0
    let isRoot = user.real == 0 || user.effective == 0 || user.saved == 0
    if wasRoot, !isRoot {
      if !capabilities.survivesUserChange {
        capabilities.permitted = []
        capabilities.effective = []
      }
      capabilities.ambient = []
    }
    if old.effective == 0, user.effective != 0 { capabilities.effective = [] }
    if old.effective != 0, user.effective == 0 { capabilities.effective = capabilities.permitted }
  }

  mutating func setFileSystemUser(_ id: UInt32) {
    let old = user.fileSystem
    user.fileSystem = id
    if old == 0, id != 0 { capabilities.effective.subtract(.ofFileSystem) }
    if old != 0, id == 0 { capabilities.effective.formUnion(capabilities.permitted.intersection(.ofFileSystem)) }
  }

  /// What an execve(2) makes of them. Set-user-ID bits count for nothing, as under no_new_privs.
  func afterExecution() -> Credentials {
    var copy = self
    copy.user.saved = user.effective
    copy.group.saved = group.effective
    copy.user.fileSystem = user.effective
    copy.group.fileSystem = group.effective
    copy.capabilities.survivesUserChange = false
    let isRoot = user.real == 0 || user.effective == 0
    let own = capabilities
    if isRoot {
      copy.capabilities.permitted = own.inheritable.union(own.bounding).intersection(.granted)
      copy.capabilities.ambient = []
    } else {
      copy.capabilities.permitted = own.ambient
    }
    copy.capabilities.effective = user.effective == 0 ? copy.capabilities.permitted : copy.capabilities.ambient
    return copy
  }
}
