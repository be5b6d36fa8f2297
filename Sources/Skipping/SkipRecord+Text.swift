import Tracing

// How a record stands in a file: lines of fields with tabs between them, names as `Escaping` has them, numbers in decimal but for modes, which
// are octal, and digests in hexadecimal. The last line says that it is whole.
extension SkipRecord {
  static let heading = Array("uwrx skip record 3".utf8)
  private static let ending = Array("end".utf8)

  public var text: [UInt8] {
    var text = TextWriter()
    text.line([Self.heading])
    text.line(
      "from",
      [Escaping.escape(origin), decimal(process), decimal(duration), decimal(timing.rawValue)]
        + (clock.map { [decimal($0)] } ?? []))
    for question in questions {
      let path = Escaping.escape(question.path)
      let modified = question.modified.map { [decimal($0)] } ?? []
      switch question.answer {
      case .contents(let status, let digest):
        text.line("contents", [path] + fields(status) + [SHA256.text(digest)] + modified)
      case .status(let status): text.line("status", [path] + fields(status) + modified)
      case .missing: text.line("missing", path)
      case .link(let target): text.line("link", path, Escaping.escape(target))
      case .names(let digest): text.line("names", path, SHA256.text(digest))
      }
    }
    for output in outputs {
      text.line("output", [Escaping.escape(output.path)] + (output.before.map(fields) ?? []))
      switch output.after {
      case .file(let file):
        text.line(
          "file",
          [octal(file.mode), decimal(file.size), SHA256.text(file.digest)] + (file.modified.map { [decimal($0)] } ?? [])
        )
      case .link(let target): text.line("to", Escaping.escape(target))
      case .directory(let mode): text.line("directory", octal(mode))
      case .name(let path): text.line("name", Escaping.escape(path))
      case nil: break
      }
    }
    for piece in said { text.line("said", decimal(piece.descriptor), Escaping.escape(piece.bytes)) }
    text.line("status", decimal(status))
    text.line([Self.ending])
    return text.bytes
  }

  private func fields(_ status: Status) -> [[UInt8]] {
    [octal(status.mode), decimal(status.uid), decimal(status.gid), decimal(status.size)]
  }

  private func decimal(_ value: some BinaryInteger) -> [UInt8] { Array(String(value).utf8) }
  private func octal(_ value: UInt32) -> [UInt8] { Array(String(value, radix: 8).utf8) }

  /// - Returns: nil for what is no such text, or not the whole of it.
  public init?(text: [UInt8]) {
    var lines = text.split(separator: 0x0a, omittingEmptySubsequences: false)[...]
    guard lines.popLast()?.isEmpty == true, lines.popLast()?.elementsEqual(Self.ending) == true,
      lines.popFirst()?.elementsEqual(Self.heading) == true
    else { return nil }
    var last = FieldReader(lines.popLast() ?? [])
    var first = FieldReader(lines.popFirst() ?? [])
    guard last.word == "status", let status = last.number(UInt8.self), last.isAtEnd, first.word == "from",
      let origin = first.name(), let process = first.number(UInt32.self), let duration = first.number(UInt64.self),
      let timing = first.number(UInt8.self).flatMap({ Timing(rawValue: $0) })
    else { return nil }
    var clock: UInt64?
    if !first.isAtEnd {
      clock = first.number(UInt64.self)
      guard clock != nil, first.isAtEnd else { return nil }
    }
    self.init(
      origin: origin, process: process, duration: duration, timing: timing, clock: clock, questions: [], outputs: [],
      said: [],
      status: status)
    for line in lines { guard add(line) else { return nil } }
  }

  /// - Returns: whether it was a line of a record.
  private mutating func add(_ line: ArraySlice<UInt8>) -> Bool {
    var fields = FieldReader(line)
    switch fields.word {
    case "said":
      guard let descriptor = fields.number(Int32.self), (1...2).contains(descriptor), let bytes = fields.name() else {
        return false
      }
      said.append(Piece(descriptor: descriptor, bytes: bytes))
    case "output":
      guard let path = fields.path() else { return false }
      var before: Status?
      if !fields.isAtEnd {
        guard let status = fields.status() else { return false }
        before = status
      }
      outputs.append(Output(path: path, before: before, after: nil))
    case "file", "to", "directory", "name":
      guard let output = outputs.popLast(), output.after == nil, let standing = Standing(&fields) else { return false }
      outputs.append(Output(path: output.path, before: output.before, after: standing))
    default:
      guard let question = Question(&fields) else { return false }
      questions.append(question)
    }
    return fields.isAtEnd
  }
}

