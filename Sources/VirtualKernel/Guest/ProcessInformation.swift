import CLinux
import Glibc
import SystemPackage
import Tracing

/// Whom a signal waits for.
public enum PendingSignal: Sendable {
  case none
  /// This thread, which will take it as soon as it can.
  case own
  /// Any thread of its process.
  case ofProcess
}

/// What /proc/<tid>/status tells about a thread at its birth.
public struct ThreadStatus {
  public var group: AbsTgid
  public var parent: AbsTgid
  public var nsTid: NsTid
  public var nsGroup: NsTgid
  public var umask: UInt32

  public init(group: AbsTgid, parent: AbsTgid, nsTid: NsTid, nsGroup: NsTgid, umask: UInt32) {
    self.group = group
    self.parent = parent
    self.nsTid = nsTid
    self.nsGroup = nsGroup
    self.umask = umask
  }
}

/// struct rlimit64; `UInt64.max` is no limit.
public struct ResourceLimit: BitwiseCopyable, Equatable {
  public var soft: UInt64
  public var hard: UInt64

  public init(soft: UInt64, hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }
}

/// What the kernel knows about the guest's processes.
public protocol ProcessInformation: AnyObject {
  /// - Throws: `.noSuchProcess` if the thread has ended.
  func status(of thread: AbsTid) throws(Errno) -> ThreadStatus

  /// Whether `thread` is a living thread of `group`.
  func isThread(_ thread: AbsTid, of group: AbsTgid) -> Bool

  /// The living threads of a process.
  func threads(of group: AbsTgid) -> [AbsTid]

  /// The fourteen words of a `struct sysinfo` (sysinfo(2)).
  func systemInformation() -> [UInt64]

  /// The signal that waits for the thread, of those that it does not block.
  func pendingSignal(of thread: AbsTid) -> PendingSignal

  /// The stack pointer of a thread that waits for the answer to its call; nil if it cannot be asked.
  func stackPointer(of thread: AbsTid) -> UInt64?

  /// Where the thread goes on after its call; nil if it cannot be asked.
  func instructionPointer(of thread: AbsTid) -> UInt64?

  /// Whether two processes have one memory (clone(2), CLONE_VM).
  func sharesMemory(_ group: AbsTgid, _ other: AbsTgid) -> Bool

  /// The clocks of a process's timers (timer_create(2)), from the newest on to this one.
  func timerClocks(of process: NsTgid, until wanted: Int32) -> [Int32: Int32]

  /// A clock of a process's processor time, by its last three bits (clock_getcpuclockid(3)).
  func time(ofClock kind: Int32, of group: AbsTgid) throws(Errno) -> timespec
  func resolution(ofClock kind: Int32, of group: AbsTgid) throws(Errno) -> timespec

  /// The processes that a thread has made and that still live.
  func children(of thread: AbsTid) -> [AbsTgid]

  /// Nanoseconds by which timers of this thread may be late; 0 for a real-time thread. New threads inherit it.
  func timerSlack(of thread: AbsTid) throws(Errno) -> UInt64
  func setTimerSlack(of thread: AbsTid, to nanoseconds: UInt64) throws(Errno)

  /// A resource limit of the thread's process (prlimit(2)), which is then set to `new` unless that is nil.
  /// - Returns: what it was.
  func limit(_ resource: Int32, of thread: AbsTid, setTo new: ResourceLimit?) throws(Errno) -> ResourceLimit

  /// The processors on which the thread may run, as sched_getaffinity(2) answers to who has room for `length` bytes; nil asks for the
  /// supervisor's own, which guest init has, too. `buffer` has room for all that there are, and need not have more.
  /// - Returns: how many bytes were written.
  func processors(
    of thread: AbsTid?, into buffer: UnsafeMutableRawBufferPointer, length: UInt32
  ) throws(Errno) -> Int
  /// As sched_setaffinity(2).
  func setProcessors(of thread: AbsTid, to mask: UnsafeRawBufferPointer) throws(Errno)
  /// The bytes of a mask of processors in the kernel: what is longer, it does not read.
  var processorMaskSize: Int { get }

