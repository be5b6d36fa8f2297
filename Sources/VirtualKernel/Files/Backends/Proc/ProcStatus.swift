extension ProcFileSystem {
  func rewrite(_ bytes: [UInt8], _ entry: ProcEntry, _ id: Int32, _ call: Call) -> [UInt8] {
    if entry.isNamed("timerslack_ns") { return rewriteSlack(bytes, id, call) }
    // Guest init is root's.
    if id == 1 { return rewriteStatus(bytes, Credentials(user: 0, group: 0), nil, call) }
    let thread = try? thread(id, call)
    // The first ones of the run, for a zombie that nobody knows any more.
    let credentials = thread?.credentials ?? call.kernel.processes.credentials.initial
    return rewriteStatus(bytes, credentials.pointee, thread, call)
  }

  /// What stands for a thread's credentials is no slack of the guest's.
  private func rewriteSlack(_ bytes: [UInt8], _ id: Int32, _ call: Call) -> [UInt8] {
    guard let value = UInt64(String(decoding: bytes.prefix { $0 != 0x0a }, as: UTF8.self)),
      call.kernel.processes.credentials.isReserved(value)
    else { return bytes }
    let own = (try? thread(id, call))?.credentials.pointee.timerSlack ?? 0
    return Array("\(own != 0 ? own : CredentialsTable.usualSlack)\n".utf8)
  }

  // /proc/<pid>/status (proc_pid_status(5)) as the guest is to see it.

  /// Replaces what the kernel says of the filter, which is how the guest is run and not what it did, and of users, who are virtual.
  /// The caller itself waits for us, and would run if we were the kernel.
  private func rewriteStatus(
    _ bytes: [UInt8], _ credentials: Credentials, _ thread: Thread?, _ call: Call
  ) -> [UInt8] {
    var replacements: [(name: String, value: String)] = [
      ("Seccomp", "0"), ("Seccomp_filters", "0"), ("NoNewPrivs", "0"),
    ]
    if thread === call.thread { replacements.append(("State", "R (running)")) }
    replacements += Self.lines(credentials)
    let machine = call.kernel.reproduction.machine
    if let machine { replacements += Self.statusLines(machine, thread) }
    let processes = call.kernel.processes
    let tellsNumbers = processes.numbers != nil
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + 64)
    for line in bytes.split(separator: 0x0a) {
      let name = line.prefix { $0 != UInt8(ascii: ":") }
      if machine != nil, Self.varyingStatus.contains(String(decoding: name, as: UTF8.self)) { continue }
      if let replacement = replacements.first(where: { $0.name.utf8.elementsEqual(name) }) {
        result += "\(replacement.name):\t\(replacement.value)".utf8
      } else if tellsNumbers, Self.isOfNumbers(name) {
        result += rewriteNumbers(line, processes)
      } else {
        result += line
      }
      result.append(0x0a)
    }
    return result
  }

  private static func lines(_ own: Credentials) -> [(name: String, value: String)] {
    func ids(_ ids: Credentials.IDs) -> String { "\(ids.real)\t\(ids.effective)\t\(ids.saved)\t\(ids.fileSystem)" }
    func mask(_ set: Capabilities.Set) -> String {
      let digits = String(set.rawValue, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    let capabilities = own.capabilities
    return [
      ("Uid", ids(own.user)), ("Gid", ids(own.group)),
      // The kernel writes a space at the end, also after none.
      ("Groups", own.groups.map(String.init).joined(separator: " ") + " "),
      ("CapInh", mask(capabilities.inheritable)), ("CapPrm", mask(capabilities.permitted)),
      ("CapEff", mask(capabilities.effective)), ("CapBnd", mask(capabilities.bounding)),
      ("CapAmb", mask(capabilities.ambient)),
    ]
  }
}
