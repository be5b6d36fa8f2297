import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// The guest's descriptors through the host's /proc and pidfd_getfd(2).
final class KernelDescriptorBroker: DescriptorBroker {
  /// The host's /proc.
  private let proc: FileDescriptor
  private let closer = SocketCloser()
  private let path = UnsafeMutablePointer<CChar>.allocate(capacity: 64)

  private let apart: ApartFiles
  private let network: UInt64

  /// - Parameter network: SO_NETNS_COOKIE of the guest's network namespace.
  init(proc: FileDescriptor, apart: ApartFiles, network: UInt64) {
    self.proc = proc
    self.apart = apart
    self.network = network
  }

  deinit { path.deallocate() }

  func status(of descriptor: Int32, in thread: AbsTid) throws(Errno) -> stat {
    guard descriptor >= 0 else { throw .badFileDescriptor }
    buildPath(thread, "/fd/", descriptor)
    var status = stat()
    let result = uwrx_fstatat(proc.rawValue, path, &status, 0)
    // The magic link leads to the open file itself, so it is missing only if the descriptor is not open.
    if result == -Int(ENOENT) { throw .badFileDescriptor }
    _ = try check(result)
    apart.resolve(&status)
    return status
  }

  /// 1 us where the way through /proc takes 3.
  func status(of descriptor: Int32, in thread: Thread) throws(Errno) -> stat {
    let file = uwrx_pidfd_getfd(thread.group.pidfd.rawValue, descriptor)
    // A leader that has ended has no descriptors, though its threads have.
    guard file >= 0 else { return try status(of: descriptor, in: thread.id) }
    var status = stat()
    let error = fstat(Int32(file), &status) < 0 ? uwrx_errno() : 0
    close(Int32(file), status)
    if error != 0 { throw Errno(rawValue: error) }
    apart.resolve(&status)
    return status
  }

