import CZlib
import Foundation
import SwiftProtobuf
import Testing

@testable import Tracing

/// What was appended is what is read, wherever it is meanwhile.
struct EventFileTests {
  private static let cases: [(UInt64, Bool)] = (1...6).flatMap { [($0, true), ($0, false)] }

  @Test(arguments: cases)
  func eventsComeBack(_ seed: UInt64, _ isLikely: Bool) throws {
    let expected = EventSource.records(4000, seed: seed, isLikely: isLikely)
    try withTrace { trace in
      let writer = try EventWriter(trace: trace)
      for (index, record) in expected.enumerated() {
        record.append(to: writer)
        // Everything is in the buffer, then a part, then nothing.
        if index == 1000 || index == 3000 { writer.moveFinished() }
        if index == 500 || index == 1000 || index == 2000 {
          let (found, isDamaged) = try readAll(trace)
          #expect(found == Array(expected[...index]) && !isDamaged)
        }
      }
      try writer.finish()
      #expect(try readAll(trace) == (expected, false))
      try writer.removeBuffer()
      #expect(try readAll(trace) == (expected, false))
      try expectSchema(trace)
    }
  }

  /// However few names are kept, the same events come back.
  @Test(arguments: [1, 2, 7, 100] as [UInt32])
  func namesAreForgotten(_ maximumPaths: UInt32) throws {
    let expected = EventSource.records(1000, seed: 21, isLikely: true)
    let encoder = TraceEncoder(callName: { _ in nil }, maximumPaths: maximumPaths)
    try withTrace { trace in
      let file = try TraceFile(creating: "\(trace)/perfetto")
      for record in expected {
        record.name.withUnsafeBufferPointer { encoder.encode(record.event, $0) }
        try file.take(&encoder.packets)
      }
      encoder.finish()
      try file.flush(&encoder.packets)
      #expect(try readAll(trace) == (expected, false))
    }
  }

  /// SwiftProtobuf reads every packet, and finds only what the schema has.
  private func expectSchema(_ trace: String) throws {
    let file = try Perfetto_Protos_Trace(serializedBytes: Data(contentsOf: URL(fileURLWithPath: "\(trace)/perfetto")))
    for packet in file.packet {
      var inflated = [UInt8](repeating: 0, count: 512 << 10)
      var size = uLong(inflated.count)
      let status = packet.compressedPackets.withUnsafeBytes {
        uncompress(&inflated, &size, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), uLong($0.count))
      }
      #expect(status == Z_OK)
      let batch = try Perfetto_Protos_Trace(serializedBytes: Array(inflated[..<Int(size)]))
      for packet in batch.packet {
        #expect(packet.unknownFields.data.isEmpty && packet.trackEvent.unknownFields.data.isEmpty)
        #expect(packet.trackEvent.debugAnnotations.allSatisfy { $0.nameIid != 0 })
        // But for output that is no text, as a field of bytes of our own (PacketWriter).
        let unknown = packet.trackEvent.debugAnnotations.map(\.unknownFields.data).filter { !$0.isEmpty }
        #expect(unknown.allSatisfy { $0.starts(with: [0xc2, 0x3e]) }, "field 1000, length-delimited")
      }
    }
  }

  @Test func ringIsUsedAgain() throws {
    let expected = EventSource.records(120_000, seed: 9, isLikely: true)
    try withTrace { trace in
      let writer = try EventWriter(trace: trace, capacity: 2 << 20)
      #expect(
        writer.collect { work in
          Thread.detachNewThread(work); return true
        })
      for record in expected { record.append(to: writer) }
      try writer.finish()
      #expect(try readAll(trace) == (expected, false))
      #expect(try FileManager.default.attributesOfItem(atPath: "\(trace)/events")[.size] as? Int ?? 0 <= 4096 + 2 << 20)
    }
  }

  @Test func bufferWithoutCollectorIsMovedByTheWriter() throws {
    let expected = EventSource.records(60_000, seed: 10, isLikely: true)
    try withTrace { trace in
      let writer = try EventWriter(trace: trace, capacity: 2 << 20)
      for record in expected { record.append(to: writer) }
      #expect(try readAll(trace) == (expected, false))
    }
  }

  /// A reader that follows a run sees each event once, however they move.
  @Test func readerFollowsTheRun() throws {
    let expected = EventSource.records(150_000, seed: 11, isLikely: true)
    try withTrace { trace in
      let writer = try EventWriter(trace: trace, capacity: 2 << 20)
      #expect(
        writer.collect { work in
          Thread.detachNewThread(work); return true
        })
      let reader = try EventReader(trace: trace)
      var found: [Record] = []
      for (index, record) in expected.enumerated() {
        record.append(to: writer)
        if index % 7 == 0 || index == expected.count - 1 {
          var budget = index == expected.count - 1 ? Int.max : Int((index / 1000) % 20)
          while budget > 0, let (event, name) = try reader.next() {
            found.append(Record(event, Array(name)))
            budget -= 1
          }
        }
      }
      #expect(found == expected)
      #expect(!reader.isDamaged)
      try writer.finish()
    }
  }

  @Test func callsTellTheirDuration() throws {
    try withTrace { trace in
      let writer = try EventWriter(trace: trace, capacity: 2 << 20)
      func append(_ kind: EventKind, _ node: UInt32) {
        writer.append(Event(kind, pid: 2, node: node, version: 1), UnsafeBufferPointer(start: nil, count: 0))
      }
      writer.beginCall(time: 5000, thread: 7, first: 0)
      append(.stat, 1)
      let first = writer.suspendCall()
      writer.beginCall(time: 6000, thread: 8, first: 0)
      append(.node, 2)
      append(.read, 1)
      append(.list, 1)
      writer.endCall(duration: 41_400)
      writer.moveFinished()
      // Nothing behind a call that waits has moved.
      #expect(try FileManager.default.attributesOfItem(atPath: "\(trace)/perfetto")[.size] as? Int == 0)
      writer.beginCall(time: 5000, thread: 7, first: first)
      append(.write, 1)
      writer.endCall(duration: 100)
      try writer.finish()
      let (found, _) = try readAll(trace)
      #expect(found.map(\.duration) == [1000, 0, 41_000, 0, 0])
      #expect(found.map(\.thread) == [7, 0, 8, 8, 7])
      #expect(found.map(\.time) == [5000, 6000, 6000, 6000, 5000])
    }
  }
}
