import CLinux
import Glibc
import Reproducibility
import Skipping
import SystemPackage
import Testing

@testable import VirtualKernel

/// A virtual kernel over mocks, with one guest process that makes calls. It answers as the receiver does, so that a test
/// reads like a program; after each call it asserts that the supervisor has lost no descriptor.
final class Machine {
  let world = World()
  let memory = MockMemory()
  let host: MemoryHostFiles
  let descriptors: MockDescriptors
  let information: MockProcesses
  let skeleton: MockSkeleton
  let kernel: VirtualKernel
  /// The run's own layer, and the store of files that live for the run.
  /// The run's directory, and what is in it.
  let trace: Node
  let run: Node
  let events = EventLog()
  let store: Node
  /// Of the user's files that the run was given.
  let inheritedFiles = Volume(device: 77, isReadOnly: false)
  /// Who makes the calls.
  var thread: AbsTid
  private var nextNotification: UInt64 = 1
  /// Runs on the blocking pool's thread between `perform` and `publish`: what other threads do meanwhile.
  var whileBlocked: (() -> Void)?
  private(set) var blockedCount = 0
  /// CLOCK_MONOTONIC of the host's.
  var hostTime: UInt64 = 1_000_000_000
  /// Calls that waited for a time of the guest's clock.
  private(set) var waits: [DeadlineWait] = []
  /// Where times of the machine's may stand in the kernel's code.
  static let vdsoPlaces: [UInt64] = [24, 56, 88, 256, 512]
  /// Whether the kernel finds something wrong with every program that it is to run.
  var refusesPrograms = false

  /// A read-only layer at a path of the guest.
  struct Source {
    var destination = "/"
    var hidesPrivate = false
    var isReadOnly = false
    var isGuests = false
    /// It is the host's /sys.
    var isSystem = false
    /// What it returns is the directory where runs are kept.
    var build: (Node) -> Node?

    init(_ destination: String = "/", hidesPrivate: Bool = false, _ build: @escaping (Node) -> Void) {
      self.destination = destination
      self.hidesPrivate = hidesPrivate
      self.build = {
        build($0)
        return nil
      }
    }

    static func runs(_ build: @escaping (Node) -> Node) -> Source {
      var source = Source { _ in }
      source.build = build
      return source
    }
  }

  convenience init(
    uid: UInt32 = 0, seed: RunSeed? = nil, clock: ClockRule? = nil, uniform: UniformMachine? = nil,
    answersInstructions: Bool = false, _ build: @escaping (Node) -> Void = standardTree
  ) throws(Errno) {
    try self.init(
      uid: uid, sources: [Source("/", build)], seed: seed, clock: clock, uniform: uniform,
      answersInstructions: answersInstructions)
  }

