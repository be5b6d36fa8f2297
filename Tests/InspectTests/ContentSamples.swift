import CZlib
import Foundation

/// Small files of each format, made by hand.
enum ContentSamples {
  static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  private static func big(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }

  private static func padded(_ text: String, _ length: Int, _ filler: UInt8 = 0x20) -> [UInt8] {
    bytes(text) + [UInt8](repeating: filler, count: max(0, length - text.utf8.count))
  }

  // MARK: Archives

  struct Member {
    var name: String
    var contents: [UInt8]
    var time = 0
    var mode = 0o644
    var target = ""
    /// Of tar: "0" for a file, "x" for what the next member is said to be.
    var type = "0"

    init(_ name: String, _ contents: String, time: Int = 0, mode: Int = 0o644) {
      self.init(name, bytes(contents), time: time, mode: mode)
    }

    init(_ name: String, _ contents: [UInt8], time: Int = 0, mode: Int = 0o644) {
      self.name = name
      self.contents = contents
      self.time = time
      self.mode = mode
    }
  }

  static func ar(_ members: [Member]) -> [UInt8] {
    members.reduce(into: bytes("!<arch>\n")) { file, member in
      file += padded(member.name + "/", 16) + padded(String(member.time), 12) + padded("0", 6) + padded("0", 6)
      file += padded(String(0o100000 | member.mode, radix: 8), 8) + padded(String(member.contents.count), 10)
      file += [0x60, 0x0a] + member.contents
      if member.contents.count % 2 == 1 { file.append(0x0a) }
    }
  }

  /// A header of tar's that says more of the next member.
  static func extended(_ type: String, _ contents: String) -> Member {
    var member = Member("more", contents)
    member.type = type
    return member
  }

  static func link(_ name: String, to target: String) -> Member {
    var member = Member(name, "")
    member.target = target
    return member
  }

  static func tar(_ members: [Member]) -> [UInt8] {
    func octal(_ value: Int, _ length: Int) -> [UInt8] {
      let digits = String(value, radix: 8)
      return bytes(String(repeating: "0", count: length - 1 - digits.utf8.count) + digits) + [0]
    }
    let file = members.reduce(into: [UInt8]()) { file, member in
      var header = padded(member.name, 100, 0) + octal(member.mode, 8) + octal(0, 8) + octal(0, 8)
      header += octal(member.contents.count, 12) + octal(member.time, 12) + bytes("        ")
      header += bytes(member.target.isEmpty ? member.type : "2") + padded(member.target, 100, 0)
      header += bytes("ustar\u{0}00") + padded("root", 32, 0) + padded("root", 32, 0)
      header += [UInt8](repeating: 0, count: 512 - header.count)
      let sum = header.reduce(0) { $0 + Int($1) }
      header.replaceSubrange(148..<156, with: octal(sum, 7) + [0x20])
      file += header + member.contents + [UInt8](repeating: 0, count: (512 - member.contents.count % 512) % 512)
    }
    return file + [UInt8](repeating: 0, count: 1024)
  }

  static func gzip(_ contents: [UInt8], time: UInt32 = 0, name: String = "", level: Int32 = 6) -> [UInt8] {
    var file: [UInt8] = [0x1f, 0x8b, 8, name.isEmpty ? 0 : 8] + little(time) + [0, 3]
    if !name.isEmpty { file += bytes(name) + [0] }
    return file + deflate(contents, level: level) + little(checksum(contents)) + little(UInt32(contents.count))
  }

  static func zip(_ members: [Member], comment: String = "") -> [UInt8] {
    var (file, directory): ([UInt8], [UInt8]) = ([], [])
    for member in members {
      let packed = deflate(member.contents)
      let time = little(UInt16(member.time)) + little(UInt16(0x5a21))
      let common =
        little(UInt16(0)) + little(UInt16(8)) + time + little(checksum(member.contents))
        + little(UInt32(packed.count)) + little(UInt32(member.contents.count))
        + little(UInt16(member.name.utf8.count)) + little(UInt16(0))
      directory += [0x50, 0x4b, 1, 2, 20, 3, 20, 0] + common + little(UInt16(0)) + little(UInt32(0))
      directory += little(UInt32(0o100000 | member.mode) << 16) + little(UInt32(file.count)) + bytes(member.name)
      file += [0x50, 0x4b, 3, 4, 20, 0] + common + bytes(member.name) + packed
    }
    let (count, start) = (little(UInt16(members.count)), little(UInt32(file.count)))
    return file + directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + count + count + little(UInt32(directory.count)) + start
      + little(UInt16(comment.utf8.count)) + bytes(comment)
  }

