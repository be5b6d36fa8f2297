/// Where in a program's memory times of the machine's stand for calls that are made again (`Syscalls.translated`): some numbered places, each
/// a call's from then until it has returned, which nobody tells.
final class TimePlaces {
  private struct Use {
    var thread: AbsTid
    var group: AbsTgid
    /// The thread's stack pointer in the call; nil if it could not be asked.
    var stack: UInt64?
    var order: UInt64
    /// nil until it is known.
    var time: TranslatedTime?
  }

  /// So many calls of one thread are kept apart: a signal's handler may interrupt another, and what it has interrupted is made again after it.
  private static let mostOfOneThread = 4

  private var uses: [Use] = []
  private var order: UInt64 = 0

  /// What a thread was made to call again with this address.
  func time(of thread: AbsTid, at address: UInt64) -> TranslatedTime? {
    uses.first { $0.thread == thread && $0.time?.address == address }?.time
  }

  /// A place for a call, which is in use from now on.
  /// - Parameters:
  ///   - stack: the thread's stack pointer. A call that was made with the same has returned, and one from deeper in the same stack.
  ///   - count: how many places there are.
  ///   - isThread: whether a thread lives.
  /// - Returns: nil if all are others'.
  func take(
    for thread: AbsTid, of group: AbsTgid, stack: UInt64?, count: Int, isThread: (AbsTid, AbsTgid) -> Bool
  ) -> Int? {
    let own = uses.indices.filter { uses[$0].thread == thread }
    var index = stack.flatMap { stack in own.first { uses[$0].stack == stack } }
    if index == nil, own.count < Self.mostOfOneThread {
      index = uses.count < count ? uses.count : uses.firstIndex { !isThread($0.thread, $0.group) }
    }
    // On another stack, as a handler may have it (sigaltstack(2)), deeper says nothing: so this comes after what is nobody's.
    let oldest = { (some: [Int]) in some.min { self.uses[$0].order < self.uses[$1].order } }
    index = index ?? stack.flatMap { stack in oldest(own.filter { uses[$0].stack.map { $0 < stack } ?? false }) }
    guard let index = index ?? oldest(own) else { return nil }
    order += 1
    let use = Use(thread: thread, group: group, stack: stack, order: order)
    if index == uses.count { uses.append(use) } else { uses[index] = use }
    return index
  }

  func put(_ time: TranslatedTime, in place: Int) { uses[place].time = time }
}
