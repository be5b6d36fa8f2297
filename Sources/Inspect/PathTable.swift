/// The paths of a run, each of them once, as a tree of names: memory is proportional to the distinct names in directories.
public struct PathTable: Sendable {
  /// A path of this table.
  public struct ID: Hashable, Sendable {
    public let rawValue: UInt32

    /// Of what the trace does not define.
    public static let none = ID(rawValue: 0)
    /// `/`.
    public static let root = ID(rawValue: 1)
  }

  private struct Entry {
    var parent: UInt32
    var hash: UInt32
    /// The end of its name in `names`; the one before it ends where this begins.
    var end: Int
  }

  private var entries = [Entry](repeating: Entry(parent: 0, hash: 0, end: 0), count: 2)
  private var names: [UInt8] = []
  /// By hash: the index of an entry, 0 where there is none. A power of 2, at most half full.
  private var slots = [UInt32](repeating: 0, count: 1 << 10)

  public init() {}

  /// How many paths there are, `/` included.
  public var count: Int { entries.count - 1 }

  /// All paths; a directory comes before what is in it.
  public var ids: some Sequence<ID> { (1..<UInt32(entries.count)).lazy.map { ID(rawValue: $0) } }

  /// The path of a name in a directory, which is added if it is not there.
  public mutating func add(_ name: UnsafeBufferPointer<UInt8>, in directory: ID) -> ID {
    let hash = Self.hash(name, directory)
    let slot = slot(of: name, in: directory, hash)
    if slots[slot] != 0 { return ID(rawValue: slots[slot]) }
    let new = UInt32(entries.count)
    names.append(contentsOf: name)
    entries.append(Entry(parent: directory.rawValue, hash: hash, end: names.count))
    slots[slot] = new
    if entries.count * 2 > slots.count { grow() }
    return ID(rawValue: new)
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: slots.count * 2)
    for index in 2..<entries.count {
      var slot = Int(entries[index].hash) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(index)
    }
  }

  private func range(of index: UInt32) -> Range<Int> { entries[Int(index) - 1].end..<entries[Int(index)].end }

  /// The last component; empty for `/` and for what is not defined.
  public func name(of id: ID) -> ArraySlice<UInt8> {
    guard id.rawValue > 1, id.rawValue < entries.count else { return [] }
    return names[range(of: id.rawValue)]
  }

  /// The directory that it is in; `none` for `/`.
  public func directory(of id: ID) -> ID {
    guard id.rawValue < entries.count else { return .none }
    return ID(rawValue: entries[Int(id.rawValue)].parent)
  }

  /// The absolute path as the guest named it; empty for what is not defined.
  public func path(of id: ID) -> [UInt8] {
    if id == .root { return [UInt8(ascii: "/")] }
    guard id.rawValue > 1, id.rawValue < entries.count else { return [] }
    var length = 0
    var current = id.rawValue
    while current > 1 {
      length += range(of: current).count + 1
      current = entries[Int(current)].parent
    }
    return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      count = length
      var end = length
      current = id.rawValue
      while current > 1 {
        let range = range(of: current)
        names.withUnsafeBufferPointer { names in
          end -= range.count
          _ = UnsafeMutableBufferPointer(rebasing: buffer[end..<end + range.count]).initialize(from: names[range])
        }
        end -= 1
        buffer[end] = UInt8(ascii: "/")
        current = entries[Int(current)].parent
      }
    }
  }

  /// - Parameter path: absolute, as `path(of:)` makes it.
  /// - Returns: nil if nobody has used it.
  public func id(of path: [UInt8]) -> ID? {
    guard path.first == UInt8(ascii: "/") else { return nil }
    var current = ID.root
    for component in path.split(separator: UInt8(ascii: "/")) {
      guard let next = component.withUnsafeBufferPointer({ find($0, in: current) }) else { return nil }
      current = next
    }
    return current
  }

  /// The path of a name in a directory; nil if nobody has used it.
  func find(_ name: UnsafeBufferPointer<UInt8>, in directory: ID) -> ID? {
    let slot = slot(of: name, in: directory, Self.hash(name, directory))
    return slots[slot] == 0 ? nil : ID(rawValue: slots[slot])
  }

  private static func hash(_ name: UnsafeBufferPointer<UInt8>, _ directory: ID) -> UInt32 {
    var hasher = Hasher()
    hasher.combine(directory.rawValue)
    hasher.combine(bytes: UnsafeRawBufferPointer(name))
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }

  /// The slot that has it, or the one where it would be.
  private func slot(of name: UnsafeBufferPointer<UInt8>, in directory: ID, _ hash: UInt32) -> Int {
    var slot = Int(hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let found = Int(slots[slot])
      if entries[found].hash == hash, entries[found].parent == directory.rawValue,
        names[range(of: slots[slot])].elementsEqual(name)
      {
        break
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  /// All paths, those of a directory sorted by name, each behind its directory.
  public func sorted() -> [ID] {
    // The children of each path, one list behind the other.
    var starts = [Int](repeating: 0, count: entries.count + 1)
    for index in entries.indices.dropFirst(2) { starts[Int(entries[index].parent) + 1] += 1 }
    for index in starts.indices.dropFirst() { starts[index] += starts[index - 1] }
    var children = [UInt32](repeating: 0, count: max(0, entries.count - 2))
    var ends = starts
    for index in entries.indices.dropFirst(2) {
      let parent = Int(entries[index].parent)
      children[ends[parent]] = UInt32(index)
      ends[parent] += 1
    }
    var result: [ID] = []
    result.reserveCapacity(entries.count)
    var pending: [UInt32] = [1]
    while let next = pending.popLast() {
      result.append(ID(rawValue: next))
      let own = children[starts[Int(next)]..<starts[Int(next) + 1]]
      pending += own.sorted { names[range(of: $1)].lexicographicallyPrecedes(names[range(of: $0)]) }
    }
    return result
  }
}
