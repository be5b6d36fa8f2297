import NIOCore
import Network
import Testing

@testable import Proxy

@Suite("Who has asked for a connection")
struct DiallersTests {
  private static let place = Endpoint(IPAddress("192.0.2.1")!, port: 443)
  private static let other = Endpoint(IPAddress("192.0.2.1")!, port: 80)

  private static func time(_ milliseconds: Int) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }

  /// Milliseconds and the process that is about to connect, or none for a request.
  @Test(
    arguments: [
      ([(1, 7), (2, nil)], [7]),
      ([(1, nil)], [0]),
      // At a moment the first is the first.
      ([(1, 7), (2, 8), (3, nil), (3, nil), (3, nil)], [7, 8, 0]),
      // Who has said it long before, without a request, is not who connects now.
      ([(1, 7), (500, 8), (501, nil), (502, nil)], [8, 0]),
      ([(1, 7), (2, nil), (3, 7), (500, 8), (501, nil)], [7, 8]),
      // But where nobody else has said it, it is: the machine may be slow.
      ([(1, 7), (5000, nil)], [7]),
      ([(1, 7), (2, 8), (5000, nil), (5001, nil)], [8, 0]),
    ] as [([(Int, UInt32?)], [UInt32])])
  func order(_ events: [(Int, UInt32?)], _ expected: [UInt32]) {
    let diallers = Diallers()
    var found: [UInt32] = []
    for (milliseconds, process) in events {
      if let process {
        diallers.add(process, to: Self.place, at: Self.time(milliseconds))
      } else {
        found.append(diallers.take(for: Self.place, at: Self.time(milliseconds)))
      }
    }
    #expect(found == expected)
    #expect(diallers.take(for: Self.other) == 0)
  }

  @Test func whatAKnownProcessSaysAgainIsNobodyElse() {
    let diallers = Diallers()
    for process in [7, 8, 7] as [UInt32] { diallers.add(process, to: Self.place, at: Self.time(1)) }
    diallers.forget(7, for: Self.place)
    diallers.forget(9, for: Self.place)
    #expect([1, 2, 3].map { diallers.take(for: Self.place, at: Self.time($0)) } == [8, 7, 0])
  }
}
