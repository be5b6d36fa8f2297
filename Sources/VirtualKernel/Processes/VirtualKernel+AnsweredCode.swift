import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Tracing

/// Code that a thread is about to map, and that asks the processor.
struct CodeMapping {
  let segment: AnsweredCode.Segment
  /// Of the segment's start.
  let address: UInt64
  let file: CodeFile
}

/// What the trace knows a file by.
struct CodeFile {
  let identity: HostIdentity
  /// Its name in events; 0 if it has none.
  let node: UInt32
}

/// A program that has begun, and that nobody has written over yet.
struct NewProgram {
  let image: ProcessImage
  /// What the kernel has mapped beside it, ld.so(8); `.none` if there is nothing.
  let interpreter: DentryID
  let interpreterInode: InodeID
  /// It had made a child by its first call: what runs already is not written over.
  let isLate: Bool
}

// What asks the processor itself, in a run with virtual clocks or a seed. It is written over when the process makes its next call: code that
// runs before that sees the machine.
extension VirtualKernel {
  /// Writes over what the caller has mapped since its last call, or has been started with.
  /// - Returns: work that must be waited for before the call is decided.
  func answerForProcessor(_ call: Call) -> (any BlockingWork)? {
    guard let answeredFiles else { return nil }
    if !call.thread.newCode.isEmpty { answerNewCode(of: call.thread) }
    guard let program = call.thread.group.newProgram else { return nil }
    if program.image.programHeaders != 0, let search = answer(program, call, answeredFiles) { return search }
    call.thread.group.newProgram = nil
    return nil
  }

  private func answer(_ program: NewProgram, _ call: Call, _ answeredFiles: AnsweredFiles) -> CodeSearch? {
    let (group, image, interpreter) = (call.thread.group, program.image, program.interpreter)
    if !program.isLate, image.interpreterBase != 0, interpreter != .none,
      files.nodes[interpreter].pointee.inode == program.interpreterInode
    {
      switch code(ofInterpreter: interpreter, call, answeredFiles) {
      case .searched(let search): return search
      case .known(let code, _):
        // What ld.so(8) asks is for statistics only, and it has begun.
        for segment in code.segments where !segment.asks {
          write(segment, at: image.interpreterBase &+ segment.address, group, call.thread.id)
        }
      }
    }
    guard let file = try? information.openExecutable(of: group.id) else { return nil }
    switch code(of: file, call, answeredFiles) {
    case .searched(let search): return search
    case .known(let code, let identity):
      let file = CodeFile(identity: identity, node: node(ofProgramOf: group))
      leave(code.left, of: file, group)
      guard let headers = code.programHeaders else { return nil }
      if program.isLate {
        if code.segments.contains(where: \.asks) { leave(.late, of: file, group) }
        return nil
      }
      // A program that links nothing may have made threads before its first call that is seen.
      if !code.segments.isEmpty, information.threads(of: group.id).count > 1 {
        leave(.threads, of: file, group)
        return nil
      }
      for segment in code.segments {
        let address = image.programHeaders &- headers &+ segment.address
        leave(write(segment, at: address, group, call.thread.id), of: file, group)
      }
      return nil
    }
  }

  private func code(
    ofInterpreter file: DentryID, _ call: Call, _ answeredFiles: AnsweredFiles
  ) -> AnsweredFiles.Knowledge {
    let inode = files.nodes[file].pointee.inode
    let isImmutable = files.nodes[inode].pointee.backing == .lower
    if isImmutable, let known = answeredFiles.interpreters[inode] { return known }
    guard let opened = try? files.openHost(file, flags: O_RDONLY | O_CLOEXEC) else { return .unknown }
    let found = code(of: opened, call, answeredFiles)
    if isImmutable, case .known(let code, _) = found, !code.left.contains(.unsettled) {
      answeredFiles.interpreters[inode] = found
    }
    return found
  }

  /// Closes the file, now or when it is searched.
  private func code(of file: FileDescriptor, _ call: Call, _ answeredFiles: AnsweredFiles) -> AnsweredFiles.Knowledge {
    let host = host
    guard let status = try? host.status(of: file) else {
      host.close(file)
      return .unknown
    }
    guard let code = answeredFiles.code(of: status, for: call.notification.id) else {
      return .searched(CodeSearch(answeredFiles, status, for: call.notification.id, file) { host.close($0) })
    }
    host.close(file)
    return .known(code, HostIdentity(status))
  }

