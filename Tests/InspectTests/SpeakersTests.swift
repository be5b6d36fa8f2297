import Testing
import TraceKit
import Tracing

@testable import Inspect

@Suite("Who may have heard whom")
struct SpeakersTests {
  /// The last after the kernel has given its largest number and begun anew.
  @Test(
    "of a pipeline the one that was forked first is heard, whoever was found first",
    arguments: [[100, 102, 101], [30000, 32001, 32000], [32000, 301, 300]] as [[UInt32]])
  func pipeline(_ host: [UInt32]) throws {
    let trace = try TraceBuilder()
    func spawn(_ pid: UInt32, by parent: UInt32, host: UInt32) {
      trace.add(.spawn, pid, node: parent, version: pid, trace.bytes(of: host))
    }
    for (index, host) in host.enumerated() {
      spawn(UInt32(index) + 2, by: index == 0 ? Event.supervisor : 2, host: host)
    }
    let history = try RunHistory(try trace.finish().directory())
    let speakers = Speakers([3, 4], history)
    #expect(speakers.heard(by: 3) == 4 && speakers.heard(by: 4) == nil && speakers.heard(by: 2) == 4)
  }
}
