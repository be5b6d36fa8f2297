import CArchives
import SystemPackage

/// A digest that OpenSSL's libcrypto makes.
final class SHA256 {
  private var context: UnsafeMutableRawPointer?

  init() throws(ArchiveError) {
    context = uwrx_sha256_begin()
    guard context != nil else { throw ArchiveError("the library that checks digests is missing: install libssl3") }
  }

  deinit { if context != nil { _ = finish() } }

  func update(_ bytes: UnsafeRawBufferPointer) {
    _ = uwrx_sha256_update(context!, bytes.baseAddress, bytes.count)
  }

  /// The digest of a whole file.
  static func digest(of file: ArchiveFile) throws(ArchiveError) -> String {
    let context = try SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { buffer.deallocate() }
    var offset: Int64 = 0
    while true {
      let count: Int
      do throws(Errno) { count = try file.read(at: offset, into: buffer) } catch {
        throw ArchiveError("cannot read \(file.path): \(error)")
      }
      if count == 0 { return context.finish() }
      context.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += Int64(count)
    }
  }

  /// The digest in hexadecimal.
  func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let result = uwrx_sha256_finish(context!, &digest)
    context = nil
    return result == 0 ? digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() : ""
  }
}
