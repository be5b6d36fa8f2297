import NIOCore
import Network
import Testing

@testable import Proxy

struct StreamIndexTests {
  private let directory = ProxyHarness.Directory()
  private let domain = Domain("example.org")!

  /// Streams that begin so, to port 1 in the clear.
  private func record(_ beginnings: [String]) throws {
    let streams = StreamStore(directory.network)
    let threads = RecordingThreads(.singleton)
    let header = StreamHeader(port: 1, isTLS: false, connection: 1, process: 1)
    for text in beginnings {
      let stream = try streams.begin(header, of: domain, by: RecordingQueue(threads))
      stream.add(.sent, ByteBuffer(string: text))
      stream.add(.received, ByteBuffer(string: "answer"))
      stream.end()
      stream.queue.start()
    }
    threads.finish()
  }

  /// Git sends the length of its first line by itself.
  @Test(arguments: [
    ("", true), ("0043", true), ("0043git-upload-pack /a", true), ("0043git-upload-pack /b", false), ("0044", false),
    ("0043git-upload-pack /a\0", false),
  ])
  func aLineInPiecesIsWaitedFor(said: String, isOpen: Bool) throws {
    try record(["0043git-upload-pack /a", "0043git-upload-pack /a\0", "0043git-upload-pack /b"])
    let index = try StreamIndex(directory.network)
    #expect(index.isOpen(domain, port: 1, isTLS: false, after: Array(said.utf8)) == isOpen)
    #expect(!index.isOpen(domain, port: 2, isTLS: false, after: Array(said.utf8)))
    #expect(!index.isOpen(domain, port: 1, isTLS: true, after: Array(said.utf8)))
  }

  @Test func ofEqualStreamsNoneIsWaitedFor() throws {
    try record(["PING", "PING"])
    let index = try StreamIndex(directory.network)
    #expect(!index.isOpen(domain, port: 1, isTLS: false, after: Array("P".utf8)))
    for isThere in [true, true, false] {
      let stream = index.take(domain, port: 1, isTLS: false, process: 1, after: .said(Array("PING".utf8)))
      #expect((stream != nil) == isThere)
    }
  }
}