  /// The caller maps a part of a file to run it.
  /// - Returns: work that must be waited for before it does.
  func expectCode(_ call: Call) -> CodeSearch? {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.4)
    guard let answeredFiles, let status = try? descriptors.status(of: descriptor, in: call.thread),
      status.st_mode & S_IFMT == S_IFREG
    else { return nil }
    guard let code = answeredFiles.code(of: status, for: call.notification.id) else {
      // What cannot be read, the guest cannot map either.
      guard let file = try? descriptors.duplicate(descriptor, of: call.thread.group) else { return nil }
      let descriptors = descriptors
      return CodeSearch(answeredFiles, status, for: call.notification.id, file) { descriptors.release($0) }
    }
    if code.segments.isEmpty, code.left.isEmpty { return nil }
    let canBeLeft = !code.left.isEmpty || code.segments.contains(where: \.asks)
    let dentry = canBeLeft ? call.dentry(of: descriptor, status) : nil
    let file = CodeFile(identity: HostIdentity(status), node: dentry.map { files.events.node(of: $0) } ?? 0)
    leave(code.left, of: file, call.thread.group)
    // Where it will be, the kernel alone knows, but for what follows a library's first part (ld.so(8)).
    let flags = Int32(truncatingIfNeeded: call.arguments.3)
    let isPlaced = flags & MAP_FIXED != 0 && flags & MAP_PRIVATE != 0
    let (address, length, offset) = (call.arguments.0, call.arguments.1, call.arguments.5)
    for segment in code.segments {
      let start = segment.offset &- offset
      guard isPlaced, segment.offset >= offset, start < length, segment.size <= length - start else {
        // V8 maps a part of its own program again.
        let isMapped = segment.originals.contains { start &+ $0.offset < length }
        if segment.asks, isMapped { leave(.otherMapping, of: file, call.thread.group) }
        continue
      }
      call.thread.newCode.append(CodeMapping(segment: segment, address: address &+ start, file: file))
    }
    return nil
  }

  /// The thread has mapped what it wanted, or was refused.
  private func answerNewCode(of thread: Thread) {
    let mappings = thread.newCode
    thread.newCode = []
    // Another thread may run it by now.
    let isShared = information.threads(of: thread.group.id).count > 1
    for mapping in mappings {
      let reason = isShared ? .threads : write(mapping.segment, at: mapping.address, thread.group, thread.id)
      if mapping.segment.asks { leave(reason, of: mapping.file, thread.group) }
    }
  }

  /// - Returns: why it is not written over.
  @discardableResult
  private func write(
    _ segment: AnsweredCode.Segment, at address: UInt64, _ group: ThreadGroup, _ thread: AbsTid
  ) -> UnansweredReasons {
    for original in segment.originals {
      var seen = [UInt8](repeating: 0, count: original.bytes.count)
      let count = seen.withUnsafeMutableBytes { try? memory.read(thread, at: address &+ original.offset, into: $0) }
      guard count == seen.count, seen == original.bytes else { return .changed }
    }
    do throws(Errno) { try memory.patch(thread, of: group, at: address, segment.patches) } catch {
      return error == .noSuchProcess ? [] : .refused
    }
    return []
  }

  /// The process makes code itself.
  func leaveMadeCode(of group: ThreadGroup) {
    leave(.made, of: CodeFile(identity: HostIdentity(device: 0, inode: 0), node: node(ofProgramOf: group)), group)
  }

  private func node(ofProgramOf group: ThreadGroup) -> UInt32 {
    group.executable == .none ? 0 : files.events.node(of: group.executable)
  }

  /// The trace tells, once for each file in a process, what is left to the processor.
  private func leave(_ reasons: UnansweredReasons, of file: CodeFile, _ group: ThreadGroup) {
    guard !reasons.isEmpty, let recorder, group.unanswered.count < ThreadGroup.mostUnanswered,
      group.unanswered.insert(file.identity).inserted
    else { return }
    var text = reasons.text
    text.withUTF8 {
      recorder.append(Event(.unanswered, pid: group.number, node: file.node, version: 0), UnsafeRawBufferPointer($0))
    }
  }
}
