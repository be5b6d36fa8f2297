import Foundation
import Testing

@testable import Tracing

/// A damaged file is named as such, never believed, and never the end of uwrx.
struct DamageTests {
  /// What a kill leaves at any moment of a move can be read to its last event.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func killedAtAnyMoment(_ seed: UInt64) throws {
    var random = Seeded(state: seed)
    let expected = EventSource.records(30_000, seed: seed, isLikely: true)
    try withTrace { trace in
      let writer = try EventWriter(trace: trace, capacity: 2 << 20)
      let moment = Int.random(in: 0..<expected.count, using: &random)
      for (index, record) in expected.enumerated() {
        record.append(to: writer)
        if Int.random(in: 0..<4000, using: &random) == 0 { writer.moveFinished() }
        guard index == moment else { continue }
        try withTrace { copy in
          for name in ["perfetto", "events"] {
            try FileManager.default.copyItem(atPath: "\(trace)/\(name)", toPath: "\(copy)/\(name)")
          }
          // Packets that the header does not know of.
          let file = try #require(FileHandle(forWritingAtPath: "\(copy)/perfetto"))
          try file.seekToEnd()
          try file.write(
            contentsOf: Data((0..<Int.random(in: 0...5000, using: &random)).map { _ in .random(in: 0...255) }))
          try file.close()
          #expect(try readAll(copy) == (Array(expected[...index]), false))
        }
      }
    }
  }

  private func trace(_ path: String, _ records: [Record], isKilled: Bool) throws {
    let writer = try EventWriter(trace: path, capacity: 2 << 20)
    for (index, record) in records.enumerated() {
      record.append(to: writer)
      if index == records.count / 2 { writer.moveFinished() }
    }
    if isKilled { return }
    try writer.finish()
    try writer.removeBuffer()
  }

  private func mutated(_ bytes: Data, _ random: inout Seeded) -> Data {
    var bytes = bytes
    let place = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes = bytes.prefix(place)
    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes.insert(.random(in: 0...255, using: &random), at: place)
    case 3: bytes.remove(at: place)
    case 4: bytes.replaceSubrange(place..<min(place + 8, bytes.count), with: [UInt8](repeating: 0xff, count: 8))
    default: bytes.append(contentsOf: bytes[place...])
    }
    return bytes
  }

  @Test(arguments: ["perfetto", "events"])
  func anyDamage(_ name: String) throws {
    let expected = EventSource.records(1500, seed: 3, isLikely: true)
    try withTrace { path in
      try trace(path, expected, isKilled: name == "events")
      let url = URL(fileURLWithPath: "\(path)/\(name)")
      var intact = try Data(contentsOf: url)
      // What is behind the records does not count.
      if name == "events" { intact = intact.prefix(200_000) }
      var random = Seeded(state: 77)
      var accepted = 0
      for _ in 0..<2000 {
        try mutated(intact, &random).write(to: url)
        guard let (found, isDamaged) = try? readAll(path) else { continue }
        if name == "perfetto" {
          #expect(found == Array(expected.prefix(found.count)))
          if !isDamaged { #expect(found.count == expected.count) }
        }
        if !isDamaged { accepted += 1 }
      }
      // A few bits do not matter, such as those behind the end of a compressed stream; records have no checksum.
      if name == "perfetto" { #expect(accepted < 20) }
    }
  }

  /// Packets that are well formed and checked, and say nonsense.
  @Test func anyPackets() throws {
    let expected = EventSource.records(300, seed: 4, isLikely: true)
    let encoder = TraceEncoder(callName: { _ in nil })
    for record in expected { record.name.withUnsafeBufferPointer { encoder.encode(record.event, $0) } }
    encoder.finish()
    let intact = Data(UnsafeBufferPointer(start: encoder.packets.base, count: encoder.packets.count))
    var random = Seeded(state: 5)
    try withTrace { path in
      for round in 0..<4000 {
        var bytes = intact
        for _ in 0..<(round % 5) { bytes = mutated(bytes, &random) }
        try? FileManager.default.removeItem(atPath: "\(path)/perfetto")
        let file = try TraceFile(creating: "\(path)/perfetto")
        var packets = PacketWriter()
        packets.raw(Array(bytes))
        try file.flush(&packets)
        let (found, isDamaged) = try readAll(path)
        if round % 5 == 0 { #expect(found == expected && !isDamaged) }
      }
    }
  }

  @Test func foreignFiles() throws {
    try withTrace { path in
      for bytes in [
        Data(), Data("\n\u{3}abc".utf8), Data([0x0a, 0x06, 0x92, 0x03, 0x00, 0, 0, 0]), Data(repeating: 0, count: 8192),
      ] {
        try bytes.write(to: URL(fileURLWithPath: "\(path)/perfetto"))
        let (found, isDamaged) = try readAll(path)
        #expect(found.isEmpty && isDamaged)
      }
    }
  }
}
