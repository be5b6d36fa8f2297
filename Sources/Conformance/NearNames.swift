/// The names that a user who typed `name` may have meant, the likeliest first.
func nearNames(to name: String, in names: [String]) -> [String] {
  let limit = name.utf8.count < 5 ? 1 : 2
  let scored = names.compactMap { candidate -> (distance: Int, name: String)? in
    let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
    if distance <= limit { return (distance, candidate) }
    return !name.isEmpty && (candidate.hasPrefix(name) || name.hasPrefix(candidate)) ? (limit + 1, candidate) : nil
  }
  return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(5).map(\.name)
}

/// Levenshtein's: how many characters to insert, remove or replace.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var row = Array(0...right.count)
  for (index, byte) in left.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in right.indices {
      let replaced = diagonal + (byte == right[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
    }
  }
  return row[right.count]
}
