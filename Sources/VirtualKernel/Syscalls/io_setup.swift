import Glibc
import SystemPackage

extension Syscalls {
  /// Makes a ring for asynchronous reads and writes. How many requests all rings of the machine may hold is one number
  /// (/proc/sys/fs/aio-max-nr), so the guest must leave half of it to the host.
  ///
  /// The number of requests is in a register: what is counted here is what the kernel then makes.
  @Sendable static func io_setup(_ call: Call) throws(Errno) -> Outcome {
    let wanted = UInt32(truncatingIfNeeded: call.arguments.0)
    let requests = UInt64(wanted)
    // fs/aio.c: the place for the result is looked at first, and twice as many are made, as 32-byte events of at most 256 MiB.
    guard try call.read(UInt64.self, at: call.arguments.1) == 0, wanted > 0, wanted &* 2 <= 0x1000_0000 / 32 else {
      throw .invalidArgument
    }
    let kernel = call.kernel
    // A thread that calls anew has its last ring.
    kernel.pendingRings[call.thread.id] = nil
    for (id, ring) in kernel.pendingRings where !isPending(ring.thread, call) { kernel.pendingRings[id] = nil }
    let pending = kernel.pendingRings.values.reduce(0) { $0 + $1.requests }
    let most = try number("sys/fs/aio-max-nr", call) / 2
    guard try number("sys/fs/aio-nr", call) + pending + requests <= most else { throw .resourceTemporarilyUnavailable }
    kernel.pendingRings[call.thread.id] = (call.thread, requests)
    return .continue
  }

  /// Whether the kernel may not have counted yet what was let through.
  private static func isPending(_ thread: Thread, _ call: Call) -> Bool {
    guard call.kernel.information.isThread(thread.id, of: thread.group.id) else { return false }
    // proc_pid_syscall(5): the number of the call that it is blocked in, or "running".
    var bytes: [UInt8] = []
    guard (try? call.kernel.information.readProc("\(thread.nsID.rawValue)/syscall", into: &bytes)) != nil else {
      return true
    }
    let number = Int32(String(decoding: bytes.prefix { $0 != 0x20 }, as: UTF8.self))
    return number == nil || number == SyscallNumber.io_setup.rawValue
  }

  private static func number(_ path: String, _ call: Call) throws(Errno) -> UInt64 {
    var bytes: [UInt8] = []
    guard (try? call.kernel.information.readProc(path, into: &bytes)) != nil,
      let value = UInt64(String(decoding: bytes.prefix { $0 != 0x0a }, as: UTF8.self)), value < 1 << 48
    else { throw .resourceTemporarilyUnavailable }
    return value
  }
}