  init(
    uid: UInt32 = 0, sources: [Source], hostUser: UInt32 = 0, emptyDirectories: [String] = [],
    links: [(path: String, target: String)] = [], hasTerminal: Bool = false, squashesTimes: Bool = false,
    level: TraceLevel = .standard, diskLimit: Int64? = nil, calls: CallProfile = .standard, seed: RunSeed? = nil,
    clock: ClockRule? = nil, uniform: UniformMachine? = nil, isNumbered: Bool = false,
    answersInstructions: Bool = false,
    skipping: MemoryRecords? = nil
  ) throws(Errno) {
    host = MemoryHostFiles(world)
    host.user = hostUser
    descriptors = MockDescriptors(world)
    information = MockProcesses(world)
    skeleton = MockSkeleton(world)
    let world = world
    func open(_ node: Node, _ path: String) -> FileDescriptor {
      world.roots.append((Array(path.utf8), node))
      return world.insert(OpenFile(node, flags: O_PATH_))
    }
    let host = host
    let layers = sources.enumerated().map { index, source in
      // A source of one file is the child `file` of what was built.
      let root = Node(world.makeVolume(isReadOnly: true), mode: FileType.directory | 0o755)
      let runs = source.build(root)
      let top = source.destination.hasSuffix("!") ? root.at("file")! : root
      let path = "/host/lower\(index)"
      let tree: any LowerTree =
        source.isSystem
        ? SystemTree(host: host, root: open(top, path))
        : HostTree(
          host: host, root: open(top, path), path: Array(path.utf8), hidesPrivate: source.hidesPrivate,
          buildDirectory: runs?.identity)
      var layer = Layer(
        tree: tree,
        destination: source.destination.filter { $0 != "!" }.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) },
        isReadOnly: source.isReadOnly)
      layer.isGuests = source.isGuests
      return layer
    }
    trace = Node(world.makeVolume(isReadOnly: false), mode: FileType.directory | 0o755)
    run = trace.directory("files")
    store = Node(world.makeVolume(isReadOnly: false), mode: FileType.directory | 0o755)
    let devices = Node(world.makeVolume(isReadOnly: false), mode: FileType.directory | 0o755)
    for device in DeviceTable.devices {
      devices.node(device.name, FileType.characterDevice | 0o666).device = uwrx_makedev(device.major, device.minor)
    }
    let terminal = devices.node("pts/7", FileType.characterDevice | 0o620)
    terminal.device = uwrx_makedev(136, 7)
    var configuration = KernelConfiguration(
      user: GuestUser(uid: uid, gid: uid, hostUser: hostUser, hostGroup: hostUser),
      tree: GuestTree(
        layers: layers, emptyDirectories: emptyDirectories.map { Array($0.utf8) },
        links: links.map { (Array($0.path.utf8), Array($0.target.utf8)) }, squashesTimes: squashesTimes),
      places: RunPlaces(
        run: open(run, "/host/run"), runPath: Array("/host/run".utf8), trace: open(trace, "/host/trace"),
        store: open(store, "/host/store"), storePath: Array("/host/store".utf8)),
      devices: GivenDevices(
        directory: open(devices, "/dev"),
        terminal: hasTerminal
          ? InheritedTerminal(hostPath: "/dev/pts/7", identity: terminal.identity, device: terminal.device) : nil,
        inherited: (2..<100).map { HostIdentity(device: 77, inode: $0) }),
      recording: Recording(events: events, level: level))
    configuration.diskLimit = diskLimit
    configuration.calls = calls
    configuration.reproduction.hasProcessNumbers = isNumbered
    configuration.reproduction.answersForProcessor = answersInstructions
    configuration.reproduction.randomness = seed.map { Randomness(seed: $0, devices: MockRandomDevices(world)) }
    configuration.reproduction.clock = clock
    if clock != nil {
      configuration.reproduction.vdsoPatches = [CodePatch(offset: 16, bytes: [1, 2, 3])]
      configuration.reproduction.vdsoPlaces = Self.vdsoPlaces
    }
    configuration.reproduction.machine = uniform
    configuration.skipping = skipping.map { records in
      records.world = world
      return SkippingConfiguration(
        store: records, programs: SkippedPrograms(), options: [], origin: Array("/earlier".utf8))
    }
    kernel = try VirtualKernel(
      memory: memory, descriptors: descriptors, information: information, host: host, skeleton: skeleton,
      configuration: configuration)
    thread = AbsTid(rawValue: 1002)
    let process = GuestProcess(
      id: AbsTgid(rawValue: 1002), nsID: NsTgid(rawValue: 2), parent: AbsTgid(rawValue: 1001), files: DescriptorTable())
    process.workingDirectory = skeleton.root
    process.rootDirectory = skeleton.root
    world.processes[process.id] = process
    // The launcher makes the root a directory of the tree before the command begins.
    try kernel.files.mirror.materialise(kernel.files.root)
    world.log = []
  }

  // MARK: Calls

  func notification(_ number: SyscallNumber, _ arguments: [any GuestArgument]) -> Notification {
    var registers = arguments.map { $0.register(in: memory) }
    while registers.count < 6 { registers.append(0) }
    nextNotification += 1
    return Notification(
      id: nextNotification, thread: thread, number: number.rawValue,
      arguments: (registers[0], registers[1], registers[2], registers[3], registers[4], registers[5]), time: hostTime)
  }

  /// What the handler decides, and no more.
  func decide(_ number: SyscallNumber, _ arguments: any GuestArgument...) throws(Errno) -> Outcome {
    try kernel.decide(notification(number, arguments))
  }

  /// Makes a call and answers it as the receiver does.
  @discardableResult
  func call(_ number: SyscallNumber, _ arguments: any GuestArgument...) -> Reply {
    answer(notification(number, arguments))
  }

  /// Those of the supervisor's that no watch of the guest's needs.
  private var ownDescriptors: Set<Int32> {
    world.openDescriptors.subtracting(
      (kernel.files.watches.descriptors + kernel.files.closings.descriptors).map(\.rawValue))
  }

  private func answer(_ notification: Notification) -> Reply {
    let before = ownDescriptors
    defer {
      if ownDescriptors != before { Issue.record("the supervisor lost or gained descriptors") }
    }
    while true {
      do throws(Errno) {
        switch try kernel.decide(notification) {
        case .value(let value): return .value(value)
        case .continue:
          if !refusesPrograms,
            [SyscallNumber.execve.rawValue, SyscallNumber.execveat.rawValue].contains(notification.number)
          {
            process.image += 1
            if notification.number == SyscallNumber.execve.rawValue { information.fileName = notification.arguments.0 }
          }
          return .continued
        case .descriptor(let file, _, let keep):
          let open = world.file(file)
          if !keep { world.close(file) }
          let number = try world.process(of: notification.thread).files.insert(open)
          kernel.didInstall(number)
          return .descriptor(number)
        case .replacing(let files, let value):
          for (descriptor, file) in files {
            let open = world.file(file)
            world.close(file)
            try world.process(of: notification.thread).files.files[descriptor] = open
          }
          return .value(value)
        case .waiting(let wait):
          waits.append(wait)
          switch wait.poll(at: hostTime) ?? wait.expire() {
          case .success(let value): return .value(value)
          case .failure(let error): return .error(error)
          }
        case .repeated(let arguments):
          var all = withUnsafeBytes(of: arguments) { Array($0.bindMemory(to: UInt64.self)) }
          while all.last == 0 { all.removeLast() }
          return .repeated(all)
        case .blocked(let work):
          blockedCount += 1
          try finish(work)
          if let value = work.value { return .value(value) }
        }
      } catch {
        return .error(error)
      }
    }
  }

  private func finish(_ work: any BlockingWork) throws(Errno) {
    var failure: Errno?
    do throws(Errno) { try work.perform() } catch { failure = error }
    let others = whileBlocked
    whileBlocked = nil
    others?()
    do throws(Errno) { try work.publish(failed: failure != nil) } catch { failure = failure ?? error }
    if let failure { throw failure }
  }

  // MARK: Processes

  var process: GuestProcess { try! world.process(of: thread) }

  /// fork(2), or vfork(2) until the exec: the child has copies of everything.
  /// - Parameter told: whose child it says that it is, if not the caller's.
  @discardableResult
  func fork(_ id: Int32, sharingFiles: Bool = false, of told: AbsTgid? = nil) -> AbsTid {
    let parent = process
    let child = GuestProcess(
      id: AbsTgid(rawValue: 1000 + id), nsID: NsTgid(rawValue: id), parent: told ?? parent.id, files: parent.files)
    if !sharingFiles {
      child.files = DescriptorTable()
      child.files.files = parent.files.files
    }
    child.umask = parent.umask
    child.slack[child.id.leader] = parent.slack[thread]
    child.workingDirectory = parent.workingDirectory
    child.rootDirectory = parent.rootDirectory
    child.executable = parent.executable
    world.processes[child.id] = child
    return child.id.leader
  }

  /// clone(2) with CLONE_THREAD.
  @discardableResult
  func startThread(_ id: Int32) -> AbsTid {
    let thread = AbsTid(rawValue: 1000 + id)
    process.threads[thread] = NsTid(rawValue: id)
    process.slack[thread] = process.slack[self.thread]
    return thread
  }

  /// All that the supervisor has written, to be compared with what it is later.
  var contents: [String] {
    func describe(_ node: Node, _ path: String) -> [String] {
      let own = "\(path) \(node.mode) \(node.text) \(node.target) \(node.attributes.count) \(node.changed)"
      return [own]
        + node.entries.flatMap { describe($0.node, "\(path)/\(String(decoding: $0.name, as: UTF8.self))") }.sorted()
    }
    return describe(run, "run") + describe(store, "store") + describe(skeleton.root, "skeleton")
  }

  func end(_ group: AbsTgid) {
    world.processes[group]?.isAlive = false
    kernel.didEnd(group)
  }
}

/// What most tests run on.
func standardTree(_ lower: Node) {
  lower.file("etc/passwd", "root:x:0:0\n").attributes[Array("user.note".utf8)] = Array("kept".utf8)
  lower.file("etc/shadow", "secret", mode: 0o600)
  let tool = lower.file("usr/bin/tool", "\u{7f}ELF", mode: 0o755)
  lower.hardLink("usr/bin/alias", to: tool)
  lower.file("usr/lib/deep/file", "deep")
  lower.link("bin", to: "usr/bin")
  lower.link("absolute", to: "/etc/passwd")
  lower.link("loop", to: "loop")
  lower.link("dangling", to: "nowhere")
  lower.directory("empty")
  lower.directory("work", uid: 1000)
  lower.file("work/mine", "mine", uid: 1000)
  lower.file("work/theirs", "theirs", mode: 0o600)
  lower.directory("closed", mode: 0o700)
  lower.file("closed/inside", "inside")
}
