import CLinux
import Glibc
import SystemPackage
import Tracing

// What an execve(2) that was let through has led to. The trace tells of a program when it shows itself, not when it was asked for.
extension VirtualKernel {
  /// Takes down that the caller may be another program from now on.
  func expect(
    _ program: DentryID, _ interpreters: [DentryID], as fileName: [UInt8], _ arguments: Recorder.Arguments?,
    formerCredentials: UnsafePointer<Credentials>, _ call: Call
  ) {
    let all = program == .none ? interpreters : [program] + interpreters
    for file in all { files.events.markRead(file) }
    let image = information.image(of: call.thread.id)
    call.thread.group.execution = Execution(
      thread: call.thread, time: call.notification.time, image: image, random: random(of: image, call.thread.id),
      program: program, interpreters: interpreters,
      identities: all.map { current($0) }, inodes: all.map { files.nodes[$0].pointee.inode },
      directoryInode: arguments.flatMap { $0.directory == .none ? nil : files.nodes[$0.directory].pointee.inode }
        ?? .none,
      version: program == .none ? 0 : files.nodes.inode(of: program).pointee.version, fileName: fileName,
      arguments: arguments, formerCredentials: formerCredentials,
      formerExecutable: call.thread.group.executable)
    call.thread.group.executable = program
  }

  /// The 16 bytes of AT_RANDOM.
  private func random(of image: ProcessImage?, _ thread: AbsTid) -> SIMD2<UInt64> {
    var value = SIMD2<UInt64>()
    guard let image, image.random != 0 else { return value }
    withUnsafeMutableBytes(of: &value) { _ = try? memory.read(thread, at: image.random, into: $0) }
    return value
  }

  /// A process that was let through an execve(2) makes a call, or has a child that does.
  /// - Parameter caller: nil if it is not known to be in user space: then only another image tells anything.
  func settleExecution(of group: ThreadGroup, caller: Thread?) {
    guard let execution = group.execution else { return }
    let seen = caller?.id ?? group.id.leader
    guard let image = information.image(of: seen) else { return }
    if image == execution.image, random(of: image, seen) == execution.random {
      // Other threads go on until the kernel ends them.
      guard let caller, caller === execution.thread else { return }
      group.execution = nil
      group.executable = execution.formerExecutable
      try? processes.setCredentials(execution.formerCredentials.pointee, of: caller)
      return
    }
    group.execution = nil
    continueClock(of: group)
    patchVDSO(of: image, group, through: seen)
    if answeredFiles != nil {
      group.newProgram = NewProgram(
        image: image, interpreter: execution.interpreters.last ?? .none,
        interpreterInode: execution.inodes.last ?? .none, isLate: caller == nil)
    }
    if group.identity != nil { adopt(image, group) }
    if let leader = try? processes.thread(group.id.leader), leader !== execution.thread {
      leader.credentials = execution.thread.credentials
    }
    if caller != nil { beginUnit(group, execution) }
    record(execution, of: group, image: image)
  }

  /// The process has ended without a call that would tell: what it asked for is all that is known.
  func recordUnseenExecution(of group: ThreadGroup) {
    guard var execution = group.execution else { return }
    group.execution = nil
    execution.arguments?.isCut = true
    record(execution, of: group, image: nil)
  }

