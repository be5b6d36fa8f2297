/// Quantities as a person reads them, with three digits.
public enum Units {
  /// `950ns`, `12.3us`, `4.56ms`, `1.23s`, `2m03s`, `1h02m`.
  public static func duration(_ nanoseconds: UInt64) -> String {
    switch nanoseconds {
    case ..<1000: return "\(nanoseconds)ns"
    case ..<1_000_000: return significant(nanoseconds, unit: 1000) + "us"
    case ..<1_000_000_000: return significant(nanoseconds, unit: 1_000_000) + "ms"
    case ..<60_000_000_000: return significant(nanoseconds, unit: 1_000_000_000) + "s"
    default:
      let seconds = nanoseconds / 1_000_000_000
      if seconds < 3600 { return "\(seconds / 60)m\(twoDigits(seconds % 60))s" }
      return "\(seconds / 3600)h\(twoDigits(seconds % 3600 / 60))m"
    }
  }

  /// `532B`, `12.3K`, `4.56M`, `1.23G`, in powers of 1024.
  public static func bytes(_ count: UInt64) -> String {
    switch count {
    case ..<1024: return "\(count)B"
    case ..<(1 << 20): return significant(count, unit: 1 << 10) + "K"
    case ..<(1 << 30): return significant(count, unit: 1 << 20) + "M"
    case ..<(1 << 50): return significant(count, unit: 1 << 30) + "G"
    default: return "\(count >> 30)G"
    }
  }

  /// Seconds with microseconds: `12.345678`.
  public static func seconds(_ nanoseconds: Int64) -> String {
    let microseconds = nanoseconds.magnitude / 1000
    let fraction = String(microseconds % 1_000_000)
    return (nanoseconds < 0 ? "-" : "") + "\(microseconds / 1_000_000)."
      + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
  }

  private static func significant(_ value: UInt64, unit: UInt64) -> String {
    let hundredths = value / unit * 100 + value % unit * 100 / unit
    if hundredths >= 10000 { return "\(hundredths / 100)" }
    if hundredths >= 1000 { return "\(hundredths / 100).\(hundredths % 100 / 10)" }
    return "\(hundredths / 100).\(twoDigits(hundredths % 100))"
  }

  private static func twoDigits(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
