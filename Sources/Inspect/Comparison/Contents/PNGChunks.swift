/// Images: the chunks of PNG (ISO/IEC 15948).
enum PNGChunks: ContentFormat {
  private static let magic: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: magic) }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "PNG header")
    var reader = ByteReader(bytes, at: magic.count, isBigEndian: true)
    do throws(ContentLimit) {
      while !reader.isAtEnd {
        guard anatomy.parts.count < ContentBudget.mostParts else { throw ContentBudget.tooMany }
        let length = Int(try reader.integer(UInt32.self))
        let type = Array(try reader.take(4))
        let contents = try reader.take(length)
        // The sum differs where the contents do.
        try reader.skip(4)
        anatomy.parts.append(
          Anatomy.Part(name: Array("PNG ".utf8) + type, contents: { () throws(ContentLimit) in contents }))
        if type == Array("IEND".utf8), !reader.isAtEnd {
          anatomy.parts.append(
            Anatomy.Part(
              name: Array("behind the image".utf8),
              contents: { [rest = reader.rest] () throws(ContentLimit) in rest }, isFile: true))
          break
        }
      }
    } catch { anatomy.limit = error }
    return anatomy
  }
}
