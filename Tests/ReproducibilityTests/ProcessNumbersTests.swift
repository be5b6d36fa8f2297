import Testing

@testable import Reproducibility

@Suite("The numbers of processes")
struct ProcessNumbersTests {
  private func make() -> ProcessIdentity { ProcessIdentity(RunSeed(1)).child().executing(Array("make -j4".utf8)) }
  private let compilers = (0..<12).map { Array("cc -c \($0).c".utf8) }

  @Test("do not depend on the order in which processes come, nor on what the kernel calls them")
  func order() {
    func numbers(_ order: [Int], from kernel: Int32) -> [Int32] {
      let make = make()
      var table = ProcessNumbers()
      var numbers = [Int32](repeating: 0, count: order.count)
      for (place, index) in order.enumerated() {
        numbers[index] = table.assign(make.child().executing(compilers[index]), to: kernel + Int32(place))
      }
      return numbers
    }
    let expected = numbers(Array(0..<12), from: 3)
    #expect(Set(expected).count == 12 && expected.allSatisfy(ProcessNumbers.range.contains))
    for kernel in 4..<20 as Range<Int32> {
      #expect(numbers(Array(0..<12).shuffled(), from: kernel) == expected)
    }
  }

  @Test("lie above the kernel's, and as groups, too, are told from them by the same bits")
  func range() {
    let high: Int32 = -(1 << 21)
    for number in [ProcessNumbers.range.lowerBound, ProcessNumbers.range.upperBound - 1] {
      #expect(number & high == 1 << 21 && -number & high != 0 && -number & high != high)
    }
    for number in [0, 1, 32768, 1 << 21 - 1] as [Int32] {
      #expect(number & high == 0 && (number == 0 || -number & high == high))
    }
  }

  @Test("lead to the process, also when it has ended, until the kernel's number is another's")
  func ends() {
    let make = make()
    var table = ProcessNumbers()
    let first = table.assign(make, to: 5)
    #expect(table.process(first) == 5 && table.number(ofEnded: 5) == nil)
    table.didEnd(5, first, isReplaced: false)
    #expect(table.process(first) == 5 && table.number(ofEnded: 5) == first)
    table.didBegin(5)
    #expect(table.process(first) == nil && table.number(ofEnded: 5) == nil)
    let second = table.assign(make.child(), to: 5)
    table.didEnd(5, second, isReplaced: true)
    #expect(table.process(second) == nil && table.number(ofEnded: 5) == nil)
  }

  @Test("are each given out once, as long as there are enough")
  func uniqueness() {
    var table = ProcessNumbers()
    let make = make()
    var seen: Set<Int32> = []
    // Of so many about 300 come upon one that is taken.
    for process in 0..<36_000 as Range<Int32> {
      let number = table.assign(make.child(), to: process)
      #expect(seen.insert(number).inserted && ProcessNumbers.range.contains(number))
      table.didEnd(process, number, isReplaced: false)
    }
  }

  @Test("are kept of those that have ended, but not of all of them")
  func oblivion() {
    var table = ProcessNumbers()
    let make = make()
    var numbers: [Int32] = []
    for process in 0..<70_000 as Range<Int32> {
      numbers.append(table.assign(make.child(), to: process))
      table.didEnd(process, numbers.last!, isReplaced: false)
    }
    #expect(table.number(ofEnded: 0) == nil && table.process(numbers[0]) == nil)
    #expect(table.number(ofEnded: 69_999) == numbers[69_999] && table.process(numbers[69_999]) == 69_999)
  }
}
