import Glibc
import SystemPackage
import Tracing

/// A request and its answer as a trace holds them, in `net/<domain>/requests`. The files may be anything.
struct RecordedExchange {
  /// A request line or status line, and the fields after it.
  struct Head {
    /// The words of the first line, the last of which may have spaces in it.
    var words: [String]
    var fields: [(name: String, value: String)]

    func value(of name: String) -> String? { fields.first { $0.name.lowercased() == name }?.value }
  }

  struct Damage: Error {
    var reason: String
  }

  /// Below `net`.
  let domain: String
  private let log: ExchangeLog
  private let record: ExchangeRecord

  private static let longestHead = 1 << 20

  var meta: ExchangeMeta { record.meta }
  private var directory: String { "net/\(domain)/requests" }
  /// For whoever reads what is wrong.
  var place: String { "\(directory)/\(ExchangeLog.name), exchange \(record.number)" }

  /// Where a part is, below the trace.
  func place(of part: ExchangeRecord.Part) -> String {
    record.place(of: part) == .file ? "\(directory)/\(record.fileName(of: part))" : place
  }

  /// - Parameter part: a request or a response.
  /// - Returns: nil if there is none.
  func head(_ part: ExchangeRecord.Part) throws(Damage) -> Head? {
    guard case .log(let range)? = record.place(of: part) else { return nil }
    guard range.count <= Self.longestHead else { throw Damage(reason: "its \(part.rawValue) is too long") }
    let bytes = try read(range)
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)[...]
    guard let first = lines.popFirst() else { throw Damage(reason: "its \(part.rawValue) is empty") }
    let words = first.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    let fields = lines.map { line in
      let name = line.prefix { $0 != UInt8(ascii: ":") }
      let value = line.dropFirst(name.count + 1).drop { $0 == 0x20 || $0 == 0x09 }
      return (name: Self.text(name), value: Self.text(value))
    }
    return Head(words: words.map(Self.text), fields: fields)
  }

  /// Bytes of a field that are no UTF-8 are of ISO 8859-1, as HTTP once had it (RFC 9110, 5.5).
  private static func text(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  /// - Parameters:
  ///   - part: a body.
  ///   - limit: nothing of a longer one is read.
  /// - Returns: its size, and what it is if it is not longer than the limit.
  func body(
    _ part: ExchangeRecord.Part, of trace: TraceDirectory, limit: Int
  ) throws(Damage) -> (size: Int, bytes: [UInt8]?) {
    switch record.place(of: part) {
    case nil: return (0, [])
    case .log(let range): return (range.count, range.count > limit ? nil : try read(range))
    case .file:
      let path = place(of: part)
      var status = stat()
      guard lstat("\(trace.path)/\(path)", &status) == 0 else { throw Damage(reason: "\(path) is not there") }
      let size = Int(status.st_size)
      guard size <= limit else { return (size, nil) }
      do throws(TraceError) { return (size, try trace.contents(of: path, limit: size) ?? []) } catch {
        throw Damage(reason: error.description)
      }
    }
  }

  private func read(_ range: Range<Int>) throws(Damage) -> [UInt8] {
    do throws(Errno) { return try log.bytes(range) } catch { throw Damage(reason: "\(error)") }
  }

  // MARK: All of a trace

  /// In the order in which the requests came.
  /// - Parameter isWanted: of the names of domains' directories.
  static func all(
    of trace: TraceDirectory, where isWanted: (String) -> Bool
  ) throws(TraceError) -> (exchanges: [RecordedExchange], damaged: [String]) {
    var exchanges: [RecordedExchange] = []
    var damaged: [String] = []
    for domain in try names(trace.path + "/net").sorted() where isWanted(domain) {
      do throws(Damage) { exchanges += try all(of: trace, domain, &damaged) } catch {
        damaged.append("net/\(domain)/requests: \(error.reason)")
      }
    }
    return (exchanges.sorted { $0.meta.order < $1.meta.order }, damaged)
  }

  private static func all(
    of trace: TraceDirectory, _ domain: String, _ damaged: inout [String]
  ) throws(Damage) -> [RecordedExchange] {
    let directory = open("\(trace.path)/net/\(domain)/requests", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard directory >= 0 else {
      if isNone(errno) { return [] }
      throw Damage(reason: "\(Errno(rawValue: errno))")
    }
    defer { close(directory) }
    do {
      guard let log = try ExchangeLog(in: FileDescriptor(rawValue: directory)) else { return [] }
      let contents = try log.contents()
      if let damage = contents.damage { damaged.append("net/\(domain)/requests/\(ExchangeLog.name): \(damage)") }
      return contents.records.map { RecordedExchange(domain: domain, log: log, record: $0) }
    } catch { throw Damage(reason: "\(error)") }
  }

  private static func isNone(_ code: Int32) -> Bool { [ENOENT, ENOTDIR, ELOOP].contains(code) }

  /// What is in a directory, to which no link leads; nothing of what is no directory.
  private static func names(_ path: String) throws(TraceError) -> [String] {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard directory >= 0 else {
      if isNone(errno) { return [] }
      throw TraceError("cannot read \(path): \(Errno(rawValue: errno))")
    }
    defer { close(directory) }
    do throws(Errno) {
      return try DirectoryWalk.names(in: directory).compactMap {
        String(validating: $0.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
    } catch { throw TraceError("cannot read \(path): \(error)") }
  }
}