  private static func checksum(_ contents: [UInt8]) -> UInt32 {
    contents.withUnsafeBufferPointer { UInt32(crc32(0, $0.baseAddress, UInt32($0.count))) }
  }

  private static func deflate(_ contents: [UInt8], level: Int32 = 6) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
      &stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(contents.count))))
    var input = contents
    let count = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
        (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
        CZlib.deflate(&stream, Z_FINISH)
        return output.count - Int(stream.avail_out)
      }
    }
    return Array(output.prefix(count))
  }

  // MARK: Others

  static func elf(_ sections: [(name: String, contents: [UInt8])], entry: UInt64 = 0x1000) -> [UInt8] {
    var names: [UInt8] = [0]
    var (body, table): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 64))
    func add(_ name: String, _ contents: [UInt8]) {
      let place = names.count
      names += bytes(name) + [0]
      let all = name == ".shstrtab" ? names : contents
      table += little(UInt32(place)) + little(UInt32(1)) + little(UInt64(2)) + little(UInt64(0))
      table += little(UInt64(64 + body.count)) + little(UInt64(all.count)) + little(UInt64(0)) + little(UInt64(1))
      table += little(UInt64(0))
      body += all
    }
    for section in sections { add(section.name, section.contents) }
    add(".shstrtab", [])
    var header: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    header += little(UInt16(2)) + little(UInt16(62)) + little(UInt32(1)) + little(entry) + little(UInt64(0))
    header += little(UInt64(64 + body.count)) + little(UInt32(0)) + little(UInt16(64)) + little(UInt16(56))
    header += little(UInt16(0)) + little(UInt16(64)) + little(UInt16(sections.count + 2))
    header += little(UInt16(sections.count + 1))
    return header + body + table
  }

  static func pyc(time: UInt32, size: UInt32, code: String) -> [UInt8] {
    little(UInt16(3495)) + [0x0d, 0x0a] + little(UInt32(0)) + little(time) + little(size) + bytes(code)
  }

  static func pyc(hash: UInt64, code: String) -> [UInt8] {
    little(UInt16(3495)) + [0x0d, 0x0a] + little(UInt32(1)) + little(hash) + bytes(code)
  }

  static func png(_ chunks: [(type: String, contents: [UInt8])]) -> [UInt8] {
    chunks.reduce(into: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) { file, chunk in
      file += big(UInt32(chunk.contents.count)) + bytes(chunk.type) + chunk.contents
      file += big(checksum(bytes(chunk.type) + chunk.contents))
    }
  }

  /// "hello" or "world", each with its newline.
  static let packed: [String: (hello: [UInt8], world: [UInt8])] = [
    "xz": (
      decode("/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAAAApWCX8ZT2/eAAAR4GwS+kHR+2830BAAAAAARZWg=="),
      decode("/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFd29ybGQKAAAAYlxi+c8YYcAAAR4GwS+kHR+2830BAAAAAARZWg==")
    ),
    "bzip2": (
      decode("QlpoOTFBWSZTWcHAgOIAAAFBAAAQAkSgADDNAMNGKZcXckU4UJDBwIDi"),
      decode("QlpoOTFBWSZTWQpYBpUAAALBgAAQBASQgCAAIhhoMAToGF3JFOFCQClgGlQ=")
    ),
    "zstd": (decode("KLUv/QRYMQAAaGVsbG8KU4i9kQ=="), decode("KLUv/QRYMQAAd29ybGQKqm5Wnw==")),
  ]

  private static func decode(_ base64: String) -> [UInt8] { Array(Data(base64Encoded: base64)!) }
}
