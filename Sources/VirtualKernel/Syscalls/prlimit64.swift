import Glibc
import SystemPackage

extension Syscalls {
  /// Sets a limit of another process, for who is the same user there and here. The supervisor asks the kernel on the caller's behalf: by its
  /// own call the caller could reach guest init, which is the same user to the kernel.
  @Sendable static func prlimit64(_ call: Call) throws(Errno) -> Outcome {
    let new = try call.read(ResourceLimit.self, at: call.arguments.2)
    let pid = call.kernel.processes.kernelNumber(Int32(truncatingIfNeeded: call.arguments.0))
    let target = pid == 0 ? call.thread : try limitTarget(pid, call)
    let resource = Int32(truncatingIfNeeded: call.arguments.1)
    // RLIM_NLIMITS
    guard (0..<16).contains(resource), new.soft <= new.hard else { throw .invalidArgument }
    let information = call.kernel.information
    // getrlimit(2): raising a hard limit needs CAP_SYS_RESOURCE, which root's supervisor may have and the guest has not.
    let old = try information.limit(resource, of: target.id, setTo: nil)
    guard new.hard <= old.hard else { throw .notPermitted }
    // A lower one would start the host's program for core files again (core(5)).
    if resource != coreSize { _ = try information.limit(resource, of: target.id, setTo: new) }
    if call.arguments.3 != 0 { try call.write(old, at: call.arguments.3) }
    return .value(0)
  }

  /// The process whose limits the caller may change: all its ids are the caller's real ones.
  static func limitTarget(_ pid: Int32, _ call: Call) throws(Errno) -> Thread {
    guard let thread = call.kernel.processes.findThread(NsTid(rawValue: pid)) else {
      // Guest init, or an orphan of its that has not made a call yet.
      let exists = pid > 0 && (try? call.kernel.information.statusOfProcLink(String(pid))) != nil
      throw exists ? .notPermitted : .noSuchProcess
    }
    if thread.group === call.thread.group { return thread }
    let own = call.credentials.pointee
    let other = thread.credentials.pointee
    for (mine, theirs) in [(own.user.real, other.user), (own.group.real, other.group)] {
      guard theirs.real == mine, theirs.effective == mine, theirs.saved == mine else { throw .notPermitted }
    }
    return thread
  }

  /// That of core files, which stays as the guest was born with it: a lower one has been set as far as anybody can see.
  @Sendable static func setrlimit(_ call: Call) throws(Errno) -> Outcome {
    let new = try call.read(ResourceLimit.self, at: call.arguments.1)
    guard Int32(truncatingIfNeeded: call.arguments.0) == coreSize, new.soft <= new.hard else { throw .invalidArgument }
    let old = try call.kernel.information.limit(coreSize, of: call.thread.id, setTo: nil)
    guard new.hard <= old.hard else { throw .notPermitted }
    return .value(0)
  }

  static let coreSize = Int32(RLIMIT_CORE.rawValue)
  static let fileSize = Int32(RLIMIT_FSIZE.rawValue)
}
