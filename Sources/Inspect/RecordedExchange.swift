import Glibc
import SystemPackage
import Tracing

/// A request and its answer as a trace holds them, in `net/<domain>/requests/<n>`. The files may be anything.
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
  /// Below the trace.
  let place: String
  let scheme: String
  let port: String
  let connection: UInt32
  let process: UInt32
  let order: UInt64
  /// Nanoseconds since 1970.
  let started: UInt64
  let ended: UInt64
  let isBrokenOff: Bool

  private static let longestMeta = 4096
  private static let longestHead = 1 << 20

  init(_ trace: TraceDirectory, domain: String, number: Int) throws(Damage) {
    self.domain = domain
    place = "net/\(domain)/requests/\(number)"
    var values: [String: String] = [:]
    let meta = try Self.read("\(place)/meta", of: trace, limit: Self.longestMeta) ?? []
    for line in meta.split(separator: UInt8(ascii: "\n")) {
      let parts = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    func field<Number: FixedWidthInteger>(_ key: String) throws(Damage) -> Number {
      guard let number = values[key].flatMap({ Number($0) }) else { throw Damage(reason: "its meta has no \(key)") }
      return number
    }
    guard let scheme = values["scheme"] else { throw Damage(reason: "its meta has no scheme") }
    self.scheme = scheme
    let port: UInt16 = try field("port")
    self.port = "\(port)"
    connection = try field("connection")
    process = try field("process")
    order = try field("order")
    started = try field("started")
    ended = try field("ended")
    isBrokenOff = values["state"] != "complete"
  }

  /// - Parameter name: `request` or `response`.
  /// - Returns: nil if there is none.
  func head(_ name: String, of trace: TraceDirectory) throws(Damage) -> Head? {
    guard let bytes = try Self.read("\(place)/\(name)", of: trace, limit: Self.longestHead) else { return nil }
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)[...]
    guard let first = lines.popFirst() else { throw Damage(reason: "its \(name) is empty") }
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
  ///   - name: `request-body` or `response-body`.
  ///   - limit: nothing of a longer one is read.
  /// - Returns: its size, and what it is if it is not longer than the limit.
  func body(_ name: String, of trace: TraceDirectory, limit: Int) throws(Damage) -> (size: Int, bytes: [UInt8]?) {
    var status = stat()
    guard lstat("\(trace.path)/\(place)/\(name)", &status) == 0 else { return (0, []) }
    let size = Int(status.st_size)
    guard size <= limit else { return (size, nil) }
    return (size, try Self.read("\(place)/\(name)", of: trace, limit: size) ?? [])
  }

  private static func read(_ path: String, of trace: TraceDirectory, limit: Int) throws(Damage) -> [UInt8]? {
    do throws(TraceError) { return try trace.contents(of: path, limit: limit) } catch {
      throw Damage(reason: error.description)
    }
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
      let requests = try names("\(trace.path)/net/\(domain)/requests").compactMap { name in
        Int(name).flatMap { $0 > 0 && "\($0)" == name ? $0 : nil }
      }
      for number in requests.sorted() {
        do throws(Damage) { exchanges.append(try RecordedExchange(trace, domain: domain, number: number)) } catch {
          damaged.append("net/\(domain)/requests/\(number): \(error.reason)")
        }
      }
    }
    return (exchanges.sorted { $0.order < $1.order }, damaged)
  }

  /// What is in a directory, to which no link leads; nothing of what is no directory.
  private static func names(_ path: String) throws(TraceError) -> [String] {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard directory >= 0 else {
      if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return [] }
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
