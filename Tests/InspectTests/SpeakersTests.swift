import Testing
import TraceKit
import Tracing

@testable import Inspect

@Suite("Who may have heard whom")
struct SpeakersTests {
  @Test("of a pipeline the one that was forked first is heard, whoever was found first")
  func pipeline() throws {
    let trace = try TraceBuilder()
    func spawn(_ pid: UInt32, by parent: UInt32, host: UInt32) {
      trace.add(.spawn, pid, node: parent, version: pid, trace.bytes(of: host))
    }
    spawn(2, by: Event.supervisor, host: 100)
    spawn(3, by: 2, host: 102)
    spawn(4, by: 2, host: 101)
    let history = try RunHistory(try trace.finish().directory())
    let speakers = Speakers([3, 4], history)
    #expect(speakers.heard(by: 3) == 4 && speakers.heard(by: 4) == nil && speakers.heard(by: 2) == 4)
  }
}
