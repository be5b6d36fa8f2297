import CLinux
import Glibc
import SystemPackage
import VirtualKernel

// What calls with a time of a clock need to know.
extension LinuxProcesses {
  func stackPointer(of thread: AbsTid) -> UInt64? { register(7, of: thread) }

  func instructionPointer(of thread: AbsTid) -> UInt64? { register(8, of: thread) }

  /// - Parameter field: of proc_pid_syscall(5): the number, six arguments, the stack pointer, the instruction pointer.
  private func register(_ field: Int, of thread: AbsTid) -> UInt64? {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { text in
      // A call is received a moment before its thread has gone to sleep: so long it is "running".
      for _ in 0..<20 {
        let count = uwrx_read_proc(hostProc.rawValue, thread.rawValue, "syscall", text.baseAddress!, text.count)
        guard count > 0 else { return nil }
        let fields = text.prefix(count).split(whereSeparator: { $0 == 0x20 || $0 == 0x0a })
        if fields.count == 9 { return UInt64(String(decoding: fields[field].dropFirst(2), as: UTF8.self), radix: 16) }
      }
      return nil
    }
  }

  func sharesMemory(_ group: AbsTgid, _ other: AbsTgid) -> Bool {
    uwrx_shares_memory(group.rawValue, other.rawValue) != 0
  }

  func timerClocks(of process: NsTgid, until wanted: Int32) -> [Int32: Int32] {
    let path = "\(process.rawValue)/timers"
    let file = Int32(truncatingIfNeeded: uwrx_openat(guestProc.rawValue, path, O_RDONLY | O_CLOEXEC, 0))
    guard file >= 0 else { return [:] }
    defer { Glibc.close(file) }
    var clocks: [Int32: Int32] = [:]
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { page in
      var (rest, timer): ([UInt8], Int32?) = ([], nil)
      while true {
        let count = Glibc.read(file, page.baseAddress!, page.count)
        guard count > 0 else { return clocks }
        rest += page.prefix(count)
        guard let end = rest.lastIndex(of: 0x0a) else { continue }
        // proc_pid_timers(5): the lines of a timer begin with its number, and the last tells its clock.
        for line in rest[..<end].split(separator: 0x0a) {
          func number(after prefix: Int) -> Int32? { Int32(String(decoding: line.dropFirst(prefix), as: UTF8.self)) }
          if line.starts(with: "ID: ".utf8) { timer = number(after: 4) }
          if line.starts(with: "ClockID: ".utf8), let timer { clocks[timer] = number(after: 9) }
        }
        rest.removeSubrange(...end)
        if clocks[wanted] != nil { return clocks }
      }
    }
  }

  func time(ofClock kind: Int32, of group: AbsTgid) throws(Errno) -> timespec {
    var time = timespec()
    try checkErrno(clock_gettime(~group.rawValue << 3 | kind, &time))
    return time
  }

  func resolution(ofClock kind: Int32, of group: AbsTgid) throws(Errno) -> timespec {
    var time = timespec()
    try checkErrno(clock_getres(~group.rawValue << 3 | kind, &time))
    return time
  }
}
