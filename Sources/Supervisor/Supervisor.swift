import Archives
import CGuest
import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// One run: launches the guest, answers its calls, and ends with its last process.
public final class Supervisor {
  let configuration: RunConfiguration
  private let reproduction: Reproduction
  private let standard: StandardDescriptors
  let directory: RunDirectory
  let record: RunRecord
  private let store: TemporaryDirectory?
  let lock = Lock()
  private let terminal: Terminal
  /// Whether the run began as the terminal's foreground job.
  private let ownsTerminal: Bool
  let signals: FileDescriptor?
  var limits: LimitEnforcer
  let launch: GuestLaunch
  let network: RunNetwork?
  var events: GuestEvents { GuestEvents(socket: launch.events) }
  private let channel: InitChannel

  var kernel: VirtualKernel?
  var receiver: Receiver?
  var processes: LinuxProcesses?
  var job: JobControl?
  var watchdog: pid_t = 0
  var commandStatus: Int32?
  /// When the guest is killed because it did not end after it was asked to.
  var killTime: ContinuousTime?
  /// When it is said that others go on although the command has ended.
  var survivorsTime: ContinuousTime?
  var limitHit: String?
  /// What is to be told to the virtual kernel as soon as nobody holds it up.
  var unrecordedLimits: [String] = []
  var mustRefuseWrites = false
  /// When the deaths of processes are looked at again.
  var buryTime: ContinuousTime = 0
  static let buryInterval = 0.005
  var endSignal: Int32?
  var hasEnded = false

  /// Runs a command to the end of its last process.
  /// - Throws: `SupervisorError` for a failure of uwrx's own; the guest does not run then, or no more.
  public static func run(_ configuration: RunConfiguration) throws(SupervisorError) -> RunResult {
    try KernelFeatures.require()
    try KernelFeatures.requireDescriptors()
    if configuration.clock != nil { try KernelFeatures.requireClock() }
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
    var stack = try LayerStack(&configuration, archives, key)
    let directory = try RunDirectory(build: build, step: configuration.step)
    configuration.willStart?(directory.path)
    let network = try configuration.network.map { given throws(SupervisorError) in
      try RunNetwork(given, directory, hostname: configuration.hostname)
    }
    if let network {
      try stack.put(network.files, network.lastFiles, archives)
      network.complete(&configuration.environment)
    }
    let supervisor = try Supervisor(configuration, standard, directory, network) { () throws(SupervisorError) in
      try RunRecord(directory, configuration, parents: stack.parents, key)
    }
    // The process ends soon, and all that it has with it, at once. What reads archives or speaks to the network is ended before.
    let hasHelpers = network != nil || stack.sources.contains { ($0?.kind ?? .host) != .host }
    if configuration.ownsProcess, !hasHelpers { _ = Unmanaged.passRetained(supervisor) }
    return try supervisor.run(stack)
  }

