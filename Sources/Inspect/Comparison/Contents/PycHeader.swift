/// Python's compiled modules: what they were made from stands in front (PEP 552).
enum PycHeader: ContentFormat {
  /// Magic numbers of Python 3.3 to what may come; from 3.7 on, flags follow.
  private static let magics: Range<UInt16> = 3200..<4200
  private static let firstWithFlags: UInt16 = 3390

  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= 16, bytes.piece(2, 2).elementsEqual([0x0d, 0x0a]) else { return false }
    return magics.contains(UInt16(bytes[bytes.startIndex]) | UInt16(bytes[bytes.startIndex + 1]) << 8)
  }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "pyc header")
    var reader = ByteReader(bytes)
    do throws(ContentLimit) {
      let magic = try reader.integer(UInt16.self)
      try reader.skip(2)
      let flags = magic >= firstWithFlags ? try reader.integer(UInt32.self) : 0
      anatomy.fields = [Anatomy.Field("magic", magic), Anatomy.Field("flags", flags)]
      if flags & 1 != 0 {
        anatomy.fields.append(Anatomy.Field("hash of the source", hexadecimal(try reader.take(8))))
      } else {
        anatomy.fields.append(Anatomy.Field("time of the source", time: Int64(try reader.integer(UInt32.self))))
        anatomy.fields.append(Anatomy.Field("size of the source", try reader.integer(UInt32.self)))
      }
    } catch { anatomy.limit = error }
    anatomy.parts = [
      Anatomy.Part(name: Array("pyc code".utf8), contents: { [rest = reader.rest] () throws(ContentLimit) in rest })
    ]
    return anatomy
  }
}
