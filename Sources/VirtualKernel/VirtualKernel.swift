import CLinux
import Glibc
import Reproducibility
import SystemPackage
import Tracing

/// The decisions of the virtual kernel and the state that they rest on.
///
/// One lock guards all of it: the receiver holds it while a handler decides, the blocking pool only to publish a
/// result. Every member must be used under it.
public final class VirtualKernel {
  let memory: any GuestMemory
  let descriptors: any DescriptorBroker
  public let processes: ThreadTable
  let information: any ProcessInformation
  let host: any HostFiles
  let files: FileTree
  /// Parts of the tree that each call asks.
  private let watches: Watches
  private let closings: DirectoryClosings
  /// Where what happens is told, if anywhere.
  let events: (any EventSink)?
  let proc: ProcFileSystem
  let devices: DeviceTable
  let inherited: [HostIdentity]
  var foreign = ForeignFiles()
  private let calls: CallRules
  let reproduction: Reproduction
  let network: (any GuestNetwork)?
  /// nil in a run that does all that it is asked to do.
  let skipper: Skipper?
  /// What asks the processor for the time, or for random numbers; nil where the processor answers.
  let answeredFiles: AnsweredFiles?
  /// The resource limits that the run began with, by their numbers, as far as somebody has asked (`uniform_limits.swift`).
  var givenLimits: [Int32: ResourceLimit] = [:]
  /// nil if no more is recorded than changes need.
  let recorder: Recorder?
  /// False once two processes share a current directory and umask (clone(2) with CLONE_FS alone): the kernel is then asked each time.
  var remembersFileSystemState = true
  /// Whether a process was let through a chroot(2): then the kernel is asked for the root of each absolute path.
  var hasChangedRoots = false
  /// Rings that the kernel was let make and may not have made yet (io_setup(2)).
  var pendingRings: [AbsTid: (thread: Thread, requests: UInt64)] = [:]
  /// Whether a process could not take a descriptor for want of a number.
  public private(set) var ranOutOfDescriptors = false
  /// The path of the first 32-bit program that was not run (ENOEXEC).
  public private(set) var refusedProgram: [UInt8]?
  /// Whether a program was ended because its clock could not be made the guest's.
  public internal(set) var couldNotPatch = false
  private let call = UnsafeMutablePointer<Call>.allocate(capacity: 1)
  /// The registry's handlers by number: to read one from an entry copies the whole entry.
  private let handlers = UnsafeMutablePointer<Handler?>.allocate(capacity: Registry.size)
  /// The same for native calls that are trapped only to be recorded.
  private let observers = UnsafeMutablePointer<Handler?>.allocate(capacity: Registry.size)

  public init(
    memory: any GuestMemory, descriptors: any DescriptorBroker, information: any ProcessInformation,
    host: any HostFiles, skeleton: any Skeleton, configuration: KernelConfiguration
  ) throws(Errno) {
    self.memory = memory
    self.descriptors = descriptors
    self.information = information
    self.host = host
    let user = configuration.user
    let credentials = CredentialsTable(
      Credentials(user: user.uid, group: user.gid, groups: user.groups.sorted()))
    reproduction = configuration.reproduction
    network = configuration.network
    skipper = configuration.skipping.map { Skipper($0) }
    answeredFiles = AnsweredFiles(host, reproduction.variants)
    processes = ThreadTable(
      information: information, credentials: credentials,
      ancestor: configuration.reproduction.ancestor)
    if configuration.reproduction.hasProcessNumbers { processes.numbers = ProcessNumbers() }
    inherited = configuration.devices.inherited
    calls = configuration.callRules
    let recording = configuration.recording
    events = recording.events
    files = FileTree(
      host: host, skeleton: skeleton, layers: configuration.tree.layers,
      configuration: FileConfiguration(configuration), credentials: credentials.initial,
      events: recording.events, recordsUses: recording.level > .off)
    watches = files.watches
    closings = files.closings
    recorder =
      recording.level > .off ? recording.events.map { Recorder($0, memory, recording.level, recording.secrets) } : nil
    proc = ProcFileSystem()
    devices = DeviceTable(configuration.devices.directory, terminal: configuration.devices.terminal)
    for number in 0..<Registry.size {
      let entry = Registry.entry(Int32(number))?.under(configuration.callRules)
      (handlers + number).initialize(to: entry?.handler)
      let observation = recorder == nil ? nil : entry?.observation
      (observers + number).initialize(
        to: observation.flatMap { recording.level >= $0.level ? $0.handler : nil })
    }
    call.initialize(to: Call(self))
    // Last, since what fails lets go of all that is above.
    try files.addSpecialDirectories(configuration)
  }

  deinit {
    call.deinitialize(count: 1)
    call.deallocate()
    for table in [handlers, observers] {
      table.deinitialize(count: Registry.size)
      table.deallocate()
    }
  }

  /// The call that is being decided.
  var theCall: Call { call.pointee }

  /// Answers one notification. Whatever goes wrong ends in an errno.
  public func decide(_ notification: Notification) throws(Errno) -> Outcome {
    let number = Int(notification.number)
    guard number >= 0, number < Registry.size else { throw .noFunction }
    let call = call.pointee
    guard let handler = handlers[number] else { return try decideWithoutHandler(call, notification) }
    defer { watches.settle() }
    closings.take()
    do throws(Errno) { try call.begin(notification) } catch {
      // Nobody is ready for it to fail.
      if notification.number == SyscallNumber.exit_group.rawValue { return .continue }
      throw error
    }
    if let work = answerForProcessor(call) { return .blocked(on: work) }
    guard let unit = call.thread.group.unit else { return try handler(call) }
    do throws(Errno) {
      if let outcome = try decide(call, in: unit) { return outcome }
      return try decide(call, in: unit, by: handler)
    } catch {
      note(error, of: call, in: unit)
      throw error
    }
  }