  /// - Parameter makeRecord: is called while guest init builds the mounts.
  private init(
    _ configuration: RunConfiguration, _ standard: StandardDescriptors, _ directory: RunDirectory,
    _ network: RunNetwork?, makeRecord: () throws(SupervisorError) -> RunRecord
  ) throws(SupervisorError) {
    self.configuration = configuration
    reproduction = configuration.reproduction
    self.standard = standard
    self.directory = directory
    self.network = network
    terminal = Terminal(enabled: configuration.ownsProcess)
    ownsTerminal = terminal.isOurs
    let filter = SyscallFilter(
      level: configuration.trace,
      calls: CallRules(
        configuration.calls,
        reproduction.variants.union(configuration.skipping != nil && configuration.trace != .io ? [.skipping] : [])))
    // Before the guest is forked, so that no signal is lost in between.
    signals = configuration.ownsProcess ? try Self.catchSignals() : nil
    var limits = try LimitEnforcer(configuration.limits)
    store = try configuration.temporaryDirectory.map { path throws(SupervisorError) in
      try TemporaryDirectory(in: path)
    }
    for connection in standard.connections { connection.giveToGuest() }
    defer { for connection in standard.connections { connection.takeBack() } }
    launch = try GuestLaunch(
      configuration, directory, store: store, filter: filter, network: network?.proxy.channel,
      terminal: terminal.isInteractive ? terminal.descriptor : -1
    ) { initPid throws(SupervisorError) in
      try limits.attach(initPid, movesSupervisor: configuration.ownsProcess)
    }
    self.limits = limits
    network?.proxy.closeChannel()
    Self.raiseDescriptorLimit()
    channel = InitChannel(socket: launch.control)
    do throws(SupervisorError) { record = try makeRecord() } catch {
      launch.end()
      limits.remove()
      store?.remove()
      throw error
    }
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
    try network?.proxy.waitUntilReady()
    recordPublished()
    let overlays = OverlayMounts(
      channel, inUserNamespace: launch.hasUserNamespace, host: views.host, store: views.store)
    let host = LinuxHostFiles(
      umask: (try? processes.status(of: AbsTid(rawValue: getpid())).umask) ?? 0o777, overlays: overlays)
    let layers = try stack.layers(
      in: views.host, host: host, build: directory.build,
      hidden: record.key.map { HostIdentity(device: $0.device, inode: $0.inode) },
      isUniform: configuration.machine != nil, stores: network?.stores)
    if let network { network.stores.spliceKeyStores(of: layers) { (try? network.proxy.splice()) ?? false } }
    var kernelConfiguration = KernelConfiguration(
      user: GuestUser(
        uid: configuration.uid, gid: configuration.gid, groups: configuration.groups, hostUser: geteuid(),
        hostGroup: getegid()),
      tree: GuestTree(
        layers: layers, emptyDirectories: configuration.emptyDirectories.map { Array($0.utf8) },
        links: configuration.links.map { (Array($0.path.utf8), Array($0.target.utf8)) },
        squashesTimes: configuration.times == .squashed),
      places: RunPlaces(
        run: try open("files", in: views.run), runPath: Array("\(directory.path)/files".utf8), trace: views.run,
        store: views.store, storePath: Array("/proc/store".utf8), storeIsOnDisk: store != nil),
      devices: GivenDevices(
        directory: try open("/dev"), terminal: Terminal.inherited, inherited: Self.inheritedFiles(),
        terminalGroup: launch.pseudoTerminals.group),
      recording: Recording(events: record.events, level: configuration.trace, secrets: record.secrets))
    kernelConfiguration.diskLimit = configuration.limits.disk.map { Int64($0) }
    kernelConfiguration.calls = configuration.calls
    kernelConfiguration.reproduction = reproduction
    let skipping = try configuration.skipping.map { rules throws(SupervisorError) in
      try rules.open(for: configuration, trace: directory.path)
    }
    defer { for line in skipping?.store.finish() ?? [] { configuration.warn?(line) } }
    kernelConfiguration.skipping = skipping
    kernelConfiguration.network = network.map { NetworkLink(channel, control: $0.proxy.control) }
    // While the command is on its way.
    let ownFilter =
      configuration.ownsProcess
      ? SupervisorFilter.filter(traces: configuration.hasProcessNumbers || configuration.clock != nil) : nil
    guard case .listener(let listener, let skeleton, let command) = try nextOrFail() else {
      throw SupervisorError("the command has ended before it began")
    }
    do throws(Errno) {
      _ = try processes.limit(Int32(RLIMIT_NOFILE.rawValue), of: AbsTid(rawValue: command), setTo: launch.openFiles)
    } catch {
      throw SupervisorError("cannot set the command's limit of open files: \(error)")
    }
    job = JobControl(terminal: terminal, channel: channel, command: command, ownsTerminal: ownsTerminal)
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
    if let ownFilter {
      SupervisorPrivileges.drop()
      try SupervisorFilter.install(ownFilter)
    }
    let receiver = Receiver(listener: listener, kernel: kernel, lock: lock)
    self.receiver = receiver
    guard receiver.start(), record.startCollector(), standard.connections.allSatisfy({ $0.start() }) else {
      throw SupervisorError("cannot start a thread: the user's limit of processes")
    }
    try loop()
    endGuest()
    if let network, !network.proxy.finish(takeFromNetwork) {
      configuration.warn?(
        "\(ProxyProcess.program) has ended before its time: what the guest did on the network is not all recorded")
    }
    network?.stores.finish()
    let result = result()
    if kernel.couldNotPatch {
      configuration.warn?(
        "a program was ended, for the kernel did not let its clock be made the guest's: leave out --time")
    }
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

  private static func inheritedFiles() -> [HostIdentity] {
    var files: [HostIdentity] = []
    for descriptor in Int32(0)...2 where !ClosedDescriptors.contains(descriptor) {
      var status = stat()
      if fstat(descriptor, &status) == 0 { files.append(HostIdentity(status)) }
    }
    return files
  }

  private func open(_ path: String, in directory: FileDescriptor? = nil) throws(SupervisorError) -> FileDescriptor {
    let result = uwrx_openat(directory?.rawValue ?? AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard result >= 0 else { throw SupervisorError("cannot open \(path): \(Errno(rawValue: CInt(-result)))") }
    return FileDescriptor(rawValue: Int32(result))
  }

  private func nextOrFail() throws(SupervisorError) -> GuestEvent {
    var ready = pollfd(fd: events.socket.rawValue, events: Int16(POLLIN), revents: 0)
    while poll(&ready, 1, Self.startPatience) <= 0 {
      // The main loop, which receives signals, has not begun.
      guard signals != nil, let signal = EndRequests.pending else { continue }
      throw SupervisorError("ended by signal \(signal) before the command began")
    }
    let event = events.next()
    switch event {
    case .failed(let step, let error): throw GuestLaunch.failure(step: step, error)
    case .closed: throw unexpectedEnd
    default: return event
    }
  }

  /// Milliseconds.
  private static let startPatience: Int32 = 100

  private var unexpectedEnd: SupervisorError {
    let memory = configuration.limits.memory.map { ": --memory, \($0) bytes, may be too little to begin" } ?? ""
    return SupervisorError("guest init has ended unexpectedly" + memory)
  }
}
