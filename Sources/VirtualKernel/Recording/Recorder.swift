import CLinux
import Glibc
import SystemPackage
import Tracing

/// Takes down what processes are given and what they say: arguments, environments, output and addresses.
final class Recorder {
  /// Linux's limit of arguments and environment together where the stack's is the usual one of 8 MiB, in which a pointer counts, too. Reading
  /// them takes all others' time.
  private static let argumentLimit = 2 << 20
  /// Of a whole run: its trace must not fill the disk.
  private static let runLimit = 256 << 20
  /// Of what one process says to others of the guest: it is read there, and pipes carry archives.
  static let pipeLimit = 64 << 10
  /// Of what one process says to the user, who has all of it anyway.
  static let userLimit = 1 << 20
  /// A call has so many pieces at most: a thousand messages of a thousand pieces each would hold up everybody.
  private static let pieceLimit = 1024
  /// A record fits a reader's window.
  private static let pieceSize = 32 << 10

  let level: TraceLevel
  private let events: any EventSink
  private let memory: any GuestMemory
  private let pages: GuestPages
  private var environments = EnvironmentTable()
  private let secrets: SecretVariable
  var outputLeft = runLimit
  private var argumentsLeft = runLimit
  /// Its pages cost nothing until they are used.
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: argumentLimit, alignment: 4096)

  init(_ events: any EventSink, _ memory: any GuestMemory, _ level: TraceLevel, _ secrets: SecretVariable) {
    self.secrets = secrets
    self.events = events
    self.memory = memory
    self.level = level
    pages = GuestPages(memory)
  }

  deinit { buffer.deallocate() }

  private func isWaiting(_ call: Call) -> Bool { memory.isWaiting(call.notification.id) }

  func append(_ event: Event) { events.append(event, UnsafeBufferPointer(start: nil, count: 0)) }

  func append(_ event: Event, _ bytes: UnsafeRawBufferPointer, isCut: Bool = false) {
    var rest = bytes[...]
    repeat {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceSize))
      rest = rest.dropFirst(Self.pieceSize)
      var event = event
      event.flags = rest.isEmpty ? (isCut ? Event.isCut : 0) : Event.continues
      events.append(event, piece.bindMemory(to: UInt8.self))
    } while !rest.isEmpty
  }

  // MARK: Programs

  /// What an execve(2) is given.
  struct Arguments {
    /// The arguments and then the environment, each with its NUL.
    var bytes: [UInt8]
    /// Where the environment begins.
    var end: Int
    /// They are more than these, or not those that the program was asked to be started with.
    var isCut: Bool
    /// Neither they nor the environment are.
    var isWhole: Bool
    /// The current directory.
    var directory: DentryID
    fileprivate var environment: UInt32
  }

  /// Reads the arguments of a program and defines its environment.
  /// - Returns: nil if the caller does not wait any more.
  func readArguments(_ call: Call, _ arguments: UInt64, _ environment: UInt64) -> Arguments? {
    pages.begin(call.thread.id)
    var room = min(Self.argumentLimit, argumentsLeft)
    let (end, isCut) = strings(arguments, from: 0, &room)
    let (environmentEnd, environmentIsCut) = strings(environment, from: end, &room)
    guard isWaiting(call) else { return nil }
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[end..<environmentEnd])
    let number = self.number(of: bytes, of: call.thread.group, isCut: environmentIsCut)
    argumentsLeft -= end
    return Arguments(
      bytes: Array(buffer[..<environmentEnd]), end: end, isCut: isCut, isWhole: !isCut && !environmentIsCut,
      directory: (try? call.workingDirectory()) ?? .none, environment: number)
  }

  /// The arguments and the environment that a program has found, where they are not those that were read before.
  func readArguments(
    of group: ThreadGroup, _ information: any ProcessInformation, directory: DentryID
  ) -> Arguments? {
    var bytes: [UInt8] = []
    guard (try? information.readProc("\(group.nsID.rawValue)/cmdline", into: &bytes)) != nil else { return nil }
    let end = bytes.count
    try? information.readProc("\(group.nsID.rawValue)/environ", into: &bytes)
    let number = bytes.withUnsafeBytes {
      self.number(of: UnsafeRawBufferPointer(rebasing: $0[end...]), of: group, isCut: false)
    }
    argumentsLeft -= end
    return Arguments(
      bytes: bytes, end: end, isCut: true, isWhole: false, directory: directory, environment: number)
  }

  /// The number of an environment, which is defined if it is new.
  private func number(of bytes: UnsafeRawBufferPointer, of group: ThreadGroup, isCut: Bool) -> UInt32 {
    let (number, isNew) = environments.number(bytes)
    if isNew {
      let event = Event(.environment, pid: group.number, node: 0, version: number)
      if let recorded = withoutSecrets(bytes) {
        recorded.withUnsafeBytes { append(event, $0, isCut: isCut) }
      } else {
        append(event, bytes, isCut: isCut)
      }
      argumentsLeft -= bytes.count
    }
    return number
  }

  /// - Parameter environment: variables, each with a NUL at its end.
  /// - Returns: nil if none looks like a secret.
  private func withoutSecrets(_ environment: UnsafeRawBufferPointer) -> [UInt8]? {
    var recorded: [UInt8]?
    var start = 0
    while start < environment.count {
      let base = environment.baseAddress!
      let found = memchr(base + start, 0, environment.count - start)
      let end = found.map { UnsafeRawPointer($0) - base } ?? environment.count
      let variable = UnsafeRawBufferPointer(rebasing: environment[start..<end])
      let next = min(end + 1, environment.count)
      if SecretVariable.isSecret(variable) {
        recorded = recorded ?? Array(environment[..<start])
        recorded! += secrets.withoutValue(variable) + environment[end..<next]
      } else {
        recorded?.append(contentsOf: environment[start..<next])
      }
      start = next
    }
    return recorded
  }

  /// - Parameter directory: the node of the current directory, 0 if it is not known.
  func record(_ arguments: Arguments, directory: UInt32, _ group: ThreadGroup) {
    arguments.bytes.withUnsafeBytes {
      append(
        Event(.arguments, pid: group.number, node: directory, version: arguments.environment),
        UnsafeRawBufferPointer(rebasing: $0[..<arguments.end]), isCut: arguments.isCut)
    }
  }

  /// Copies the strings of an array that a null pointer ends.
  /// - Returns: where they end, and whether some could not be read.
  private func strings(_ array: UInt64, from start: Int, _ room: inout Int) -> (end: Int, isCut: Bool) {
    guard array != 0 else { return (start, false) }
    var end = start
    var next = array
    while room > 8 {
      guard let address = pages.word(at: next) else { return (end, true) }
      if address == 0 { return (end, false) }
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[end..<(end + room - 8)])
      let (count, isWhole) = pages.string(at: address, into: target)
      end += count
      room -= count + 8
      if !isWhole { return (end, true) }
      next = next &+ 8
    }
    return (end, true)
  }

  // MARK: Refusals

  /// Records that a call is refused whatever it asks for.
  func recordRefusal(_ call: Call, _ errno: Errno) {
    let group = call.thread.group
    let number = Int(call.notification.number)
    let bit = UInt64(1) << UInt64(number & 63)
    guard group.refused[number >> 6] & bit == 0 else { return }
    group.refused[number >> 6] |= bit
    append(
      Event(.denied, pid: group.number, node: UInt32(bitPattern: errno.rawValue), version: UInt32(number)))
  }

  // MARK: Output

  /// Records what a process asks to be written to a descriptor.
  func recordOutput(_ call: Call, _ descriptor: Int32, _ bytes: TransferBytes) {
    let group = call.thread.group
    let isAnyCut = group.guestOutput.isCut || group.userOutput.isCut
    if group.guestOutput.isCut && group.userOutput.isCut || outputLeft <= 0 && isAnyCut { return }
    guard let status = try? call.kernel.descriptors.status(of: descriptor, in: call.thread) else { return }
    let audience = audience(status, call)
    guard audience != .nobody else { return }
    let allowance = audience == .guest ? \ThreadGroup.guestOutput : \ThreadGroup.userOutput
    if group[keyPath: allowance].isCut || isRefused(call, descriptor, status) { return }
    let event = Event(.output, pid: group.number, node: 0, version: UInt32(descriptor))
    let limit = min(outputLeft, group[keyPath: allowance].left)
    guard limit > 0 else {
      group[keyPath: allowance].isCut = true
      return append(event, UnsafeRawBufferPointer(start: nil, count: 0), isCut: true)
    }
    var end = 0
    var isCut = false
    var pieces = 0
    bytes.forEachRange(call) { address, length in
      pieces += 1
      guard pieces <= Self.pieceLimit else {
        isCut = true
        return false
      }
      let wanted = min(length, limit - end)
      let count = read(call, address, into: buffer[end..<(end + wanted)])
      end += count
      isCut = count < length
      return !isCut
    }
    isCut = isCut || bytes.areElsewhere && bytes.total(call) > 0
    guard end > 0 || bytes.areElsewhere && isCut, isWaiting(call) else { return }
    outputLeft -= end
    group[keyPath: allowance].left -= end
    if isCut, end == limit { group[keyPath: allowance].isCut = true }
    append(event, UnsafeRawBufferPointer(rebasing: buffer[..<end]), isCut: isCut)
  }

  /// Whether the kernel refuses such a call on such a file whatever else it asks for: then nothing is said.
  private func isRefused(_ call: Call, _ descriptor: Int32, _ status: stat) -> Bool {
    let isSocket = status.st_mode & S_IFMT == S_IFSOCK
    let hasPositions = status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFBLK
    switch SyscallNumber(rawValue: call.notification.number) {
    case .sendto, .sendmsg, .sendmmsg: return !isSocket
    case .tee: return status.st_mode & S_IFMT != S_IFIFO
    case .pwrite64, .pwritev: return !hasPositions
    case .copy_file_range, .sendfile, .splice:
      guard hasPositions else { return call.notification.number == SyscallNumber.copy_file_range.rawValue }
      // None of them appends. cat(1) tries, and writes then.
      guard let file = try? call.kernel.descriptors.duplicate(descriptor, of: call.thread.group) else { return false }
      defer { call.kernel.descriptors.release(file) }
      return ((try? call.kernel.descriptors.flags(of: file)) ?? 0) & O_APPEND != 0
    default: return false
    }
  }

  /// Who sees what is written there, other than who opens the file.
  private enum Audience {
    case nobody
    /// A pipe or a socket of the guest's own.
    case guest
    /// A terminal, or what the user gave to the run.
    case user
  }

  private func audience(_ status: stat, _ call: Call) -> Audience {
    switch status.st_mode & S_IFMT {
    // Major 1 is memory: null, zero, full.
    case S_IFCHR: return uwrx_major(UInt64(status.st_rdev)) == 1 ? .nobody : .user
    // It keeps what is said itself, in the run's layer or where the user wanted it.
    case S_IFREG: return .nobody
    case _ where call.kernel.inherited.contains(HostIdentity(status)): return .user
    case S_IFIFO, S_IFSOCK: return .guest
    default: return .nobody
    }
  }

  /// - Returns: the number of bytes before the first that cannot be read.
  private func read(_ call: Call, _ address: UInt64, into target: Slice<UnsafeMutableRawBufferPointer>) -> Int {
    var count = 0
    while count < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target.dropFirst(count))
      guard let got = try? memory.read(call.thread.id, at: address &+ UInt64(count), into: rest), got > 0 else { break }
      count += got
    }
    return count
  }
}