  /// A call that is native or refused, and trapped to be recorded.
  private func decideWithoutHandler(_ call: Call, _ notification: Notification) throws(Errno) -> Outcome {
    closings.take()
    if let observer = observers[Int(notification.number)] {
      // Whatever goes wrong here is not the guest's matter.
      do throws(Errno) {
        try call.begin(notification)
        if let work = answerForProcessor(call) { return .blocked(on: work) }
        call.thread.group.unit?.didActUnseen()
        if case .blocked(let work) = try observer(call) { return .blocked(on: work) }
      } catch {}
      return .continue
    }
    let refusal = Registry.refusal(notification.number, calls)
    if let recorder, Registry.entry(notification.number)?.under(calls).nativeWhen.isEmpty ?? true,
      (try? call.begin(notification)) != nil
    {
      recorder.recordRefusal(call, refusal)
    }
    throw refusal
  }

  /// Tells of directories that the guest watches and has closed.
  public func takeClosings() { closings.take() }

  /// - Parameter wait: called when the guest begins to watch directories; waits for events of the inotify instance it is given, and calls
  ///   `takeClosings` then.
  public func onClosings(_ wait: @escaping (FileDescriptor) -> Bool) { closings.wait = wait }

  /// The call that was decided last has its answer, this many nanoseconds after its receipt.
  public func didAnswer(after duration: UInt64) {
    events?.endCall(duration: duration)
    // Only an execve(2) that was just let through has none.
    let group = call.pointee.caller?.group
    if let group, group.execution?.duration == 0 { group.execution?.duration = duration }
  }

  /// The call that was decided last waits for work.
  /// - Returns: what its notification needs for its second time (`Notification.firstEvent`).
  public func didSuspend() -> UInt64 { events?.suspendCall() ?? 0 }

  /// The work of a call has failed, which is its answer.
  public func resume(_ notification: Notification) {
    events?.beginCall(time: notification.time, thread: 0, first: notification.firstEvent)
  }

  /// The trace learns of a process.
  func announce(_ group: ThreadGroup) {
    group.isAnnounced = true
    let parent = processes.groups[group.parent]?.number ?? Event.supervisor
    withUnsafeBytes(of: group.id.rawValue) { bytes in
      events?.append(
        Event(.spawn, pid: group.number, node: parent, version: UInt32(bitPattern: group.nsID.rawValue)),
        bytes.bindMemory(to: UInt8.self))
    }
  }

  /// A descriptor that a handler gave out has got this number in the guest.
  public func didInstall(_ descriptor: Int32) {
    let call = call.pointee
    guard let (identity, dentry) = call.opened else { return }
    call.thread.group.descriptors.insert(descriptor, identity, dentry, generation: files.objects.generation)
  }

  func didRefuse(program: [UInt8]) {
    if refusedProgram == nil { refusedProgram = program }
  }

  /// The guest could not take the descriptor that a handler gave out: it has no number left.
  public func didFailToInstall(_ error: Errno) {
    if error == .tooManyOpenFiles { ranOutOfDescriptors = true }
    let call = call.pointee
    guard call.created != .none else { return }
    // Linux takes the number before it creates the file.
    _ = try? files.unlink(call.created, call)
  }

  /// From now on the run's layer is a full disk, but for writes to what is open already, which are not seen.
  public func refuseWrites() { files.upperLayer.refuseWrites() }

  /// So many bytes are written that count against `KernelConfiguration.diskLimit`.
  public func didMeasure(_ bytes: Int) { files.upperLayer.didMeasure(Int64(bytes)) }

  /// The guest has ended: brings its layer into the form in which it is kept.
  /// - Parameter renumbering: by which numbers processes are shown from now on.
  /// - Returns: what the host's files do not tell of it.
  /// - Throws: what the host failed with; the layer is incomplete then.
  public func finish(_ renumbering: TraceRenumbering = TraceRenumbering()) throws(Errno) -> [LayerIndex.Line] {
    try files.finishLayer(renumbering)
  }

  /// What stood below where the run has changed something.
  public var bases: LowerBases { files.lowerLayers.bases }

  /// The process has ended: nothing is kept for the dead.
  public func didEnd(_ group: AbsTgid) {
    if let known = processes.groups[group] {
      files.removeProcDirectory(of: known.nsID.rawValue)
      if known.processNumber != 0 { files.removeProcDirectory(of: known.processNumber) }
      recordUnseenExecution(of: known)
      if known.isAnnounced { recordEnd(of: known) }
      known.clock?.hasEnded = true
      if known.end == nil { for unit in UnitChain(known.unit) { unit.living -= 1 } }
    }
    processes.remove(group)
  }

  /// The guest has ended: tells so of the processes whose deaths nobody has reported yet.
  public func didEndAll() {
    for group in processes.groups.values.sorted(by: { $0.number < $1.number }) { didEnd(group.id) }
  }

  private func recordEnd(of group: ThreadGroup) {
    guard let events else { return }
    let (told, remaining) = information.end(of: group.id, group.pidfd)
    let status = told ?? group.end?.status ?? 0
    var event = Event(.exit, pid: group.number, node: 0, version: UInt32(bitPattern: status))
    // Who was killed on the way did not end when it wanted to.
    if let end = group.end, uwrx_wait_exited(status) != 0 { event.time = end.time }
    guard recorder != nil, let use = group.end?.use ?? remaining else {
      return events.append(event, UnsafeBufferPointer(start: nil, count: 0))
    }
    withUnsafeBytes(of: use) { events.append(event, $0.bindMemory(to: UInt8.self)) }
  }
}
