/// Who the run's first process is.
public struct GuestUser {
  /// What it is to itself.
  public var uid: UInt32
  public var gid: UInt32
  /// Supplementary groups.
  public var groups: [UInt32]
  /// The user of the supervisor; its files look like the guest user's own.
  public var hostUser: UInt32
  public var hostGroup: UInt32

  public init(uid: UInt32, gid: UInt32, groups: [UInt32] = [], hostUser: UInt32, hostGroup: UInt32) {
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.hostUser = hostUser
    self.hostGroup = hostGroup
  }
}
