/// Archives of `ar`, such as static libraries and Debian's packages: ar(5).
enum ArMembers: ContentFormat {
  private static let magic = Array("!<arch>\n".utf8)
  private static let thinMagic = Array("!<thin>\n".utf8)

  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.starts(with: magic) || bytes.starts(with: thinMagic)
  }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "ar header")
    let isThin = bytes.starts(with: thinMagic)
    anatomy.fields = [Anatomy.Field("kind", isThin ? "thin" : "archive")]
    var names: ArraySlice<UInt8> = []
    var reader = ByteReader(bytes, at: magic.count)
    do throws(ContentLimit) {
      while !reader.isAtEnd {
        guard anatomy.parts.count < ContentBudget.mostParts else { throw ContentBudget.tooMany }
        let header = try reader.take(60)
        guard header.suffix(2) == [0x60, 0x0a], let size = header.piece(48, 10).number(radix: 10), size >= 0 else {
          throw .damaged
        }
        var name = trimmed(header.prefix(16))
        let isTable = ["/", "//", "/SYM64/"].contains { name == Array($0.utf8) }
        var contents = isThin && !isTable ? [] : try reader.take(size)
        if name == Array("//".utf8) { names = contents }
        if name.starts(with: "#1/".utf8), let length = name[3...].number(radix: 10) {
          name = contents.prefix(max(0, length)).untilNUL
          contents = contents.dropFirst(max(0, length))
        } else if name.first == UInt8(ascii: "/"), let offset = name[1...].number(radix: 10) {
          name = Array(
            names.piece(offset, min(names.count, ContentBudget.longestName)).prefix { $0 != 0x0a && $0 != 0 })
        }
        if name.count > 1, name.last == UInt8(ascii: "/"), !isTable { name.removeLast() }
        if name == Array("/".utf8) || name == Array("/SYM64/".utf8) { name = Array("symbol table".utf8) }
        let fields = [
          Anatomy.Field("time", time: Int64(header.piece(16, 12).number(radix: 10) ?? 0)),
          Anatomy.Field("user", trimmed(header.piece(28, 6))), Anatomy.Field("group", trimmed(header.piece(34, 6))),
          Anatomy.Field("mode", trimmed(header.piece(40, 8))),
        ]
        anatomy.parts.append(
          Anatomy.Part(
            name: name, fields: fields, contents: { [contents] () throws(ContentLimit) in contents },
            isFile: !isTable))
        if size & 1 == 1, !reader.isAtEnd, !isThin || isTable { try reader.skip(1) }
      }
    } catch { anatomy.limit = error }
    return anatomy
  }

  private static func trimmed(_ field: ArraySlice<UInt8>) -> [UInt8] {
    var field = field
    while field.last == 0x20 { field.removeLast() }
    return Array(field)
  }
}
