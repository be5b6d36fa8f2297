/// Programs, libraries and object files: elf(5).
enum ELFSections: ContentFormat {
  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

  private struct Section {
    var name: UInt32
    var type: UInt32
    var flags: UInt64
    var offset: UInt64
    var size: UInt64
    var link: UInt32
  }

  /// A section without contents in the file, such as .bss.
  private static let noBits: UInt32 = 8

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    var anatomy = Anatomy(header: "ELF header")
    do throws(ContentLimit) {
      var reader = ByteReader(bytes, at: 4)
      let (width, order) = (try reader.integer(UInt8.self), try reader.integer(UInt8.self))
      guard [1, 2].contains(width), [1, 2].contains(order) else { throw .damaged }
      reader = ByteReader(bytes, at: 7, isBigEndian: order == 2)
      let system = try reader.integer(UInt8.self)
      try reader.skip(8)
      let (type, machine) = (try reader.integer(UInt16.self), try reader.integer(UInt16.self))
      try reader.skip(4)
      let is64 = width == 2
      let entry = try word(&reader, is64)
      _ = try word(&reader, is64)
      let table = try word(&reader, is64)
      let flags = try reader.integer(UInt32.self)
      try reader.skip(6)
      anatomy.fields = [
        Anatomy.Field("class", is64 ? "64 bits" : "32 bits"), Anatomy.Field("byte order", order),
        Anatomy.Field("system", system), Anatomy.Field("type", type), Anatomy.Field("machine", machine),
        Anatomy.Field("flags", flags, radix: 16), Anatomy.Field("entry", entry, radix: 16),
      ]
      let (size, count, names) = (
        try reader.integer(UInt16.self), try reader.integer(UInt16.self), try reader.integer(UInt16.self)
      )
      if table == 0 { return anatomy }
      let sections = try sections(
        bytes, at: table, size: Int(size), count: Int(count), is64: is64, isBigEndian: order == 2)
      // More than 16 bits can tell stand in the first.
      let index = names == UInt16.max ? Int(sections.first?.link ?? 0) : Int(names)
      let texts = sections.indices.contains(index) ? contents(sections[index], bytes) ?? [] : []
      anatomy.parts = sections.dropFirst().map { section in
        let name = texts.dropFirst(Int(section.name)).prefix(ContentBudget.longestName).untilNUL
        let contents = section.type == noBits ? [] : contents(section, bytes)
        var fields = [
          Anatomy.Field("type", section.type), Anatomy.Field("flags", section.flags, radix: 16),
        ]
        if section.type == noBits { fields.append(Anatomy.Field("size", section.size)) }
        return Anatomy.Part(
          name: Array("ELF ".utf8) + name, fields: fields,
          contents: { () throws(ContentLimit) in
            guard let contents else { throw ContentLimit("it ends behind the file") }
            return contents
          })
      }
    } catch { anatomy.limit = error }
    return anatomy
  }

  private static func word(_ reader: inout ByteReader, _ is64: Bool) throws(ContentLimit) -> UInt64 {
    is64 ? try reader.integer(UInt64.self) : UInt64(try reader.integer(UInt32.self))
  }

  private static func sections(
    _ bytes: ArraySlice<UInt8>, at table: UInt64, size: Int, count: Int, is64: Bool, isBigEndian: Bool
  ) throws(ContentLimit) -> [Section] {
    guard size >= (is64 ? 64 : 40), table <= UInt64(bytes.count) else { throw .damaged }
    var reader = ByteReader(bytes, at: Int(table), isBigEndian: isBigEndian)
    var sections: [Section] = []
    var wanted = max(1, count)
    while sections.count < wanted {
      guard sections.count < ContentBudget.mostParts else { throw ContentBudget.tooMany }
      var entry = ByteReader(try reader.take(size), isBigEndian: isBigEndian)
      let (name, type) = (try entry.integer(UInt32.self), try entry.integer(UInt32.self))
      let flags = try word(&entry, is64)
      _ = try word(&entry, is64)
      let (offset, length) = (try word(&entry, is64), try word(&entry, is64))
      let link = try entry.integer(UInt32.self)
      sections.append(Section(name: name, type: type, flags: flags, offset: offset, size: length, link: link))
      if count == 0, sections.count == 1 { wanted = max(1, Int(clamping: length)) }
    }
    return sections
  }

  private static func contents(_ section: Section, _ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard section.offset <= UInt64(bytes.count) else { return nil }
    var reader = ByteReader(bytes, at: Int(section.offset))
    return try? reader.take(section.size)
  }
}
