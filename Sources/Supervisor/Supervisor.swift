import Archives
import CGuest
import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// One run: launches the guest, answers its calls, and ends with its last process.
public final class Supervisor {
  private let configuration: RunConfiguration
  private let standard: StandardDescriptors
  private let directory: RunDirectory
  private let record: RunRecord
  private let store: TemporaryDirectory?
  private let lock = Lock()
  private let terminal: Terminal
  /// Whether the run began as the terminal's foreground job.
  private let ownsTerminal: Bool
  private let signals: FileDescriptor?
  private var limits: LimitEnforcer
  private let launch: GuestLaunch
  private var events: GuestEvents { GuestEvents(socket: launch.events) }
  private let channel: InitChannel

  private var kernel: VirtualKernel?
  private var receiver: Receiver?
  private var processes: LinuxProcesses?
  private var job: JobControl?
  private var watchdog: pid_t = 0
  private var commandStatus: Int32?
  /// When the guest is killed because it did not end after it was asked to.
  private var killTime: ContinuousTime?
  /// When it is said that others go on although the command has ended.
  private var survivorsTime: ContinuousTime?
  private var limitHit: String?
  /// What is to be told to the virtual kernel as soon as nobody holds it up.
  private var unrecordedLimits: [String] = []
  private var mustRefuseWrites = false
  /// When the deaths of processes are looked at again.
  private var buryTime: ContinuousTime = 0
  private static let buryInterval = 0.005
  private var endSignal: Int32?
  private var hasEnded = false

  /// Runs a command to the end of its last process.
  /// - Throws: `SupervisorError` for a failure of uwrx's own; the guest does not run then, or no more.
  public static func run(_ configuration: RunConfiguration) throws(SupervisorError) -> RunResult {
    try KernelFeatures.require()
    try KernelFeatures.requireDescriptors()
    guard !configuration.command.isEmpty else { throw SupervisorError("there is no command to run") }
    let standard = try StandardDescriptors()
    let build = try RunDirectory.makeBuild(configuration.build)
    var configuration = configuration
    // Before the guest is forked and before a step is made: what is wrong with an archive is said while nothing has happened yet,
    // and an interrupt ends the unpacking of a large one.
    let kept = ArchivePlace()
    defer { kept.remove() }
    let archives = ArchiveOpener(temporary: kept.make)
    // Without a key the run has a trace that nobody believes.
    let key = try? UserKey()
    let stack = try LayerStack(&configuration, archives, key)
    let directory = try RunDirectory(build: build, step: configuration.step)
    configuration.willStart?(directory.path)
    let supervisor = try Supervisor(
      configuration, standard, directory, try RunRecord(directory, configuration, parents: stack.parents, key))
    return try supervisor.run(stack)
  }

  private init(
    _ configuration: RunConfiguration, _ standard: StandardDescriptors, _ directory: RunDirectory, _ record: RunRecord
  ) throws(SupervisorError) {
    self.configuration = configuration
    self.standard = standard
    self.record = record
    self.directory = directory
    terminal = Terminal(enabled: configuration.ownsProcess)
    ownsTerminal = terminal.isOurs
    let filter = SyscallFilter(level: configuration.trace, calls: configuration.calls)
    // Before the guest is forked, so that no signal is lost in between.
    signals = configuration.ownsProcess ? try Self.catchSignals() : nil
    var limits = try LimitEnforcer(configuration.limits)
    store = try configuration.temporaryDirectory.map { path throws(SupervisorError) in
      try TemporaryDirectory(in: path)
    }
    for connection in standard.connections { connection.giveToGuest() }
    defer { for connection in standard.connections { connection.takeBack() } }
    launch = try GuestLaunch(
      configuration, directory, store: store, filter: filter,
      terminal: terminal.isInteractive ? terminal.descriptor : -1
    ) { initPid throws(SupervisorError) in
      try limits.attach(initPid, movesSupervisor: configuration.ownsProcess)
    }
    self.limits = limits
    Self.raiseDescriptorLimit()
    channel = InitChannel(socket: launch.control)
  }

