import Testing

@testable import VirtualKernel

/// Whose a place is: threads by a letter, with the stack pointers of their calls, in the order in which they are made.
struct TimePlacesTests {
  private func take(_ places: TimePlaces, _ thread: Int32, _ stack: UInt64?, count: Int, dead: Set<Int32> = []) -> Int?
  {
    places.take(
      for: AbsTid(rawValue: thread), of: AbsTgid(rawValue: 1), stack: stack, count: count,
      isThread: { thread, _ in !dead.contains(thread.rawValue) })
  }

  @Test(
    arguments: [
      // A loop; two depths; more depths than are kept apart, where the oldest that is deeper gives way.
      ([(1, 50), (1, 50), (1, 50)], [0, 0, 0]),
      ([(1, 50), (1, 40), (1, 50), (1, 40)], [0, 1, 0, 1]),
      ([(1, 50), (1, 40), (1, 30), (1, 20), (1, 45), (1, 60)], [0, 1, 2, 3, 1, 0]),
      // Deeper and deeper, as no call has returned: the oldest.
      ([(1, 50), (1, 40), (1, 30), (1, 20), (1, 10)], [0, 1, 2, 3, 0]),
      ([(1, nil), (1, nil), (1, 30)], [0, 1, 2]),
      ([(1, 50), (2, 50), (3, 50), (2, 50)], [0, 1, 2, 1]),
      // All are others'.
      ([(1, 50), (2, 50), (3, 50), (4, 50), (5, 50), (6, 50), (7, 50)], [0, 1, 2, 3, 4, 5, nil]),
      ([(1, 50), (2, 50), (3, 50), (4, 50), (5, 50), (6, 50), (1, 40)], [0, 1, 2, 3, 4, 5, 0]),
    ] as [([(Int32, UInt64?)], [Int?])])
  func order(_ calls: [(Int32, UInt64?)], _ expected: [Int?]) {
    let places = TimePlaces()
    #expect(calls.map { take(places, $0.0, $0.1, count: 6) } == expected)
  }

  @Test func placesOfTheDead() {
    let places = TimePlaces()
    #expect((1...3).map { take(places, $0, 50, count: 3) } == [0, 1, 2])
    #expect(take(places, 4, 50, count: 3) == nil)
    #expect(take(places, 4, 50, count: 3, dead: [2]) == 1)
    #expect(take(places, 4, 50, count: 3) == 1)
  }

  @Test func onlyWhoTookItFindsATime() {
    let places = TimePlaces()
    let index = take(places, 1, 50, count: 2)!
    let wait = TimedWait(hostEnd: 7, end: 8)
    places.put(TranslatedTime(address: 0x1000, wait: wait), in: index)
    #expect(places.time(of: AbsTid(rawValue: 1), at: 0x1000)?.wait.end == 8)
    #expect(places.time(of: AbsTid(rawValue: 1), at: 0x1020) == nil)
    #expect(places.time(of: AbsTid(rawValue: 2), at: 0x1000) == nil)
    // Taken anew: what stood there is no more.
    #expect(take(places, 1, 50, count: 2) == index)
    #expect(places.time(of: AbsTid(rawValue: 1), at: 0x1000) == nil)
  }
}
