/// What the supervisor and uwrx-cache tell each other on a socket: one asks, and the other answers before it is asked again.
///
/// | the supervisor says | uwrx-cache answers |
/// |---|---|
/// | `lookUp` | `record` for each that is there, `end` |
/// | `fetch` | `data` until all is there, `end` |
/// | `missing` | `names` |
/// | `put`, `data` until all is there, `end` | `end` |
/// | `publish` | `end` |
/// | `sign`, `verify` | `signature`, or `end` for a signature that holds |
/// | `report` | `note` for each line, `end` |
///
/// `failed` answers what could not be done, and says instead of `data` or `end` that there is no more.
package enum CacheMessage: Equatable, Sendable {
  case lookUp(key: [UInt8])
  case fetch(ContentName)
  case missing([ContentName])
  case put(ContentName)
  /// The record's contents were put before. `record` is as ``SharedRecord`` has it.
  case publish(key: [UInt8], record: [UInt8], StartedCommand?)
  case sign([UInt8])
  case verify([UInt8], signature: [UInt8])
  case report
  case record([UInt8])
  case data([UInt8])
  case names([ContentName])
  case signature([UInt8])
  case note(String)
  case failed(String)
  case end

  /// Bytes of a message, at most.
  package static let largest = 20 << 20
  /// Bytes of a record that others are given.
  package static let largestRecord = 16 << 20
  /// Bytes of contents that others are given.
  package static let largestContent: Int64 = 1 << 30
  /// Bytes of one `data`.
  package static let piece = 256 << 10

  /// Its kind, the number of the bytes that follow (4 bytes, the least significant first), and these.
  package var bytes: [UInt8] {
    var fields = WireWriter()
    let kind: UInt8
    switch self {
    case .lookUp(let key):
      kind = 1
      fields.add(key)
    case .fetch(let name):
      kind = 2
      fields.add(name)
    case .missing(let names):
      kind = 3
      fields.add(names)
    case .put(let name):
      kind = 4
      fields.add(name)
    case .publish(let key, let record, let started):
      kind = 5
      fields.add(key)
      fields.add(record)
      if let started {
        fields.add(started.arguments)
        fields.add(started.variables)
        fields.add(started.directory)
        fields.add(started.root)
      }
    case .sign(let bytes):
      kind = 6
      fields.add(bytes)
    case .verify(let bytes, let signature):
      kind = 7
      fields.add(bytes)
      fields.add(signature)
    case .report: kind = 8
    case .record(let bytes):
      kind = 9
      fields.add(bytes)
    case .data(let bytes):
      kind = 10
      fields.add(bytes)
    case .names(let names):
      kind = 11
      fields.add(names)
    case .signature(let bytes):
      kind = 12
      fields.add(bytes)
    case .note(let text):
      kind = 13
      fields.add(text.utf8.prefix(1 << 12))
    case .failed(let text):
      kind = 14
      fields.add(text.utf8.prefix(1 << 12))
    case .end: kind = 15
    }
    let count = UInt32(fields.bytes.count)
    return [kind] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + fields.bytes
  }

  /// nil for what is no message.
  package init?(kind: UInt8, _ bytes: [UInt8]) {
    var fields = WireReader(bytes)
    guard let message = Self.read(kind, &fields), fields.isAtEnd else { return nil }
    self = message
  }

  private static func read(_ kind: UInt8, _ fields: inout WireReader) -> CacheMessage? {
    switch kind {
    case 1: return fields.digest().map { .lookUp(key: $0) }
    case 2: return fields.name().map { .fetch($0) }
    case 3: return fields.list { $0.name() }.map { .missing($0) }
    case 4: return fields.name().map { .put($0) }
    case 5:
      guard let key = fields.digest(), let record = fields.bytes() else { return nil }
      if fields.isAtEnd { return .publish(key: key, record: record, nil) }
      guard let arguments = fields.list({ $0.bytes() }), let variables = fields.list({ $0.bytes() }),
        let directory = fields.bytes(), let root = fields.bytes()
      else { return nil }
      return .publish(
        key: key, record: record,
        StartedCommand(arguments: arguments, variables: variables, directory: directory, root: root))
    case 6: return fields.bytes().map { .sign($0) }
    case 7:
      guard let bytes = fields.bytes(), let signature = fields.bytes() else { return nil }
      return .verify(bytes, signature: signature)
    case 8: return .report
    case 9: return fields.bytes().map { .record($0) }
    case 10: return fields.bytes().map { .data($0) }
    case 11: return fields.list { $0.name() }.map { .names($0) }
    case 12: return fields.bytes().map { .signature($0) }
    case 13: return fields.bytes().map { .note(String(decoding: $0, as: UTF8.self)) }
    case 14: return fields.bytes().map { .failed(String(decoding: $0, as: UTF8.self)) }
    case 15: return .end
    default: return nil
    }
  }
}

extension WireWriter {
  fileprivate mutating func add(_ names: [ContentName]) {
    add(names.count)
    for name in names { add(name) }
  }
}
