import Tracing

/// The difference of two texts, line by line.
package struct LineDiff {
  package enum Edit: Equatable {
    case keep(old: Int, new: Int)
    case remove(old: Int)
    case insert(new: Int)
  }

  package let old: [ArraySlice<UInt8>]
  package let new: [ArraySlice<UInt8>]
  package private(set) var edits: [Edit] = []

  /// Texts that differ more are told as replaced: the work grows with the square of the differences.
  private static let maximumEdits = 1500
  private static let context = 3

  package init(_ old: [UInt8], _ new: [UInt8]) {
    self.old = Self.lines(old)
    self.new = Self.lines(new)
    var numbers: [ArraySlice<UInt8>: Int] = [:]
    func number(_ line: ArraySlice<UInt8>) -> Int {
      if let known = numbers[line] { return known }
      numbers[line] = numbers.count
      return numbers.count - 1
    }
    let a = self.old.map(number)
    let b = self.new.map(number)
    var start = 0
    while start < a.count, start < b.count, a[start] == b[start] { start += 1 }
    var end = 0
    while end < a.count - start, end < b.count - start, a[a.count - 1 - end] == b[b.count - 1 - end] { end += 1 }
    edits = (0..<start).map { .keep(old: $0, new: $0) }
    edits += Self.middle(a[start..<(a.count - end)], b[start..<(b.count - end)])
    edits += (0..<end).map { .keep(old: a.count - end + $0, new: b.count - end + $0) }
  }

  package var insertions: Int { edits.count { if case .insert = $0 { true } else { false } } }
  package var removals: Int { edits.count { if case .remove = $0 { true } else { false } } }

  /// Each with its newline, if it has one.
  private static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? text.count
      lines.append(text[start..<end])
      start = end
    }
    return lines
  }

  /// Myers, "An O(ND) difference algorithm and its variations".
  private static func middle(_ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> [Edit] {
    let replaced: [Edit] = a.indices.map { .remove(old: $0) } + b.indices.map { .insert(new: $0) }
    if a.isEmpty || b.isEmpty { return replaced }
    let limit = min(a.count + b.count, maximumEdits)
    var furthest = [Int](repeating: 0, count: 2 * limit + 3)
    var steps: [[Int]] = []
    for edits in 0...limit {
      steps.append(Array(furthest[(limit + 1 - edits)...(limit + 1 + edits)]))
      for diagonal in stride(from: -edits, through: edits, by: 2) {
        let at = limit + 1 + diagonal
        var x =
          diagonal == -edits || (diagonal != edits && furthest[at - 1] < furthest[at + 1])
          ? furthest[at + 1] : furthest[at - 1] + 1
        var y = x - diagonal
        while x < a.count, y < b.count, a[a.startIndex + x] == b[b.startIndex + y] {
          x += 1
          y += 1
        }
        furthest[at] = x
        if x >= a.count, y >= b.count { return path(steps, edits, a, b) }
      }
    }
    return replaced
  }

  /// Back from the end, by what was reached before each edit.
  private static func path(_ steps: [[Int]], _ edits: Int, _ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> [Edit] {
    var result: [Edit] = []
    var (x, y) = (a.count, b.count)
    for edit in stride(from: edits, to: 0, by: -1) {
      let before = steps[edit]
      // The step knows the diagonals from -edit to edit.
      func reached(_ diagonal: Int) -> Int {
        let index = diagonal + edit
        return index >= 0 && index < before.count ? before[index] : -1
      }
      let diagonal = x - y
      let isInsertion =
        diagonal == -edit || (diagonal != edit && reached(diagonal - 1) < reached(diagonal + 1))
      let previous = isInsertion ? diagonal + 1 : diagonal - 1
      let previousX = reached(previous)
      let previousY = previousX - previous
      while x > previousX, y > previousY {
        x -= 1
        y -= 1
        result.append(.keep(old: a.startIndex + x, new: b.startIndex + y))
      }
      if isInsertion {
        y -= 1
        result.append(.insert(new: b.startIndex + y))
      } else {
        x -= 1
        result.append(.remove(old: a.startIndex + x))
      }
    }
    while x > 0, y > 0 {
      x -= 1
      y -= 1
      result.append(.keep(old: a.startIndex + x, new: b.startIndex + y))
    }
    return result.reversed()
  }

  // MARK: Unified form

  /// Calls `body` with each line of the hunks: its mark (` `, `-`, `+`, or `@` for a heading) and its text.
  package func forEachHunkLine(_ body: (UInt8, ArraySlice<UInt8>) -> Void) {
    let changed = edits.indices.filter { if case .keep = edits[$0] { false } else { true } }
    var position = 0
    while position < changed.count {
      let first = max(0, changed[position] - Self.context)
      var last = changed[position]
      while position < changed.count, changed[position] - last <= 2 * Self.context {
        last = changed[position]
        position += 1
      }
      hunk(edits[first...min(edits.count - 1, last + Self.context)], after: edits[..<first], body)
    }
  }

  private func hunk(
    _ hunk: ArraySlice<Edit>, after before: ArraySlice<Edit>, _ body: (UInt8, ArraySlice<UInt8>) -> Void
  ) {
    func count(_ edits: ArraySlice<Edit>) -> (old: Int, new: Int) {
      edits.reduce(into: (0, 0)) { counts, edit in
        if case .insert = edit {} else { counts.0 += 1 }
        if case .remove = edit {} else { counts.1 += 1 }
      }
    }
    let (start, length) = (count(before), count(hunk))
    func range(_ start: Int, _ length: Int) -> String {
      length == 1 ? "\(start + 1)" : "\(length == 0 ? start : start + 1),\(length)"
    }
    let heading = "@@ -\(range(start.old, length.old)) +\(range(start.new, length.new)) @@\n"
    body(UInt8(ascii: "@"), ArraySlice(heading.utf8))
    for edit in hunk {
      switch edit {
      case .keep(let line, _): body(UInt8(ascii: " "), old[line])
      case .remove(let line): body(UInt8(ascii: "-"), old[line])
      case .insert(let line): body(UInt8(ascii: "+"), new[line])
      }
    }
  }

  /// What a run wrote must not reach the terminal as a command to it; tabs may.
  package static func shown(_ line: ArraySlice<UInt8>) -> [UInt8] {
    if line.allSatisfy({ ($0 >= 0x20 && $0 < 0x7f && $0 != 0x5c) || $0 == 0x09 }) { return Array(line) }
    var shown: [UInt8] = []
    for piece in line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false) {
      if piece.startIndex != line.startIndex { shown.append(UInt8(ascii: "\t")) }
      // A backslash is as harmless in a text as it is frequent.
      let parts = piece.split(separator: UInt8(ascii: "\\"), omittingEmptySubsequences: false)
      shown += parts.map { Escaping.escape($0) }.joined(separator: [UInt8(ascii: "\\")])
    }
    return shown
  }
}
