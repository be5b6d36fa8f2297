/// What gzip has compressed, and what its header says: RFC 1952.
enum GzipContents: ContentFormat {
  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: [0x1f, 0x8b, 8]) }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "gzip header")
    var reader = ByteReader(bytes)
    do throws(ContentLimit) {
      try reader.skip(3)
      let flags = try reader.integer(UInt8.self)
      let time = try reader.integer(UInt32.self)
      anatomy.fields = [
        Anatomy.Field("flags", flags, radix: 16), Anatomy.Field("time", time: Int64(time)),
        Anatomy.Field("level", try reader.integer(UInt8.self)), Anatomy.Field("system", try reader.integer(UInt8.self)),
      ]
      if flags & 4 != 0 {
        let length = Int(try reader.integer(UInt16.self))
        anatomy.fields.append(Anatomy.Field("extra", hexadecimal(try reader.take(length))))
      }
      for (bit, name) in [(UInt8(8), "name"), (16, "comment")] where flags & bit != 0 {
        anatomy.fields.append(Anatomy.Field(name, Array(try reader.take(until: 0))))
      }
    } catch { anatomy.limit = error }
    anatomy.parts = [
      Anatomy.Part(
        name: [],
        contents: { () throws(ContentLimit) in
          try budget.unpack { limit throws(ContentLimit) in try Inflation.gzip(bytes, limit: limit) }
        }, isFile: true)
    ]
    return anatomy
  }
}

/// The first bytes in hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>, limit: Int = 64) -> [UInt8] {
  let digits = Array("0123456789abcdef".utf8)
  return bytes.prefix(limit).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
}
