import Glibc

/// The lines of /proc/<tid>/status: a label, and numbers between tabs.
struct StatusLines {
  let text: UnsafeRawBufferPointer

  /// The last number of a line: for a list of ids by pid namespace, the innermost.
  func last(_ label: StaticString, base: Int32 = 10) -> Int32? {
    let size = label.utf8CodeUnitCount
    var start = 0
    while start + size < text.count {
      let line = text.baseAddress! + start
      let length = memchr(line, 0x0a, text.count - start).map { UnsafeRawPointer($0) - line } ?? text.count - start
      if length > size, memcmp(line, label.utf8Start, size) == 0 { return number(atEndOf: line, size, length, base) }
      start += length + 1
    }
    return nil
  }

  private func number(atEndOf line: UnsafeRawPointer, _ labelSize: Int, _ length: Int, _ base: Int32) -> Int32? {
    var value: Int32 = 0
    var factor: Int32 = 1
    var position = length - 1
    while position >= labelSize {
      let digit = Int32(line.load(fromByteOffset: position, as: UInt8.self)) - 0x30
      guard digit >= 0, digit < base else { break }
      value &+= digit &* factor
      factor &*= base
      position -= 1
    }
    return position == length - 1 ? nil : value
  }
}
