import Testing

@testable import Reproducibility

@Suite("The clock of a process")
struct ProcessClockTests {
  private let rule = ClockRule(epoch: 1_000_000_000_000, tick: 1000)

  private func makeClock() -> ProcessClock { ProcessClock(rule, at: rule.epoch) }

  @Test("moves by a tick at each question and by what was slept")
  func ticks() {
    let clock = makeClock()
    #expect(clock.ask() == rule.epoch + 1000)
    clock.lift(to: rule.epoch + 5000)
    #expect(clock.ask() == rule.epoch + 6000)
    clock.lift(to: rule.epoch)
    #expect(clock.ask() == rule.epoch + 7000)
    #expect(clock.used == 3000)
  }

  @Test("comes to the end of a busy wait, and not faster for who does other things between")
  func patience() {
    let (busy, other) = (makeClock(), makeClock())
    var questions = 0
    while busy.now < rule.epoch + 1_000_000_000 {
      busy.countCall()
      _ = busy.ask()
      questions += 1
    }
    #expect(questions < 120_000)
    for _ in 0..<20_000 {
      other.countCall()
      other.countCall()
      _ = other.ask()
    }
    #expect(other.now == rule.epoch + 20_000_000)
  }

  @Test("stands still where there is no tick")
  func frozen() {
    let clock = ProcessClock(ClockRule(epoch: 5, tick: 0), at: 5)
    for _ in 0..<10_000 { #expect(clock.ask() == 5) }
  }

  @Test("is passed on to children as it was when there were none, and comes back when all are gone")
  func children() {
    let parent = makeClock()
    _ = parent.ask()
    parent.look(at: [7])
    let born = parent.base
    _ = parent.ask()
    // Another child comes while the first lives.
    parent.look(at: [7, 8])
    #expect(parent.base == born)
    #expect(born == rule.epoch + 1000)
    let (first, second) = (ProcessClock(rule, at: parent.base), ProcessClock(rule, at: parent.base))
    first.lift(to: rule.epoch + 2_500_000)
    second.lift(to: rule.epoch + 1_200_000)
    parent.noteEnd(of: first, id: 7)
    parent.look(at: [8])
    #expect(parent.now == rule.epoch + 2000)
    parent.noteEnd(of: second, id: 8)
    parent.look(at: [])
    #expect(parent.now == rule.epoch + 3_000_000)
    #expect(parent.base == parent.now)
  }

  @Test("comes to a time that it waits for by children that sleep, while another lives")
  func sleepingChildren() {
    let parent = makeClock()
    // Two that sleep at the same time.
    parent.look(at: [5])
    parent.look(at: [5, 6, 7])
    let sleeper = { (parent: ProcessClock) in
      let child = ProcessClock(rule, at: parent.base)
      _ = child.ask()
      child.wait(until: child.now + 200_000_000, for: 200_000_000, isShown: true)
      return child
    }
    let pair = [sleeper(parent), sleeper(parent)]
    parent.noteEnd(of: pair[0], id: 6)
    parent.noteEnd(of: pair[1], id: 7)
    parent.look(at: [5, 7])
    #expect(parent.now == rule.epoch + 200_000_000)
    parent.look(at: [5])
    #expect(parent.now == rule.epoch + 200_000_000)
    // One after the other.
    for number in 8..<11 as Range<Int32> {
      parent.look(at: [5, number])
      parent.noteEnd(of: sleeper(parent), id: number)
    }
    parent.look(at: [5])
    #expect(parent.now == rule.epoch + 800_000_000)
    #expect(parent.base == parent.now)
    // One that has not slept.
    let other = ProcessClock(rule, at: parent.base)
    for _ in 0..<5000 { _ = other.ask() }
    parent.look(at: [5, 11])
    parent.noteEnd(of: other, id: 11)
    parent.look(at: [5])
    #expect(parent.now == rule.epoch + 800_000_000)
  }

  @Test("passes on no more sleep than there was, however many have slept at the same time", arguments: [true, false])
  func parallelSleep(_ isOneByOne: Bool) {
    let (grandparent, parent) = (makeClock(), makeClock())
    let numbers = Array(1...8 as ClosedRange<Int32>)
    parent.look(at: numbers)
    for (number, child) in numbers.map({ ($0, ProcessClock(rule, at: parent.base)) }) {
      child.wait(until: child.now + 10_000_000_000, for: 10_000_000_000, isShown: true)
      parent.noteEnd(of: child, id: number)
      if isOneByOne { parent.look(at: Array(numbers[Int(number)...])) }
    }
    parent.look(at: [])
    grandparent.look(at: [20, 21])
    grandparent.noteEnd(of: parent, id: 20)
    grandparent.look(at: [21])
    #expect(grandparent.now == rule.epoch + 10_000_000_000)
  }

  @Test("comes to its end and not further")
  func end() {
    let last = UInt64(Int64.max)
    let (parent, rule) = (ProcessClock(ClockRule(epoch: 0), at: 0), ClockRule(epoch: 0, tick: 1 << 62))
    parent.look(at: [1, 2])
    for number in 1...2 as ClosedRange<Int32> {
      let child = ProcessClock(rule, at: 0)
      for _ in 0..<3 { _ = child.ask() }
      child.wait(until: .max, for: .max, isShown: true)
      #expect(child.now == last && child.used == last)
      parent.noteEnd(of: child, id: number)
    }
    parent.look(at: [])
    #expect(parent.usedByChildren == last)
    #expect(parent.ask() == last)
  }

  @Test("is the same whichever of two children ends first")
  func order() {
    func end(_ order: [Int]) -> UInt64 {
      let parent = makeClock()
      parent.look(at: [1, 2])
      let children = [0, 1].map { number in
        let child = ProcessClock(rule, at: parent.base)
        for _ in 0...number { _ = child.ask() }
        return child
      }
      var living: Set<Int32> = [1, 2]
      for index in order {
        parent.noteEnd(of: children[index], id: Int32(index + 1))
        living.remove(Int32(index + 1))
        parent.look(at: Array(living))
      }
      return parent.ask()
    }
    #expect(end([0, 1]) == end([1, 0]))
  }

  @Test("knows what its children have used once it has waited for them")
  func usage() {
    let parent = makeClock()
    parent.look(at: [1])
    let child = ProcessClock(rule, at: parent.base)
    for _ in 0..<3 { _ = child.ask() }
    parent.noteEnd(of: child, id: 1)
    #expect(parent.usedByChildren == 0)
    parent.look(at: [])
    #expect(parent.usedByChildren == 3000)
  }

  @Test("shows others what does not depend on how threads race")
  func threads() {
    func run(_ race: (ProcessClock) -> Void) -> (seen: UInt64, told: UInt64) {
      let (clock, parent) = (makeClock(), makeClock())
      for _ in 0..<5 { _ = clock.ask() }
      clock.beginThreads()
      race(clock)
      clock.lift(to: rule.epoch + 7_000_000)
      race(clock)
      let now = clock.now
      clock.wait(until: now + 100_000_000, for: 100_000_000, isShown: true)
      #expect(clock.now == now + 100_000_000)
      #expect(clock.touch() == rule.epoch + 107_001_000)
      parent.look(at: [1])
      parent.noteEnd(of: clock, id: 1)
      parent.look(at: [])
      clock.look(at: [])
      #expect(clock.base == clock.shown)
      #expect(parent.usedByChildren == 5000)
      let told = clock.ask()
      clock.execute()
      #expect(clock.now == clock.shown)
      #expect(clock.ask() == rule.epoch + 107_002_000)
      return (parent.now, told)
    }
    let quiet = run { _ in }
    let busy = run { clock in
      for _ in 0..<50_000 { _ = clock.ask() }
      clock.wait(until: clock.now + 3_000_000_000, for: 3_000_000_000, isShown: false)
    }
    #expect(quiet.seen == rule.epoch + 108_000_000)
    #expect(busy.seen == quiet.seen)
    #expect(busy.told > quiet.told)
  }

  @Test("lets a thread be ahead that has slept on its own account")
  func lead() {
    let clock = makeClock()
    var lead = rule.epoch + 10_000
    #expect(clock.ask(&lead) == rule.epoch + 11_000)
    #expect(clock.ask() == rule.epoch + 2000)
    clock.lift(to: rule.epoch + 50_000)
    #expect(clock.ask(&lead) == rule.epoch + 51_000)
    #expect(lead == 0)
  }

  @Test("gives openings back in their order", arguments: [1, 10, 1000] as [UInt64])
  func openings(_ count: UInt64) {
    var openings = FileOpenings()
    for number in 1...count { openings.append(FileOpening(file: UInt32(number), number: number)) }
    for number in 1...count {
      #expect(openings.popFirst(before: number) == nil)
      #expect(openings.popFirst(before: number + 1)?.number == number)
    }
    #expect(openings.popFirst(before: .max) == nil)
  }
}
