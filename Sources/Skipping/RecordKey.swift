import Tracing

/// What a process was started with, in parts. Their digest is what its records are looked up by; the parts themselves tell why there is none.
public struct RecordKey: Sendable, Equatable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// What of the run's options changes what programs do.
    case options
    /// The path of the program.
    case program
    case argument
    /// `NAME=value`.
    case variable
    case directory
    /// umask(2), and who it is.
    case user
    /// A line of /proc/PID/limits.
    case limit
    /// What is behind one of the descriptors 0 to 2.
    case descriptor
    /// uname(2), and how many processors there are.
    case machine
    /// Who it is in a run with random numbers of its own.
    case identity
  }

  public struct Part: Sendable, Equatable {
    public let kind: Kind
    public let bytes: [UInt8]
  }

  public private(set) var parts: [Part] = []

  public init() {}

  public mutating func add(_ kind: Kind, _ bytes: [UInt8]) { parts.append(Part(kind: kind, bytes: bytes)) }

  public func all(_ kind: Kind) -> [[UInt8]] { parts.filter { $0.kind == kind }.map(\.bytes) }

  /// SHA-256, of parts that cannot be mistaken for others.
  /// - Parameter salt: tells keys of another sort apart.
  public func digest(_ salt: String = "") -> [UInt8] {
    var bytes = Array("uwrx skip key 3\n\(salt)\n".utf8)
    for part in parts {
      bytes.append(part.kind.rawValue)
      withUnsafeBytes(of: UInt64(part.bytes.count).littleEndian) { bytes += $0 }
      bytes += part.bytes
    }
    return SHA256.digest(bytes)
  }

  /// Of the same program in the same directory for the same files: what a user takes for the same step, whatever its options are.
  public var step: [UInt8] {
    var step = RecordKey()
    for part in parts {
      switch part.kind {
      case .program, .directory: step.add(part.kind, part.bytes)
      case .argument where part.bytes.first != UInt8(ascii: "-"): step.add(part.kind, part.bytes)
      default: break
      }
    }
    return step.digest("step")
  }

  /// Values of variables are no matter of who asks why, and may be secrets: a digest stands for them.
  var withoutValues: RecordKey {
    var key = RecordKey()
    for part in parts {
      guard part.kind == .variable else {
        key.add(part.kind, part.bytes)
        continue
      }
      key.add(
        .variable, Self.name(part.bytes) + [UInt8(ascii: "=")] + SHA256.text(Array(SHA256.digest(part.bytes).prefix(8)))
      )
    }
    return key
  }

  private static func name(_ variable: [UInt8]) -> [UInt8] { Array(variable.prefix { $0 != UInt8(ascii: "=") }) }

  /// Why it is another key than an earlier one of the same step, in a sentence; nil if it is not.
  /// - Parameter earlier: as it was kept, without values.
  public func change(since earlier: RecordKey) -> String? {
    let today = withoutValues
    for kind in Kind.allCases {
      let (was, now) = (earlier.all(kind), today.all(kind))
      if was != now { return Self.sentence(kind, was, now) }
    }
    return nil
  }

  private static func sentence(_ kind: Kind, _ was: [[UInt8]], _ now: [[UInt8]]) -> String {
    let (gone, new) = (without(now, was), without(was, now))
    switch kind {
    case .options: return "the run has other options: --seed, --time, --hostname or others that programs can see"
    case .program: return "it is another program"
    case .argument:
      if gone.isEmpty, new.isEmpty { return "its arguments stand in another order" }
      return [("are gone", gone), ("are new", new)].filter { !$0.1.isEmpty }
        .map { "its arguments \(list($0.1)) \($0.0)" }.joined(separator: ", ")
    case .variable:
      let names = (Set(gone.map(name)), Set(new.map(name)))
      let changed = list(names.0.intersection(names.1))
      if !changed.isEmpty { return "the variable \(changed) is another" }
      let (removed, added) = (list(names.0), list(names.1))
      return removed.isEmpty ? "the variable \(added) is new" : "the variable \(removed) is gone"
    case .directory: return "it is in another directory"
    case .user: return "its user or umask is another"
    case .limit: return "a limit is another: \(list(new.isEmpty ? gone : new))"
    case .descriptor: return "its standard input or output is of another kind"
    case .machine: return "the kernel, or the number of processors, is another"
    case .identity: return "its random numbers are others, as it is another process of the run"
    }
  }

  /// Those of a list that are not in another, as often as they are more there.
  private static func without(_ some: [[UInt8]], _ all: [[UInt8]]) -> [[UInt8]] {
    var counts: [[UInt8]: Int] = [:]
    for one in some { counts[one, default: 0] += 1 }
    return all.filter { one in
      guard let count = counts[one], count > 0 else { return true }
      counts[one] = count - 1
      return false
    }
  }

  private static func list(_ texts: some Collection<[UInt8]>) -> String {
    let most = 3
    let shown = texts.map {
      String(decoding: Escaping.escape($0.count > 80 ? $0.prefix(80) + Array("...".utf8) : $0), as: UTF8.self)
    }
    .sorted()
    return shown.prefix(most).joined(separator: ", ") + (shown.count > most ? " and \(shown.count - most) more" : "")
  }
}

/// What a step was last started with when its outcome was kept, and where.
///
/// In a file: a heading, then lines of fields with tabs between them, names as `Escaping` has them.
public struct StepNote: Sendable, Equatable {
  /// The trace's directory, and the process's number there.
  public let origin: [UInt8]
  public let process: UInt32
  /// Nanoseconds that it took.
  public let duration: UInt64
  /// Without values.
  public let key: RecordKey

  public init(_ record: SkipRecord, _ key: RecordKey) {
    (origin, process, duration) = (record.origin, record.process, record.duration)
    self.key = key.withoutValues
  }

  private static let heading = Array("uwrx step 1".utf8)

  var text: [UInt8] {
    let tab = UInt8(ascii: "\t")
    var lines = [
      Self.heading, Escaping.escape(origin) + [tab] + Array("\(process)".utf8) + [tab] + Array("\(duration)".utf8),
    ]
    for part in key.parts { lines.append(Array("\(part.kind.rawValue)".utf8) + [tab] + Escaping.escape(part.bytes)) }
    return Array(lines.map { $0 + [0x0a] }.joined())
  }

  /// - Returns: nil for what is no such text.
  init?(text: [UInt8]) {
    var lines = text.split(separator: 0x0a, omittingEmptySubsequences: false)[...]
    guard lines.popLast()?.isEmpty == true, lines.popFirst()?.elementsEqual(Self.heading) == true else { return nil }
    let from = (lines.popFirst() ?? []).split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
    guard from.count == 3, let origin = Escaping.unescape(from[0]),
      let process = UInt32(String(decoding: from[1], as: UTF8.self)),
      let duration = UInt64(String(decoding: from[2], as: UTF8.self))
    else { return nil }
    (self.origin, self.process, self.duration) = (origin, process, duration)
    var key = RecordKey()
    for line in lines {
      let fields = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1, omittingEmptySubsequences: false)
      guard fields.count == 2,
        let kind = UInt8(String(decoding: fields[0], as: UTF8.self)).flatMap(RecordKey.Kind.init),
        let bytes = Escaping.unescape(fields[1])
      else { return nil }
      key.add(kind, bytes)
    }
    self.key = key
  }
}
