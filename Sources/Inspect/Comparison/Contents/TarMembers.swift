/// tar archives: tar(5). What they say in each header, which is more than a file system would show.
enum TarMembers: ContentFormat {
  private static let blockSize = 512

  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
    let block = bytes.prefix(blockSize)
    return block.count == blockSize && hasChecksum(block)
  }

  /// The sum of the header's bytes, with spaces in the place of the sum.
  private static func hasChecksum(_ block: ArraySlice<UInt8>) -> Bool {
    guard let sum = block.piece(148, 8).number(radix: 8), block.contains(where: { $0 != 0 }) else { return false }
    var found = 8 * 0x20
    for (index, byte) in block.enumerated() where !(148..<156).contains(index) { found += Int(byte) }
    return found == sum
  }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "tar header")
    var reader = ByteReader(bytes)
    var extensions = Extensions()
    do throws(ContentLimit) {
      while !reader.isAtEnd {
        let block = try reader.take(blockSize)
        if block.allSatisfy({ $0 == 0 }) { break }
        guard hasChecksum(block) else { throw .damaged }
        guard anatomy.parts.count < ContentBudget.mostParts else { throw ContentBudget.tooMany }
        let type = block[block.startIndex + 156]
        let size = number(block.piece(124, 12))
        let isExtension = "xgLK".utf8.contains(type)
        let length = (isExtension ? nil : extensions.records["size"].flatMap { $0[...].number(radix: 10) }) ?? size
        // Of links and directories the size is none of contents.
        let contents = "123456".utf8.contains(type) ? [] : try reader.take(length)
        try? reader.skip((blockSize - contents.count % blockSize) % blockSize)
        if isExtension {
          extensions.take(type, contents)
          continue
        }
        anatomy.parts.append(part(block, type, contents, extensions.records))
        extensions.records = extensions.global
      }
    } catch { anatomy.limit = error }
    return anatomy
  }

  private static func part(
    _ block: ArraySlice<UInt8>, _ type: UInt8, _ contents: ArraySlice<UInt8>, _ records: [String: [UInt8]]
  ) -> Anatomy.Part {
    let isUnix = block.piece(257, 6).elementsEqual(Array("ustar\0".utf8))
    let prefix = isUnix ? block.piece(345, 155).untilNUL : []
    let name = (prefix.isEmpty ? [] : prefix + [UInt8(ascii: "/")]) + block.prefix(100).untilNUL
    func text(_ key: String, _ offset: Int, _ count: Int) -> [UInt8] {
      records[key] ?? block.piece(offset, count).untilNUL
    }
    var fields = [
      Anatomy.Field("type", type == 0 ? [UInt8(ascii: "0")] : [type]),
      Anatomy.Field("mode", number(block.piece(100, 8)), radix: 8),
      Anatomy.Field("user", records["uid"] ?? Array(String(number(block.piece(108, 8))).utf8)),
      Anatomy.Field("group", records["gid"] ?? Array(String(number(block.piece(116, 8))).utf8)),
      records["mtime"].map { Anatomy.Field("time", $0) }
        ?? Anatomy.Field("time", time: Int64(number(block.piece(136, 12)))),
      Anatomy.Field("target", text("linkpath", 157, 100)),
      Anatomy.Field("user name", text("uname", 265, 32)), Anatomy.Field("group name", text("gname", 297, 32)),
    ]
    let known: Set = ["path", "linkpath", "size", "uid", "gid", "mtime", "uname", "gname"]
    for (key, value) in records.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
      fields.append(Anatomy.Field(key, value))
    }
    return Anatomy.Part(
      name: records["path"] ?? name, fields: fields, contents: { () throws(ContentLimit) in contents }, isFile: true)
  }

  /// In octal digits, or in bytes if the first bit is set, as GNU tar does.
  private static func number(_ field: ArraySlice<UInt8>) -> Int {
    guard let first = field.first, first & 0x80 != 0 else { return field.number(radix: 8) ?? 0 }
    let isNegative = first & 0x40 != 0
    let value = field.dropFirst().suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return isNegative ? Int(Int64(bitPattern: value)) : Int(clamping: value)
  }

  /// What headers before that of a file say of it.
  private struct Extensions {
    /// Those for all that follow are told of with each.
    private let mostRecords = 64
    var records: [String: [UInt8]] = [:]
    /// Of all that follow.
    var global: [String: [UInt8]] = [:]

    mutating func take(_ type: UInt8, _ contents: ArraySlice<UInt8>) {
      switch type {
      case UInt8(ascii: "L"): records["path"] = contents.untilNUL
      case UInt8(ascii: "K"): records["linkpath"] = contents.untilNUL
      default:
        // "27 path=name\n": the length is that of all of it.
        var reader = ByteReader(contents)
        while let digits = try? reader.take(until: 0x20), let length = digits.number(radix: 10), length > 0,
          let record = try? reader.take(length - digits.count - 1),
          let equals = record.firstIndex(of: UInt8(ascii: "="))
        {
          let key = String(decoding: record[..<equals], as: UTF8.self)
          let value = Array(record[(equals + 1)...].dropLast())
          guard records.count < mostRecords else { return }
          records[key] = value
          if type == UInt8(ascii: "g") { global[key] = value }
        }
      }
    }
  }
}
