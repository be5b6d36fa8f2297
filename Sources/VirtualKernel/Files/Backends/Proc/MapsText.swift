import CLinux
import Glibc

/// What a file that is mapped is to the guest.
struct MappedFile {
  /// As in `00:21`.
  var device: String
  var number: UInt64
  /// Its path, or nothing for what the guest is not to know of.
  var name: [UInt8]
  /// The mapping is of this very file, not of one that stands behind it.
  var isItself: Bool
}

/// proc_pid_maps(5) and proc_pid_smaps(5): address, permissions, offset, device, inode, path. Device, inode and path of a file are made
/// those of the virtual tree.
enum MapsText {
  private struct Line {
    var fields: [ArraySlice<UInt8>]
    var path: ArraySlice<UInt8>
    var identity: HostIdentity
    var number: UInt64
  }

  /// The files that are mapped, each once.
  static func files(in text: [UInt8], while isWanted: () -> Bool) -> [HostIdentity] {
    var files: Set<HostIdentity> = []
    forEachFile(in: text, while: isWanted) { _, _, line in files.insert(line.identity) }
    return Array(files)
  }

  static func rewrite(_ text: [UInt8], _ files: [HostIdentity: MappedFile], while isWanted: () -> Bool) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var copied = 0
    forEachFile(in: text, while: isWanted) { range, line, parsed in
      result += text[copied..<range.lowerBound]
      result += rewrite(line, parsed, files[parsed.identity])
      copied = range.upperBound
    }
    result += text[copied...]
    return result
  }

  /// Calls `body` with the place of each line that names a file. Most lines of a large process name none.
  /// - Parameter isWanted: asked now and then whether to go on.
  private static func forEachFile(
    in text: [UInt8], while isWanted: () -> Bool, _ body: (Range<Int>, ArraySlice<UInt8>, Line) -> Void
  ) {
    var start = 0
    var count = 0
    while start < text.count {
      let (length, hasSlash) = text.withUnsafeBytes { bytes in
        let line = bytes.baseAddress! + start
        let rest = bytes.count - start
        let length = memchr(line, 0x0a, rest).map { UnsafeRawPointer($0) - line } ?? rest
        return (length, memchr(line, 0x2f, length) != nil)
      }
      if hasSlash {
        let line = text[start..<(start + length)]
        if let parsed = parse(line) { body(start..<(start + length), line, parsed) }
        count += 1
        if count % 1024 == 0, !isWanted() { return }
      }
      start += length + 1
    }
  }

  /// - Returns: nil for a line that names no file. The first five fields have no spaces; a line of smaps has a colon after its first word.
  private static func parse(_ line: ArraySlice<UInt8>) -> Line? {
    let fields = line.split(separator: 0x20, maxSplits: 5, omittingEmptySubsequences: true)
    guard fields.count == 6, fields[0].contains(UInt8(ascii: "-")),
      let slash = fields[5].firstIndex(of: UInt8(ascii: "/")),
      fields[5][..<slash].allSatisfy({ $0 == 0x20 })
    else { return nil }
    let numbers = fields[3].split(separator: UInt8(ascii: ":"))
    guard numbers.count == 2, let major = UInt32(String(decoding: numbers[0], as: UTF8.self), radix: 16),
      let minor = UInt32(String(decoding: numbers[1], as: UTF8.self), radix: 16),
      let number = UInt64(String(decoding: fields[4], as: UTF8.self))
    else { return nil }
    return Line(
      fields: fields, path: fields[5][slash...],
      identity: HostIdentity(device: uwrx_makedev(major, minor), inode: number), number: number)
  }

  private static func rewrite(_ line: ArraySlice<UInt8>, _ parsed: Line, _ file: MappedFile?) -> [UInt8] {
    let prefix = parsed.fields[0...2].joined(separator: [0x20])
    guard let file, !file.name.isEmpty else {
      let isAnonymous = ["/memfd:", "/dev/zero", "/SYSV", "/[aio]", "/anon_hugepage"].contains {
        parsed.path.starts(with: $0.utf8)
      }
      return isAnonymous ? Array(line) : Array(prefix) + " 00:00 \(parsed.number)".utf8
    }
    var text = Array(prefix) + " \(file.device) \(file.number) ".utf8
    // seq_file pads the path to column 73.
    while text.count < 73 { text.append(0x20) }
    text += file.name
    // A copy of a lower file has no name, which the guest is not to know.
    if file.isItself, parsed.path.reversed().starts(with: " (deleted)".utf8.reversed()) {
      text += Array(" (deleted)".utf8)
    }
    return text
  }
}
