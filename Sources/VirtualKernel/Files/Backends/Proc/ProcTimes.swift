import Reproducibility
import SystemPackage

// Files of /proc that tell a time, in a run with a virtual clock.
extension ProcFileSystem {
  /// - Parameter text: what it says but for the time; nil for what the kernel says.
  /// - Returns: nil for a file that tells none.
  func timedContents(
    _ entry: ProcEntry, _ node: ProcNode, _ path: String, _ text: [UInt8]?, _ call: Call
  ) throws(Errno) -> [UInt8]? {
    guard let rule = call.kernel.reproduction.clock else { return nil }
    let isOfSystem = entry.places == .system
    if isOfSystem, entry.isNamed("uptime") {
      let hundredths = rule.monotonic(call.kernel.ask(call)) / 10_000_000
      let fraction = hundredths % 100
      let text = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
      return Array("\(text) \(text)\n".utf8)
    }
    guard entry.isNamed("stat") else { return nil }
    var bytes = text ?? []
    if text == nil { try call.kernel.information.readProc(path, into: &bytes) }
    if isOfSystem {
      return Self.setBootTime(in: bytes, (rule.epoch - min(rule.epoch, ClockRule.uptime)) / 1_000_000_000)
    }
    // Guest init is no process of the guest's.
    let group = node.id == 1 ? nil : (try? thread(node.id, call))?.group
    return Self.setTimes(
      in: bytes, group.map { call.kernel.clock(of: $0) } ?? ProcessClock(rule, at: rule.epoch), rule,
      isRunning: node.id == call.thread.nsID.rawValue)
  }

  private static func setBootTime(in bytes: [UInt8], _ seconds: UInt64) -> [UInt8] {
    var result: [UInt8] = []
    for line in bytes.split(separator: 0x0a) {
      result += line.starts(with: "btime ".utf8) ? Array("btime \(seconds)".utf8) : Array(line)
      result.append(0x0a)
    }
    return result
  }

  /// proc_pid_stat(5): utime, stime, cutime, cstime are fields 14 to 17 and starttime is 22, in hundredths of a second. The name in field 2 may
  /// hold anything but its end is the last parenthesis.
  /// - Parameter isRunning: it is the caller, which waits for us and would run if we were the kernel.
  private static func setTimes(
    in bytes: [UInt8], _ clock: ProcessClock, _ rule: ClockRule, isRunning: Bool
  ) -> [UInt8] {
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return bytes }
    var fields = bytes[(end + 1)...].split(separator: 0x20, omittingEmptySubsequences: false).map { Array($0) }
    let tick: UInt64 = 10_000_000
    let values: [(field: Int, value: UInt64)] = [
      (14, clock.used / tick), (15, 0), (16, clock.usedByChildren / tick), (17, 0),
      (22, rule.monotonic(clock.start) / tick),
    ]
    // The first is what is before field 3: nothing.
    for (field, value) in values where field - 2 < fields.count { fields[field - 2] = Array(String(value).utf8) }
    if isRunning, fields.count > 1 { fields[1] = [UInt8(ascii: "R")] }
    return Array(bytes[...end]) + Array(fields.joined(separator: [0x20]))
  }
}
