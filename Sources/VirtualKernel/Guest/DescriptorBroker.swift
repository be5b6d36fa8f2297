import CLinux
import Glibc
import SystemPackage

/// The descriptor tables of the guest. The kernel's tables are the truth: close and dup are not trapped.
public protocol DescriptorBroker: AnyObject {
  /// fstat(2) of a guest's descriptor.
  /// - Throws: `.badFileDescriptor` if it is not open.
  func status(of descriptor: Int32, in thread: AbsTid) throws(Errno) -> stat

  /// The same for the calling thread, in the fastest way.
  func status(of descriptor: Int32, in thread: Thread) throws(Errno) -> stat

  /// How many descriptors are open in the thread's table: the size of /proc/<thread>/fd, 0 before Linux 6.2.
  func count(in thread: AbsTid) throws(Errno) -> Int

  /// fstat(2) of the thread's current directory.
  func statusOfWorkingDirectory(of thread: AbsTid) throws(Errno) -> stat

  /// fstat(2) of the thread's root directory.
  func statusOfRootDirectory(of thread: AbsTid) throws(Errno) -> stat

  /// A descriptor of the supervisor's to the same open file description; the caller releases it.
  func duplicate(_ descriptor: Int32, of group: ThreadGroup) throws(Errno) -> FileDescriptor

  /// Closes what `duplicate` gave, without waiting: it may be the last descriptor of what the guest has closed meanwhile.
  func release(_ file: FileDescriptor)

  /// lstat(2) of /proc/<thread>/fd/<descriptor>: its mode tells how the descriptor was opened.
  func statusOfLink(_ descriptor: Int32, in thread: AbsTid) throws(Errno) -> stat

  /// readlink(2) of /proc/<thread>/fd/<descriptor>, for files that are in no file system: `pipe:[1]`.
  /// - Returns: the number of bytes written to `buffer`.
  func describe(
    _ descriptor: Int32, in thread: AbsTid, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int

  /// getsockname(2).
  /// - Returns: the number of bytes written to `buffer`.
  func socketName(
    of descriptor: Int32, of group: ThreadGroup, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int

  /// A request of netdevice(7) that asks for interfaces.
  /// - Parameter buffer: a `struct ifreq`, in and out; for SIOCGIFCONF what is to be filled, or an empty one to ask how long it would be.
  /// - Returns: for SIOCGIFCONF the number of bytes.
  /// - Throws: ENODEV for a socket of another network than the guest's.
  func askInterfaces(
    _ descriptor: Int32, of group: ThreadGroup, request: UInt32, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int

  /// SO_DOMAIN of a descriptor of the supervisor's.
  /// - Throws: ENOTSOCK for what is no socket.
  func domain(of socket: FileDescriptor) throws(Errno) -> Int32
  /// Whether a socket of the supervisor's is one of SOCK_STREAM that has no connection and makes none: who does not wait for one may call
  /// connect(2) again to hear what has come of it.
  func isUnconnectedStream(_ socket: FileDescriptor) throws(Errno) -> Bool

  /// F_GETFL of a descriptor of the supervisor's.
  func flags(of file: FileDescriptor) throws(Errno) -> Int32

  /// Whether a timer (timerfd_create(2)) of a descriptor of the supervisor's goes by CLOCK_MONOTONIC or CLOCK_BOOTTIME, not by the wall clock.
  /// - Throws: `.invalidArgument` for what is no timer.
  func isMonotonicTimer(_ file: FileDescriptor) throws(Errno) -> Bool
  /// timerfd_settime(2) with durations in nanoseconds.
  /// - Returns: a `struct itimerspec`: what it was.
  func setTimer(_ file: FileDescriptor, first: UInt64, interval: UInt64) throws(Errno) -> SIMD4<Int64>

  /// Writes all of the bytes, as long as `goesOn` is true: at most as fast as they are read.
  /// - Throws: `.brokenPipe` if nobody reads, without a signal; `.interrupted` when `goesOn` is false.
  func write(_ bytes: [UInt8], to file: FileDescriptor, while goesOn: () -> Bool) throws(Errno)

  /// The file position, which every descriptor of the same open file description shares.
  func position(of file: FileDescriptor) throws(Errno) -> Int
  func setPosition(of file: FileDescriptor, _ position: Int) throws(Errno)
}

extension DescriptorBroker {
  /// The address family of a socket.
  /// - Throws: `.badFileDescriptor` also for one that was opened with O_PATH; ENOTSOCK.
  func socketFamily(of descriptor: Int32, of group: ThreadGroup) throws(Errno) -> Int32 {
    let socket = try duplicate(descriptor, of: group)
    defer { release(socket) }
    return try domain(of: socket)
  }

  public func status(of descriptor: Int32, in thread: Thread) throws(Errno) -> stat {
    try status(of: descriptor, in: thread.id)
  }
}
