import Reproducibility
import SystemPackage

// What /proc says in a run on which every machine is the same.
extension ProcFileSystem {
  /// Whether a name of the table exists on every machine.
  func isUniform(_ index: Int, _ place: ProcEntry.Places, _ call: Call) -> Bool {
    guard let machine = call.kernel.reproduction.machine else { return true }
    let name = "\(ProcTables.entries[index].name)"
    return place == .system ? machine.has(name) : machine.hasOfProcess(name)
  }

  /// Of a link in ns/: `pid` for `pid_for_children`.
  func namespaceKind(_ node: ProcNode) -> Substring {
    ProcTables.namespaces[Int(node.number)].prefix { $0 != "_" }
  }

  /// What comes before the number in the name of a pipe or a socket.
  func numberedKind(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    for kind in ["pipe:", "socket:"] where name.starts(with: Array(kind.utf8) + [UInt8(ascii: "[")]) {
      return name.prefix(kind.utf8.count)
    }
    return nil
  }

  /// - Returns: nil for what is the process's own, or the kernel's.
  func uniformText(_ entry: ProcEntry, _ node: ProcNode, _ call: Call) throws(Errno) -> String? {
    guard let machine = call.kernel.reproduction.machine else { return nil }
    if node.id == 0 { return machine.text(of: "\(entry.name)") }
    guard entry.isNamed("limits"), node.id > 1 else { return nil }
    let thread = try thread(node.id, call)
    return try Self.limits(machine, call, thread)
  }

  /// proc_pid_limits in fs/proc/base.c.
  private static func limits(_ machine: UniformMachine, _ call: Call, _ thread: Thread) throws(Errno) -> String {
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }
    func number(_ limit: UInt64) -> String { padded(limit == .max ? "unlimited" : String(limit), 20) + " " }
    var text = padded("Limit", 26) + padded("Soft Limit", 21) + padded("Hard Limit", 21) + "Units     \n"
    for (resource, (name, unit)) in limitNames.enumerated() {
      let limit = try call.kernel.uniformLimit(Int32(resource), of: thread.id, machine)
      text += padded(name, 25) + " " + number(limit.soft) + number(limit.hard) + (unit.isEmpty ? "" : padded(unit, 10))
      text += "\n"
    }
    return text
  }

  private static let limitNames: [(String, String)] = [
    ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"), ("Max stack size", "bytes"),
    ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
    ("Max open files", "files"), ("Max locked memory", "bytes"), ("Max address space", "bytes"),
    ("Max file locks", "locks"), ("Max pending signals", "signals"), ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""), ("Max realtime priority", ""), ("Max realtime timeout", "us"),
  ]

  /// Of /proc/<pid>/status: what processors and memory there are, and how often others have had them.
  static func statusLines(_ machine: UniformMachine, _ thread: Thread?) -> [(name: String, value: String)] {
    let mask = thread?.affinity ?? machine.affinity
    let numbers = (0..<64).filter { mask >> UInt64($0) & 1 != 0 }
    // bitmap_print_to_pagebuf: words of 32 bits, as many as there are processors; ranges.
    func hex(_ word: UInt64, _ width: Int) -> String {
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let words =
      machine.processors > 32
      ? hex(mask >> 32, (machine.processors - 32 + 3) / 4) + "," + hex(mask & 0xffff_ffff, 8)
      : hex(mask, (machine.processors + 3) / 4)
    var ranges: [(Int, Int)] = []
    for number in numbers {
      if let last = ranges.last, last.1 == number - 1 {
        ranges[ranges.count - 1].1 = number
      } else {
        ranges.append((number, number))
      }
    }
    let list = ranges.map { $0.0 == $0.1 ? "\($0.0)" : "\($0.0)-\($0.1)" }.joined(separator: ",")
    // Those of all processes of the host's user are counted, and may be as many as RLIMIT_SIGPENDING (11) says.
    let signals = machine.limit(11).map { "0/\($0.soft)" } ?? "0/0"
    return [
      ("SigQ", signals), ("Cpus_allowed", words), ("Cpus_allowed_list", list), ("Mems_allowed", "1"),
      ("Mems_allowed_list", "0"),
      ("voluntary_ctxt_switches", "0"), ("nonvoluntary_ctxt_switches", "0"),
    ]
  }

  /// Lines that not every kernel or processor has.
  static let varyingStatus: Set<String> = [
    "CoreDumping", "Kthread", "NSsid", "SpeculationIndirectBranch", "Speculation_Store_Bypass", "THP_enabled",
    "untag_mask", "x86_Thread_features", "x86_Thread_features_locked",
  ]
}
