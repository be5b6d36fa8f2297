import Glibc
import SystemPackage

/// The `signature` of a trace, by which its user's uwrx knows that it has made it and that nothing was changed since.
///
///     uwrx-signature  1
///     key     <of the user's key, what tells it from others>
///     status  <the line of `status`>
///     file    <name> <size> <identity> <digest>            of each text file, and of perfetto
///     parent  <number> <HMAC of that trace's signature, or ->
///     entry   <path> <type> <mode> <size> <identity> <digest or -> <SHA-256 of its attributes or ->
///     hmac    <HMAC-SHA-256 of all lines above under the user's key>
///
/// with tabs between. An entry is what is kept: a regular file with its contents, a symbolic link with its target, a directory, another
/// node. Digests of contents are made as `ContentDigests` says. An identity is device, inode and time of the last change (ctime, which
/// nobody sets), with colons between: a file whose identity is the same has not been changed.
public struct TraceSignature {
  static let name = "signature"
  private static let files = [
    "cmd", "options", "sources", "seed.txt", "files.index", LowerBases.name, "files.meta", "perfetto",
    TraceNumbers.name,
  ]
  /// An earlier uwrx has made the first for no run, and only some replays have the second.
  private static let rareFiles: Set = [LowerBases.name, TraceNumbers.name]

  private struct Record {
    var fields: [[UInt8]]
    var identity: [UInt8]
  }

  private let keyName: [UInt8]
  private let hmac: [UInt8]
  private let signed: [UInt8]
  private let status: [[UInt8]]
  private var records: [[UInt8]: Record] = [:]
  private var parents: [[UInt8]] = []

  // MARK: Making one

  /// - Parameter path: the run's directory, which has all but `status`.
  /// - Throws: what reading a file failed with.
  public static func write(_ path: String, exitCode: Int32, _ key: UserKey) throws(Errno) {
    var text: [UInt8] = []
    func line(_ fields: [[UInt8]]) {
      text += Array(fields.joined(separator: [UInt8(ascii: "\t")]))
      text.append(UInt8(ascii: "\n"))
    }
    line([Array("uwrx-signature".utf8), Array("1".utf8)])
    line([Array("key".utf8), Self.label(of: key)])
    line(["status", "exit", String(exitCode)].map { Array($0.utf8) })
    var contents = ContentDigests()
    for name in files {
      var status = stat()
      if name == TraceNumbers.name, lstat("\(path)/\(name)", &status) < 0, errno == ENOENT { continue }
      let file = try TraceDirectory.open("\(path)/\(name)")
      defer { close(file.rawValue) }
      guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
      line([
        Array("file".utf8), Array(name.utf8), Array(String(status.st_size).utf8), identity(status),
        try contents.digest(file, status),
      ])
    }
    for number in 0..<1000 {
      guard let target = realpath("\(path)/parent/\(number)", nil) else { break }
      defer { free(target) }
      line([
        Array("parent".utf8), Array(String(number).utf8),
        (try? Self.hmac(of: String(cString: target))) ?? [UInt8(ascii: "-")],
      ])
    }
    try KeptFiles.forEach(path) { entry throws(Errno) in
      let digests = try entry.digests(&contents)
      line([Array("entry".utf8), Escaping.escape(entry.path)] + entry.fields + [identity(entry.status)] + digests)
    }
    let code = SHA256.text(SHA256.authenticate(text, key: key.key(for: "signatures of traces")))
    line([Array("hmac".utf8), code])
    try TraceDirectory.write("\(path)/\(name)", text)
  }

  private static func label(of key: UserKey) -> [UInt8] {
    SHA256.text(Array(key.key(for: "name of the key").prefix(8)))
  }

  private static func hmac(of trace: String) throws(TraceError) -> [UInt8]? {
    try TraceSignature(TraceDirectory(trace))?.hmac
  }

  static func identity(_ status: stat) -> [UInt8] {
    let time = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    return Array("\(status.st_dev):\(status.st_ino):\(time)".utf8)
  }

  // MARK: Reading one

