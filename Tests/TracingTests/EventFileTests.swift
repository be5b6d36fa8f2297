import Foundation
import Testing

@testable import Tracing

struct EventFileTests {
  private func withFile(_ body: (String) throws -> Void) throws {
    let path = "/var/tmp/uwrx-events-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  private func append(_ writer: EventWriter, _ number: UInt32, _ name: String) {
    var name = name
    name.withUTF8 { writer.append(Event(.missing, pid: number, node: 1, version: 0), $0) }
  }

  private func readAll(_ path: String) throws -> ([String], Bool) {
    let reader = try EventReader(path: path)
    var found: [String] = []
    while let (event, name) = try reader.next() {
      found.append("\(event.pid) \(String(decoding: name, as: UTF8.self))")
    }
    return (found, reader.isDamaged)
  }

  @Test func eventsOfManyWindowsComeBack() throws {
    try withFile { path in
      var expected: [String] = []
      do {
        let writer = try EventWriter(path: path)
        for number in 0..<120_000 as Range<UInt32> {
          let name = String(repeating: "x", count: Int(number % 40))
          append(writer, number, name)
          expected.append("\(number) \(name)")
        }
        try writer.finish()
      }
      let (found, isDamaged) = try readAll(path)
      #expect(found == expected)
      #expect(!isDamaged)
    }
  }

  @Test func fileThatWasNotFinishedEndsAtTheLastEvent() throws {
    try withFile { path in
      let writer = try EventWriter(path: path)
      append(writer, 7, "last")
      let (found, isDamaged) = try readAll(path)
      #expect(found == ["7 last"])
      #expect(!isDamaged)
    }
  }

  @Test(arguments: [1, 8, 20, 30])
  func cutFileIsDamaged(_ cut: Int) throws {
    try withFile { path in
      do {
        let writer = try EventWriter(path: path)
        append(writer, 1, "one")
        append(writer, 2, "two")
        try writer.finish()
      }
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      try whole.prefix(whole.count - cut).write(to: URL(fileURLWithPath: path))
      let (found, isDamaged) = try readAll(path)
      #expect(found == ["1 one"])
      #expect(isDamaged)
    }
  }

  @Test func unknownKindIsDamage() throws {
    try withFile { path in
      try Data([UInt8](repeating: 0xee, count: 64)).write(to: URL(fileURLWithPath: path))
      let (found, isDamaged) = try readAll(path)
      #expect(found.isEmpty && isDamaged)
    }
  }
}
