import Tracing

/// In what two runs differ that have left something at a path, beside its contents.
struct LeftDifference {
  let first: RunFiles
  let second: RunFiles
  /// Both runs had the same virtual clock, by which files have their times.
  let comparesTimes: Bool
  private let epochs: (Int64, Int64)

  init(_ first: RunFiles, _ second: RunFiles) {
    self.first = first
    self.second = second
    let clocks = [first, second].map { run in
      let options = run.options
      return (time: options["time"], epoch: options["epoch"])
    }
    comparesTimes = clocks[0] == clocks[1] && clocks[0].time.map { $0 != Array("real".utf8) } ?? false
    func nanoseconds(_ text: [UInt8]?) -> Int64 {
      let seconds = Int64(String(decoding: text ?? [], as: UTF8.self)) ?? 0
      return (0...Int64.max / 1_000_000_000).contains(seconds) ? seconds * 1_000_000_000 : 0
    }
    epochs = (nanoseconds(clocks[0].epoch), nanoseconds(clocks[1].epoch))
  }

  /// Parts of a second depend on how processes race.
  private static let leastTime: Int64 = 1_000_000_000

  private static func areNear(_ one: Int64, _ other: Int64) -> Bool {
    let (difference, overflows) = one.subtractingReportingOverflow(other)
    return !overflows && difference.magnitude < leastTime.magnitude
  }

  func findings(_ path: [UInt8], _ one: LeftEntry, _ other: LeftEntry) -> [ContentFinding] {
    if one.kind != other.kind {
      return [field("type", Array(one.kind.rawValue.utf8), Array(other.kind.rawValue.utf8))]
    }
    let bases = (first.base(of: path), second.base(of: path))
    var findings: [ContentFinding] = []
    func compare(_ name: String, _ one: UInt32?, _ other: UInt32?, radix: Int = 10) {
      guard let one, let other, one != other else { return }
      func value(_ number: UInt32) -> [UInt8] { Anatomy.Field(name, number, radix: radix).value }
      findings.append(field(name, value(one), value(other)))
    }
    // What neither has changed is no difference that they have made.
    let areFound = Self.isFound(one, bases.0) && Self.isFound(other, bases.1)
    if one.kind != .link, !areFound { compare("mode", one.mode, other.mode, radix: 8) }
    compare("user", one.user, other.user)
    compare("group", one.group, other.group)
    compare("number of names", one.names, other.names)
    if let ours = one.attributes, let theirs = other.attributes, ours != theirs {
      for name in Set(ours.keys).union(theirs.keys).sorted(by: { $0.lexicographicallyPrecedes($1) })
      where ours[name] != theirs[name] {
        findings.append(
          field("extended attribute \(String(decoding: name, as: UTF8.self))", ours[name], theirs[name]))
      }
    }
    if comparesTimes {
      let times = (time(one, bases.0, epochs.0), time(other, bases.1, epochs.1))
      let areSame: Bool =
        switch times {
        case (nil, nil): true
        case (let ours?, let theirs?): Self.areNear(ours, theirs)
        default: false
        }
      if !areSame { findings.append(field("time", times.0.map(Self.text), times.1.map(Self.text))) }
    }
    return findings
  }

  /// Whether the mode is that which the run has found.
  private static func isFound(_ entry: LeftEntry, _ base: LowerBases.Base?) -> Bool {
    // Only in a layer something has an owner.
    entry.user == nil || entry.mode == base.map { $0.mode & 0o7777 }
  }

  /// nil if the run has left the time that it has found.
  private func time(_ entry: LeftEntry, _ base: LowerBases.Base?, _ epoch: Int64) -> Int64? {
    // What is before the clock's start are the squashed times of what was there, or what the run has found and set.
    if let base, entry.modified == base.modified || entry.modified < epoch { return nil }
    // The host sets the times of a FIFO whenever somebody writes to it.
    return entry.user == nil || entry.kind == .fifo ? nil : entry.modified
  }

  private static func text(_ time: Int64) -> [UInt8] {
    Anatomy.Field("time", time: time.quotientAndRemainder(dividingBy: 1_000_000_000).quotient).value
  }

  private func field(_ name: String, _ first: [UInt8]?, _ second: [UInt8]?) -> ContentFinding {
    ContentFinding(place: [], kind: .field(name: name, first: first, second: second))
  }
}
