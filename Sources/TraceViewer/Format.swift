/// Quantities in few characters.
enum Format {
  /// At most 7 characters for all below 100 days.
  static func duration(_ nanoseconds: UInt64) -> String {
    let units: [(limit: UInt64, unit: UInt64, name: String)] = [
      (1000, 1, "ns"), (1_000_000, 1000, "us"), (1_000_000_000, 1_000_000, "ms"), (60_000_000_000, 1_000_000_000, "s"),
    ]
    for (limit, unit, name) in units where nanoseconds < limit {
      return unit == 1 ? "\(nanoseconds) \(name)" : significant(nanoseconds, unit) + " " + name
    }
    let seconds = nanoseconds / 1_000_000_000
    if seconds < 3600 { return "\(seconds / 60)m\(twoDigits(seconds % 60))s" }
    if seconds < 360_000 { return "\(seconds / 3600)h\(twoDigits(seconds / 60 % 60))m" }
    return "\(seconds / 86400)d\(twoDigits(seconds / 3600 % 24))h"
  }

  static func size(_ bytes: UInt64) -> String {
    if bytes < 1024 { return "\(bytes) B" }
    var unit = UInt64(1024)
    var names = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
    while bytes / unit >= 1024, names.count > 1 {
      unit *= 1024
      names.removeFirst()
    }
    return significant(bytes, unit) + " " + names.first!
  }

  static func count(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  /// `1,234,567`.
  static func grouped(_ number: Int) -> String {
    var digits = Array(String(number))
    var position = digits.count - 3
    while position > (number < 0 ? 1 : 0) {
      digits.insert(",", at: position)
      position -= 3
    }
    return String(digits)
  }

  /// Three digits, as `1.23`, `12.3` or `123`.
  private static func significant(_ value: UInt64, _ unit: UInt64) -> String {
    // The remainder of a larger one has no room to be multiplied.
    if unit > 1 << 50 { return significant(value >> 10, unit >> 10) }
    let whole = value / unit
    if whole >= 100 { return "\(whole)" }
    if whole >= 10 { return "\(whole).\(value % unit * 10 / unit)" }
    return "\(whole).\(twoDigits(value % unit * 100 / unit))"
  }

  static func twoDigits(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }

  /// `12:34:56.789` of the day, in UTC.
  static func timeOfDay(_ nanoseconds: UInt64) -> String {
    let seconds = nanoseconds / 1_000_000_000
    let milliseconds = String(1000 + nanoseconds / 1_000_000 % 1000).dropFirst()
    return "\(twoDigits(seconds / 3600 % 24)):\(twoDigits(seconds / 60 % 60)):\(twoDigits(seconds % 60)).\(milliseconds)"
  }
}

extension String {
  /// With spaces in front up to a width.
  func aligned(to width: Int) -> String { String(repeating: " ", count: max(0, width - Glyphs.width(self))) + self }

  /// With spaces behind up to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - Glyphs.width(self))) }

  /// At most so many cells of it, and whether that is less than all.
  func cut(to width: Int) -> (text: String, isCut: Bool) {
    var used = 0
    for index in unicodeScalars.indices {
      used += Glyphs.width(unicodeScalars[index])
      if used > width { return (String(unicodeScalars[..<index]), true) }
    }
    return (self, false)
  }
}
