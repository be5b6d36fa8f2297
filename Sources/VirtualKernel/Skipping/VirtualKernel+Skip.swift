import CLinux
import Glibc
import Skipping
import SystemPackage
import Tracing

// A program that is about to begin is not run if a record tells what comes of it.
extension VirtualKernel {
  /// A process has begun another program: it may be one that is skipped.
  func beginUnit(_ group: ThreadGroup, _ execution: Execution) {
    guard let skipper, group.unit == nil, execution.program != .none,
      files.nodes[execution.program].pointee.inode == execution.inodes.first,
      let path = try? files.nodes.guestPath(of: execution.program), skipper.configuration.programs.contains(path)
    else { return }
    group.unit = Unit(group, files, began: execution.time)
  }

  /// A call of a process in a unit, before it is decided.
  /// - Returns: its answer, if it is not decided as any other.
  func decide(_ call: Call, in unit: Unit) throws(Errno) -> Outcome? {
    guard call.thread.group.number == unit.root else {
      look(at: call, of: unit)
      return nil
    }
    while true {
      switch unit.phase {
      case .begun:
        guard let skipper, let key = skipKey(call, unit) else {
          unit.cannotBeRecorded("what it was started with cannot be told")
          run(unit)
          continue
        }
        unit.key = key
        return .blocked(on: RecordSearch(unit, skipper.store))
      case .loaded(let records):
        guard let skipper else { return nil }
        switch choose(records, call, unit, skipper) {
        case .search(let work): return .blocked(on: work)
        case .none where skipper.store.hasFurtherRecords && !unit.hasLookedFurther:
          unit.hasLookedFurther = true
          unit.hasSearched = false
          return .blocked(on: RecordSearch(unit, skipper.store, isFurther: true))
        case .none(let reason):
          if let reason { tell(.unskipped, reason, call) }
          run(unit)
        case .found(let match):
          unit.phase = .matched(match)
          return .blocked(on: match)
        }
      case .matched(let match):
        do throws(Errno) {
          guard !match.hasFailed else { throw .noSuchFileOrDirectory }
          if let work = try place(match, call) { return .blocked(on: work) }
        } catch {
          tell(.unskipped, "what it made could not be put back: \(error)", call)
          run(unit)
          continue
        }
        unit.phase = .placed(match)
        if let work = output(of: match, call, unit) { return .blocked(on: work) }
        unit.hasSaid = match.record.said.isEmpty
      case .placed(let match):
        guard unit.hasSaid, end(call, match.record.status) else {
          tell(.unskipped, "what it said could not be said again", call)
          run(unit)
          continue
        }
        tell(.skipped, match.record, call)
        unit.phase = .skipped
        tellReads(of: match.record, call)
        // Whatever it is told, it does not see it any more.
        return .value(0)
      case .skipped: return nil
      case .running, .recorded:
        look(at: call, of: unit)
        return nil
      }
    }
  }

  private func run(_ unit: Unit) { unit.phase = .running }

  /// A call that is decided as any other.
  private func look(at call: Call, of unit: Unit) {
    let number = call.notification.number
    if !Self.isTransparent(number) { unit.cannotBeRecorded("it calls \(Registry.entry(number)?.name ?? "\(number)")") }
  }

  private func tell(_ kind: EventKind, _ text: String, _ call: Call) {
    tell(kind, Array(text.utf8), call)
  }

  /// What comes of a skipped process comes of these files.
  private func tellReads(of record: SkipRecord, _ call: Call) {
    for question in record.questions {
      guard case .contents = question.answer, let found = (try? files.find(question.path, call)).flatMap({ $0 }),
        found != .none
      else { continue }
      files.events.recordRead(.read, found)
    }
  }

  private func tell(_ kind: EventKind, _ record: SkipRecord, _ call: Call) {
    tell(kind, record.origin + Array(" \(record.process)".utf8), call)
  }

