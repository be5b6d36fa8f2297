import CLinux
import Glibc
import VirtualKernel

/// What all living descendants of a process use, and the time of those that they have waited for.
struct ProcessTreeUsage {
  /// Bytes of memory that is no file's. What two share by fork(2) counts twice.
  var anonymous = 0
  /// Bytes of memory files, as far as they are mapped and were touched there.
  var mappedShared = 0
  /// Bytes of memory files that a process has open, mapped or not.
  var openShared = 0
  /// Processor time, of the user's and of the system's.
  var seconds = 0.0

  /// - Parameter memoryDevice: where the kernel keeps files of memfd_create(2); nil if memory is of no interest.
  init(of root: Int32, memoryDevice: UInt64?) {
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    var pending = [root]
    var seen: Set<UInt64> = []
    while let pid = pending.popLast() {
      if let memoryDevice { addMemory(of: pid, on: memoryDevice, &seen) }
      if let text = LimitEnforcer.read("/proc/\(pid)/stat") {
        // proc_pid_stat(5): the name may hold spaces and parentheses; after the last one comes field 3.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ").dropFirst()
        // utime, stime, cutime and cstime are fields 14 to 17.
        for time in fields.dropFirst(11).prefix(4) { seconds += (Double(time) ?? 0) / ticks }
      }
      // proc_pid_children(5): a child is listed at the thread that has made it.
      for thread in directoryEntries("/proc/\(pid)/task") ?? [] {
        guard Int32(thread) != nil, let children = LimitEnforcer.read("/proc/\(pid)/task/\(thread)/children") else {
          continue
        }
        pending += children.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int32($0) }
      }
    }
  }

  private mutating func addMemory(of pid: Int32, on device: UInt64, _ seen: inout Set<UInt64>) {
    let own = Self.memory("/proc/\(pid)/status")
    anonymous += own.anonymous
    mappedShared += own.shared
    for name in directoryEntries("/proc/\(pid)/fd") ?? [] {
      var status = stat()
      guard stat("/proc/\(pid)/fd/\(name)", &status) == 0, UInt64(status.st_dev) == device,
        status.st_mode & S_IFMT == S_IFREG, seen.insert(UInt64(status.st_ino)).inserted
      else { continue }
      openShared += Int(status.st_blocks) * 512
    }
  }

  /// Of /proc/<pid>/status: the cost does not grow with the number of mappings, which is the guest's choice.
  static func memory(_ path: String) -> (anonymous: Int, shared: Int) {
    guard var text = LimitEnforcer.read(path) else { return (0, 0) }
    return text.withUTF8 { utf8 in
      let lines = StatusLines(text: UnsafeRawBufferPointer(utf8))
      func bytes(_ label: StaticString) -> Int { Int(clamping: (lines.kibibytes(label) ?? 0) << 10) }
      return (bytes("RssAnon:"), bytes("RssShmem:"))
    }
  }
}
