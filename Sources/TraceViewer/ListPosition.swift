/// Which item of a list is selected and which is at the top.
struct ListPosition: Sendable, Equatable {
  private(set) var selected = 0
  private(set) var top = 0

  /// Moves as a key says.
  /// - Parameters:
  ///   - height: the rows that are seen.
  /// - Returns: false if the key does not move in a list.
  mutating func move(_ key: Key, count: Int, height: Int) -> Bool {
    switch key {
    case .up, .character("k"): select(selected - 1, count: count)
    case .down, .character("j"): select(selected + 1, count: count)
    case .pageUp: select(selected - max(1, height - 1), count: count)
    case .pageDown: select(selected + max(1, height - 1), count: count)
    case .home, .character("g"): select(0, count: count)
    case .end, .character("G"): select(count - 1, count: count)
    default: return false
    }
    return true
  }

  mutating func select(_ item: Int, count: Int) {
    selected = max(0, min(item, count - 1))
  }

  /// Brings the selected item into view.
  mutating func settle(count: Int, height: Int) {
    select(selected, count: count)
    top = min(top, selected)
    top = max(top, selected - max(1, height) + 1)
    top = max(0, min(top, count - max(1, height)))
  }
}