  private func tell(_ kind: EventKind, _ text: [UInt8], _ call: Call) {
    text.prefix(1 << 14).withUnsafeBytes {
      recorder?.append(Event(kind, pid: call.thread.group.number, node: 0, version: 0), $0)
    }
  }

  // MARK: What was started

  /// What tells what was started from all else: nil if it cannot be skipped, as what it depends on cannot be told.
  private func skipKey(_ call: Call, _ unit: Unit) -> [UInt8]? {
    guard let skipper, let program = try? files.nodes.guestPath(of: call.thread.group.executable) else { return nil }
    let process = call.thread.group.nsID.rawValue
    var (arguments, environment, limits): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
    guard (try? information.readProc("\(process)/cmdline", into: &arguments)) != nil,
      (try? information.readProc("\(process)/environ", into: &environment)) != nil,
      (try? information.readProc("\(process)/limits", into: &limits)) != nil,
      let descriptors = try? information.listProc("\(process)/fd"), let umask = try? call.umask(),
      let directory = (try? call.workingDirectory()).flatMap({ try? files.nodes.guestPath(of: $0) })
    else { return nil }
    let words = arguments.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    let variables = environment.split(separator: 0)
    if SkippedPrograms.asksProcessor(Array(words)) {
      unit.cannotBeRecorded("it asks for the processor that it runs on")
      return nil
    }
    let sharesJobs = words.contains { $0.starts(with: "-flto".utf8) }
    // Other descriptors than the first three are make's, for whoever shares its jobs.
    let others = descriptors.compactMap { Int32(String(decoding: $0, as: UTF8.self)) }.filter { $0 > 2 }
    let jobs = sharesJobs ? [] : Self.jobDescriptors(variables)
    if let other = others.first(where: { !jobs.contains($0) }) {
      unit.cannotBeRecorded("it has inherited descriptor \(other)")
      return nil
    }
    var key = KeyWriter()
    key.add(skipper.configuration.options)
    key.add(program)
    key.add(arguments)
    // Their order tells nothing to who asks for one by its name.
    for variable in variables.sorted(by: { $0.lexicographicallyPrecedes($1) })
    where SkippedPrograms.matters(variable, sharesJobs: sharesJobs) { key.add(Array(variable)) }
    key.add([])
    key.add(directory)
    if skipper.store.wantsCommands {
      unit.started = StartedCommand(
        arguments: words.map(Array.init),
        variables: variables.filter { SkippedPrograms.matters($0, sharesJobs: sharesJobs) }.map(Array.init),
        directory: directory)
    }
    key.add(Array("\(umask) \(call.credentials.pointee)".utf8))
    // Those of numbers depend on what else runs on the machine, and end in errors, which are not recorded.
    for line in limits.split(separator: 0x0a)
    where ["Max cpu time", "Max file size", "Max data size", "Max stack size", "Max address space"].contains(where: {
      line.starts(with: $0.utf8)
    }) { key.add(Array(line)) }
    for descriptor in Int32(0)...2 {
      let status = try? self.descriptors.status(of: descriptor, in: call.thread)
      let kind = DescriptorKind(status)
      guard descriptor == 0 else {
        key.add([kind.rawValue])
        if let status { unit.outlets[descriptor] = HostIdentity(status) }
        continue
      }
      // Who does not read it does not know what it is: make gives its second job another one than the first.
      guard SkippedPrograms.readsMore(program, Array(words)) else { continue }
      guard kind == .null || kind == .closed else {
        unit.cannotBeRecorded("it may read its standard input, or depends on times")
        return nil
      }
      key.add([kind.rawValue])
      unit.hasKnownInput = true
    }
    return key.digest
  }

  private enum DescriptorKind: UInt8 {
    case closed, null, terminal, file, other

    init(_ status: stat?) {
      guard let status else {
        self = .closed
        return
      }
      switch status.st_mode & S_IFMT {
      case S_IFCHR: self = uwrx_major(UInt64(status.st_rdev)) == 1 ? .null : .terminal
      case S_IFREG: self = .file
      default: self = .other
      }
    }
  }

