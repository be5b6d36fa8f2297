import Testing

@testable import Tracing

struct NodeTableTests {
  private func define(_ nodes: inout NodeTable, _ node: UInt32, in parent: UInt32, _ name: String) -> Bool {
    Array(name.utf8).withUnsafeBufferPointer {
      nodes.define(Event(.node, pid: 0, node: node, version: parent), $0)
    }
  }

  private func path(_ nodes: borrowing NodeTable, _ node: UInt32) -> String {
    String(decoding: nodes.path(of: node), as: UTF8.self)
  }

  @Test func numbersAreUsedAgain() {
    var nodes = NodeTable()
    let results = [
      define(&nodes, 2, in: 1, "a"), define(&nodes, 3, in: 2, "b"), define(&nodes, 4, in: 1, "c"),
      define(&nodes, 2, in: 4, "other"),
    ]
    #expect(results == [true, true, true, true])
    #expect(path(nodes, 2) == "c/other")
    #expect(path(nodes, 3) == "c/other/b")
  }

  @Test(arguments: [(5, 1), (3, 0), (3, 9), (1, 2), (0, 1), (2, 2), (2, 3)] as [(UInt32, UInt32)])
  func nonsenseIsRefused(_ node: UInt32, _ parent: UInt32) {
    var nodes = NodeTable()
    let results = [define(&nodes, 2, in: 1, "a"), define(&nodes, 3, in: 2, "b"), define(&nodes, node, in: parent, "x")]
    #expect(results == [true, true, false])
    #expect(path(nodes, 3) == "a/b")
  }

  @Test func namesThatAreNoMoreTakeNoRoom() {
    var nodes = NodeTable()
    for number in 2...50 as ClosedRange<UInt32> { _ = define(&nodes, number, in: 1, "first \(number)") }
    let long = String(repeating: "x", count: 200)
    for round in 0..<2000 {
      let isDefined = define(&nodes, 2 + UInt32(round % 40), in: 50, "\(long) \(round)")
      #expect(isDefined)
    }
    #expect(path(nodes, 2) == "first 50/\(long) 1960")
    #expect(path(nodes, 41) == "first 50/\(long) 1999")
    #expect(path(nodes, 42) == "first 42")
    #expect(nodes.nameBytes < 200_000)
  }
}
