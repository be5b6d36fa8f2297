import CLinux
import Glibc
import SystemPackage
import Testing
import Tracing

@testable import VirtualKernel

/// The kernel's view of the guest's processes.
final class MockProcesses: ProcessInformation {
  let world: World
  /// Files of the guest's own /proc.
  var procFiles: [String: String] = [:]
  var procLinks: [String: String] = [:]
  /// The groups whose death is being watched for, by pidfd.
  private(set) var watched: [Int32: AbsTgid] = [:]
  private(set) var statusCalls = 0
  /// Those that only wait to be reaped.
  var unreaped: Set<AbsTgid> = []
  /// Limits that are not infinite.
  var limits: [Int32: ResourceLimit] = [:]
  private(set) var signals: [(thread: AbsTid, signal: Int32)] = []
  var uses: [AbsTgid: ResourceUse] = [:]
  /// Of processes that have ended.
  var statuses: [AbsTgid: Int32] = [:]
  /// Where a program finds its path, with what it was given before it.
  var fileName: UInt64 = 0
  /// Where each program finds the kernel's code.
  var vdso: UInt64 = 0x7fff_0000
  /// Where each program finds its own program headers.
  var programHeaders: UInt64 = 0
  private var nextWatch: Int32 = 500_000

  init(_ world: World) { self.world = world }

  func status(of thread: AbsTid) throws(Errno) -> ThreadStatus {
    statusCalls += 1
    let process = try world.process(of: thread)
    if unreaped.contains(process.id) { throw .noSuchProcess }
    return ThreadStatus(
      group: process.id, parent: process.parent, nsTid: process.threads[thread]!, nsGroup: process.nsID,
      umask: process.umask)
  }

  /// Whether the user works with another job than the run.
  var isBehindAnotherJob = false
  func isBehindAnotherJob(_ group: AbsTgid, guests: [AbsTgid]) -> Bool { isBehindAnotherJob }

  func isThread(_ thread: AbsTid, of group: AbsTgid) -> Bool {
    guard let process = world.processes[group], process.isAlive else { return false }
    return process.threads[thread] != nil
  }

  func systemInformation() -> [UInt64] { [UInt64](repeating: 77, count: 14) }

  /// Signals that wait for threads.
  var pending: [AbsTid: PendingSignal] = [:]
  func pendingSignal(of thread: AbsTid) -> PendingSignal { pending[thread] ?? .none }

  /// Of the thread that calls, deeper the lower.
  var stackPointer: UInt64? = 0x7ffe_0000
  func stackPointer(of thread: AbsTid) -> UInt64? { stackPointer }
  var instructionPointer: UInt64? = 0x40_1000
  func instructionPointer(of thread: AbsTid) -> UInt64? { instructionPointer }

  func time(ofClock kind: Int32, of group: AbsTgid) throws(Errno) -> timespec {
    timespec(tv_sec: Int(group.rawValue), tv_nsec: Int(kind))
  }
  func resolution(ofClock kind: Int32, of group: AbsTgid) throws(Errno) -> timespec {
    timespec(tv_sec: 0, tv_nsec: 1 + Int(kind))
  }

  /// Processes that share their parent's memory.
  var sharing: Set<AbsTgid> = []
  func sharesMemory(_ group: AbsTgid, _ other: AbsTgid) -> Bool { sharing.contains(group) }

  /// The clocks of everybody's timers, and how often they were asked for.
  var timerClocks: [Int32: Int32] = [:]
  private(set) var timerLooks = 0
  func timerClocks(of process: NsTgid, until wanted: Int32) -> [Int32: Int32] {
    timerLooks += 1
    return timerClocks
  }

  func children(of thread: AbsTid) -> [AbsTgid] {
    world.processes.values.filter { $0.isAlive && $0.parent.leader == thread }.map { $0.id }
  }

  func timerSlack(of thread: AbsTid) throws(Errno) -> UInt64 {
    try world.process(of: thread).slack[thread] ?? 50_000
  }

  func setTimerSlack(of thread: AbsTid, to nanoseconds: UInt64) throws(Errno) {
    try world.process(of: thread).slack[thread] = nanoseconds
  }

  func limit(_ resource: Int32, of thread: AbsTid, setTo new: ResourceLimit?) throws(Errno) -> ResourceLimit {
    let old = limits[resource] ?? ResourceLimit(soft: .max, hard: .max)
    if let new { limits[resource] = new }
    return old
  }

  func threads(of group: AbsTgid) -> [AbsTid] { world.processes[group].map { Array($0.threads.keys) } ?? [] }

  /// The masks that were set; others have all of 100 processors.
  private(set) var processors: [AbsTid: [UInt8]] = [:]
  let processorMaskSize = 16

  func processors(
    of thread: AbsTid?, into buffer: UnsafeMutableRawBufferPointer, length: UInt32
  ) throws(Errno) -> Int {
    guard length &* 8 >= 100, length % 8 == 0 else { throw .invalidArgument }
    if let thread { _ = try world.process(of: thread) }
    let all = [UInt8](repeating: 0xff, count: 12) + [0x0f, 0, 0, 0]
    buffer.copyBytes(from: thread.flatMap { processors[$0] } ?? all)
    return 16
  }

  func setProcessors(of thread: AbsTid, to mask: UnsafeRawBufferPointer) throws(Errno) {
    _ = try world.process(of: thread)
    guard mask.contains(where: { $0 != 0 }) else { throw .invalidArgument }
    processors[thread] = Array(mask) + [UInt8](repeating: 0, count: processorMaskSize - mask.count)
  }

