import Glibc

/// Times of day in UTC.
public enum WallClock {
  /// `2026-01-31T12:34:56.123456Z`.
  /// - Parameter nanoseconds: since 1970.
  public static func text(_ nanoseconds: UInt64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "?" }
    func digits(_ value: some BinaryInteger, _ count: Int) -> String {
      let text = "\(value)"
      return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    return digits(Int(parts.tm_year) + 1900, 4) + "-" + digits(parts.tm_mon + 1, 2) + "-" + digits(parts.tm_mday, 2)
      + "T"
      + digits(parts.tm_hour, 2) + ":" + digits(parts.tm_min, 2) + ":" + digits(parts.tm_sec, 2) + "."
      + digits(nanoseconds % 1_000_000_000 / 1000, 6) + "Z"
  }
}
