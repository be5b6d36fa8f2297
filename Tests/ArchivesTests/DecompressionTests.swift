import Foundation
import Glibc
import Testing

@testable import Archives

@Suite("Decompression")
struct DecompressionTests {
  /// "hello\n".
  private static let packed = [UInt8](
    Data(base64Encoded: "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAAAApWCX8ZT2/eAAAR4GwS+kHR+2830BAAAAAARZWg==")!)

  @Test("has the memory it needs in a process that has much already")
  func inALargeProcess() throws {
    // More than the child is given of its own.
    let size = 3 << 30
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let memory = try #require(mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0))
    #expect(memory != MAP_FAILED)
    defer { munmap(memory, size) }
    #expect(try Decompression.decompress(Self.packed[...], limit: 100) == Array("hello\n".utf8))
  }

  @Test("works in threads at the same time, the first ones too")
  func concurrently() async {
    await withTaskGroup { group in
      for _ in 0..<8 { group.addTask { try? Decompression.decompress(Self.packed[...], limit: 100) } }
      for await bytes in group { #expect(bytes == Array("hello\n".utf8)) }
    }
  }

  @Test("ends at the limit")
  func limit() throws {
    #expect(try Decompression.decompress(Self.packed[...], limit: 6)?.count == 6)
    #expect(try Decompression.decompress(Self.packed[...], limit: 5) == nil)
  }
}