  /// Each process of the guest costs a descriptor. The guest has been forked and keeps the limit of the user's.
  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static func catchSignals() throws(SupervisorError) -> FileDescriptor {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGTTOU, SIGTTIN, SIGUSR1, SIGUSR2, SIGWINCH] {
      // nohup(1), and shells that start a command in the background: what is ignored must not end the run.
      var action = sigaction()
      sigaction(signal, nil, &action)
      if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
        continue
      }
      sigaddset(&set, signal)
    }
    sigprocmask(SIG_BLOCK, &set, nil)
    sigdelset(&set, SIGTTOU)
    sigdelset(&set, SIGTTIN)
    let descriptor = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
    guard descriptor >= 0 else { throw SupervisorError("cannot receive signals: \(Errno(rawValue: uwrx_errno()))") }
    return FileDescriptor(rawValue: descriptor)
  }

  // MARK: The run

  private func run(_ stack: LayerStack) throws(SupervisorError) -> RunResult {
    defer {
      if job?.ownsTerminal ?? ownsTerminal { terminal.takeBack() }
      endGuest()
      for connection in standard.connections where !connection.drain() {
        configuration.warn?("the peer of a standard descriptor did not take all that the guest wrote to it")
      }
      standard.putBack(ownsTerminal: terminal.isOurs)
      limits.remove()
      store?.remove()
    }
    guard case .ready(let views) = try nextOrFail() else {
      throw unexpectedEnd
    }
    let hostProc = try open("/proc")
    let processes: LinuxProcesses
    do throws(Errno) {
      processes = try LinuxProcesses(hostProc: hostProc, guestProc: views.proc, channel: channel)
    } catch {
      throw SupervisorError("cannot watch the guest's processes: \(error)")
    }
    self.processes = processes
    let overlays = OverlayMounts(
      channel, inUserNamespace: launch.hasUserNamespace, host: views.host, store: views.store)
    let host = LinuxHostFiles(
      umask: (try? processes.status(of: AbsTid(rawValue: getpid())).umask) ?? 0o777, overlays: overlays)
    let layers = try stack.layers(
      in: views.host, host: host, build: directory.build,
      hidden: record.key.map { HostIdentity(device: $0.device, inode: $0.inode) })
    guard case .listener(let listener, let skeleton, let command) = try nextOrFail() else {
      throw SupervisorError("the command has ended before it began")
    }
    job = JobControl(terminal: terminal, channel: channel, command: command, ownsTerminal: ownsTerminal)
    var kernelConfiguration = KernelConfiguration(
      layers: layers, run: try open("files", in: views.run),
      trace: views.run, events: record.events, runPath: Array("\(directory.path)/files".utf8),
      store: views.store, storePath: Array("/proc/store".utf8), hostUser: geteuid(), hostGroup: getegid(),
      uid: configuration.uid, gid: configuration.gid, groups: configuration.groups,
      squashesTimes: configuration.times == .squashed,
      hostname: configuration.hostname, devices: try open("/dev"),
      terminal: Terminal.inherited, inherited: Self.inheritedFiles(),
      emptyDirectories: configuration.emptyDirectories.map { Array($0.utf8) },
      links: configuration.links.map { (Array($0.path.utf8), Array($0.target.utf8)) }, level: configuration.trace)
    kernelConfiguration.calls = configuration.calls
    kernelConfiguration.diskLimit = configuration.limits.disk.map { Int64($0) }
    kernelConfiguration.storeIsOnDisk = store != nil
    kernelConfiguration.secrets = record.secrets
    kernelConfiguration.terminalGroup = launch.pseudoTerminals.group
    let kernel: VirtualKernel
    do throws(Errno) {
      kernel = try VirtualKernel(
        memory: ProcessMemory(listener: listener),
        descriptors: KernelDescriptorBroker(proc: hostProc, apart: overlays.apart, network: views.network),
        information: processes, host: host,
        skeleton: TmpfsSkeleton(root: skeleton, view: views.skeleton, channel: channel),
        configuration: kernelConfiguration)
    } catch {
      throw SupervisorError("cannot build the guest's file tree: \(error)")
    }
    self.kernel = kernel
    limits.start(views, storeIsMemory: store == nil)
    for message in limits.approximations { configuration.warn?(message) }
    try startWatchdog()
    if configuration.ownsProcess {
      SupervisorPrivileges.drop()
      try SupervisorFilter.install()
    }
    let receiver = Receiver(listener: listener, kernel: kernel, lock: lock)
    self.receiver = receiver
    guard receiver.start(), record.startCollector(), standard.connections.allSatisfy({ $0.start() }) else {
      throw SupervisorError("cannot start a thread: the user's limit of processes")
    }
    try loop()
    endGuest()
    let result = result()
    try finish(kernel, result)
    return result
  }

  /// Everything that the guest did is known: makes its record whole.
  private func finish(_ kernel: VirtualKernel, _ result: RunResult) throws(SupervisorError) {
    receiver?.waitForWork()
    lock.lock()
    defer { lock.unlock() }
    kernel.didEndAll()
    if let receiver { record.recordTotals(receiver.usedCalls) }
    try record.finish(kernel, configuration, exitCode: result.exitCode)
  }

  /// The main loop asks the guest to end at its time; this does not ask.
  private func startWatchdog() throws(SupervisorError) {
    guard let time = configuration.limits.timeout else { return }
    let pid = uwrx_watchdog_start(launch.initPid, time + Self.gracePeriod + Self.watchdogDelay)
    guard pid > 0 else { throw SupervisorError("cannot start the watchdog of --timeout: \(Errno(rawValue: -pid))") }
    watchdog = pid
  }

  private func reportLimits() -> [String] {
    lock.lock()
    let peak = kernel?.processes.peakThreadCount ?? 0
    let ranOut = kernel?.ranOutOfDescriptors ?? false
    lock.unlock()
    let signal = commandStatus.map { uwrx_wait_exited($0) != 0 ? 0 : uwrx_wait_signal($0) } ?? 0
    return limits.report(peak: peak, ranOutOfDescriptors: ranOut, signal: signal)
  }

  /// What the guest asked for and cannot have here, and what it was told does not tell the user why.
  private func refusals() -> [String] {
    lock.lock()
    defer { lock.unlock() }
    guard let program = kernel?.refusedProgram else { return [] }
    return [
      "\(String(decoding: Escaping.escape(program), as: UTF8.self)) is a 32-bit program, which uwrx does not run: execve failed with ENOEXEC"
    ]
  }

  private static func inheritedFiles() -> Set<HostIdentity> {
    var files: Set<HostIdentity> = []
    for descriptor in Int32(0)...2 {
      var status = stat()
      if fstat(descriptor, &status) == 0 { files.insert(HostIdentity(status)) }
    }
    return files
  }

  private func result() -> RunResult {
    let status = commandStatus ?? 0
    var code = uwrx_wait_exited(status) != 0 ? uwrx_wait_exit_status(status) : 128 + uwrx_wait_signal(status)
    if commandStatus == nil { code = 128 + (endSignal ?? SIGKILL) }
    if limits.isTimeOver { code = 124 }
    let reported = reportLimits()
    lock.lock()
    for message in reported { record.recordLimit(message) }
    lock.unlock()
    let messages = (limitHit.map { [$0] } ?? []) + reported + refusals()
    return RunResult(
      exitCode: code, limitHit: messages.isEmpty ? nil : messages.joined(separator: "\n"),
      directory: directory.path)
  }

  private func open(_ path: String, in directory: FileDescriptor? = nil) throws(SupervisorError) -> FileDescriptor {
    let result = uwrx_openat(directory?.rawValue ?? AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard result >= 0 else { throw SupervisorError("cannot open \(path): \(Errno(rawValue: CInt(-result)))") }
    return FileDescriptor(rawValue: Int32(result))
  }

  private func nextOrFail() throws(SupervisorError) -> GuestEvent {
    let event = events.next()
    switch event {
    case .failed(let step, let error): throw GuestLaunch.failure(step: step, error)
    case .closed: throw unexpectedEnd
    default: return event
    }
  }

  private var unexpectedEnd: SupervisorError {
    let memory = configuration.limits.memory.map { ": --memory, \($0) bytes, may be too little to begin" } ?? ""
    return SupervisorError("guest init has ended unexpectedly" + memory)
  }

  // MARK: The main loop

  private func loop() throws(SupervisorError) {
    var polled = [
      pollfd(fd: launch.events.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: processes!.deaths.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals?.rawValue ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      // Deaths are not urgent: waking for each of a thousand short processes would cost as much as answering their calls. Whether
      // they are waited for, or the time when they will be, is one decision of one moment: who falls between sleeps for ever.
      let burial = buryTime <= ContinuousTime.now ? nil : buryTime
      polled[1].fd = burial == nil ? processes!.deaths.rawValue : -1
      if poll(&polled, nfds_t(polled.count), timeout(before: burial)) < 0, uwrx_errno() != EINTR {
        throw SupervisorError("cannot wait for the guest: \(Errno(rawValue: uwrx_errno()))")
      }
      if polled[1].revents != 0 {
        buryDead()
        buryTime = ContinuousTime.now + Self.buryInterval
      }
      if polled[2].revents != 0 { handleSignals() }
      if polled[0].revents != 0, try handleEvent() { return }
      enforceLimits()
    }
  }

  /// - Returns: whether the run is over.
  private func handleEvent() throws(SupervisorError) -> Bool {
    switch events.next() {
    case .status(let status): commandChanged(status)
    case .treeEnded: return true
    case .failed(let step, let error): throw GuestLaunch.failure(step: step, error)
    case .closed:
      enforceLimits()
      // Killed by a limit or by the user: the kernel has killed everything in the guest's pid namespace.
      if commandStatus == nil, endSignal == nil, limitHit == nil, reportLimits().isEmpty {
        throw SupervisorError("guest init was killed, and the guest with it")
      }
      return true
    default: break
    }
    return false
  }

  private func buryDead() {
    // The dead can wait, limits and signals cannot: the receiver may be held up by something of the guest's.
    guard lock.lock(within: 0.1) else { return }
    defer { lock.unlock() }
    var happened = [epoll_event](repeating: epoll_event(), count: 64)
    for index in 0..<max(0, Int(epoll_wait(processes!.deaths.rawValue, &happened, Int32(happened.count), 0))) {
      kernel!.didEnd(AbsTgid(rawValue: Int32(truncatingIfNeeded: happened[index].data.u64)))
    }
  }

  // MARK: Job control

  private func commandChanged(_ status: Int32) {
    guard uwrx_wait_stopped(status) != 0 else {
      if uwrx_wait_exited(status) != 0 || uwrx_wait_signal(status) > 0 && status != 0xffff { commandDidEnd(status) }
      return
    }
    if configuration.ownsProcess { job?.commandStopped(by: uwrx_wait_stop_signal(status)) }
  }

  private func commandDidEnd(_ status: Int32) {
    commandStatus = status
    survivorsTime = ContinuousTime.now + Self.patience
  }

  private func tellOfSurvivors() {
    survivorsTime = nil
    let signal = uwrx_wait_exited(commandStatus!) != 0 ? nil : uwrx_wait_signal(commandStatus!)
    let status =
      signal.map { "was killed by signal \($0)" } ?? "has ended with \(uwrx_wait_exit_status(commandStatus!))"
    configuration.warn?(
      "the command \(status), but other processes that it started go on, and the run with them: Ctrl-C ends them, once more kills "
        + "them")
  }

  /// The user does not want to wait for what the command has left.
  private func endSurvivors() {
    survivorsTime = nil
    if killTime == nil {
      // What a shell has put into the background ignores SIGINT.
      job?.signalAll(SIGTERM)
      endLater(SIGINT)
    } else {
      killTime = ContinuousTime.now
    }
  }

  private func handleSignals() {
    var info = signalfd_siginfo()
    while read(signals!.rawValue, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
      let signal = Int32(bitPattern: info.ssi_signo)
      switch signal {
      case SIGINT where commandStatus != nil: endSurvivors()
      case SIGINT, SIGQUIT:
        job?.signalCommand(signal)
        endLater(signal)
      case SIGTERM, SIGHUP:
        job?.signalAll(signal)
        endLater(signal)
      case SIGTSTP:
        job?.signalCommand(SIGTSTP)
        job?.stop()
      case SIGCONT: job?.wasContinued()
      default: job?.signalCommand(signal)
      }
    }
  }

  // MARK: The end

  private static let gracePeriod = 2.0
  /// How long what a command has left may take to end without a word about it.
  private static let patience = 0.5
  /// How much later the watchdog kills the guest than the main loop does.
  private static let watchdogDelay = 1.0

  /// The guest is asked to end; what has not after the grace period is killed.
  private func endLater(_ signal: Int32) {
    endSignal = endSignal ?? signal
    if killTime == nil { killTime = ContinuousTime.now + Self.gracePeriod }
  }

  private func timeout(before burial: ContinuousTime?) -> Int32 {
    let retry = mustRefuseWrites || !unrecordedLimits.isEmpty ? ContinuousTime.now + 0.01 : nil
    let next = [killTime, survivorsTime, limits.nextCheck, burial, retry].compactMap { $0 }.min()
    guard let next else { return -1 }
    return Int32(max(0, min(60_000, ((next - ContinuousTime.now) * 1000).rounded(.up))))
  }

  private func enforceLimits() {
    let now = ContinuousTime.now
    switch limits.check(now, ownTime: { receiver?.processorTime(within: 0.1) }) {
    case .none: break
    case .end(let signal, let message):
      reachLimit(message)
      job?.signalAll(signal)
      endLater(signal)
    case .killed(let message):
      reachLimit(message)
      endSignal = SIGKILL
    case .refuseWrites(let message):
      reachLimit(message)
      mustRefuseWrites = true
    }
    tellKernel()
    if let bytes = limits.measured, lock.lock(within: 0.01) {
      kernel?.didMeasure(bytes)
      lock.unlock()
      limits.measured = nil
    }
    if let time = survivorsTime, time <= now { tellOfSurvivors() }
    if let time = killTime, time <= now {
      killTime = nil
      kill(launch.initPid, SIGKILL)
    }
  }

  private func reachLimit(_ message: String) {
    limitHit = limitHit ?? message
    unrecordedLimits.append(message)
  }

  /// A guest that holds the virtual kernel up by something must be ended all the same: this is tried again until it succeeds.
  private func tellKernel() {
    guard mustRefuseWrites || !unrecordedLimits.isEmpty, lock.lock(within: 0.05) else { return }
    defer { lock.unlock() }
    if mustRefuseWrites { kernel?.refuseWrites() }
    mustRefuseWrites = false
    for message in unrecordedLimits { record.recordLimit(message) }
    unrecordedLimits = []
  }

  /// Guest init takes the whole guest with it.
  private func endGuest() {
    guard !hasEnded else { return }
    hasEnded = true
    kill(launch.initPid, SIGKILL)
    var status: Int32 = 0
    while waitpid(launch.initPid, &status, 0) < 0, uwrx_errno() == EINTR {}
    guard watchdog > 0 else { return }
    kill(watchdog, SIGKILL)
    while waitpid(watchdog, &status, 0) < 0, uwrx_errno() == EINTR {}
  }
}
