/// The time that a process is told: a Lamport clock, which depends on what the process has asked and seen and not on when it ran.
///
/// It moves at each question, by the time that the process has slept, to the time of a file that the process has looked at, and past the
/// clocks of its children when it has waited for all of them; of one that it has waited for while others live what that has slept counts.
/// A child begins with its parent's clock as of the last moment at which the
/// parent had no other: how far the parent has come while others live depends on how quick they are.
///
/// Threads race, and move the clock that they share differently in each run, runtimes such as Java's by seconds. What others see of such
/// a process, its children and files, goes by a clock of its own (`shown`), which only moves by what does not depend on the race.
///
/// All times are nanoseconds since 1970, UTC.
public final class ProcessClock {
  /// After so many questions in a row the tick doubles, so that who waits for a time by asking for it comes to an end. Java asks some
  /// thousands of times in a row for its own records, and never as often as before.
  private static let patience: UInt64 = 16384
  private static let mostDoublings: UInt64 = 10
  /// To which the clocks of children are rounded up: how often one has asked while it waited for something may differ from run to run.
  private static let grain: UInt64 = 1_000_000

  /// No clock goes beyond: it is the year 2262, after which a struct timespec in nanoseconds is not signed any more.
  private static let end = UInt64(Int64.max)

  private let tick: UInt64
  /// When the process was born.
  public let start: UInt64
  /// What the process is told.
  public private(set) var now: UInt64
  /// What others see of it, and no later than `now`: the same for a process of one thread.
  public private(set) var shown: UInt64
  private var hasThreads = false
  /// By how much it was moved by questions: the processor time that the process has used, as far as anybody can tell.
  public private(set) var used: UInt64 = 0
  /// What its parent is told of that.
  private var shownUse: UInt64 = 0
  /// That of the children that it has waited for.
  public private(set) var usedByChildren: UInt64 = 0
  /// When its children begin.
  public private(set) var base: UInt64
  /// Children that it has not waited for, as of the last look.
  private var children: [Int32] = []
  private var latestChild: UInt64 = 0
  /// Those of them that have ended, with the time that each would have come to by its sleep alone.
  private var ended: [Int32: UInt64] = [:]
  /// By how much it was moved by sleep, its own and that of the children that it has waited for.
  private var slept: UInt64 = 0
  private var pendingUse: UInt64 = 0
  private var questions: UInt64 = 0
  /// Calls that were seen, and at which of them the last question was.
  private var calls: UInt64 = 0
  private var lastQuestion: UInt64 = 0
  /// The latest time of a file that the process has changed. It does not move the clock: when others ask for it is their matter.
  public var lastStamp: UInt64 = 0
  /// What it has opened to change it and nobody has asked about yet.
  public var openings = FileOpenings()
  /// No more questions, files and children.
  public var hasEnded = false

  public init(_ rule: ClockRule, at start: UInt64) {
    tick = rule.tick
    self.start = start
    now = start
    shown = start
    base = start
  }

  /// The process has a second thread. When that makes its first call is a race already.
  public func beginThreads() {
    guard !hasThreads else { return }
    hasThreads = true
    lift(to: Self.rounded(shown))
  }

  /// The process executes another program, which only what was seen of this one may depend on.
  public func execute() {
    hasThreads = false
    (now, used) = (shown, shownUse)
  }

  /// The process makes a call that is seen, whatever it is.
  public func countCall() { calls &+= 1 }

  /// The process asks for the time.
  public func ask() -> UInt64 {
    advance()
    return now
  }

  /// The same for a thread that has slept on its own account, which must see so.
  public func ask(_ lead: inout UInt64) -> UInt64 {
    advance()
    guard lead > now else {
      lead = 0
      return now
    }
    lead = min(lead &+ currentTick, Self.end)
    return lead
  }

  /// What the process changes now is of this time.
  public func touch() -> UInt64 {
    let time = ask()
    guard hasThreads else { return time }
    lift(to: shown &+ tick)
    return shown
  }

  private func advance() {
    questions = calls == lastQuestion &+ 1 ? questions + 1 : 0
    lastQuestion = calls
    now = min(now &+ currentTick, Self.end)
    used = Self.sum(used, currentTick)
    if !hasThreads { (shown, shownUse) = (now, used) }
  }

  private var currentTick: UInt64 { tick << min(questions / Self.patience, Self.mostDoublings) }

  /// The process has seen something of this time.
  public func lift(to time: UInt64) {
    let time = min(time, Self.end)
    guard time > shown else { return }
    // How far a process of threads is ahead stays: it must see that time goes on.
    now = time + min(now - shown, Self.end - time)
    shown = time
  }

  /// The process has waited until this time of its clock, for so long.
  /// - Parameter isShown: it would have in every run: nobody's but the program's own wait.
  public func wait(until time: UInt64, for duration: UInt64, isShown: Bool) {
    now = max(now, min(time, Self.end))
    let before = shown
    if !hasThreads { shown = now } else if isShown { shown = min(now, shown + min(duration, Self.end - shown)) }
    slept = Self.sum(slept, shown - before)
  }

  /// Looks at the children that live, or wait to be waited for: between two looks the process has made no call that could end them but
  /// one that waits for them, and so what is gone was gone before what is new came.
  public func look(at living: [Int32]) {
    if !ended.isEmpty { followSleep(of: living) }
    if hasNone(of: living) {
      if !children.isEmpty {
        lift(to: Self.rounded(latestChild))
        usedByChildren = Self.sum(usedByChildren, pendingUse)
        pendingUse = 0
      }
      base = shown
    }
    children = living
  }

  /// Goes on by what children have slept that are gone. Which of several has ended first may differ from run to run; but a program that waits
  /// for a time by sleeping, as shells do with another program, must come to it while its other children live.
  private func followSleep(of living: [Int32]) {
    let before = shown
    for (child, time) in ended where !living.contains(child) {
      ended[child] = nil
      lift(to: Self.rounded(time))
      base = max(base, Self.rounded(time))
    }
    slept = Self.sum(slept, shown - before)
  }

  /// Both are no later than the end.
  private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 { min(one + other, end) }

  private static func rounded(_ time: UInt64) -> UInt64 { (time + grain - 1) / grain * grain }

  private func hasNone(of living: [Int32]) -> Bool {
    if children.isEmpty || living.isEmpty { return true }
    if children.count < 16 || living.contains(children[0]) { return children.allSatisfy { !living.contains($0) } }
    return Set(living).isDisjoint(with: children)
  }

  /// Where a child of this one stands.
  public func note(child: ProcessClock) { latestChild = max(latestChild, child.shown) }

  /// A child has ended.
  /// - Parameter id: its number, as `look` has it.
  public func noteEnd(of child: ProcessClock, id: Int32) {
    note(child: child)
    if child.slept > 0 { ended[id] = min(child.start + child.slept, child.shown) }
    pendingUse = Self.sum(pendingUse, Self.sum(child.shownUse, child.usedByChildren))
  }
}
