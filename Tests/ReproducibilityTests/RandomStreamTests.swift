import Testing

@testable import Reproducibility

@Suite("The random stream")
struct RandomStreamTests {
  private func bytes(_ stream: inout RandomStream, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { stream.fill($0) }
    return bytes
  }

  /// RFC 8439, appendix A.1, test vector 1: all is zero.
  @Test("is ChaCha20's") func vector() {
    var stream = RandomStream(Key(words: SIMD8()))
    let expected: [UInt8] = [
      0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19,
      0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57,
      0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3,
      0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    ]
    #expect(bytes(&stream, 64) == expected)
    // Test vector 2: the counter is 1.
    #expect(bytes(&stream, 4) == [0x9f, 0x07, 0xe7, 0xbe])
  }

  /// RFC 8439, section 2.3.2: every word of the state counts.
  @Test("has the RFC's block") func block() {
    let key = SIMD8<UInt32>(
      0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c, 0x1312_1110, 0x1716_1514, 0x1b1a_1918, 0x1f1e_1d1c)
    // The nonce's first word is the counter's upper half here.
    let block = RandomStream.block(key, 0x0900_0000_0000_0001, nonce: SIMD2(0x4a00_0000, 0))
    let expected = SIMD16<UInt32>(
      0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3, 0xc7f4_d1c7, 0x0368_c033, 0x9aaa_2204, 0x4e6c_d4c3,
      0x4664_82d2, 0x09aa_9f07, 0x05d7_c214, 0xa202_8bd9, 0xd19c_12b5, 0xb94e_16de, 0xe883_d0cb, 0x4e3c_50a2)
    #expect(block == expected)
  }

  @Test("does not depend on how it is read", arguments: [1, 3, 63, 64, 65, 200])
  func pieces(_ size: Int) {
    var whole = RandomStream(Key(RunSeed(7)))
    var parts = RandomStream(Key(RunSeed(7)))
    let expected = bytes(&whole, size * 5)
    #expect((0..<5).flatMap { _ in bytes(&parts, size) } == expected)
  }
}