  /// `--jobserver-auth=R,W` of MAKEFLAGS (GNU make, "POSIX Jobserver Interaction").
  private static func jobDescriptors(_ variables: [ArraySlice<UInt8>]) -> [Int32] {
    guard let flags = variables.first(where: { $0.starts(with: "MAKEFLAGS=".utf8) }) else { return [] }
    for word in String(decoding: flags, as: UTF8.self).split(separator: " ") {
      for option in ["--jobserver-auth=", "--jobserver-fds="] where word.hasPrefix(option) {
        return word.dropFirst(option.count).split(separator: ",").compactMap { Int32($0) }
      }
    }
    return []
  }

  // MARK: The choice

  private enum Choice {
    case search(ContentSearch)
    /// Why the newest record does not match, if there is one.
    case none(String?)
    case found(SkipMatch)
  }

  private func choose(_ records: [SkipRecord], _ call: Call, _ unit: Unit, _ skipper: Skipper) -> Choice {
    var reason: String?
    for record in records {
      switch compare(record, call, unit, skipper) {
      case .same:
        let match = SkipMatch(record, skipper.store, host)
        do throws(Errno) { try match.prepare(call) } catch { continue }
        return .found(match)
      case .unknown(let files): return .search(ContentSearch(files, skipper, unit, host))
      case .differs(let text): reason = reason ?? text
      }
    }
    return .none(reason)
  }

  private enum Comparison {
    case same
    case differs(String)
    /// These must be read first.
    case unknown([ContentSearch.File])
  }

  private func compare(_ record: SkipRecord, _ call: Call, _ unit: Unit, _ skipper: Skipper) -> Comparison {
    var unknown: [ContentSearch.File] = []
    func differs(_ path: [UInt8], _ text: String) -> Comparison {
      for file in unknown { host.close(file.file) }
      return .differs("\(unit.text(path)) \(text)")
    }
    for question in record.questions {
      guard let found = (try? files.find(question.path, call)).flatMap({ $0 }) else {
        return differs(question.path, "cannot be reached")
      }
      if case .missing = question.answer {
        if found != .none { return differs(question.path, "is there now") }
        continue
      }
      if found == .none { return differs(question.path, "is not there any more") }
      let inode = files.nodes.inode(of: found)
      switch question.answer {
      case .missing: break
      case .status(let status):
        if files.skipStatus(of: found) != status { return differs(question.path, "has another size, mode or owner") }
      case .link(let target):
        guard inode.pointee.kind == .symbolicLink, files.nodes.linkTarget(of: inode).elementsEqual(target) else {
          return differs(question.path, "leads elsewhere")
        }
      case .names(let digest):
        guard inode.pointee.kind == .directory, files.digestOfNames(in: found) == digest else {
          return differs(question.path, "holds other names")
        }
      case .contents(let status, let digest):
        guard inode.pointee.kind == .regular, files.skipStatus(of: found) == status,
          (try? call.require(.read, inode)) != nil
        else { return differs(question.path, "has another size, mode or owner") }
        switch contents(of: found, inode, unit, skipper) {
        case .known(let today): if today.bytes != digest { return differs(question.path, "has other contents") }
        case .unread(let file): unknown.append(file)
        case .unsettled: return differs(question.path, "is being written")
        }
      }
    }
    if !unknown.isEmpty {
      if unit.hasSearched {
        for file in unknown { host.close(file.file) }
        return .differs("a file could not be read")
      }
      return .unknown(unknown)
    }
    for output in record.outputs {
      guard let found = (try? files.find(output.path, call)).flatMap({ $0 }) else {
        return differs(output.path, "cannot be reached")
      }
      if let reason = objection(to: output, found) { return differs(output.path, reason) }
    }
    return .same
  }

  /// Why an output cannot take the place of what is there.
  private func objection(to output: SkipRecord.Output, _ found: DentryID) -> String? {
    guard let before = output.before else { return found == .none ? nil : "is there now" }
    guard found != .none else { return "is not there any more" }
    let inode = files.nodes.inode(of: found)
    guard inode.pointee.kind == .regular, inode.pointee.links == 1,
      SkipRecord.Status(mode: inode.pointee.mode, uid: inode.pointee.uid, gid: inode.pointee.gid, size: 0) == before
    else { return "has another mode or owner" }
    return files.isInUse(found) ? "is open" : nil
  }

