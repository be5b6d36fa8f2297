import Reproducibility
import SystemPackage

// By which numbers processes know themselves and each other. In a run without process numbers all are the kernel's.
extension ThreadTable {
  /// What getpid(2) answers to the process.
  func number(of group: ThreadGroup) -> Int32 {
    if group.processNumber == 0, numbers != nil, let identity = group.identity {
      group.processNumber = numbers?.assign(identity, to: group.nsID.rawValue) ?? 0
    }
    return group.processNumber != 0 ? group.processNumber : group.nsID.rawValue
  }

  /// What a process that asks about another, or about a process group or session, is told. Also one that nobody knows yet is looked for, since
  /// it will have its number when it asks for itself.
  func number(of process: Int32) -> Int32 {
    guard let numbers, process > 1 else { return process }
    if let group = group(NsTgid(rawValue: process)) ?? findThread(NsTid(rawValue: process))?.group,
      group.nsID.rawValue == process
    {
      return number(of: group)
    }
    return numbers.number(ofEnded: process) ?? process
  }

  /// The number under which a process is shown to whom it has told nothing: the kernel's for one that may yet become another program, and
  /// get its number by that.
  func shownNumber(of process: Int32) -> Int32 {
    guard let numbers else { return process }
    guard let group = group(NsTgid(rawValue: process)) else { return numbers.number(ofEnded: process) ?? process }
    return group.processNumber != 0 || group.hasExecuted ? number(of: group) : process
  }

  /// The kernel's number of what a guest names by a number, which may be the kernel's itself.
  func kernelNumber(_ number: Int32) -> Int32 { numbers?.process(number) ?? number }
}

/// What proc_pid_stat(5) tells of where a process belongs, in the kernel's numbers; 0 for what is outside of the guest.
struct ProcessRelations {
  var parent: Int32
  var processGroup: Int32
  var session: Int32
  /// The device of its terminal.
  var terminal: UInt32
  /// The process group in the foreground of its terminal; -1 if it has none.
  var foreground: Int32
}

extension ProcessInformation {
  /// - Throws: `.noSuchProcess` if there is no process or thread of this number.
  func relations(of process: Int32) throws(Errno) -> ProcessRelations {
    var text: [UInt8] = []
    do throws(Errno) { try readProc("\(process)/stat", into: &text) } catch { throw .noSuchProcess }
    // The program's name is in parentheses, and may have some of its own.
    guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { throw .noSuchProcess }
    let fields = text[(end + 1)...].split(separator: 0x20).prefix(6).map {
      Int32(String(decoding: $0, as: UTF8.self)) ?? 0
    }
    guard fields.count == 6 else { throw .noSuchProcess }
    return ProcessRelations(
      parent: fields[1], processGroup: fields[2], session: fields[3], terminal: UInt32(bitPattern: fields[4]),
      foreground: fields[5])
  }

  /// The signals that a thread has blocked (proc_pid_status(5), SigBlk): bit 0 is signal 1.
  func blockedSignals(of thread: NsTid) -> UInt64 {
    var text: [UInt8] = []
    guard (try? readProc("\(thread.rawValue)/status", into: &text)) != nil,
      let line = text.split(separator: 0x0a).first(where: { $0.starts(with: "SigBlk:".utf8) })
    else { return 0 }
    return UInt64(String(decoding: line.dropFirst("SigBlk:\t".utf8.count), as: UTF8.self), radix: 16) ?? 0
  }
}
