import Glibc
import SystemPackage

/// The directory of a run: `<build>/<step>/<attempt>/`.
///
///     cmd          the command, an argument per line
///     options      a line per option: its name, a tab, its value; defaults included
///     sources      a line per source: destination, priority, type and specification, with tabs between
///     seed.txt     the run's seed, 16 hexadecimal digits
///     parent/<n>   symbolic links to the runs that this one stands on
///     files/       the first version of each path that the run wrote
///     files-<pid>/ later versions, by the process that wrote them
///     files.index  what the host's files do not tell: see `LayerIndex`
///     files.base   what stood below where the run changed something: see `LowerBases`
///     files.meta   a line per change: path, process, operation and executable, with tabs between
///     perfetto     what the processes did: see `TraceEncoder`
///     numbers      only of a replay that has other processes than what it repeats: see `TraceNumbers`
///     events       while the run lasts: what is not in `perfetto` yet, see `EventBuffer`
///     archive/     while the run lasts: versions that were overwritten, by number
///     status       made last: `exit` and the exit status, or `killed` if `uwrx check --repair` has made it. A run without it
///                  goes on, was killed or could not be recorded to its end
///
/// All text is written as `Escaping` says.
public struct TraceDirectory: Sendable {
  /// Absolute and without symbolic links.
  public let path: String

  /// - Throws: a message if there is no run's directory at the path.
  public init(_ path: String) throws(TraceError) {
    guard let real = realpath(path, nil) else {
      throw TraceError("cannot find the trace \(path): \(Errno(rawValue: errno))")
    }
    defer { free(real) }
    self.path = String(cString: real)
    // A run that was killed at its very beginning has only the name of one.
    let isNumbered = self.path.split(separator: "/").suffix(2).allSatisfy { $0.allSatisfy(\.isNumber) }
    if !isNumbered { try requireReadable() }
    guard isNumbered || exists("files") && exists("cmd") else {
      throw TraceError(
        "\(path) is not the trace of a run: give the directory BUILD/STEP/ATTEMPT that uwrx run has made")
    }
  }

  /// What became of the run.
  public enum State: Sendable {
    /// It goes on, or was killed, or could not be recorded to its end.
    case unfinished
    /// It was killed, and its record was repaired: it holds what was known then.
    case killed
    /// It was recorded to its end.
    case complete
  }

  public var state: State {
    guard let status = try? fields(of: "status") else { return .unfinished }
    switch status.first?.first {
    case Array("exit".utf8): return .complete
    case Array("killed".utf8): return .killed
    default: return .unfinished
    }
  }

  /// Whether the run goes on: its supervisor holds a lock on the buffer until it ends, however it does.
  public var isInProgress: Bool {
    guard let buffer = try? Self.open("\(path)/events") else { return false }
    defer { close(buffer.rawValue) }
    return flock(buffer.rawValue, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK
  }

  /// Whether the run was recorded to its end.
  public var isComplete: Bool { state == .complete }

  /// - Throws: a message that names the trace unless it is complete.
  public func requireComplete() throws(TraceError) {
    switch state {
    case .complete: return
    case .killed:
      throw TraceError("the trace \(path) is incomplete: its run was killed; its record was repaired up to there")
    case .unfinished:
      // What cannot be read is not damaged.
      try requireReadable()
      if exists("status") { _ = try fields(of: "status") }
      if isInProgress { throw TraceError("the run of the trace \(path) goes on: its record is not complete yet") }
      throw TraceError("the trace \(path) is incomplete: its run was killed, or could not be recorded to its end")
    }
  }

  /// - Throws: a message if the directory is another user's, who keeps it to themselves.
  public func requireReadable() throws(TraceError) {
    var status = stat()
    guard lstat("\(path)/status", &status) != 0, errno != ENOENT else { return }
    throw TraceError("cannot read the trace \(path): \(Errno(rawValue: errno))")
  }

  func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat("\(path)/\(name)", &status) == 0
  }

  /// As many as layers can be stacked.
  private static let maximumParents = 255

  /// The runs that this one stands on, in the order in which they were given.
  public func parents() throws(TraceError) -> [TraceDirectory] {
    var parents: [TraceDirectory] = []
    while exists("parent/\(parents.count)") {
      guard parents.count < Self.maximumParents else {
        throw TraceError("the trace \(path) has more than \(Self.maximumParents) parents")
      }
      let link = "\(path)/parent/\(parents.count)"
      var status = stat()
      if stat(link, &status) < 0, errno == ENOENT {
        throw TraceError(
          "the run of the trace \(path) stands on another, which is gone: \(link) -> \(Self.target(link))")
      }
      parents.append(try TraceDirectory(link))
    }
    return parents
  }

  private static func target(_ link: String) -> String {
    var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = target.withUnsafeMutableBytes { readlink(link, $0.baseAddress!, $0.count) }
    return String(decoding: Escaping.escape(target[..<max(0, count)]), as: UTF8.self)
  }

  /// More lines than any command has arguments or environment has variables (execve(2)).
  private static let maximumLines = 1 << 20

