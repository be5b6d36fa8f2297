import CLinux
import Glibc
import SystemPackage

/// What a file holds, looked at for what no question asks for.
struct FileBytes {
  private let file: FileDescriptor
  private let host: any HostFiles
  private static let windowSize = 1 << 18

  init(_ file: FileDescriptor, _ host: any HostFiles) {
    self.file = file
    self.host = host
  }

  /// Whether these bytes stand in it; not more than a page.
  func contain(_ bytes: [UInt8]) throws(Errno) -> Bool {
    let window = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.windowSize + bytes.count, alignment: 16)
    defer { window.deallocate() }
    var (kept, offset) = (0, 0)
    while true {
      let count = try host.read(
        file, at: offset, into: UnsafeMutableRawBufferPointer(rebasing: window[kept..<kept + Self.windowSize]))
      if count == 0 { return false }
      offset += count
      let filled = kept + count
      let isThere = bytes.withUnsafeBytes { uwrx_memmem(window.baseAddress!, filled, $0.baseAddress!, $0.count) } != nil
      if isThere { return true }
      // It may begin here and end in what follows.
      kept = min(filled, bytes.count - 1)
      memmove(window.baseAddress!, window.baseAddress! + filled - kept, kept)
    }
  }

  /// Whether it is an archive of ar(1) that tells when its members were modified. By default Debian's does not (ar(1), "D").
  func keepTimes() throws(Errno) -> Bool {
    let begin = try read(at: 0, Self.magic.count)
    guard begin == Self.magic || begin == Self.thinMagic else { return false }
    var offset = Self.magic.count
    while let header = try read(at: offset, Self.headerSize) {
      guard let date = Self.number(header[16..<28]), let size = Self.number(header[48..<58]) else { return true }
      if date != 0 { return true }
      let isTable =
        header[0] == UInt8(ascii: "/") && (header[1] == UInt8(ascii: " ") || header[1] == UInt8(ascii: "/"))
      // The members of a thin one stand elsewhere.
      let length = begin == Self.thinMagic && !isTable ? 0 : size
      offset += Self.headerSize + length + length % 2
    }
    return false
  }

  private static let magic = Array("!<arch>\n".utf8)
  private static let thinMagic = Array("!<thin>\n".utf8)
  /// struct ar_hdr of <ar.h>: 16 bytes of a name, 12 of a date, 6, 6 and 8 of owner and mode, 10 of a size, 2 of an ending.
  private static let headerSize = 60

  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.prefix { $0 != UInt8(ascii: " ") }
    // Tables of symbols have none. No offset gets too large.
    return digits.isEmpty ? 0 : UInt32(String(decoding: digits, as: UTF8.self)).map { Int($0) }
  }

  /// - Returns: nil at the end.
  private func read(at offset: Int, _ count: Int) throws(Errno) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let result: Result<Int, Errno> = bytes.withUnsafeMutableBytes { buffer in
      do throws(Errno) { return .success(try host.read(file, at: offset, into: buffer)) } catch {
        return .failure(error)
      }
    }
    return try result.get() == count ? bytes : nil
  }
}