  /// - Parameter image: what runs; nil if it cannot be asked.
  private func record(_ execution: Execution, of group: ThreadGroup, image: ProcessImage?) {
    let (process, unit) = (files.events.process, files.events.unit)
    (files.events.process, files.events.unit) = (group.number, group.unit)
    files.credentials = execution.thread.credentials
    files.events.isAbsolute = execution.fileName.first == UInt8(ascii: "/")
    events?.beginCall(
      time: execution.time, thread: UInt32(bitPattern: execution.thread.nsID.rawValue), first: 0)
    defer {
      events?.endCall(duration: execution.duration)
      (files.events.process, files.events.unit) = (process, unit)
    }
    let all = execution.program == .none ? execution.interpreters : [execution.program] + execution.interpreters
    let isKnown = zip(all, execution.inodes).allSatisfy { files.nodes[$0].pointee.inode == $1 }
    var program = isKnown ? execution.program : .none
    var version = execution.version
    var arguments = execution.arguments
    var interpreters = isKnown ? execution.interpreters : []
    if let image, let identity = (try? information.statusOfExecutable(of: group.id)).map({ HostIdentity($0) }) {
      let leader = group.id.leader
      let isExpected =
        (execution.identities.contains(identity) || execution.program == .none && files.objects[identity] == nil)
        && has(execution.fileName, at: image.fileName, leader)
      if !isExpected || !isKnown {
        program = self.program(identity, image, leader)
        version = program == .none ? 0 : files.nodes.inode(of: program).pointee.version
        if program != .none { files.events.markRead(program) }
        interpreters = []
      } else if program != .none, current(program) == identity {
        // What the kernel runs, nobody can write to.
        version = files.nodes.inode(of: program).pointee.version
        files.events.markRead(program)
      }
      group.executable = program
      if let known = arguments {
        let isScript = execution.identities.first.map { $0 != identity } ?? false
        if !isExpected || known.isWhole && !has(known, isScript: isScript, before: image.fileName, leader) {
          arguments = recorder?.readArguments(of: group, information, directory: known.directory)
        }
      }
    }
    // Before the program is told: what it was called with follows that at once, for the trace's readers take the two together.
    let place = arguments?.directory ?? .none
    let isThere = place != .none && files.nodes[place].pointee.inode == execution.directoryInode
    let directory = isThere ? files.events.node(of: place) : 0
    if program != .none {
      files.events.recordExecution(program, version: version)
    } else {
      UnitChain(group.unit).cannotBeRecorded("it runs a program that has no name")
    }
    if let arguments { recorder?.record(arguments, directory: directory, group) }
    for interpreter in interpreters { files.events.record(.read, interpreter) }
  }

  /// The file that stands behind a dentry now.
  private func current(_ dentry: DentryID) -> HostIdentity {
    let record = files.nodes.inode(of: dentry)
    return HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
  }

  /// Whether a string stands in the memory of a program.
  private func has(_ string: [UInt8], at address: UInt64, _ thread: AbsTid) -> Bool {
    var seen = [UInt8](repeating: 1, count: string.count + 1)
    let count = seen.withUnsafeMutableBytes { try? memory.read(thread, at: address, into: $0) }
    return count == seen.count && seen.last == 0 && seen.dropLast().elementsEqual(string)
  }

  /// Whether a program has found what was read before it was started. Its strings end where the path begins; in the place of a
  /// script's first argument are those of its interpreter.
  private func has(_ known: Recorder.Arguments, isScript: Bool, before end: UInt64, _ thread: AbsTid) -> Bool {
    var expected = known.bytes[...]
    if isScript, known.end > 0 { expected = expected[((expected.firstIndex(of: 0) ?? -1) + 1)...] }
    if expected.isEmpty { return true }
    var seen = [UInt8](repeating: 0, count: expected.count)
    let count = seen.withUnsafeMutableBytes {
      try? memory.read(thread, at: end &- UInt64(expected.count), into: $0)
    }
    return count == seen.count && seen.elementsEqual(expected)
  }

  /// What runs, if it is not what was looked at: the file itself, by the name that the kernel was given where that leads to it.
  private func program(_ identity: HostIdentity, _ image: ProcessImage, _ thread: AbsTid) -> DentryID {
    guard let inode = files.objects[identity] else { return .none }
    var name = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = name.withUnsafeMutableBytes { try? memory.read(thread, at: image.fileName, into: $0) } ?? 0
    if let end = name[..<count].firstIndex(of: 0), let dentry = dentry(named: Array(name[..<end])) {
      var current: DentryID? = dentry
      // execve(2): a script's interpreter may be a script.
      for _ in 0..<6 {
        guard let file = current, files.nodes[file].pointee.inode != inode else { break }
        current = (try? files.interpreter(of: file)).flatMap { $0 }.flatMap { self.dentry(named: $0) }
      }
      if let current, files.nodes[current].pointee.inode == inode { return dentry }
    }
    return files.nodes[inode].pointee.firstAlias
  }

  private func dentry(named path: [UInt8]) -> DentryID? {
    let call = theCall
    let found = try? path.withUnsafeBufferPointer { path throws(Errno) in
      try call.existing(try call.walk(atCurrentDirectory, path))
    }
    guard let found, files.nodes.inode(of: found).pointee.kind == .regular else { return nil }
    return found
  }
}