  enum Contents {
    case known(ContentDigest)
    case unread(ContentSearch.File)
    /// Somebody may be writing to it.
    case unsettled
  }

  /// - Parameter time: by the clock of file systems; what was changed later is unsettled.
  func contents(
    of dentry: DentryID, _ inode: UnsafeMutablePointer<Inode>, _ unit: Unit, _ skipper: Skipper,
    before time: timespec? = nil
  ) -> Contents {
    let isUpper = inode.pointee.backing.isUpper
    let identity = HostIdentity(device: inode.pointee.hostDevice, inode: inode.pointee.hostInode)
    if !isUpper, let known = skipper.lowerDigests[identity] { return .known(known) }
    if isUpper, files.isBeingWritten(dentry) { return .unsettled }
    guard let file = try? files.openHost(dentry, flags: O_RDONLY | O_CLOEXEC),
      let status = try? host.status(of: file)
    else { return .unsettled }
    if isUpper, let time, (status.st_ctim.tv_sec, status.st_ctim.tv_nsec) >= (time.tv_sec, time.tv_nsec) {
      host.close(file)
      return .unsettled
    }
    let contents = ContentIdentity(status)
    if let known = unit.digests[contents] ?? skipper.store.digest(of: contents) {
      host.close(file)
      if !isUpper { skipper.lowerDigests[identity] = known }
      return .known(known)
    }
    return .unread(ContentSearch.File(identity: contents, lower: isUpper ? nil : identity, file: file))
  }

  // MARK: The outcome

  /// - Returns: work that must be waited for, or nil if all is there.
  private func place(_ match: SkipMatch, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    while match.placed < match.record.outputs.count {
      let output = match.record.outputs[match.placed]
      guard let found = try files.find(output.path, call) else { throw .notDirectory }
      if found != .none, let work = try files.unlink(found, call) { return work }
      if let file = match.files[match.placed], let after = output.after {
        try files.place(file, at: output.path, mode: after.mode, call)
      }
      match.placed += 1
    }
    return nil
  }

  /// - Returns: the work of saying what the process would have said; nil if that is nothing or cannot be done.
  private func output(of match: SkipMatch, _ call: Call, _ unit: Unit) -> SkippedOutput? {
    var pieces: [(file: FileDescriptor, bytes: [UInt8])] = []
    for piece in match.record.said {
      guard let file = try? descriptors.duplicate(piece.descriptor, of: call.thread.group) else { continue }
      pieces.append((file, piece.bytes))
    }
    guard !pieces.isEmpty else { return nil }
    let work = SkippedOutput(pieces, call, unit)
    return pieces.count == match.record.said.count ? work : nil
  }

  /// The process ends as if it had called exit(3): its next instructions are those of the call.
  /// - Returns: whether it will.
  private func end(_ call: Call, _ status: UInt8) -> Bool {
    #if arch(x86_64)
      guard let place = information.instructionPointer(of: call.thread.id) else { return false }
      // mov $status, %edi; mov $231, %eax; syscall; ud2
      let code: [UInt8] = [0xbf, status, 0, 0, 0, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b]
      return
        (try? memory.patch(
          call.thread.id, of: call.thread.group, at: place, [CodePatch(offset: 0, bytes: code)])) != nil
    #else
      return false
    #endif
  }
}

/// Makes a digest of parts that cannot be mistaken for others.
private struct KeyWriter {
  private var bytes: [UInt8] = Array("uwrx skip key 1\n".utf8)

  mutating func add(_ part: [UInt8]) {
    withUnsafeBytes(of: UInt64(part.count).littleEndian) { bytes += $0 }
    bytes += part
  }

  var digest: [UInt8] { SHA256.digest(bytes) }
}
