import Testing

@testable import VirtualKernel

/// The same sequence of numbers for the same seed.
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    // SplitMix64.
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

struct DentryTableTests {
  private struct Key: Hashable {
    var parent: UInt32
    var name: [UInt8]
  }

  @Test(arguments: 1...4)
  func behavesLikeADictionary(_ seed: UInt64) {
    var random = Generator(state: seed)
    var table = DentryTable()
    var known: [Key: DentryID] = [:]
    var keys: [Key] = []
    for _ in 0..<10_000 {
      let length = Int.random(in: 1...20, using: &random)
      let name = (0..<length).map { _ in UInt8.random(in: 97...99, using: &random) }
      let key = Key(parent: UInt32.random(in: 1...4, using: &random), name: name)
      let found = name.withUnsafeBufferPointer { table.find(DentryID(index: key.parent), $0) }
      if found != known[key] ?? .none { Issue.record("step with \(key) found \(found)") }
      switch Int.random(in: 0..<8, using: &random) {
      case 0..<5 where known[key] == nil:
        known[key] = name.withUnsafeBufferPointer { table.insert(DentryID(index: key.parent), $0) }
        keys.append(key)
      case 5 where !keys.isEmpty:
        let index = Int.random(in: 0..<keys.count, using: &random)
        let old = keys.remove(at: index)
        table.unhash(known[old]!)
        table.free(known[old]!)
        known[old] = nil
      case 6 where !keys.isEmpty && known[key] == nil:
        let index = Int.random(in: 0..<keys.count, using: &random)
        let old = keys[index]
        table.unhash(known[old]!)
        name.withUnsafeBufferPointer { table.rehash(known[old]!, DentryID(index: key.parent), $0) }
        known[key] = known.removeValue(forKey: old)
        keys[index] = key
      default: break
      }
    }
    #expect(table.count == known.count)
    for (key, id) in known {
      #expect(key.name.withUnsafeBufferPointer { table.find(DentryID(index: key.parent), $0) } == id)
      #expect(Array(table.name(of: id)) == key.name)
    }
  }

  @Test func unhashedDentryIsNotFoundButKeepsItsName() {
    var table = DentryTable()
    let name = Array("name".utf8)
    let id = name.withUnsafeBufferPointer { table.insert(DentryID(index: 1), $0) }
    table.unhash(id)
    table.unhash(id)
    #expect(table.count == 0)
    #expect(name.withUnsafeBufferPointer { table.find(DentryID(index: 1), $0) } == .none)
    #expect(Array(table.name(of: id)) == name)
  }
}

struct NameArenaTests {
  @Test func removedNamesMakeRoomForThoseOfTheirSize() {
    var arena = NameArena()
    let names = (1...255).map { [UInt8](repeating: UInt8($0), count: $0) }
    let offsets = names.map { name in name.withUnsafeBufferPointer { arena.insert($0) } }
    for (offset, name) in zip(offsets, names) {
      #expect(Array(arena.bytes(at: offset, count: UInt16(name.count))) == name)
    }
    for (offset, name) in zip(offsets, names) { arena.remove(at: offset, count: UInt16(name.count)) }
    let again = names.reversed().map { name in name.withUnsafeBufferPointer { arena.insert($0) } }
    #expect(Set(again) == Set(offsets))
    for (offset, name) in zip(again, names.reversed()) {
      #expect(Array(arena.bytes(at: offset, count: UInt16(name.count))) == name)
    }
  }

  @Test func namesAcrossManyChunksStayWhatTheyAre() {
    var arena = NameArena()
    var random = Generator(state: 7)
    var known: [(NameArena.Offset, [UInt8])] = []
    for _ in 0..<30_000 {
      if known.count > 100, Bool.random(using: &random) {
        let (offset, name) = known.remove(at: Int.random(in: 0..<known.count, using: &random))
        #expect(Array(arena.bytes(at: offset, count: UInt16(name.count))) == name)
        arena.remove(at: offset, count: UInt16(name.count))
      } else {
        let name = [UInt8](repeating: .random(in: 0...255, using: &random), count: .random(in: 0...255, using: &random))
        known.append((name.withUnsafeBufferPointer { arena.insert($0) }, name))
      }
    }
    for (offset, name) in known { #expect(Array(arena.bytes(at: offset, count: UInt16(name.count))) == name) }
  }
}

struct ArenaTests {
  @Test func recordsStayWhereTheyAreAndIndexesAreUsedAgain() {
    var arena = Arena<UInt64>()
    let indexes = (0..<300_000).map { arena.insert(UInt64($0)) }
    #expect(indexes.first == 1)
    #expect(Set(indexes).count == indexes.count)
    for (value, index) in indexes.enumerated() where arena[index].pointee != UInt64(value) {
      Issue.record("\(index) moved")
    }
    let place = arena[indexes[77]]
    arena.remove(indexes[5])
    #expect(arena.count == 299_999)
    #expect(arena.insert(1) == indexes[5])
    #expect(arena[indexes[77]] == place)
  }
}

struct PathBufferTests {
  @Test func appendsAndPrependsUpToTheLongestPath() throws {
    var path = PathBuffer()
    func component(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) rethrows {
      try Array(text.utf8).withUnsafeBufferPointer(body)
    }
    path.clear()
    try component("a") { try path.appendComponent($0) }
    try component("bc") { try path.appendComponent($0) }
    #expect(String(cString: path.cString) == "a/bc")
    path.clearForPrepending()
    try component("c") { try path.prependComponent($0) }
    try component("ab") { try path.prependComponent($0) }
    #expect(String(cString: path.cString) == "ab/c")
    path.prependSlash()
    #expect(Array(path.bytes) == Array("/ab/c".utf8))
    let long = String(repeating: "x", count: 255)
    for prepends in [true, false] {
      if prepends { path.clearForPrepending() } else { path.clear() }
      var count = 0
      while count < 100 {
        do {
          try component(long) { if prepends { try path.prependComponent($0) } else { try path.appendComponent($0) } }
          count += 1
        } catch { break }
      }
      #expect(count == 15 || count == 16)
      #expect(String(cString: path.cString).utf8.count == count * 256 - 1)
    }
  }
}