extension SkipRecord.Question {
  fileprivate init?(_ fields: inout FieldReader) {
    guard let path = fields.path() else { return nil }
    switch fields.word {
    case "contents":
      guard let status = fields.status(), let digest = fields.digest() else { return nil }
      self.init(path: path, answer: .contents(status, digest: digest))
      guard fields.time(&modified) else { return nil }
    case "status":
      guard let status = fields.status() else { return nil }
      self.init(path: path, answer: .status(status))
      guard fields.time(&modified) else { return nil }
    case "missing": self.init(path: path, answer: .missing)
    case "link":
      guard let target = fields.name() else { return nil }
      self.init(path: path, answer: .link(target: target))
    case "names":
      guard let digest = fields.digest() else { return nil }
      self.init(path: path, answer: .names(digest: digest))
    default: return nil
    }
  }
}

extension SkipRecord.Standing {
  fileprivate init?(_ fields: inout FieldReader) {
    switch fields.word {
    case "file":
      guard let mode = fields.mode(), mode <= 0o7777, let size = fields.size(),
        let digest = fields.digest()
      else { return nil }
      var modified: Int64?
      guard fields.time(&modified) else { return nil }
      self = .file(SkipRecord.File(mode: mode, size: size, digest: digest, modified: modified))
    case "to":
      guard let target = fields.name(), (1..<4096).contains(target.count), !target.contains(0) else { return nil }
      self = .link(target: target)
    case "directory":
      guard let mode = fields.mode(), mode <= 0o7777 else { return nil }
      self = .directory(mode: mode)
    case "name":
      guard let path = fields.path() else { return nil }
      self = .name(of: path)
    default: return nil
    }
  }
}

private struct TextWriter {
  var bytes: [UInt8] = []

  mutating func line(_ fields: [[UInt8]]) {
    bytes += fields.joined(separator: [UInt8(ascii: "\t")])
    bytes.append(0x0a)
  }

  mutating func line(_ word: StaticString, _ fields: [[UInt8]]) {
    line([Array("\(word)".utf8)] + fields)
  }

  mutating func line(_ word: StaticString, _ fields: [UInt8]...) { line(word, fields) }
}

/// Takes the fields of a line from its front.
private struct FieldReader {
  /// The first of them.
  let word: String
  private var rest: ArraySlice<ArraySlice<UInt8>>

  init(_ line: ArraySlice<UInt8>) {
    rest = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)[...]
    word = String(decoding: rest.popFirst() ?? [], as: UTF8.self)
  }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func name() -> [UInt8]? { rest.popFirst().flatMap { Escaping.unescape($0) } }

  /// A path without `.`, `..` and empty names, that is absolute or has a `.` before it (`SkipRecord.Place`).
  mutating func path() -> [UInt8]? {
    guard let path = name(), !path.contains(0), path.count < 4096 else { return nil }
    let rest = path.first == UInt8(ascii: ".") ? path.dropFirst() : path[...]
    if rest.isEmpty { return path.isEmpty ? nil : path }
    guard rest.first == UInt8(ascii: "/") else { return nil }
    if rest.count == 1 { return path.count == 1 ? path : nil }
    let isPlain = rest.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0.count < 256 && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
    }
    return isPlain ? path : nil
  }

  mutating func number<Value: FixedWidthInteger>(_ type: Value.Type, radix: Int = 10) -> Value? {
    rest.popFirst().flatMap { Value(String(decoding: $0, as: UTF8.self), radix: radix) }
  }

  /// - Returns: whether a time follows, or nothing.
  mutating func time(_ time: inout Int64?) -> Bool {
    if isAtEnd { return true }
    time = number(Int64.self)
    // Far beyond what a file system has, and no matter of overflows.
    return time.map { (-Self.longestTime...Self.longestTime).contains($0) } ?? false
  }

  private static let longestTime = Int64.max / 2

  /// In bytes.
  mutating func size() -> Int64? { number(Int64.self).flatMap { (0...1 << 50).contains($0) ? $0 : nil } }

  mutating func mode() -> UInt32? { number(UInt32.self, radix: 8) }

  mutating func status() -> SkipRecord.Status? {
    guard let mode = mode(), let uid = number(UInt32.self), let gid = number(UInt32.self),
      let size = size()
    else { return nil }
    return SkipRecord.Status(mode: mode, uid: uid, gid: gid, size: size)
  }

  mutating func digest() -> [UInt8]? { rest.popFirst().flatMap { SkipCache.digest(text: $0) } }
}
