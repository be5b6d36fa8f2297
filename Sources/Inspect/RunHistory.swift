import Tracing

@_exported import struct Tracing.TraceDirectory
@_exported import struct Tracing.TraceError
@_exported import struct Tracing.TraceNumbers

/// What the processes of a run are and did, as the events of its trace tell.
///
/// A value without any link to the trace: it can be handed from a task to another one. It takes events one by one, so that it also
/// follows a run in progress (`RunObserver`). Memory is proportional to the processes, distinct paths, file versions and
/// distinct accesses (who did what with which version), not to the events, but for 4 bytes of each `node` event.
/// Whatever the events are, it neither fails nor loops: what cannot be is left out, and sets `isDamaged`.
///
///     var history = try RunHistory(TraceDirectory("build/0/0"))
///     for process in history.processes {
///       print(process.pid, process.program?.arguments ?? [], process.status?.description ?? "running")
///     }
public struct RunHistory: Sendable {
  /// In the order in which they were found.
  public private(set) var processes: [RunProcess] = []
  /// Those that no other process of the list has started, in order: the command, and what the trace does not introduce.
  public var roots: [UInt32] { processes.lazy.filter { self.isRoot($0) }.map(\.pid) }
  public internal(set) var paths = PathTable()
  /// The first time and the last one, in nanoseconds of the trace's clock; 0 before there is one.
  public private(set) var firstTime: UInt64 = 0
  public private(set) var lastTime: UInt64 = 0
  /// Nanoseconds since 1970 at `firstTime`; nil if the trace does not tell.
  public private(set) var wallClock: UInt64?
  /// The parameters of the run, in the order of the trace.
  public private(set) var parameters: [(name: [UInt8], value: [UInt8])] = []
  /// The lines for the user on limits that were reached, at most 1000 of them.
  public private(set) var limits: [[UInt8]] = []
  /// By the number of the system call; empty until the run has ended.
  public private(set) var totals: [UInt32: CallTotals] = [:]
  public private(set) var eventCount = 0
  /// Whether the events end in the middle, or some of them make no sense.
  public internal(set) var isDamaged = false

  /// By which numbers its processes are shown.
  public var numbers = TraceNumbers()

  /// By process.
  var skippings: [UInt32: ProcessSkipping] = [:]

  private var counts = [Int](repeating: 0, count: Int(UInt8.max) + 1)
  private var indices: [UInt32: Int] = [:]
  /// The paths of nodes.
  private var nodes: [PathTable.ID] = [.none, .root]
  private var environments: [UInt32: Environment] = [:]
  /// Environments whose bytes go on in the next event.
  private var unfinished: Set<UInt32> = []
  /// The threads that are known: the index in their process, by process and thread.
  private var threadIndices: [UInt64: Int] = [:]
  var files: FileStates

  /// A history without events.
  /// - Parameter accesses: keeps who did what with which file; without, `accesses(of:)`, `accesses(by:)` and `resolveFile`
  ///   know nothing.
  public init(accesses: Bool = true) { files = FileStates(keepsAccesses: accesses) }

  /// Takes all events of a trace.
  /// - Throws: a message if they cannot be read.
  public init(_ trace: TraceDirectory, accesses: Bool = true) throws(TraceError) {
    let observer = try RunObserver(trace, accesses: accesses)
    try observer.update()
    self = observer.history
    if observer.isDamaged { isDamaged = true }
  }

  /// How many events of a kind there were.
  public func count(of kind: EventKind) -> Int { counts[Int(kind.rawValue)] }

  /// A process by the trace's own number; nil if there is none.
  public subscript(pid: UInt32) -> RunProcess? { indices[pid].map { processes[$0] } }

  /// Nanoseconds since the first event; less than 0 if an event tells so.
  public func elapsed(_ time: UInt64) -> Int64 { Int64(bitPattern: time &- firstTime) }

