import CLinux
import Glibc

/// How new pseudo-terminals look: as the host's do, whose administrator decides it by the options of /dev/pts (pts(4),
/// Documentation/filesystems/devpts.rst).
struct PseudoTerminals {
  var mode: UInt32 = 0o620
  /// nil if they belong to the group of who opens them.
  var group: UInt32? = 5

  init() {
    guard let file = fopen("/proc/self/mountinfo", "re") else { return }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    // The last mount covers those before it.
    while getline(&line, &capacity, file) > 0 { read(String(cString: line!)) }
  }

  /// - Parameter line: of proc_pid_mountinfo(5).
  private mutating func read(_ line: String) {
    let fields = line.utf8.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") })
    guard fields.count > 4, fields[4].elementsEqual("/dev/pts".utf8),
      let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 3 < fields.count,
      fields[dash + 1].elementsEqual("devpts".utf8)
    else { return }
    mode = 0o600
    group = nil
    for option in fields[dash + 3].split(separator: UInt8(ascii: ",")) {
      let text = String(decoding: option, as: UTF8.self)
      if text.hasPrefix("mode="), let value = UInt32(text.dropFirst(5), radix: 8) { mode = value & 0o777 }
      if text.hasPrefix("gid="), let value = UInt32(text.dropFirst(4)) { group = value }
    }
  }
}
