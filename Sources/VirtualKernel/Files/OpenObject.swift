import CLinux
import Glibc
import SystemPackage

/// What a magic link of /proc leads to: an open file itself, whatever has become of its name (proc_pid_fd(5)).
struct OpenObject {
  enum Link: Equatable {
    case descriptor(Int32)
    /// What a process runs.
    case executable
    case workingDirectory
  }

  var thread: AbsTid
  var link: Link

  init(_ thread: AbsTid, _ link: Link) {
    self.thread = thread
    self.link = link
  }
}

extension Call {
  func status(of open: OpenObject) throws(Errno) -> stat {
    switch open.link {
    case .descriptor(let descriptor): return try kernel.descriptors.status(of: descriptor, in: open.thread)
    case .executable: return try kernel.information.statusOfProcLink("\(try guestID(of: open))/exe")
    case .workingDirectory: return try kernel.descriptors.statusOfWorkingDirectory(of: open.thread)
    }
  }

  /// A descriptor of the supervisor's to what it is; the caller releases it. For what is no descriptor of the guest's it is one of O_PATH.
  func duplicate(_ open: OpenObject) throws(Errno) -> FileDescriptor {
    switch open.link {
    case .descriptor(let descriptor):
      return try kernel.descriptors.duplicate(descriptor, of: try kernel.processes.thread(open.thread).group)
    case .executable:
      return try kernel.information.openProcLink("\(try guestID(of: open))/exe", flags: O_PATH_)
    case .workingDirectory:
      return try kernel.information.openProcLink("\(try guestID(of: open))/cwd", flags: O_PATH_)
    }
  }

  private func guestID(of open: OpenObject) throws(Errno) -> Int32 {
    try kernel.processes.thread(open.thread).nsID.rawValue
  }

  /// The tree's file behind an open file, which may have lost its name; nil if it is none of the tree's.
  func dentry(of open: OpenObject) throws(Errno) -> DentryID? {
    let status = try status(of: open)
    guard case .descriptor(let descriptor) = open.link else { return files.objects.dentry(behind: status) }
    return dentry(of: descriptor, status, in: try kernel.processes.thread(open.thread).group)
  }
}
