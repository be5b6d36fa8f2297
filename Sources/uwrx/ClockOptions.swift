import ArgumentParser
import Glibc
import Sandbox

/// What time it is in the guest.
struct ClockOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What the guest's clocks tell: real (the machine's time), advancing (each process's own time, which moves by a tick at each \
      question and by what was slept) or frozen (the same without the tick). A tick is a number of nanoseconds (default 1000).
      """, valueName: "real|frozen|advancing[:tick]"))
  var time: TimeArgument?

  @Option(
    help: ArgumentHelp(
      "When the guest's clocks begin, in seconds since 1970 (default: SOURCE_DATE_EPOCH, or 2020-01-01).",
      valueName: "seconds"), transform: EpochArgument.init)
  var epoch: EpochArgument?

  func validate() throws {
    if epoch != nil, time?.tick == nil, time != nil {
      throw ValidationError("--epoch says when virtual clocks begin: leave out --time real, or write --time advancing")
    }
  }

  /// - Parameter isVirtual: what holds unless the user says otherwise.
  func rule(isVirtual: Bool) throws -> ClockRule? {
    let tick = time == nil ? (isVirtual || epoch != nil ? ClockRule.usualTick : nil) : time?.tick
    guard let tick else { return nil }
    return ClockRule(epoch: try seconds() * 1_000_000_000, tick: tick)
  }

  /// The epoch, in seconds since 1970.
  func seconds() throws -> UInt64 {
    if let epoch { return epoch.seconds }
    // reproducible-builds.org: an empty one counts as none.
    guard let text = getenv("SOURCE_DATE_EPOCH").map({ String(cString: $0) }), !text.isEmpty else {
      return 1_577_836_800
    }
    guard let epoch = try? EpochArgument(text) else {
      throw ValidationError(
        "SOURCE_DATE_EPOCH is \(text), which is no time in the past: set it to seconds since 1970, or unset it")
    }
    return epoch.seconds
  }
}

/// `real`, `frozen`, or `advancing[:tick]`.
struct TimeArgument: ExpressibleByArgument {
  /// Nanoseconds; nil for the machine's time.
  let tick: UInt64?

  init?(argument: String) {
    switch argument {
    case "real": tick = nil
    case "frozen": tick = 0
    case "advancing": tick = ClockRule.usualTick
    default:
      guard argument.hasPrefix("advancing:"), let tick = UInt64(argument.dropFirst("advancing:".count)),
        (1...1_000_000_000).contains(tick)
      else { return nil }
      self.tick = tick
    }
  }
}

/// Seconds since 1970, not later than now.
struct EpochArgument {
  let seconds: UInt64

  init(_ argument: String) throws {
    let text = argument.hasPrefix("@") ? argument.dropFirst() : argument[...]
    guard let seconds = UInt64(text) else { throw ValidationError("write seconds since 1970, a whole number") }
    guard seconds <= UInt64(time(nil)) else { throw ValidationError("later than now no clock can begin") }
    self.seconds = seconds
  }
}
