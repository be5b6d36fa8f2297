/// zip archives, such as jar files and wheels: what the directory at the end says, and the members' contents (APPNOTE.TXT of PKWARE).
enum ZipMembers: ContentFormat {
  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.starts(with: [0x50, 0x4b, 3, 4]) || bytes.starts(with: [0x50, 0x4b, 5, 6])
  }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "zip header")
    do throws(ContentLimit) {
      guard let end = endOfDirectory(bytes) else { throw ContentLimit("it has no directory at its end") }
      var reader = ByteReader(bytes, at: end + 16)
      var offset = Int(try reader.integer(UInt32.self))
      anatomy.fields = [Anatomy.Field("comment", Array(try reader.take(Int(try reader.integer(UInt16.self)))))]
      if offset == Int(UInt32.max), let large = largeOffset(bytes, before: end) { offset = large }
      var directory = ByteReader(bytes, at: offset)
      while directory.rest.starts(with: [0x50, 0x4b, 1, 2]) {
        guard anatomy.parts.count < ContentBudget.mostParts else { throw ContentBudget.tooMany }
        anatomy.parts.append(try part(&directory, bytes, budget))
      }
    } catch { anatomy.limit = error }
    return anatomy
  }

  /// The last of its kind; a comment of up to 64 KiB may follow.
  private static func endOfDirectory(_ bytes: ArraySlice<UInt8>) -> Int? {
    var offset = bytes.count - 22
    let lowest = max(0, offset - Int(UInt16.max))
    while offset >= lowest {
      if bytes[bytes.startIndex + offset] == 0x50, bytes.dropFirst(offset).starts(with: [0x50, 0x4b, 5, 6]) {
        return offset
      }
      offset -= 1
    }
    return nil
  }

  private static func largeOffset(_ bytes: ArraySlice<UInt8>, before end: Int) -> Int? {
    var locator = ByteReader(bytes, at: end - 20)
    guard end >= 20, (try? locator.integer(UInt32.self)) == 0x0706_4b50, (try? locator.skip(4)) != nil,
      let place = try? locator.integer(UInt64.self)
    else { return nil }
    var record = ByteReader(bytes, at: Int(clamping: place))
    guard (try? record.skip(48)) != nil, let offset = try? record.integer(UInt64.self) else { return nil }
    return Int(clamping: offset)
  }

  private static func part(
    _ directory: inout ByteReader, _ bytes: ArraySlice<UInt8>, _ budget: ContentBudget
  ) throws(ContentLimit) -> Anatomy.Part {
    var fixed = ByteReader(try directory.take(46), at: 4)
    let version = try fixed.integer(UInt16.self)
    try fixed.skip(2)
    let flags = try fixed.integer(UInt16.self)
    let method = try fixed.integer(UInt16.self)
    let (time, date) = (try fixed.integer(UInt16.self), try fixed.integer(UInt16.self))
    try fixed.skip(4)
    let (packed, size) = (UInt64(try fixed.integer(UInt32.self)), UInt64(try fixed.integer(UInt32.self)))
    let lengths = (
      Int(try fixed.integer(UInt16.self)), Int(try fixed.integer(UInt16.self)), Int(try fixed.integer(UInt16.self))
    )
    try fixed.skip(4)
    let attributes = try fixed.integer(UInt32.self)
    var sizes = [size, packed, UInt64(try fixed.integer(UInt32.self))]
    let name = Array(try directory.take(lengths.0))
    let extra = try directory.take(lengths.1)
    let comment = Array(try directory.take(lengths.2))
    enlarge(&sizes, extra)
    var fields = [
      Anatomy.Field("time", dosTime(time, date)), Anatomy.Field("mode", attributes >> 16, radix: 8),
      Anatomy.Field("attributes", attributes & 0xffff, radix: 16), Anatomy.Field("method", method),
      Anatomy.Field("flags", flags, radix: 16), Anatomy.Field("made by", version, radix: 16),
      Anatomy.Field("extra", hexadecimal(extra)), Anatomy.Field("comment", comment),
    ]
    var local = ByteReader(bytes, at: Int(clamping: sizes[2]))
    try? local.skip(26)
    if let nameLength = try? local.integer(UInt16.self), let extraLength = try? local.integer(UInt16.self),
      (try? local.skip(Int(nameLength))) != nil, let own = try? local.take(Int(extraLength))
    {
      fields.append(Anatomy.Field("own extra", hexadecimal(own)))
    }
    let packedContents = try? local.take(sizes[1])
    return Anatomy.Part(
      name: name, fields: fields, packed: packedContents,
      contents: { () throws(ContentLimit) in
        guard let contents = packedContents else { throw ContentLimit("it ends behind the archive") }
        guard flags & 1 == 0 else { throw ContentLimit("it is encrypted") }
        switch method {
        case 0: return contents
        case 8:
          return try budget.unpack { limit throws(ContentLimit) in try Inflation.raw(contents, limit: limit) }
        default: throw ContentLimit("it is compressed by method \(method), which is not known")
        }
      }, isFile: true)
  }

  /// Sizes and offset that 32 bits cannot tell stand in an extra field, in this order.
  private static func enlarge(_ values: inout [UInt64], _ extra: ArraySlice<UInt8>) {
    var reader = ByteReader(extra)
    while let id = try? reader.integer(UInt16.self), let length = try? reader.integer(UInt16.self),
      let contents = try? reader.take(Int(length))
    {
      guard id == 1 else { continue }
      var large = ByteReader(contents)
      for index in values.indices where values[index] == UInt64(UInt32.max) {
        if let value = try? large.integer(UInt64.self) { values[index] = value }
      }
    }
  }

  private static func dosTime(_ time: UInt16, _ date: UInt16) -> String {
    func two(_ value: UInt16) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(1980 + date >> 9)-\(two(date >> 5 & 15))-\(two(date & 31)) "
      + "\(two(time >> 11)):\(two(time >> 5 & 63)):\(two(time & 31 * 2))"
  }
}
