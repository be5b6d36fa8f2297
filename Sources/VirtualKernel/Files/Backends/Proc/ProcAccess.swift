import CLinux
import Glibc
import SystemPackage

// Who may look into which process.
extension ProcFileSystem {
  /// The thread, or the first of the process, of this number.
  func thread(_ id: Int32, _ call: Call) throws(Errno) -> Thread {
    if let known = knownThread(id, call) { return known }
    // A thread that has made no call yet that is seen: what it has is its process's.
    if let process = call.kernel.information.leader(of: NsTid(rawValue: id)), process.rawValue != id,
      let known = knownThread(process.rawValue, call)
    {
      return known
    }
    if let found = call.kernel.processes.findThread(NsTid(rawValue: id)) { return found }
    throw .noSuchFileOrDirectory
  }

  /// The same of those that have made a call that was seen.
  func knownThread(_ id: Int32, _ call: Call) -> Thread? {
    let processes = call.kernel.processes
    if let group = processes.group(NsTgid(rawValue: id)) { return try? processes.thread(group.id.leader) }
    return processes.thread(NsTid(rawValue: id))
  }

  /// ptrace(2), "Ptrace access mode checking", with the ids that decide about files.
  /// - Throws: `.permissionDenied` if the caller may not look into the process.
  func requireInspection(of id: Int32, _ call: Call) throws(Errno) {
    // Guest init is a process of uwrx's, not of the guest's.
    if id == 1 { throw .permissionDenied }
    let own = call.credentials.pointee
    let isKnownAsOwn = id == call.thread.group.nsID.rawValue || id == call.thread.nsID.rawValue
    if isKnownAsOwn { return }
    // Who has every capability that there is for a guest stands for who has CAP_SYS_PTRACE.
    if own.capabilities.effective.isSuperset(of: .granted) { return }
    guard let thread = try? thread(id, call) else {
      // Of a process that ended a moment ago nobody is left to ask whose it was.
      guard isWithoutMemory(id, call) else { throw .permissionDenied }
      return
    }
    if thread.group === call.thread.group { return }
    let other = thread.credentials.pointee
    let isOwners =
      [other.user.real, other.user.effective, other.user.saved].allSatisfy { $0 == own.user.fileSystem }
      && [other.group.real, other.group.effective, other.group.saved].allSatisfy { $0 == own.group.fileSystem }
    guard isOwners, own.capabilities.effective.isSuperset(of: other.capabilities.permitted), isDumpable(id, call) else {
      throw .permissionDenied
    }
  }

  /// A zombie has nothing that could be looked into.
  func isWithoutMemory(_ id: Int32, _ call: Call) -> Bool {
    do throws(Errno) {
      _ = try call.kernel.information.readProcLink("\(id)/exe")
      return false
    } catch { return error == .noSuchFileOrDirectory }
  }

  /// What the mode of a directory does not say: proc_pid_fdinfo(5) is for who may look into the process, and guest init's descriptors are
  /// uwrx's.
  func requireListing(_ inode: UnsafeMutablePointer<Inode>, _ call: Call) throws(Errno) {
    let node = ProcNode(inode)
    switch node.kind {
    case .descriptorInformation: try requireInspection(of: node.id, call)
    case .descriptors, .mappedFiles: if node.id == 1 { throw .permissionDenied }
    default: break
    }
  }

  /// The files of a process that is not dumpable (prctl(2), PR_SET_DUMPABLE) but for its directories are the kernel's root's. That tells
  /// only where the guest is not root to the kernel.
  private func isDumpable(_ id: Int32, _ call: Call) -> Bool {
    let information = call.kernel.information
    guard let file = try? information.statusOfProcLink("\(id)/environ"),
      let directory = try? information.statusOfProcLink("\(id)")
    else { return false }
    // Neither are those of a zombie its user's.
    return file.st_uid == directory.st_uid || isWithoutMemory(id, call)
  }
}
