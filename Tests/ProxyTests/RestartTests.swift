import Network
import Testing

@testable import Proxy

/// What a proxy finds that follows one that has died.
struct RestartTests {
  @Test func whatWasRecordedStays() throws {
    let directory = ProxyHarness.Directory()
    let domain = Domain("example.org")!
    let header = StreamHeader(port: 1, isTLS: false, connection: 1, process: 1)
    // Who ends in the middle has no time to take them away.
    var unfinished: [StreamRecorder] = []
    for round in 1...3 {
      let streams = StreamStore(directory.network)
      let threads = RecordingThreads(.singleton)
      let finished = try streams.begin(header, of: domain, by: RecordingQueue(threads))
      finished.add(.guestEnded)
      finished.end()
      finished.queue.start()
      unfinished.append(try streams.begin(header, of: domain, by: RecordingQueue(threads)))
      threads.finish()
      let record = NetworkRecord(directory.network)
      record.note(.refused, of: domain, port: UInt16(round))
      record.note(.connected, of: domain, port: 443)
      record.note(.noData, of: domain, round == 1 ? .a : .aaaa)
    }
    let streams = try DirectoryHandle("\(directory.path)/example.org/streams").names()
    #expect(streams.map { String(decoding: $0, as: UTF8.self) }.sorted() == [".2", ".4", ".6", "1", "3", "5"])
    unfinished = []
    let record = NetworkRecord(directory.network)
    for port in 1...3 { #expect(record.connection(to: domain, port: UInt16(port)) == .refused) }
    #expect(record.connection(to: domain, port: 443) == .connected)
    for type in [DNSType.a, .aaaa] {
      guard case .noData = record.outcome(of: domain, type, addresses: { .failure }) else {
        Issue.record("\(type) is lost")
        continue
      }
    }
  }

  @Test func namesKeepTheirAddresses() throws {
    let directory = ProxyHarness.Directory()
    let names = ["b.example.org", "a.example.org", "c.example.org"].map { Domain($0)! }
    let before = Domains(directory.network)
    let addresses = names.prefix(2).map { before.assign($0)?.ipv4 }
    let after = Domains(directory.network)
    _ = after.assign(names[2])
    #expect(zip(names, addresses).allSatisfy { after.domain(at: $1!) == $0 })
    #expect(names.prefix(2).map { after.assign($0)?.ipv4 } == addresses)
  }
}
