/// The differing lines with two lines around them, or nil if there are none.
func excerpt(
  _ label: String, _ old: [String], _ new: [String], names: (old: String, new: String), limit: Int = 60
) -> String? {
  let difference = new.difference(from: old)
  if difference.isEmpty { return nil }
  var removed = Set<Int>()
  var inserted = Set<Int>()
  for change in difference {
    switch change {
    case .remove(let offset, _, _): removed.insert(offset)
    case .insert(let offset, _, _): inserted.insert(offset)
    }
  }
  // Walk both at once: what was neither removed nor inserted stands at the same place in the common text.
  var marked: [(mark: Character, line: String)] = []
  var left = 0
  var right = 0
  while left < old.count || right < new.count {
    if left < old.count && removed.contains(left) {
      marked.append(("-", old[left]))
      left += 1
    } else if right < new.count && inserted.contains(right) {
      marked.append(("+", new[right]))
      right += 1
    } else {
      marked.append((" ", old[left]))
      left += 1
      right += 1
    }
  }
  var lines = ["--- \(label), \(names.old)", "+++ \(label), \(names.new)"]
  var shown = -1
  for (index, entry) in marked.enumerated() {
    let near = marked[max(0, index - 2)...min(marked.count - 1, index + 2)].contains { $0.mark != " " }
    if !near { continue }
    if shown >= 0 && index > shown + 1 { lines.append("...") }
    lines.append("\(entry.mark)\(entry.line)")
    shown = index
    if lines.count > limit {
      lines.append("... and more, \(difference.count) changes in all")
      break
    }
  }
  return lines.joined(separator: "\n")
}
