import SystemPackage

/// Whether an archive of ar(1) tells when its members were modified, which no question asks for. By default Debian's does not (ar(1), "D").
enum ArchiveTimes {
  private static let magic = Array("!<arch>\n".utf8)
  private static let thinMagic = Array("!<thin>\n".utf8)
  /// ar_hdr of <ar.h>: 16 bytes of a name, 12 of a date, 6, 6 and 8 of owner and mode, 10 of a size, 2 of an ending.
  private static let headerSize = 60

  static func areKept(in file: FileDescriptor) -> Bool {
    guard let begin = read(file, at: 0, magic.count), begin == magic || begin == thinMagic else { return false }
    var offset = Int64(magic.count)
    while let header = read(file, at: offset, headerSize) {
      guard let date = number(header[16..<28]), let size = number(header[48..<58]) else { return true }
      if date != 0 { return true }
      let isSpecial =
        header[0] == UInt8(ascii: "/") && (header[1] == UInt8(ascii: " ") || header[1] == UInt8(ascii: "/"))
      // The members of a thin one stand elsewhere.
      let length = begin == thinMagic && !isSpecial ? 0 : size
      offset += Int64(headerSize) + length + length % 2
    }
    return false
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    let digits = field.prefix { $0 != UInt8(ascii: " ") }
    // Tables of symbols have none.
    return digits.isEmpty ? 0 : Int64(String(decoding: digits, as: UTF8.self))
  }

  /// - Returns: nil at the end.
  private static func read(_ file: FileDescriptor, at offset: Int64, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = bytes.withUnsafeMutableBytes { try? file.read(fromAbsoluteOffset: offset, into: $0) }
    return read == count ? bytes : nil
  }
}