  func isMonotonicTimer(_ file: FileDescriptor) throws(Errno) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 512)
    let information = Int32(
      try check(uwrx_openat(proc.rawValue, "self/fdinfo/\(file.rawValue)", O_RDONLY | O_CLOEXEC, 0)))
    defer { Glibc.close(information) }
    let count = Glibc.read(information, &bytes, bytes.count)
    // timerfd_show() of fs/timerfd.c.
    let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("clockid:") }),
      let clock = Int32(line.dropFirst(8).filter { $0 != " " })
    else { throw .invalidArgument }
    return clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM
  }

  func setTimer(_ file: FileDescriptor, first: UInt64, interval: UInt64) throws(Errno) -> SIMD4<Int64> {
    func time(_ nanoseconds: UInt64) -> timespec {
      timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
    var (new, old) = (itimerspec(it_interval: time(interval), it_value: time(first)), itimerspec())
    try checkErrno(timerfd_settime(file.rawValue, 0, &new, &old))
    return SIMD4(
      Int64(old.it_interval.tv_sec), Int64(old.it_interval.tv_nsec), Int64(old.it_value.tv_sec),
      Int64(old.it_value.tv_nsec))
  }

  func write(_ bytes: [UInt8], to file: FileDescriptor, while goesOn: () -> Bool) throws(Errno) {
    // Who writes to a pipe that nobody reads gets a signal, which only a thread of one's own can put aside.
    var (pipe, before) = (sigset_t(), sigset_t())
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    defer {
      var (pending, now) = (sigset_t(), timespec())
      sigpending(&pending)
      if sigismember(&pending, SIGPIPE) == 1 { sigtimedwait(&pipe, nil, &now) }
      pthread_sigmask(SIG_SETMASK, &before, nil)
    }
    var done = 0
    while done < bytes.count {
      var polled = pollfd(fd: file.rawValue, events: Int16(POLLOUT), revents: 0)
      guard goesOn() else { throw .interrupted }
      guard poll(&polled, 1, 100) > 0 else { continue }
      // pipe(7): so much of what poll(2) says can be written does not wait.
      let count = bytes.withUnsafeBytes {
        Glibc.write(file.rawValue, $0.baseAddress! + done, min(bytes.count - done, Int(PIPE_BUF)))
      }
      if count < 0, uwrx_errno() == EINTR || uwrx_errno() == EAGAIN { continue }
      guard count > 0 else { throw Errno(rawValue: uwrx_errno()) }
      done += count
    }
  }

  func count(in thread: AbsTid) throws(Errno) -> Int { Int(try statusOfDirectory(thread, "/fd").st_size) }

  func statusOfWorkingDirectory(of thread: AbsTid) throws(Errno) -> stat {
    try statusOfDirectory(thread, "/cwd")
  }

  func statusOfRootDirectory(of thread: AbsTid) throws(Errno) -> stat { try statusOfDirectory(thread, "/root") }

  private func statusOfDirectory(_ thread: AbsTid, _ link: StaticString) throws(Errno) -> stat {
    buildPath(thread, link, nil)
    var status = stat()
    _ = try check(uwrx_fstatat(proc.rawValue, path, &status, 0))
    return status
  }

  func statusOfLink(_ descriptor: Int32, in thread: AbsTid) throws(Errno) -> stat {
    buildPath(thread, "/fd/", descriptor)
    var status = stat()
    _ = try check(uwrx_fstatat(proc.rawValue, path, &status, AT_SYMLINK_NOFOLLOW))
    return status
  }

  func duplicate(_ descriptor: Int32, of group: ThreadGroup) throws(Errno) -> FileDescriptor {
    FileDescriptor(rawValue: Int32(try check(uwrx_pidfd_getfd(group.pidfd.rawValue, descriptor))))
  }

  func release(_ file: FileDescriptor) {
    var status = stat()
    fstat(file.rawValue, &status)
    close(file.rawValue, status)
  }

  private func close(_ file: Int32, _ status: stat) {
    if status.st_mode & S_IFMT == S_IFSOCK { closer.close(file) } else { Glibc.close(file) }
  }

  func describe(
    _ descriptor: Int32, in thread: AbsTid, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    buildPath(thread, "/fd/", descriptor)
    let count = readlinkat(proc.rawValue, path, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
    if count < 0 { throw Errno(rawValue: uwrx_errno()) }
    return count
  }

  func socketName(
    of descriptor: Int32, of group: ThreadGroup, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let file = Int32(try check(uwrx_pidfd_getfd(group.pidfd.rawValue, descriptor)))
    // Closing it is not the last of the socket: its owner waits for us.
    defer { closer.close(file) }
    return try check(uwrx_getsockname(file, buffer.baseAddress!, buffer.count))
  }

  func askInterfaces(
    _ descriptor: Int32, of group: ThreadGroup, request: UInt32, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let file = Int32(try check(uwrx_pidfd_getfd(group.pidfd.rawValue, descriptor)))
    defer { closer.close(file) }
    return try check(uwrx_interface_request(file, request, network, buffer.baseAddress, buffer.count))
  }

  func domain(of socket: FileDescriptor) throws(Errno) -> Int32 {
    Int32(try check(Int(uwrx_socket_option(socket.rawValue, 39 /* SO_DOMAIN */))))
  }

  func isUnconnectedStream(_ socket: FileDescriptor) throws(Errno) -> Bool {
    guard try check(Int(uwrx_socket_option(socket.rawValue, SO_TYPE))) == Int(SOCK_STREAM.rawValue) else {
      return false
    }
    // tcpi_state, the first byte of a struct tcp_info; TCP_CLOSE.
    var (state, length): (UInt8, socklen_t) = (7, 1)
    return getsockopt(socket.rawValue, Int32(IPPROTO_TCP), 11 /* TCP_INFO */, &state, &length) != 0 || state == 7
  }

  func flags(of file: FileDescriptor) throws(Errno) -> Int32 {
    Int32(try check(uwrx_fcntl(file.rawValue, F_GETFL, 0)))
  }

  func position(of file: FileDescriptor) throws(Errno) -> Int {
    let position = lseek(file.rawValue, 0, SEEK_CUR)
    if position < 0 { throw Errno(rawValue: uwrx_errno()) }
    return position
  }

  func setPosition(of file: FileDescriptor, _ position: Int) throws(Errno) {
    if lseek(file.rawValue, position, SEEK_SET) < 0 { throw Errno(rawValue: uwrx_errno()) }
  }

  /// `<thread><middle><number>` without a String: this is on the way of every fstat.
  private func buildPath(_ thread: AbsTid, _ middle: StaticString, _ number: Int32?) {
    var end = append(UInt32(bitPattern: thread.rawValue), at: 0)
    memcpy(path + end, middle.utf8Start, middle.utf8CodeUnitCount)
    end += middle.utf8CodeUnitCount
    if let number { end = append(UInt32(bitPattern: number), at: end) }
    path[end] = 0
  }

  private func append(_ value: UInt32, at start: Int) -> Int {
    var digits = 1
    var power: UInt32 = 10
    while digits < 10, value >= power {
      digits += 1
      power = power == 1_000_000_000 ? .max : power * 10
    }
    var rest = value
    for position in stride(from: start + digits - 1, through: start, by: -1) {
      path[position] = CChar(0x30 + rest % 10)
      rest /= 10
    }
    return start + digits
  }
}
