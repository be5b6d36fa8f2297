import CLinux
import Glibc
import Skipping
import SystemPackage
import Tracing

// A program that is about to begin is not run if a record tells what comes of it.
extension VirtualKernel {
  /// A process has begun another program: it may be one that is skipped.
  func beginUnit(_ group: ThreadGroup, _ execution: Execution) {
    guard let skipper else { return }
    guard execution.program != .none, files.nodes[execution.program].pointee.inode == execution.inodes.first,
      let path = try? files.nodes.guestPath(of: execution.program)
    else {
      UnitChain(group.unit).cannotBeRecorded("it runs a program that has no name")
      return
    }
    // A script is what its interpreter makes of it.
    var program = path
    if let running = (try? information.statusOfExecutable(of: group.id)).map({ HostIdentity($0) }),
      let place = execution.identities.firstIndex(of: running), place > 0,
      let interpreter = try? files.nodes.guestPath(of: execution.interpreters[place - 1])
    {
      program = interpreter
    }
    let programs = skipper.configuration.programs
    let traits = programs.traits(program, called: [execution.fileName, path])
    for unit in UnitChain(group.unit) { unit.begin(traits, program) }
    group.hasKnownProgram = traits.isKnown
    guard programs.isAccepted(traits, in: traits),
      traits.lookUp == .always && group.unit?.traits.isTree ?? true || traits.lookUp == .outermost && group.unit == nil
    else { return }
    let clock = reproduction.clock == nil ? nil : clock(of: group).now
    group.unit = Unit(group, files, skipper, traits, began: execution.time, clock: clock)
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
        if unit.key.isEmpty { unit.key = skipKey(call, unit) ?? [] }
        guard let skipper, !unit.key.isEmpty else {
          unit.cannotBeRecorded("what it was started with cannot be told")
          run(unit)
          continue
        }
        if let work = findHint(call, unit) { return .blocked(on: work) }
        return .blocked(on: RecordSearch(unit, skipper.store))
      case .loaded(let records):
        guard let skipper else { return nil }
        switch choose(records, call, unit, skipper) {
        case .search(let work): return .blocked(on: work)
        case .none where skipper.store.hasFurtherRecords && !unit.hasLookedFurther:
          unit.hasLookedFurther = true
          return .blocked(on: RecordSearch(unit, skipper.store, beyond: records))
        case .none(let difference):
          tell(difference, call)
          run(unit)
        case .found(let match):
          unit.phase = .matched(match)
          return .blocked(on: match)
        }
      case .matched(let match):
        do throws(Errno) {
          guard !match.hasFailed else { throw .noSuchFileOrDirectory }
          if match.placed == 0, !match.isAbsorbed {
            match.isAbsorbed = true
            unit.absorb(match.record) { path in (try? files.find(path, call)).flatMap { $0 } }
          }
          if let work = try place(match, call) { return .blocked(on: work) }
        } catch {
          tell(UnskippedProcess(match.record, "what it made could not be put back: \(error)"), call)
          run(unit)
          continue
        }
        unit.phase = .placed(match)
        if let work = output(of: match, call, unit) { return .blocked(on: work) }
        unit.hasSaid = match.record.said.isEmpty
      case .placed(let match):
        guard unit.hasSaid, end(call, match.record.status) else {
          tell(UnskippedProcess(match.record, "what it said could not be said again"), call)
          run(unit)
          continue
        }
        let record = match.record
        tell(
          .skipped,
          SkippedProcess(origin: record.origin, process: record.process, duration: record.duration).bytes, call)
        unit.phase = .skipped
        tellReads(of: match.record, call)
        unit.absorb(match.record.said)
        if record.clock != nil { for outer in UnitChain(unit.outer) { outer.didAskForTime() } }
        // Whatever it is told, it does not see it any more.
        return .value(0)
      case .skipped: return nil
      case .running, .recorded:
        look(at: call, of: unit)
        return nil
      }
    }
  }

  /// A call that is decided as any other.
  func decide(_ call: Call, in unit: Unit, by handler: Handler) throws(Errno) -> Outcome {
    let number = call.notification.number
    if Self.isUsuallyInVain(number) {
      let outcome = try handler(call)
      unit.chain.cannotBeRecorded("it calls \(Registry.entry(number)?.name ?? "\(number)")")
      return outcome
    }
    guard Self.changesIdentity(number) else { return try handler(call) }
    // make(1) becomes who it is already.
    let before = call.thread.credentials.pointee
    let outcome = try handler(call)
    if call.thread.credentials.pointee != before {
      unit.chain.cannotBeRecorded("it becomes another user")
    }
    return outcome
  }

  private func run(_ unit: Unit) { unit.phase = .running }

  /// A call that is decided as any other.
  private func look(at call: Call, of unit: Unit) {
    let number = call.notification.number
    if !Self.isTransparent(number) {
      unit.chain.cannotBeRecorded("it calls \(Registry.entry(number)?.name ?? "\(number)")")
    }
    if !call.thread.group.hasKnownProgram, Self.asksForTime(number) {
      for unit in unit.chain { unit.didAskForTime() }
    }
    if number == SyscallNumber.ioctl.rawValue, call.arguments.1 & 0xffff_ffff == UInt64(TIOCGWINSZ) {
      for unit in unit.chain { unit.asksForWidth = true }
    }
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

  private func tell(_ difference: UnskippedProcess, _ call: Call) {
    let version = (try? files.find(difference.path, call)).flatMap { $0 }.map { files.version(of: $0) } ?? 0
    tell(.unskipped, difference.bytes, version: difference.path.isEmpty ? 0 : version, call)
  }

  private func tell(_ kind: EventKind, _ name: [UInt8], version: UInt32 = 0, _ call: Call) {
    name.withUnsafeBytes {
      recorder?.append(Event(kind, pid: call.thread.group.number, node: 0, version: version), $0)
    }
  }
}
