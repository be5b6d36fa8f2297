import Testing

@testable import Proxy

@Suite("The range of an answer")
struct ContentRangeTests {
  @Test(
    arguments: [
      ("bytes 0-0/1", 0..<1, 1), ("bytes 0-499/1234", 0..<500, 1234), ("bytes 1233-1233/1234", 1233..<1234, 1234),
    ] as [(String, Range<UInt64>, UInt64)])
  func isThatOfTheField(_ text: String, _ bytes: Range<UInt64>, _ total: UInt64) {
    #expect(ContentRange(Array(text.utf8)[...]) == ContentRange(bytes: bytes, total: total))
  }

  @Test(arguments: [
    "", "bytes", "bytes 0-1", "bytes 0-1/", "bytes 0-1/*", "bytes */1", "bytes 1-0/2", "bytes 0-2/2", "bytes -1/2",
    "bytes 0-/2",
    "bytes 0-1/2/3", "bytes 0-1-1/3", "items 0-1/2", "bytes 0-1/99999999999999999999", "bytes 0x0-1/2", "bytes  0-1/2",
  ])
  func isNone(_ text: String) { #expect(ContentRange(Array(text.utf8)[...]) == nil) }
}