  /// Sends a signal to the thread, as the kernel does beside an errno.
  func signal(_ thread: AbsTid, of group: AbsTgid, _ signal: Int32)
  /// Sends a signal to the process of a pidfd (pidfd_send_signal(2)).
  /// - Parameter information: a siginfo_t.
  func signal(_ pidfd: FileDescriptor, _ signal: Int32, _ information: [UInt8]?, flags: UInt32) throws(Errno)

  /// Whether `group` shares the session, and so the terminal, in which the run was started, and that terminal's foreground is another job of
  /// the user's: neither the supervisor's nor one of these processes'.
  func isBehindAnotherJob(_ group: AbsTgid, guests: [AbsTgid]) -> Bool

  /// Begins to watch for the death of a group, which `ThreadTable.remove(_:)` is then told of.
  /// - Returns: a pidfd.
  func watch(_ group: AbsTgid) throws(Errno) -> FileDescriptor
  func endWatch(_ pidfd: FileDescriptor)

  /// What a process that lives has used; nil if it cannot be asked.
  func use(of group: AbsTgid) -> ResourceUse?

  /// How a process has ended that `watch` gave the pidfd of: its wait status, nil if nobody can say, and what it has used if that
  /// can still be asked.
  func end(of group: AbsTgid, _ pidfd: FileDescriptor) -> (status: Int32?, use: ResourceUse?)

  /// Appends a file of the guest's own /proc, as the guest would read it: `2/status`, `meminfo`.
  func readProc(_ path: String, into bytes: inout [UInt8]) throws(Errno)

  /// The device number of the guest's own /proc as the kernel knows it, and what the kernel calls its root to the supervisor.
  var procDevice: UInt64 { get }
  var procPath: [UInt8] { get }

  /// What stat(2) tells of a path of the guest's own /proc, such as the file behind a magic link: `2/exe`.
  func statusOfProcLink(_ path: String) throws(Errno) -> stat

  /// The text of a link of the guest's own /proc: `2/ns/pid`.
  func readProcLink(_ path: String) throws(Errno) -> [UInt8]

  /// The program image of a thread's process; nil if it cannot be asked.
  func image(of thread: AbsTid) -> ProcessImage?

  /// The identity of the file that a process runs.
  func statusOfExecutable(of group: AbsTgid) throws(Errno) -> stat
  /// The same file, open for reading; the caller closes it.
  func openExecutable(of group: AbsTgid) throws(Errno) -> FileDescriptor

  /// The names in a directory of the guest's own /proc.
  func listProc(_ path: String) throws(Errno) -> [[UInt8]]

  /// Opens a file of the guest's own /proc, with the rights of the supervisor: `2/comm`.
  func openProc(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor

  /// Opens what a magic link of the guest's own /proc leads to: `2/ns/pid` for reading, `2/exe` only with O_PATH.
  func openProcLink(_ path: String, flags: Int32) throws(Errno) -> FileDescriptor

  /// Opens a file of the guest's own /proc for reading in the guest's namespaces, with the rights of guest init: `sys/kernel/sem`. May
  /// block.
  func openProcInside(_ path: String) throws(Errno) -> FileDescriptor
}

extension ProcessInformation {
  /// The process that a thread is of, as the guest's own /proc knows it.
  func leader(of thread: NsTid) -> NsTgid? {
    var bytes: [UInt8] = []
    guard (try? readProc("\(thread.rawValue)/status", into: &bytes)) != nil else { return nil }
    let line = bytes.split(separator: 0x0a).first { $0.starts(with: "Tgid:".utf8) }
    return line.flatMap { Int32(String(decoding: $0.dropFirst("Tgid:\t".utf8.count), as: UTF8.self)) }.map {
      NsTgid(rawValue: $0)
    }
  }
}
