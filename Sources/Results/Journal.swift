import Glibc
import Supervisor
import SystemPackage
import Tracing

/// What an application of a trace has changed on the host, and the originals, so that it can be undone: `applied/<n>/` of the trace.
///
///     uwrx-journal  1  <HMAC under the user's key of the directory's identity, or ->
///     root   <number>  <directory of the host>
///     try    <step>  <root>  <path>  <temporary name, or ->
///     did    <step>  <root>  <path>  <what was there>  <what is there now>
///     end
///
/// with tabs between; a fingerprint is `-` for nothing. `did` is written right before the one call that changes the path, so that a
/// journal that was cut off tells all that may have been done. The original of step 7 is `7` in the same directory.
final class Journal {
  struct Step {
    var number: Int
    var root: Int
    var path: [UInt8]
    var before: Fingerprint?
    var after: Fingerprint?
  }

  /// `applied/<n>`
  let path: String
  let directory: Int32
  private let file: Int32
  private(set) var roots: [[UInt8]] = []
  private(set) var steps: [Step] = []
  /// Temporary names that may have been left behind.
  private(set) var attempts: [(root: Int, path: [UInt8], name: [UInt8])] = []
  private(set) var isComplete = false
  private var next = 0

  private static let purpose: StaticString = "journals of applied traces"

  deinit {
    close(file)
    close(directory)
  }

  // MARK: Writing

  /// Begins a new one.
  init(in trace: TraceDirectory, roots: [[UInt8]]) throws(TraceError) {
    let applied = "\(trace.path)/applied"
    if mkdir(applied, 0o700) < 0, errno != EEXIST { throw Self.failure("make", applied) }
    let number = (Self.numbers(trace).last ?? -1) + 1
    path = "\(applied)/\(number)"
    guard mkdir(path, 0o700) == 0 else { throw Self.failure("make", path) }
    directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { throw Self.failure("open", path) }
    file = openat(directory, "journal", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.failure("make", "\(path)/journal") }
    self.roots = roots
    try write(["uwrx-journal", "1", Self.code(directory) ?? "-"])
    for (number, root) in roots.enumerated() { try write(["root", "\(number)"], root) }
  }

  /// A step is about to be prepared.
  /// - Returns: its number, by which its original is called.
  func begin(root: Int, path: [UInt8], temporary: [UInt8]?) throws(TraceError) -> Int {
    next += 1
    try write(["try", "\(next)", "\(root)"], path, temporary ?? Array("-".utf8))
    return next
  }

  /// A step is about to be done.
  func record(_ step: Step) throws(TraceError) {
    func text(_ fingerprint: Fingerprint?) -> [UInt8] { Array((fingerprint?.text ?? Fingerprint.none).utf8) }
    try write(["did", "\(step.number)", "\(step.root)"], step.path, text(step.before), text(step.after))
  }

  func end() throws(TraceError) { try write(["end"]) }

  private func write(_ words: [String], _ more: [UInt8]...) throws(TraceError) {
    let fields = words.map { Array($0.utf8) } + more.map { Escaping.escape($0) }
    let line = Array(fields.joined(separator: [UInt8(ascii: "\t")])) + [UInt8(ascii: "\n")]
    var done = 0
    while done < line.count {
      let count = line.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + done, line.count - done) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("write to", "\(path)/journal") }
      done += count
    }
  }

  /// Tells the directory from one that came from elsewhere with a trace; nil without a key.
  private static func code(_ directory: Int32) -> String? {
    var status = stat()
    guard let key = try? UserKey(), fstat(directory, &status) == 0 else { return nil }
    let identity = Array("\(status.st_dev):\(status.st_ino)".utf8)
    return String(
      decoding: SHA256.text(SHA256.authenticate(identity, key: key.key(for: purpose))), as: UTF8.self)
  }

  private static func failure(_ what: String, _ path: String) -> TraceError {
    TraceError("cannot \(what) \(path), where originals are kept: \(Errno(rawValue: errno))")
  }

  // MARK: Reading

  /// The last one of a trace.
  /// - Parameter trusts: although nothing tells that this user's uwrx has made it here.
  /// - Returns: nil if the trace was not applied.
  init?(lastOf trace: TraceDirectory, trusts: Bool) throws(TraceError) {
    guard let number = Self.numbers(trace).last else { return nil }
    path = "\(trace.path)/applied/\(number)"
    directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard directory >= 0 else { throw Self.failure("open", path) }
    file = openat(directory, "journal", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    let damage = TraceError("the file \(path)/journal is damaged")
    if file < 0 {
      guard errno == ENOENT else { throw Self.failure("open", "\(path)/journal") }
      // It was killed before it began.
      return
    }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw damage }
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try FileContents.all(FileDescriptor(rawValue: file), limit: 1 << 30) ?? []
    } catch { throw TraceError("cannot read \(path)/journal: \(error)") }
    // The last line may not have been written to its end.
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    for (index, line) in lines.enumerated() {
      var fields: [[UInt8]] = []
      for field in line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false) {
        guard let field = Escaping.unescape(field) else { throw damage }
        fields.append(field)
      }
      if index == 0 {
        guard fields.count == 3, fields[0].elementsEqual("uwrx-journal".utf8) else { throw damage }
        let code = Self.code(directory)
        guard trusts || code != nil && fields[2].elementsEqual(code!.utf8) else {
          throw TraceError(
            "nothing tells that \(path) was made by this user's uwrx here, and it names files of yours to change: "
              + "--trust-parent accepts it as it is")
        }
      } else if try !read(fields) {
        throw damage
      }
    }
  }

  /// - Returns: whether it is a line of a journal.
  private func read(_ fields: [[UInt8]]) throws(TraceError) -> Bool {
    func word(_ index: Int) -> String { String(decoding: fields[index], as: UTF8.self) }
    switch (word(0), fields.count) {
    case ("root", 3): roots.append(fields[2])
    case ("try", 5):
      guard let root = Int(word(2)), roots.indices.contains(root) else { return false }
      if fields[4].starts(with: Temporary.prefix.utf8), !fields[4].contains(UInt8(ascii: "/")) {
        attempts.append((root, fields[3], fields[4]))
      }
    case ("did", 6):
      guard let number = Int(word(1)), let root = Int(word(2)), roots.indices.contains(root) else { return false }
      let states = [word(4), word(5)].map { $0 == Fingerprint.none ? nil : Fingerprint($0) }
      guard zip(states, [4, 5]).allSatisfy({ $0 != nil || word($1) == Fingerprint.none }) else { return false }
      steps.append(Step(number: number, root: root, path: fields[3], before: states[0], after: states[1]))
    case ("end", 1): isComplete = true
    default: return false
    }
    return true
  }

  private static func numbers(_ trace: TraceDirectory) -> [Int] {
    (directoryEntries("\(trace.path)/applied") ?? []).compactMap { name in
      Int(name).flatMap { String($0) == name ? $0 : nil }
    }.sorted()
  }
}

/// Names that files have until they are whole.
enum Temporary {
  static let prefix = ".uwrx-"

  static func name() -> [UInt8] {
    Array("\(prefix)\(String(UInt64.random(in: .min ... .max), radix: 16))".utf8)
  }
}
