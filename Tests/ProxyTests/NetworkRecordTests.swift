import Dispatch
import Network
import Testing

@testable import Proxy

@Suite struct NetworkRecordTests {
  private static let domain = Domain("example.org")!

  /// Names are looked up on several threads.
  @Test func whatSeveralThreadsNoteIsAllKept() {
    let directory = ProxyHarness.Directory()
    for round in 0..<20 as Range<UInt16> {
      let domain = Domain("\(round).example.org")!
      let record = NetworkRecord(directory.network)
      DispatchQueue.concurrentPerform(iterations: 16) { number in
        record.note(DNSOutcome.noData, of: domain, DNSType(rawValue: UInt16(number)))
        record.note(NetworkRecord.Connection.connected, of: domain, port: UInt16(number))
      }
      let kept = NetworkRecord(directory.network)
      for number in 0..<16 as Range<UInt16> {
        #expect(kept.connection(to: domain, port: number) == .connected)
        let outcome = kept.outcome(of: domain, DNSType(rawValue: number)) { .failure }
        guard case .noData? = outcome else {
          Issue.record("\(number) is \(String(describing: outcome))")
          return
        }
      }
    }
  }

  @Test(
    arguments: [
      ([], nil), ([.failed], .failed), ([.untrusted, .failed], .untrusted), ([.failed, .established], .established),
      ([.established, .failed], .established),
    ] as [([NetworkRecord.Handshake], NetworkRecord.Handshake?)])
  func aHandshakeIsWhatItOnceWas(_ noted: [NetworkRecord.Handshake], _ found: NetworkRecord.Handshake?) {
    let directory = ProxyHarness.Directory()
    let record = NetworkRecord(directory.network)
    record.note(NetworkRecord.Connection.connected, of: Self.domain, port: 443)
    for handshake in noted { record.note(handshake, of: Self.domain, port: 443) }
    let kept = NetworkRecord(directory.network)
    #expect(kept.handshake(with: Self.domain, port: 443) == found)
    #expect(kept.handshake(with: Self.domain, port: 80) == nil)
    #expect(kept.connection(to: Self.domain, port: 443) == .connected)
  }
}