  func signal(_ thread: AbsTid, of group: AbsTgid, _ signal: Int32) { signals.append((thread, signal)) }

  private(set) var processSignals: [(process: AbsTgid?, signal: Int32, hasInformation: Bool, flags: UInt32)] = []
  func signal(_ pidfd: FileDescriptor, _ signal: Int32, _ information: [UInt8]?, flags: UInt32) throws(Errno) {
    processSignals.append((watched[pidfd.rawValue], signal, information != nil, flags))
  }

  func watch(_ group: AbsTgid) throws(Errno) -> FileDescriptor {
    guard world.processes[group]?.isAlive == true else { throw .noSuchProcess }
    nextWatch += 1
    watched[nextWatch] = group
    return FileDescriptor(rawValue: nextWatch)
  }

  func endWatch(_ pidfd: FileDescriptor) {
    if watched.removeValue(forKey: pidfd.rawValue) == nil { Issue.record("a watch was ended twice") }
  }

  func use(of group: AbsTgid) -> ResourceUse? { uses[group] }

  func end(of group: AbsTgid, _ pidfd: FileDescriptor) -> (status: Int32?, use: ResourceUse?) {
    (statuses[group], nil)
  }

  func readProc(_ path: String, into bytes: inout [UInt8]) throws(Errno) {
    guard let text = procFiles[path] else { throw .noSuchFileOrDirectory }
    bytes += Array(text.utf8)
  }

  let procDevice: UInt64 = 98
  let procPath = Array("/inside/proc".utf8)

  func statusOfProcLink(_ path: String) throws(Errno) -> stat {
    var status = stat()
    status.st_mode = FileType.directory | 0o555
    status.st_nlink = 2
    let parts = path.split(separator: "/").map(String.init)
    guard let id = Int32(parts[0]), id != 1 else {
      if procFiles[path] != nil { status.st_mode = FileType.regular | 0o444 }
      return status
    }
    guard let process = process(path), process.isAlive else { throw .noSuchFileOrDirectory }
    if parts.count == 2, parts[1] == "exe" {
      guard let executable = process.executable else { throw .noSuchFileOrDirectory }
      return executable.status
    }
    if parts.count == 3, parts[1] == "task",
      !process.threads.values.contains(where: { String($0.rawValue) == parts[2] })
    {
      throw .noSuchFileOrDirectory
    }
    if parts.count == 3, procFiles[path] != nil { status.st_mode = FileType.regular | 0o444 }
    if parts.count == 2, parts[1] == "task" { status.st_nlink = numericCast(2 + process.threads.count) }
    return status
  }

  private(set) var insideOpens: [String] = []
  func openProcInside(_ path: String) throws(Errno) -> FileDescriptor {
    insideOpens.append(path)
    return try openProc(path, flags: O_RDONLY)
  }

  func readProcLink(_ path: String) throws(Errno) -> [UInt8] {
    guard let text = procLinks[path] else {
      let process = process(path)
      let hasProgram = process.map { $0.isAlive && !unreaped.contains($0.id) } ?? false
      throw path.hasSuffix("/exe") && hasProgram ? .permissionDenied : .noSuchFileOrDirectory
    }
    return Array(text.utf8)
  }

  func image(of thread: AbsTid) -> ProcessImage? {
    (try? world.process(of: thread)).map {
      ProcessImage(digest: $0.image, random: 0, fileName: fileName, programHeaders: programHeaders, vdso: vdso)
    }
  }

  /// What every process runs.
  var executable: Node?
  func openExecutable(of group: AbsTgid) throws(Errno) -> FileDescriptor {
    guard let executable else { throw .noSuchFileOrDirectory }
    return world.insert(OpenFile(executable, flags: O_RDONLY))
  }

  func statusOfExecutable(of group: AbsTgid) throws(Errno) -> stat {
    guard let executable = world.processes[group]?.executable else { throw .noSuchFileOrDirectory }
    return executable.status
  }

  func listProc(_ path: String) throws(Errno) -> [[UInt8]] {
    if path == "." {
      return (["1"] + world.processes.values.filter(\.isAlive).map { String($0.nsID.rawValue) }).map { Array($0.utf8) }
    }
    guard let process = process(path) else { throw .noSuchFileOrDirectory }
    if path.hasSuffix("/fd") { return process.files.files.keys.map { Array(String($0).utf8) } }
    return process.threads.values.map { Array(String($0.rawValue).utf8) }
  }

  func openProc(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor {
    guard let text = procFiles[path] else { throw .noSuchFileOrDirectory }
    let node = Node(Volume(device: procDevice, isReadOnly: false), mode: FileType.regular | 0o644)
    node.bytes = Array(text.utf8)
    return world.insert(OpenFile(node, flags: flags, name: String(decoding: procPath, as: UTF8.self) + "/\(path)"))
  }

  func openProcLink(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor {
    if let text = procLinks[path] {
      let node = Node(Volume(device: 97, isReadOnly: true), mode: FileType.regular | 0o444)
      return world.insert(OpenFile(node, flags: flags, name: text))
    }
    let process = process(path)
    let node = path.hasSuffix("/exe") ? process?.executable : path.hasSuffix("/cwd") ? process?.workingDirectory : nil
    guard let node else { throw .noSuchFileOrDirectory }
    return world.insert(OpenFile(node, flags: flags))
  }

  private func process(_ path: String) -> GuestProcess? {
    let number = path.split(separator: "/").first.flatMap { Int32($0) }
    return world.processes.values.first { process in
      process.nsID.rawValue == number || process.threads.values.contains { $0.rawValue == number }
    }
  }
}
