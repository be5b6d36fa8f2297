import Testing

@testable import TraceViewer

@Suite("The rows of a tree of processes")
struct ProcessTreeTests {
  private func tree(_ parents: [Int32]) -> ProcessTree {
    var tree = ProcessTree()
    tree.setProcesses(parents: parents, by: nil)
    tree.layOut(matches: nil)
    return tree
  }

  @Test func rows() {
    var tree = tree([-1, 0, 0, 1, 2, -1])
    #expect(tree.rows.map(\.process) == [0, 1, 3, 2, 4, 5])
    #expect(tree.rows.map(\.depth) == [0, 1, 2, 1, 2, 0])
    #expect(tree.rows.map(\.isLast) == [false, false, true, true, true, true])
    tree.collapse(1)
    tree.layOut(matches: nil)
    #expect(tree.rows.map(\.process) == [0, 1, 2, 4, 5])
    #expect(tree.row(of: 3) == nil)
    tree.reveal(3)
    tree.layOut(matches: nil)
    #expect(tree.row(of: 3) == 2)
  }

  @Test("matches keep their ancestors, also collapsed ones")
  func filter() {
    var tree = tree([-1, 0, 0, 1, 2, -1])
    tree.collapseAll()
    tree.layOut(matches: [false, false, false, true, false, false])
    #expect(tree.rows.map(\.process) == [0, 1, 3])
    #expect(tree.rows.map(\.isMatch) == [false, false, true])
    #expect(tree.rows.map(\.isLast) == [true, true, true])
    #expect(tree.matchCount == 1)
    tree.layOut(matches: [Bool](repeating: false, count: 6))
    #expect(tree.rows.isEmpty)
  }

  @Test func order() {
    var tree = ProcessTree()
    tree.setProcesses(parents: [-1, 0, 0, 0]) { $0 > $1 }
    tree.layOut(matches: nil)
    #expect(tree.rows.map(\.process) == [0, 3, 2, 1])
    #expect(tree.firstChild(of: 0) == 3)
  }

  @Test("parents that cannot be are none", arguments: [[0, 1, 2], [2, 0, 1], [1, 0, -7], [9, 9, 9]] as [[Int32]])
  func nonsense(_ parents: [Int32]) {
    #expect(tree(parents).rows.count == 3)
  }

  @Test("a chain as long as the run, and none")
  func extremes() {
    let count = 100_000
    let chain = tree((0..<Int32(count)).map { $0 - 1 })
    #expect(chain.rows.last?.depth == count - 1)
    #expect(chain.guides(of: chain.rows[count - 1], limit: 5) == [false, false, false, false, false])
    #expect(tree([]).rows.isEmpty)
  }
}
