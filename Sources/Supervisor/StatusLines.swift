import Glibc

/// The lines of /proc/<tid>/status: a label, and numbers between tabs.
struct StatusLines {
  let text: UnsafeRawBufferPointer

  /// The last number of a line: for a list of ids by pid namespace, the innermost.
  func last(_ label: StaticString, base: Int32 = 10) -> Int32? {
    line(label).flatMap { number(atEndOf: $0, base) }
  }

  /// The number of a line that ends in ` kB`.
  func kibibytes(_ label: StaticString) -> UInt64? {
    let digits = line(label)?.filter { $0 >= 0x30 && $0 <= 0x39 } ?? []
    return digits.isEmpty ? nil : digits.reduce(0) { $0 &* 10 &+ UInt64($1 - 0x30) }
  }

  /// The hexadecimal number of a line.
  func mask(_ label: StaticString) -> UInt64? {
    line(label).flatMap { UInt64(String(decoding: $0.filter { $0 > 0x20 }, as: UTF8.self), radix: 16) }
  }

  /// What follows a label up to the end of its line.
  private func line(_ label: StaticString) -> UnsafeRawBufferPointer? {
    let size = label.utf8CodeUnitCount
    var start = 0
    while start + size < text.count {
      let line = text.baseAddress! + start
      let length = memchr(line, 0x0a, text.count - start).map { UnsafeRawPointer($0) - line } ?? text.count - start
      if length > size, memcmp(line, label.utf8Start, size) == 0 {
        return UnsafeRawBufferPointer(start: line + size, count: length - size)
      }
      start += length + 1
    }
    return nil
  }

  private func number(atEndOf line: UnsafeRawBufferPointer, _ base: Int32) -> Int32? {
    var value: Int32 = 0
    var factor: Int32 = 1
    var position = line.count - 1
    while position >= 0 {
      let digit = Int32(line[position]) - 0x30
      guard digit >= 0, digit < base else { break }
      value &+= digit &* factor
      factor &*= base
      position -= 1
    }
    return position == line.count - 1 ? nil : value
  }
}