  public func environment(_ number: UInt32) -> Environment? { environments[number] }

  /// The path that a node stands for; `.none` if it is not defined.
  public func path(ofNode node: UInt32) -> PathTable.ID { node < nodes.count ? nodes[Int(node)] : .none }

  private func isRoot(_ process: RunProcess) -> Bool {
    guard let parent = process.parent else { return true }
    return indices[parent] == nil
  }

  /// Takes the next event.
  /// - Parameter name: its name; not kept.
  public mutating func take(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard let kind = EventKind(rawValue: event.kind) else {
      isDamaged = true
      return
    }
    eventCount += 1
    counts[Int(event.kind)] += 1
    if event.time != 0 {
      if firstTime == 0 { firstTime = event.time }
      if event.time > lastTime { lastTime = event.time }
    }
    switch kind {
    case .node: define(event, name)
    case .environment: takeEnvironment(event, name)
    case .stored: files.places[event.version] = Array(name)
    case .parameter:
      parameters.append(parameter(of: name))
    case .clock:
      if let value = load(name, as: UInt64.self), wallClock == nil { wallClock = value &- (event.time &- firstTime) }
    case .totals: if let value = load(name, as: CallTotals.self) { totals[event.version] = value }
    case .limit: if limits.count < 1000 { limits.append(Array(name)) }
    default:
      // The supervisor is no process of the run.
      if event.pid > Event.supervisor { takeProcess(kind, event, name) }
    }
  }

  private mutating func define(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    guard event.node > Event.rootNode, Int(event.node) <= nodes.count, event.version > 0,
      Int(event.version) < nodes.count
    else {
      isDamaged = true
      return
    }
    let path = paths.add(name, in: nodes[Int(event.version)])
    if Int(event.node) == nodes.count { nodes.append(path) } else { nodes[Int(event.node)] = path }
  }

  private mutating func takeEnvironment(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    if unfinished.contains(event.version) {
      environments[event.version]?.bytes.append(contentsOf: name)
    } else if environments[event.version] == nil {
      environments[event.version] = Environment(bytes: Array(name))
    } else {
      isDamaged = true
      return
    }
    if event.flags & Event.isCut != 0 { environments[event.version]?.isCut = true }
    if event.flags & Event.continues != 0 {
      unfinished.insert(event.version)
    } else {
      unfinished.remove(event.version)
    }
  }

  private mutating func takeProcess(_ kind: EventKind, _ event: Event, _ name: UnsafeBufferPointer<UInt8>) {
    let index = index(of: event.pid, time: event.time)
    processes[index].eventCount += 1
    processes[index].answerTime &+= UInt64(event.duration)
    if event.thread != 0 { note(event.thread, of: index, time: event.time) }
    switch kind {
    case .spawn: takeSpawn(event, name, index)
    case .exit:
      processes[index].end = event.time
      processes[index].status = WaitStatus(rawValue: event.version)
      processes[index].use = load(name, as: ResourceUse.self)
    case .arguments: takeArguments(event, name, index)
    case .output: processes[index].outputSize += name.count
    case .skipped, .unskipped, .unrecorded: takeSkipping(kind, event, name)
    default:
      guard kind.isAccess else { return }
      var path = path(ofNode: event.node)
      guard path != .none else {
        isDamaged = true
        return
      }
      if kind == .missing { path = paths.add(name, in: path) }
      if kind == .exec {
        processes[index].programs.append(Program(executable: path, version: event.version, time: event.time))
        processes[index].continuesArguments = false
      }
      files.take(kind, path, event, order: eventCount, process: &processes[index])
    }
  }

  /// The process, which is added if the trace has not introduced it.
  private mutating func index(of pid: UInt32, time: UInt64) -> Int {
    if let known = indices[pid] { return known }
    indices[pid] = processes.count
    processes.append(RunProcess(pid: pid, time: time))
    return processes.count - 1
  }

