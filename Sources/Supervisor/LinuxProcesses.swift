import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Processes of the guest through the host's /proc, the guest's own /proc, and pidfds.
final class LinuxProcesses: ProcessInformation {
  private let hostProc: FileDescriptor
  private let guestProc: FileDescriptor
  /// Tells the main loop of the death of processes; an event's data is the id.
  let deaths: FileDescriptor
  private let statusText = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)

  init(hostProc: FileDescriptor, guestProc: FileDescriptor) throws(Errno) {
    self.hostProc = hostProc
    self.guestProc = guestProc
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    try checkErrno(epoll)
    deaths = FileDescriptor(rawValue: epoll)
  }

  deinit { statusText.deallocate() }

  func status(of thread: AbsTid) throws(Errno) -> ThreadStatus {
    // Every process and thread is born once, and most live for less than a millisecond.
    let result = uwrx_read_thread_status(hostProc.rawValue, thread.rawValue, statusText.baseAddress!, statusText.count)
    let count = try check(result)
    let lines = StatusLines(text: UnsafeRawBufferPointer(rebasing: statusText.prefix(count)))
    guard let group = lines.last("Tgid:"), let parent = lines.last("PPid:"), let umask = lines.last("Umask:", base: 8),
      let nsTid = lines.last("NSpid:"), let nsGroup = lines.last("NStgid:")
    else { throw .noSuchProcess }
    return ThreadStatus(
      group: AbsTgid(rawValue: group), parent: AbsTgid(rawValue: parent), nsTid: NsTid(rawValue: nsTid),
      nsGroup: NsTgid(rawValue: nsGroup), umask: UInt32(umask))
  }

  func isThread(_ thread: AbsTid, of group: AbsTgid) -> Bool {
    uwrx_tgkill(group.rawValue, thread.rawValue, 0) == 0
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

  func signal(_ thread: AbsTid, of group: AbsTgid, _ signal: Int32) {
    _ = uwrx_tgkill(group.rawValue, thread.rawValue, signal)
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

  func readProc(_ path: String, into bytes: inout [UInt8]) throws(Errno) {
    try Self.read(guestProc, path, into: &bytes)
  }

  func statusOfProcLink(_ path: String) throws(Errno) -> stat {
    var status = stat()
    _ = try check(uwrx_fstatat(guestProc.rawValue, path, &status, 0))
    return status
  }

  func readProcLink(_ path: String) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlinkat(guestProc.rawValue, path, &buffer, buffer.count)
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return buffer.prefix(count).map { UInt8(bitPattern: $0) }
  }

  func listProc(_ path: String) throws(Errno) -> [[UInt8]] {
    let file = Int32(try check(uwrx_openat(guestProc.rawValue, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)))
    defer { Glibc.close(file) }
    var names: [[UInt8]] = []
    try forEachEntry(of: FileDescriptor(rawValue: file)) { name, _, _ in names.append(Array(name)) }
    return names
  }

  func openProc(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor {
    FileDescriptor(rawValue: Int32(try check(uwrx_openat(guestProc.rawValue, path, flags | O_CLOEXEC | O_NOFOLLOW, 0))))
  }

  private static func read(_ directory: FileDescriptor, _ path: String, into bytes: inout [UInt8]) throws(Errno) {
    let file = Int32(try check(uwrx_openat(directory.rawValue, path, O_RDONLY | O_CLOEXEC, 0)))
    defer { Glibc.close(file) }
    // Most files of /proc are made anew at each read from the start, so a large piece is read at once.
    var capacity = 4096
    while true {
      let start = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: capacity))
      let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + start, capacity) }
      if count < 0 {
        let error = Errno(rawValue: uwrx_errno())
        bytes.removeLast(capacity)
        throw error
      }
      bytes.removeLast(capacity - count)
      if count == 0 { return }
      capacity = min(capacity * 2, 1 << 20)
    }
  }
}