  /// The lines of a text file, each split at its tabs and unescaped.
  /// - Throws: a message if it cannot be read or is damaged.
  public func fields(of name: String) throws(TraceError) -> [[[UInt8]]] {
    var lines: [[[UInt8]]] = []
    try forEachLine(of: name) { fields throws(TraceError) in
      guard lines.count < Self.maximumLines else { throw damage(name) }
      lines.append(fields)
    }
    return lines
  }

  /// What the run was started with, the last of each name; nothing of what cannot be read.
  public var options: [String: [UInt8]] {
    let lines = ((try? fields(of: "options")) ?? []).filter { $0.count == 2 }
    return Dictionary(lines.map { (String(decoding: $0[0], as: UTF8.self), $0[1]) }) { $1 }
  }

  /// Calls `body` with the fields of each line of a text file of any length.
  /// - Throws: a message if the file cannot be read or is damaged.
  public func forEachLine(
    of name: String, _ body: (_ fields: [[UInt8]]) throws(TraceError) -> Void
  ) throws(TraceError) {
    do {
      var text = try TraceText("\(path)/\(name)")
      while let line = try text.next() {
        if line.isEmpty { continue }
        var fields: [[UInt8]] = []
        for field in line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false) {
          guard let value = Escaping.unescape(field) else { throw damage(name, line) }
          fields.append(value)
        }
        try body(fields)
      }
      if text.isDamaged { throw damage(name) }
    } catch let error as TraceError {
      throw error
    } catch {
      throw TraceError("cannot read \(path)/\(name): \(Self.reason(error as? Errno ?? .ioError))")
    }
  }

  /// All of a small file.
  /// - Returns: nil if there is none.
  /// - Throws: a message if it cannot be read or has more bytes than `limit`.
  public func contents(of name: String, limit: Int) throws(TraceError) -> [UInt8]? {
    do throws(Errno) {
      let file = try Self.open("\(path)/\(name)")
      defer { close(file.rawValue) }
      var status = stat()
      guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
      guard status.st_size <= limit else { throw .fileTooLarge }
      var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
      bytes.removeLast(bytes.count - (try file.readFully(at: 0, into: &bytes)))
      return bytes
    } catch {
      if error == .noSuchFileOrDirectory { return nil }
      throw TraceError("cannot read \(path)/\(name): \(Self.reason(error))")
    }
  }

  private func damage(_ name: String, _ line: [UInt8]? = nil) -> TraceError {
    let quote = line.map { ": " + String(decoding: $0.prefix(200), as: UTF8.self) } ?? ""
    return TraceError("the file \(path)/\(name) is damaged\(quote)")
  }

  public func layerIndex() throws(TraceError) -> LayerIndex {
    let name = "files.index"
    do throws(Errno) {
      var text = try TraceText("\(path)/\(name)")
      guard let index = try LayerIndex(&text) else { throw Errno.invalidArgument }
      return index
    } catch {
      if error == .invalidArgument { throw damage(name) }
      throw TraceError("cannot read \(path)/\(name): \(Self.reason(error))")
    }
  }

  public func lowerBases() throws(TraceError) -> LowerBases { try LowerBases(self) }

  public func events() throws(TraceError) -> EventReader {
    do throws(Errno) { return try EventReader(trace: path) } catch {
      throw TraceError("cannot read \(path)/perfetto: \(Self.reason(error))")
    }
  }

  /// Opens a file of a trace, which anybody may have made, for reading: it leads nowhere else, and is no device, and no FIFO that makes
  /// its reader wait.
  /// - Throws: what open(2) failed with; `noSuchAddressOrDevice` for what is no regular file.
  static func open(_ path: String) throws(Errno) -> FileDescriptor {
    var status = stat()
    // First, since to open a device can be an act.
    guard lstat(path, &status) == 0 else { throw Errno(rawValue: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .noSuchAddressOrDevice }
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw .noSuchAddressOrDevice
    }
    return FileDescriptor(rawValue: file)
  }

  /// Why a file of a trace cannot be used.
  static func reason(_ error: Errno) -> String {
    switch error {
    case .noSuchAddressOrDevice, .tooManySymbolicLinkLevels: "it is no regular file"
    case .invalidArgument: "it is damaged"
    default: "\(error)"
    }
  }

  /// Writes a new file of the trace. What cannot be written whole is not there.
  public static func write(_ path: String, _ bytes: [UInt8]) throws(Errno) {
    let file = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + done, bytes.count - done) }
      if count < 0 {
        let failure = errno
        if failure == EINTR { continue }
        close(file)
        unlink(path)
        throw Errno(rawValue: failure)
      }
      done += count
    }
    if close(file) < 0 { throw Errno(rawValue: errno) }
  }

  /// A line of a text file.
  public static func line(_ fields: [String]) -> [UInt8] {
    Array(fields.map { Escaping.escape($0.utf8) }.joined(separator: [UInt8(ascii: "\t")])) + [UInt8(ascii: "\n")]
  }
}

/// Why a trace cannot be used, as a message for the user.
public struct TraceError: Error, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}