  private mutating func takeSpawn(_ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ index: Int) {
    guard !processes[index].isAnnounced else {
      isDamaged = true
      return
    }
    processes[index].isAnnounced = true
    processes[index].guestPid = event.version
    processes[index].hostPid = load(name, as: UInt32.self)
    files.noteBirth(of: event.pid, order: eventCount)
    guard event.node > Event.supervisor else {
      if event.node == Event.supervisor { processes[index].parent = event.node }
      return
    }
    let parent = self.index(of: event.node, time: event.time)
    // A process cannot descend from itself.
    guard root(of: event.node) != event.pid else {
      isDamaged = true
      return
    }
    processes[index].parent = event.node
    processes[index].root = root(of: event.node)
    processes[index].inherited = processes[parent].program
    processes[parent].children.append(event.pid)
  }

  /// The ancestor that no process has started. Makes the way there shorter for the next one who asks.
  private mutating func root(of pid: UInt32) -> UInt32 {
    var pid = pid
    while let index = indices[pid], processes[index].root != pid, let above = indices[processes[index].root] {
      processes[index].root = processes[above].root
      pid = processes[index].root
    }
    return pid
  }

  private mutating func takeArguments(_ event: Event, _ name: UnsafeBufferPointer<UInt8>, _ index: Int) {
    var program: Program
    if let last = processes[index].programs.last,
      last.argumentBytes == nil || processes[index].continuesArguments
    {
      program = last
      processes[index].programs.removeLast()
    } else {
      // A program without a path.
      program = Program(executable: .none, version: 0, time: event.time)
    }
    if program.argumentBytes == nil {
      program.environment = event.version
      program.directory = path(ofNode: event.node)
      program.argumentBytes = Array(name)
    } else {
      program.argumentBytes?.append(contentsOf: name)
    }
    if event.flags & Event.isCut != 0 { program.argumentsAreCut = true }
    processes[index].continuesArguments = event.flags & Event.continues != 0
    processes[index].programs.append(program)
  }

  private mutating func note(_ thread: UInt32, of index: Int, time: UInt64) {
    let key = UInt64(processes[index].pid) << 32 | UInt64(thread)
    if let known = threadIndices[key] {
      processes[index].threads[known].lastTime = time
      return
    }
    threadIndices[key] = processes[index].threads.count
    processes[index].threads.append(RunThread(id: thread, firstTime: time, lastTime: time))
  }
}

extension RunHistory {
  /// In what the environment of a process's last program differs from that of the process which has started it; of the command
  /// itself, from that of its first program.
  /// - Returns: nil if either environment is not known: the process ran nothing, or there is nothing to compare with.
  public func environmentDifference(of pid: UInt32) -> EnvironmentDifference? {
    guard let process = self[pid], let last = process.programs.last,
      let before = process.inherited ?? process.programs.dropLast().first,
      let old = environments[before.environment], let new = environments[last.environment]
    else { return nil }
    return EnvironmentDifference(from: old, to: new)
  }

  /// The processes above one, its parent first.
  public func ancestors(of pid: UInt32) -> [UInt32] {
    var found: [UInt32] = []
    var current = self[pid]
    while let parent = current?.parent, let next = self[parent] {
      found.append(parent)
      current = next
    }
    return found
  }
}

/// What the name of an `EventKind.parameter` tells.
func parameter(of name: UnsafeBufferPointer<UInt8>) -> (name: [UInt8], value: [UInt8]) {
  let parts = name.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
  return (parts.first ?? [], parts.count > 1 ? parts[1] : [])
}

/// A value at the start of a name; nil if the name is too short.
func load<Value: BitwiseCopyable>(_ name: UnsafeBufferPointer<UInt8>, as type: Value.Type) -> Value? {
  guard name.count >= MemoryLayout<Value>.size else { return nil }
  return UnsafeRawBufferPointer(name).loadUnaligned(as: type)
}