  /// - Returns: nil if the trace has none.
  /// - Throws: a message if it is damaged.
  public init?(_ trace: TraceDirectory) throws(TraceError) {
    var status = stat()
    if lstat("\(trace.path)/\(Self.name)", &status) < 0 { return nil }
    let damage = TraceError("the file \(trace.path)/\(Self.name) is damaged")
    var (keyName, hmac, state): ([UInt8]?, [UInt8]?, [[UInt8]]?) = (nil, nil, nil)
    var signed: [UInt8] = []
    var records: [[UInt8]: Record] = [:]
    var parents: [[UInt8]] = []
    do {
      var text = try TraceText("\(trace.path)/\(Self.name)")
      while let line = try text.next() {
        let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map { Array($0) }
        guard hmac == nil else { throw damage }
        switch (String(decoding: fields[0], as: UTF8.self), fields.count) {
        case ("uwrx-signature", 2): break
        case ("key", 2): keyName = fields[1]
        case ("status", 3): state = Array(fields[1...])
        case ("file", 5): records[fields[1]] = Record(fields: [fields[2], fields[4]], identity: fields[3])
        case ("parent", 3): parents.append(fields[2])
        case ("entry", 8):
          guard let path = Escaping.unescape(fields[1]) else { throw damage }
          records[path] = Record(fields: [fields[2], fields[3], fields[4], fields[6], fields[7]], identity: fields[5])
        case ("hmac", 2): hmac = fields[1]
        default: throw damage
        }
        if hmac == nil { signed += line + [UInt8(ascii: "\n")] }
      }
      if text.isDamaged || !text.isEnded { throw damage }
    } catch let error as TraceError {
      throw error
    } catch {
      throw TraceError("cannot read \(trace.path)/\(Self.name): \(TraceDirectory.reason(error as? Errno ?? .ioError))")
    }
    guard let keyName, let hmac, let state else { throw damage }
    self.keyName = keyName
    self.hmac = hmac
    self.status = state
    self.signed = signed
    self.records = records
    self.parents = parents
  }

  /// Whose a signature is.
  public enum Origin: Sendable {
    case user
    /// Another user's, or one of another machine.
    case other
    /// It names the user's key and was not made with it.
    case forged
  }

  public func origin(_ key: UserKey?) -> Origin {
    guard let key, keyName == Self.label(of: key) else { return .other }
    return SHA256.text(SHA256.authenticate(signed, key: key.key(for: "signatures of traces"))) == hmac ? .user : .forged
  }

  /// What of a trace is not what was signed, a sentence each.
  /// - Parameter rereads: whether contents are read although nothing has touched them since.
  public func changes(in trace: TraceDirectory, rereads: Bool, limit: Int = 100) throws(TraceError) -> [String] {
    var changes: [String] = []
    var seen = 0
    func add(_ path: [UInt8], _ what: String) {
      if changes.count < limit {
        changes.append("\(trace.path)/\(String(decoding: Escaping.escape(path), as: UTF8.self)) \(what)")
      }
    }
    if try trace.fields(of: "status").first != status { add(Array("status".utf8), "is not what the run ended with") }
    var contents = ContentDigests()
    for name in Self.files {
      let path = Array(name.utf8)
      guard let record = records[path] else {
        if !Self.rareFiles.contains(name) || trace.exists(name) { add(path, "was not signed") }
        continue
      }
      seen += 1
      do throws(Errno) {
        let file = try TraceDirectory.open("\(trace.path)/\(name)")
        defer { close(file.rawValue) }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        if !rereads, Self.identity(status) == record.identity { continue }
        // What is of another size is not read: it may be a hole of any size.
        let isSame = Array(String(status.st_size).utf8) == record.fields[0]
        let digest = try isSame ? contents.digest(file, status) : []
        if digest != record.fields[1] { add(path, "is not what the run has written") }
      } catch {
        add(path, "cannot be read: \(TraceDirectory.reason(error))")
      }
    }
    do throws(Errno) {
      try KeptFiles.forEach(trace.path) { entry throws(Errno) in
        guard let record = records[entry.path] else { return add(entry.path, "is nothing that the run has kept") }
        seen += 1
        if !rereads, Self.identity(entry.status) == record.identity { return }
        let fields = entry.fields
        let isSame = fields.elementsEqual(record.fields.prefix(fields.count))
        let digests = try isSame ? entry.digests(&contents) : []
        if fields + digests != record.fields { add(entry.path, "is not what the run has kept") }
      }
    } catch {
      throw TraceError("cannot read what the trace \(trace.path) keeps: \(error)")
    }
    if seen < records.count, changes.isEmpty { add(Array("files".utf8), "does not have all that the run has kept") }
    let now = try trace.parents().map { parent throws(TraceError) in
      try TraceSignature(parent)?.hmac ?? [UInt8(ascii: "-")]
    }
    if now != parents { add(Array("parent".utf8), "has other runs than it had") }
    return changes
  }
}
