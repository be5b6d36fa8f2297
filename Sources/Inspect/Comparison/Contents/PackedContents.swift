import Archives

/// What xz, bzip2 and zstd have compressed.
enum PackedContents: ContentFormat {
  private static let magics: [[UInt8]] = [
    [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], Array("BZh".utf8), [0x28, 0xb5, 0x2f, 0xfd],
  ]

  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool { magics.contains { bytes.starts(with: $0) } }

  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy {
    Anatomy(parts: [
      Anatomy.Part(
        name: [],
        contents: { () throws(ContentLimit) in
          try budget.unpack { limit throws(ContentLimit) in
            let unpacked: [UInt8]?
            do throws(ArchiveError) { unpacked = try Decompression.decompress(bytes, limit: limit) } catch {
              throw ContentLimit(error.description, spent: ContentBudget.largest / 4)
            }
            guard let unpacked else { throw ContentBudget.tooMuch }
            return unpacked
          }
        }, isFile: true)
    ])
  }
}
