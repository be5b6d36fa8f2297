import SystemPackage

// /proc in a run with process numbers: a process is listed and told of under the number by which it knows itself, and found by the kernel's too.
extension ProcFileSystem {
  /// The directory of a process or thread that is asked for by the kernel's number and has another one, under that.
  /// - Parameter id: the kernel's number of what goes by `number` to who asks.
  func findNumbered(_ id: Int32, _ number: Int32, in parent: DentryID, _ node: ProcNode, _ call: Call) -> DentryID? {
    guard id == number, let group = call.kernel.processes.group(NsTgid(rawValue: id)), group.processNumber != 0 else {
      return nil
    }
    let files = call.files
    var name = String(group.processNumber)
    return name.withUTF8 { name in
      let known = files.nodes.find(parent, name)
      return known != .none ? known : files.add(node, name, in: parent, .directory, mode: 0o555)
    }
  }

  /// Names of processes or threads as they are listed.
  func shownNumbers(_ names: [[UInt8]], _ call: Call) -> [[UInt8]] {
    guard call.kernel.processes.numbers != nil else { return names }
    return names.map { name in
      guard let id = Int32(String(decoding: name, as: UTF8.self)) else { return name }
      return Array(String(call.kernel.processes.shownNumber(of: id)).utf8)
    }
  }

  /// A path below /proc with the kernel's numbers in the places of those of processes and threads.
  func kernelPath(_ path: String, _ call: Call) -> String {
    let processes = call.kernel.processes
    guard processes.numbers != nil else { return path }
    var parts = path.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    for index in parts.indices where index == 0 || index == 2 && parts[1] == "task" {
      guard let number = Int32(parts[index]) else { continue }
      let process = processes.kernelNumber(number)
      if process != number { parts[index] = Substring(String(process)) }
    }
    return parts.joined(separator: "/")
  }

  /// Whether a file that the guest else reads itself tells numbers of processes.
  func tellsNumbers(_ entry: ProcEntry, _ node: ProcNode, _ call: Call) -> Bool {
    node.id > 1 && entry.isNamed("stat") && call.kernel.processes.numbers != nil
  }

  /// proc_pid_stat(5): the number and the program's name in parentheses, state, parent, process group, session, terminal, foreground.
  /// The caller itself waits for us, and would run if we were the kernel.
  func rewriteStat(_ bytes: [UInt8], _ id: Int32, _ call: Call) -> [UInt8] {
    let isRunning = id == call.thread.nsID.rawValue
    let processes = call.kernel.processes
    guard let start = bytes.firstIndex(of: 0x20), let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return bytes }
    var result = shown(bytes[..<start], processes) + bytes[start...end]
    for (index, field) in bytes[(end + 1)...].split(separator: 0x20, maxSplits: 6).enumerated() {
      result.append(0x20)
      switch index {
      case 0 where isRunning: result.append(UInt8(ascii: "R"))
      case 1, 2, 3, 5: result += shown(field, processes)
      default: result += field
      }
    }
    return result
  }

  private func shown(_ digits: ArraySlice<UInt8>, _ processes: ThreadTable) -> [UInt8] {
    guard let number = Int32(String(decoding: digits, as: UTF8.self)), number > 1 else { return Array(digits) }
    return Array(String(processes.shownNumber(of: number)).utf8)
  }

  private static let linesOfNumbers: [StaticString] = [
    "Tgid", "Pid", "PPid", "TracerPid", "NStgid", "NSpid", "NSpgid", "NSsid",
  ]

  static func isOfNumbers(_ name: ArraySlice<UInt8>) -> Bool {
    linesOfNumbers.contains {
      name.elementsEqual(UnsafeBufferPointer(start: $0.utf8Start, count: $0.utf8CodeUnitCount))
    }
  }

  /// A line of proc_pid_status(5): a label, and numbers after tabs.
  func rewriteNumbers(_ line: ArraySlice<UInt8>, _ processes: ThreadTable) -> [UInt8] {
    let fields = line.split(separator: 0x09, omittingEmptySubsequences: false)
    return Array(
      ([Array(fields[0])] + fields.dropFirst().map { shown($0, processes) }).joined(separator: [0x09]))
  }

  /// What proc_sys_kernel(5) says of pid_max: the guest's own is that of the kernel's numbers.
  func largestNumber(_ path: String, _ call: Call) -> [UInt8]? {
    guard path == "sys/kernel/pid_max", call.kernel.processes.numbers != nil else { return nil }
    return Array("4194304\n".utf8)
  }
}
