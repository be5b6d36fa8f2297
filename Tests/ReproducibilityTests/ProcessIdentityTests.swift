import Testing

@testable import Reproducibility

@Suite("The identity of a process")
struct ProcessIdentityTests {
  private func word(_ identity: ProcessIdentity) -> UInt64 {
    var word: UInt64 = 0
    withUnsafeMutableBytes(of: &word) { identity.fill($0) }
    return word
  }

  private let compilers = (0..<12).map { Array("cc -c \($0).c".utf8) }

  @Test("does not depend on the order in which different siblings are born")
  func order() {
    func numbers(_ order: [Int]) -> [UInt64] {
      let make = ProcessIdentity(RunSeed(1)).child().executing(Array("make -j4".utf8))
      var numbers = [UInt64](repeating: 0, count: order.count)
      for index in order { numbers[index] = word(make.child().executing(compilers[index])) }
      return numbers
    }
    let expected = numbers(Array(0..<12))
    #expect(Set(expected).count == 12)
    for _ in 0..<20 { #expect(numbers(Array(0..<12).shuffled()) == expected) }
  }

  @Test("does not count siblings that execute something")
  func forks() {
    let shell = ProcessIdentity(RunSeed(1)).child().executing(Array("sh".utf8))
    let (first, other) = (shell.child(), shell.child())
    _ = other.executing(Array("sort".utf8))
    let again = ProcessIdentity(RunSeed(1)).child().executing(Array("sh".utf8))
    _ = again.child().executing(Array("sort".utf8))
    #expect(word(first) == word(again.child()))
  }

  @Test("tells equal siblings, generations, executions and seeds apart")
  func differences() {
    let first = ProcessIdentity(RunSeed(1)).child()
    let shell = first.executing(Array("sh".utf8))
    let echo = Array("echo".utf8)
    let others = [
      first, shell, shell.child(), shell.child(), shell.child().child(), shell.child().executing(echo),
      shell.child().executing(echo), shell.child().executing(echo).executing(echo),
      ProcessIdentity(RunSeed(2)).child().executing(Array("sh".utf8)),
    ]
    #expect(Set(others.map(word)).count == others.count)
    #expect(Set(others.map { $0.startBytes() }).count == others.count)
  }

  @Test("keeps nothing of a long line of ancestors")
  func chain() {
    var last = ProcessIdentity(RunSeed(3))
    for _ in 0..<200_000 { last = last.child() }
    #expect(word(last) != 0)
  }

  @Test("has UUIDs of version 4, and one boot id")
  func uuids() {
    let process = ProcessIdentity(RunSeed(4)).child()
    let uuids = (0..<100).map { _ in process.makeUUID() }
    #expect(Set(uuids).count == 100)
    for uuid in uuids + [ProcessIdentity.bootID(RunSeed(4))] {
      let parts = uuid.split(separator: "-").map { $0.utf8.count }
      #expect(parts == [8, 4, 4, 4, 12])
      let digits = Array(uuid.utf8)
      #expect(digits[14] == UInt8(ascii: "4"))
      #expect("89ab".utf8.contains(digits[19]))
    }
    #expect(ProcessIdentity.bootID(RunSeed(4)) == ProcessIdentity.bootID(RunSeed(4)))
    #expect(ProcessIdentity.bootID(RunSeed(4)) != ProcessIdentity.bootID(RunSeed(5)))
  }

  @Test(
    "a seed is one to sixteen hexadecimal digits", arguments: ["", "g", "+1", "-1", "12345678901234567", " 1", "0x1"])
  func badSeeds(_ text: String) { #expect(RunSeed(digits: text) == nil) }

  @Test(
    "a seed is written as it is read",
    arguments: [("2a", "000000000000002a"), ("FFFFFFFFFFFFFFFF", "ffffffffffffffff")])
  func seeds(_ text: String, _ whole: String) { #expect(RunSeed(digits: text)?.description == whole) }
}
