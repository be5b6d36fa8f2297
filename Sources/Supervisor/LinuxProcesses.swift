import CGuest
import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// Processes of the guest through the host's /proc, the guest's own /proc, and pidfds.
final class LinuxProcesses: ProcessInformation {
  let hostProc: FileDescriptor
  let guestProc: FileDescriptor
  /// Tells the main loop of the death of processes; an event's data is the id.
  let deaths: FileDescriptor
  private let channel: InitChannel
  let procDevice: UInt64
  let procPath: [UInt8]
  /// Below sys/net, by their paths: some tens at most.
  private var insideDirectories: [String: FileDescriptor] = [:]
  private let statusText = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)

  init(hostProc: FileDescriptor, guestProc: FileDescriptor, channel: InitChannel) throws(Errno) {
    self.hostProc = hostProc
    self.guestProc = guestProc
    self.channel = channel
    var status = stat()
    if fstat(guestProc.rawValue, &status) < 0 { throw Errno(rawValue: uwrx_errno()) }
    procDevice = UInt64(status.st_dev)
    procPath = try Self.readLink(hostProc, "self/fd/\(guestProc.rawValue)")
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    try checkErrno(epoll)
    deaths = FileDescriptor(rawValue: epoll)
  }

  deinit { statusText.deallocate() }

  func status(of thread: AbsTid) throws(Errno) -> ThreadStatus {
    // Every process and thread is born once, and most live for less than a millisecond.
    let result = uwrx_read_proc(hostProc.rawValue, thread.rawValue, "status", statusText.baseAddress!, statusText.count)
    let count = try check(result)
    let lines = StatusLines(text: UnsafeRawBufferPointer(rebasing: statusText.prefix(count)))
    guard let group = lines.last("Tgid:"), let parent = lines.last("PPid:"), let umask = lines.last("Umask:", base: 8),
      let nsTid = lines.last("NSpid:"), let nsGroup = lines.last("NStgid:"),
      // What waits to be reaped has no descriptors any more; nor has a first thread that has ended while others go on.
      lines.last("FDSize:") != 0 || lines.last("Threads:") != 1
    else { throw .noSuchProcess }
    return ThreadStatus(
      group: AbsTgid(rawValue: group), parent: AbsTgid(rawValue: parent), nsTid: NsTid(rawValue: nsTid),
      nsGroup: NsTgid(rawValue: nsGroup), umask: UInt32(umask))
  }

  func isThread(_ thread: AbsTid, of group: AbsTgid) -> Bool {
    uwrx_tgkill(group.rawValue, thread.rawValue, 0) == 0
  }

  func threads(of group: AbsTgid) -> [AbsTid] {
    let path = "\(group.rawValue)/task"
    let file = Int32(truncatingIfNeeded: uwrx_openat(hostProc.rawValue, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0))
    guard file >= 0 else { return [] }
    defer { Glibc.close(file) }
    var threads: [AbsTid] = []
    // What cannot be listed to its end has ended.
    try? forEachEntry(of: FileDescriptor(rawValue: file)) { name, _, _ in
      if let id = Int32(String(decoding: name, as: UTF8.self)) { threads.append(AbsTid(rawValue: id)) }
    }
    return threads
  }

  func systemInformation() -> [UInt64] {
    var words = [UInt64](repeating: 0, count: 14)
    _ = words.withUnsafeMutableBytes { uwrx_system_information($0.baseAddress!) }
    return words
  }

  func pendingSignal(of thread: AbsTid) -> PendingSignal {
    // Asked without the lock that guards `statusText`.
    withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 8) { text in
      let count = uwrx_read_proc(hostProc.rawValue, thread.rawValue, "status", text.baseAddress!, text.count)
      guard count > 0 else { return .none }
      let lines = StatusLines(text: UnsafeRawBufferPointer(rebasing: text.prefix(count)))
      let accepted = ~(lines.mask("SigBlk:") ?? 0)
      if (lines.mask("SigPnd:") ?? 0) & accepted != 0 { return .own }
      let leader = lines.last("Tgid:") ?? thread.rawValue
      if (lines.mask("ShdPnd:") ?? 0) & accepted != 0 {
        // The kernel gives a process's signal to its first thread, unless that blocks it (complete_signal of kernel/signal.c).
        return leader == thread.rawValue || lines.last("Threads:") == 1 ? .own : .ofProcess
      }
      // A process that is stopped waits for each of its threads.
      return leader != thread.rawValue && isStopped(AbsTid(rawValue: leader)) ? .own : .none
    }
  }

  private func isStopped(_ thread: AbsTid) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { text in
      let count = uwrx_read_proc(hostProc.rawValue, thread.rawValue, "stat", text.baseAddress!, text.count)
      guard count > 0, let end = text.prefix(count).lastIndex(of: UInt8(ascii: ")")), end + 2 < count else {
        return false
      }
      return text[end + 2] == UInt8(ascii: "T")
    }
  }

  func children(of thread: AbsTid) -> [AbsTgid] {
    var bytes: [UInt8] = []
    // One that has ended, or a kernel without CONFIG_PROC_CHILDREN, has none that we know of.
    guard (try? Self.read(hostProc, "\(thread.rawValue)/task/\(thread.rawValue)/children", into: &bytes)) != nil else {
      return []
    }
    return bytes.split(separator: 0x20).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }.map {
      AbsTgid(rawValue: $0)
    }
  }

  func isBehindAnotherJob(_ group: AbsTgid, guests: [AbsTgid]) -> Bool {
    let session = getsid(0)
    guard getsid(group.rawValue) == session, let terminal = (0...2).first(where: { tcgetsid($0) == session }) else {
      return false
    }
    let foreground = tcgetpgrp(terminal)
    return foreground > 0 && foreground != getpgrp() && !guests.contains { getpgid($0.rawValue) == foreground }
  }

  func timerSlack(of thread: AbsTid) throws(Errno) -> UInt64 {
    var bytes: [UInt8] = []
    try Self.read(hostProc, "\(thread.rawValue)/timerslack_ns", into: &bytes)
    guard let value = UInt64(String(decoding: bytes.prefix { $0 != 0x0a }, as: UTF8.self)) else { throw .noSuchProcess }
    return value
  }

  func setTimerSlack(of thread: AbsTid, to nanoseconds: UInt64) throws(Errno) {
    let path = "\(thread.rawValue)/timerslack_ns"
    let file = Int32(try check(uwrx_openat(hostProc.rawValue, path, O_WRONLY | O_CLOEXEC, 0)))
    defer { Glibc.close(file) }
    var text = String(nanoseconds)
    try checkErrno(Int32(text.withUTF8 { Glibc.write(file, $0.baseAddress!, $0.count) }))
  }

  func limit(_ resource: Int32, of thread: AbsTid, setTo new: ResourceLimit?) throws(Errno) -> ResourceLimit {
    var pair = [new?.soft ?? 0, new?.hard ?? 0]
    _ = try check(uwrx_exchange_limit(thread.rawValue, resource, new == nil ? 0 : 1, &pair))
    return ResourceLimit(soft: pair[0], hard: pair[1])
  }

  func processors(
    of thread: AbsTid?, into buffer: UnsafeMutableRawBufferPointer, length: UInt32
  ) throws(Errno) -> Int {
    // The kernel writes no more than it keeps, but the buffer is ours to watch.
    guard buffer.count >= processorMaskSize else { throw .invalidArgument }
    return try check(uwrx_processors(thread?.rawValue ?? 0, buffer.baseAddress!, length))
  }

  func setProcessors(of thread: AbsTid, to mask: UnsafeRawBufferPointer) throws(Errno) {
    _ = try check(uwrx_set_processors(thread.rawValue, mask.baseAddress, UInt32(mask.count)))
  }

  private(set) lazy var processorMaskSize: Int = max(
    0, uwrx_processors(0, statusText.baseAddress!, UInt32(statusText.count)))

  func signal(_ thread: AbsTid, of group: AbsTgid, _ signal: Int32) {
    _ = uwrx_tgkill(group.rawValue, thread.rawValue, signal)
  }

  func signal(_ pidfd: FileDescriptor, _ signal: Int32, _ information: [UInt8]?, flags: UInt32) throws(Errno) {
    let result =
      information?.withUnsafeBytes { uwrx_pidfd_send_signal(pidfd.rawValue, signal, $0.baseAddress, flags) }
      ?? uwrx_pidfd_send_signal(pidfd.rawValue, signal, nil, flags)
    _ = try check(result)
  }

  func watch(_ group: AbsTgid) throws(Errno) -> FileDescriptor {
    let pidfd = Int32(try check(uwrx_pidfd_open(group.rawValue)))
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = UInt64(group.rawValue)
    if epoll_ctl(deaths.rawValue, EPOLL_CTL_ADD, pidfd, &event) < 0 {
      let error = Errno(rawValue: uwrx_errno())
      Glibc.close(pidfd)
      throw error
    }
    return FileDescriptor(rawValue: pidfd)
  }

  func endWatch(_ pidfd: FileDescriptor) {
    Glibc.close(pidfd.rawValue)
  }

  /// Below this much processor time a process has lived for about a tick of the kernel's clock, which says nothing of how the time
  /// divides, and asking for its peak memory would cost it several per cent more.
  private static let shortLife: Int64 = 5_000_000

  func use(of group: AbsTgid) -> ResourceUse? {
    guard let time = processorTime(of: group) else { return nil }
    return ResourceUse(
      userTime: UInt64(time.user), systemTime: UInt64(time.system),
      peakMemory: time.user + time.system < Self.shortLife ? 0 : peakMemory(of: group))
  }

  private func processorTime(of group: AbsTgid) -> (user: Int64, system: Int64)? {
    let all = uwrx_processor_time(group.rawValue, UWRX_CLOCK_ALL)
    guard all >= Self.shortLife else { return all < 0 ? nil : (all, 0) }
    // As getrusage(2) has it: the sum is exact, and the ticks tell how it is divided. None of either kind: all is the other's.
    let ticks = uwrx_processor_time(group.rawValue, UWRX_CLOCK_ALL_TICKS)
    let userTicks = ticks > 0 ? uwrx_processor_time(group.rawValue, UWRX_CLOCK_USER_TICKS) : 0
    guard ticks > 0, userTicks >= 0, userTicks < ticks else { return (all, 0) }
    let user = Int64(Double(all) * (Double(userTicks) / Double(ticks)))
    return (user, all - user)
  }

  private func peakMemory(of group: AbsTgid) -> UInt64 {
    let count = uwrx_read_proc(hostProc.rawValue, group.rawValue, "status", statusText.baseAddress!, statusText.count)
    guard count > 0 else { return 0 }
    let lines = StatusLines(text: UnsafeRawBufferPointer(rebasing: statusText.prefix(count)))
    return lines.kibibytes("VmHWM:").map { $0 << 10 } ?? 0
  }

  func end(of group: AbsTgid, _ pidfd: FileDescriptor) -> (status: Int32?, use: ResourceUse?) {
    var status: Int32 = 0
    if uwrx_pidfd_exit_status(pidfd.rawValue, &status) == 1 { return (status, nil) }
    // It waits to be reaped: what is read by its id is its own if it still waits afterwards.
    let told = exitStatus(of: group)
    let use = processorTime(of: group).map {
      ResourceUse(userTime: UInt64($0.user), systemTime: UInt64($0.system), peakMemory: 0)
    }
    if uwrx_pidfd_probe(pidfd.rawValue) == 0 { return (told, use) }
    return (uwrx_pidfd_exit_status(pidfd.rawValue, &status) == 1 ? status : nil, nil)
  }

  /// The last field of /proc/<pid>/stat (proc(5), exit_code).
  private func exitStatus(of group: AbsTgid) -> Int32? {
    let count = uwrx_read_proc(hostProc.rawValue, group.rawValue, "stat", statusText.baseAddress!, statusText.count)
    let text = UnsafeRawBufferPointer(rebasing: statusText.prefix(max(0, count)))
    guard let last = text.dropLast().lastIndex(of: 0x20) else { return nil }
    return Int32(String(decoding: text[(last + 1)...].prefix { $0 != 0x0a }, as: UTF8.self))
  }

  func readProc(_ path: String, into bytes: inout [UInt8]) throws(Errno) {
    try Self.read(guestProc, path, into: &bytes)
  }

  func statusOfProcLink(_ path: String) throws(Errno) -> stat {
    var status = stat()
    let place = try place(path)
    _ = try check(uwrx_fstatat(place.directory.rawValue, place.name, &status, 0))
    return status
  }

  /// Which settings a network has, and of which interfaces, the kernel tells who looks for their names of the looker's own network. So these
  /// are looked at through directories that guest init has opened.
  private func place(_ path: String) throws(Errno) -> (directory: FileDescriptor, name: String) {
    guard path.hasPrefix("sys/net/"), let slash = path.lastIndex(of: "/") else { return (guestProc, path) }
    let parent = String(path[..<slash])
    // What stands in net itself is found by who opens it.
    if parent == "sys/net" { return (try insideDirectory(path), ".") }
    return (try insideDirectory(parent), String(path[path.index(after: slash)...]))
  }

  private func insideDirectory(_ path: String) throws(Errno) -> FileDescriptor {
    if let known = insideDirectories[path] { return known }
    let directory = try openProcInside(path)
    insideDirectories[path] = directory
    return directory
  }

  func readProcLink(_ path: String) throws(Errno) -> [UInt8] { try Self.readLink(guestProc, path) }

  private static func readLink(_ directory: FileDescriptor, _ path: String) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlinkat(directory.rawValue, path, &buffer, buffer.count)
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return buffer.prefix(count).map { UInt8(bitPattern: $0) }
  }

  func image(of thread: AbsTid) -> ProcessImage? {
    let count = uwrx_read_proc(hostProc.rawValue, thread.rawValue, "auxv", statusText.baseAddress!, statusText.count)
    guard count > 0 else { return nil }
    let text = UnsafeRawBufferPointer(rebasing: statusText.prefix(count))
    // getauxval(3): pairs of words. FNV-1a of all of them.
    var image = ProcessImage(digest: 0xcbf2_9ce4_8422_2325, random: 0, fileName: 0)
    for offset in stride(from: 0, to: count - 15, by: 16) {
      let type = text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let value = text.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
      image.digest = ((image.digest ^ type) &* 0x100_0000_01b3 ^ value) &* 0x100_0000_01b3
      if type == 3 { image.programHeaders = value }  // AT_PHDR
      if type == 7 { image.interpreterBase = value }  // AT_BASE
      if type == 25 { image.random = value }  // AT_RANDOM
      if type == 31 { image.fileName = value }  // AT_EXECFN
      if type == 33 { image.vdso = value }  // AT_SYSINFO_EHDR
    }
    return image
  }

  func openExecutable(of group: AbsTgid) throws(Errno) -> FileDescriptor {
    FileDescriptor(
      rawValue: Int32(
        try check(uwrx_openat(hostProc.rawValue, "\(group.rawValue)/exe", Int32(O_RDONLY | O_CLOEXEC), 0))))
  }

  func statusOfExecutable(of group: AbsTgid) throws(Errno) -> stat {
    var status = stat()
    _ = try check(uwrx_fstatat(hostProc.rawValue, "\(group.rawValue)/exe", &status, 0))
    return status
  }

  func listProc(_ path: String) throws(Errno) -> [[UInt8]] {
    let place = try place(path)
    let file = Int32(
      try check(uwrx_openat(place.directory.rawValue, place.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)))
    defer { Glibc.close(file) }
    var names: [[UInt8]] = []
    try forEachEntry(of: FileDescriptor(rawValue: file)) { name, _, _ in names.append(Array(name)) }
    return names
  }

  func openProc(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor {
    // It shows page frames to who reads it if its opener has CAP_SYS_ADMIN, which a program that uwrx is a part of may have kept.
    if path.hasSuffix("/pagemap"), isAdministrator { throw .permissionDenied }
    let file = try check(uwrx_openat(guestProc.rawValue, path, flags | O_CLOEXEC | O_NOFOLLOW, 0))
    return FileDescriptor(rawValue: Int32(file))
  }

  private var isAdministrator: Bool {
    var text: [UInt8] = []
    guard (try? Self.read(hostProc, "thread-self/status", into: &text)) != nil,
      let line = text.split(separator: 0x0a).first(where: { $0.starts(with: "CapEff:".utf8) }),
      let set = UInt64(String(decoding: line.dropFirst("CapEff:\t".utf8.count), as: UTF8.self), radix: 16)
    else { return true }
    return set & 1 << 21 != 0
  }

  func openProcLink(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor {
    FileDescriptor(rawValue: Int32(try check(uwrx_openat(guestProc.rawValue, path, flags | O_CLOEXEC, 0))))
  }

  func openProcInside(_ path: String) throws(Errno) -> FileDescriptor {
    guard let file = try channel.request(UWRX_OPEN_PROC, path) else { throw .ioError }
    return file
  }

  private static func read(_ directory: FileDescriptor, _ path: String, into bytes: inout [UInt8]) throws(Errno) {
    let file = Int32(try check(uwrx_openat(directory.rawValue, path, O_RDONLY | O_CLOEXEC, 0)))
    defer { Glibc.close(file) }
    // Some files of /proc are made anew at each read from the start, so a large piece is read at once.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let count = Glibc.read(file, buffer.baseAddress!, buffer.count)
      if count < 0 { throw Errno(rawValue: uwrx_errno()) }
      if count == 0 { return }
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      guard bytes.count <= largestProcFile else { throw .noMemory }
    }
  }

  /// More than the kernel's usual number of mappings (vm.max_map_count) makes of smaps.
  private static let largestProcFile = 128 << 20
}
