import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// A directory of a process in /proc is a pidfd too (pidfd_send_signal(2), kernel/signal.c: tgid_pidfd_to_pid), which killall(1) makes
  /// use of. The guest's is one of the skeleton, which the kernel would not take. All others are the kernel's to judge.
  @Sendable static func pidfd_send_signal(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    guard let status = try? call.kernel.descriptors.status(of: descriptor, in: call.thread),
      let directory = call.files.objects.dentry(ofSkeletonDirectory: status),
      case let inode = call.files.nodes.inode(of: directory), inode.pointee.backing == .proc,
      ProcNode(inode).kind == .process
    else { return .continue }
    // PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP, PIDFD_SIGNAL_PROCESS_GROUP: at most one.
    let flags = UInt32(truncatingIfNeeded: call.arguments.3)
    guard flags & ~7 == 0, flags.nonzeroBitCount <= 1 else { throw .invalidArgument }
    let file = try call.kernel.descriptors.duplicate(descriptor, of: call.thread.group)
    defer { call.kernel.descriptors.release(file) }
    if try call.kernel.descriptors.flags(of: file) & O_PATH_ != 0 { throw .badFileDescriptor }
    let id = ProcNode(inode).id
    let isGone = call.files.nodes[directory].pointee.flags.contains(.unlinked)
    if isGone || (try? call.kernel.information.statusOfProcLink(String(id))) == nil { throw .noSuchProcess }

    let signal = Int32(truncatingIfNeeded: call.arguments.1)
    var information: [UInt8]?
    if call.arguments.2 != 0 {
      let bytes = try call.readBytes(at: call.arguments.2, count: 128)  // siginfo_t
      func field(_ index: Int) -> Int32 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 4, as: Int32.self) }
      }
      guard field(0) == signal else { throw .invalidArgument }
      let isOwn = id == call.thread.group.nsID.rawValue
      // Nobody may tell others that the kernel (0 and above) or tgkill(2) sent it.
      if !isOwn, field(2) >= 0 || field(2) == -6 { throw .notPermitted }
      information = bytes
    }
    guard signal >= 0, signal <= 64 else { throw .invalidArgument }
    // The kernel drops what the guest sends to its pid 1, but not what comes from outside.
    if id == 1 {
      guard call.credentials.pointee.has(.kill) else { throw .notPermitted }
      return .value(0)
    }
    let group = try call.kernel.proc.thread(id, call).group
    try call.kernel.information.signal(group.pidfd, signal, information, flags: flags)
    return .value(0)
  }
}
