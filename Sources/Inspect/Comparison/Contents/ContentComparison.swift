/// In what two contents differ: members, sections, headers, lines.
///
/// A file in a file is looked into as that file would be, so that a package leads to the section of a program in it. What would take too much
/// memory is left out, and said to be.
public struct ContentComparison {
  public private(set) var findings: [ContentFinding] = []
  private let budget = ContentBudget()
  private var hidden = 0
  /// More than a page can bear of one file.
  private static let mostFindings = 200

  public init(_ first: [UInt8], _ second: [UInt8]) {
    compare(first[...], second[...], at: [], depth: 0)
    if hidden > 0 { findings.append(ContentFinding(place: [], kind: .more(hidden))) }
  }

  /// - Parameter kind: not found out for more than are told of.
  private mutating func add(_ kind: @autoclosure () -> ContentFinding.Kind, _ place: [[UInt8]]) {
    guard findings.count < Self.mostFindings else {
      hidden += 1
      return
    }
    findings.append(ContentFinding(place: place, kind: kind()))
  }

  private var total: Int { findings.count + hidden }

  private mutating func compare(
    _ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>, at place: [[UInt8]], depth: Int
  ) {
    if ByteDifference.areEqual(first, second) { return }
    guard let format = ContentFormats.all.first(where: { $0.recognizes(first) && $0.recognizes(second) }) else {
      let isText = TextLines.areText(first, second)
      return add(isText ? TextLines.difference(first, second) : ByteDifference.difference(first, second), place)
    }
    guard depth < ContentBudget.depth else { return add(.unread(ContentBudget.tooDeep.reason), place) }
    let before = total
    let (one, other) = (format.anatomy(first, budget), format.anatomy(second, budget))
    compare(one.fields, other.fields, at: place + [Array(one.header.utf8)])
    compare(one.parts, other.parts, at: place, depth: depth + 1)
    for limit in Set([one.limit, other.limit].compactMap { $0?.reason }).sorted() { add(.unread(limit), place) }
    if total > before { return }
    // All that is known of is the same.
    add(.packing, place)
    add(ByteDifference.difference(first, second), place)
  }

  private mutating func compare(_ first: [Anatomy.Field], _ second: [Anatomy.Field], at place: [[UInt8]]) {
    if first == second { return }
    let theirs = Dictionary(second.map { ($0.name, $0.value) }) { one, _ in one }
    for field in first where theirs[field.name] != field.value {
      add(.field(name: field.name, first: field.value, second: theirs[field.name]), place)
    }
    let ours = Set(first.map(\.name))
    for field in second where !ours.contains(field.name) {
      add(.field(name: field.name, first: nil, second: field.value), place)
    }
  }

  /// A name, and which of several of that name.
  private struct Key: Hashable {
    var name: [UInt8]
    var ordinal: Int
  }

  private static func keys(_ parts: [Anatomy.Part]) -> [Key] {
    var counts: [[UInt8]: Int] = [:]
    return parts.map { part in
      defer { counts[part.name, default: 0] += 1 }
      return Key(name: part.name, ordinal: counts[part.name] ?? 0)
    }
  }

  private mutating func compare(
    _ first: [Anatomy.Part], _ second: [Anatomy.Part], at place: [[UInt8]], depth: Int
  ) {
    let (ours, theirs) = (Self.keys(first), Self.keys(second))
    let places = Dictionary(uniqueKeysWithValues: zip(theirs, second.indices))
    var common: [Int] = []
    for (key, part) in zip(ours, first) {
      let inside = part.name.isEmpty ? place : place + [part.name]
      guard let index = places[key] else {
        add(.onlyFirst, inside)
        continue
      }
      common.append(index)
      let other = second[index]
      do throws(ContentLimit) { try budget.look(atBytes: part.packed?.count ?? 0) } catch {
        add(.unread(error.reason), place)
        break
      }
      compare(part.fields, other.fields, at: inside)
      if let packed = part.packed, let its = other.packed, part.fields == other.fields,
        ByteDifference.areEqual(packed, its)
      {
        continue
      }
      do throws(ContentLimit) {
        let (one, another) = (try part.contents(), try other.contents())
        try budget.look(atBytes: max(one.count, another.count))
        if part.isFile {
          compare(one, another, at: inside, depth: depth)
        } else if !ByteDifference.areEqual(one, another) {
          add(ByteDifference.difference(one, another), inside)
        }
      } catch { add(.unread(error.reason), inside) }
    }
    let known = Set(ours)
    for (key, part) in zip(theirs, second) where !known.contains(key) { add(.onlySecond, place + [part.name]) }
    if zip(common, common.dropFirst()).contains(where: { $0 > $1 }) { add(.order, place) }
  }
}
