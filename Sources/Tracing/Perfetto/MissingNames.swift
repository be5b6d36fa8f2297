import Glibc

/// The paths that were looked for in vain and have a number: by the number of the directory's path, and the name. The same names
/// are looked for again and again, so that this is asked for each such event.
struct MissingNames: ~Copyable {
  private struct Entry {
    var directory: UInt32
    var start: UInt32
    var length: UInt32
    var path: UInt32
  }

  private var entries: [Entry] = []
  private var names: [UInt8] = []
  /// Indices of entries plus 1, by hash; its size is a power of 2.
  private var table = [UInt32](repeating: 0, count: 1 << 10)

  func find(_ directory: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> UInt32? {
    let index = table[slot(directory, name)]
    return index == 0 ? nil : entries[Int(index) - 1].path
  }

  mutating func insert(_ directory: UInt32, _ name: UnsafeBufferPointer<UInt8>, _ path: UInt32) {
    if entries.count * 2 > table.count { grow() }
    entries.append(Entry(directory: directory, start: UInt32(names.count), length: UInt32(name.count), path: path))
    names.append(contentsOf: name)
    table[slot(directory, name)] = UInt32(entries.count)
  }

  private mutating func grow() {
    table = [UInt32](repeating: 0, count: table.count * 2)
    for (index, entry) in entries.enumerated() {
      names.withUnsafeBufferPointer {
        let name = UnsafeBufferPointer(rebasing: $0[Int(entry.start)..<Int(entry.start + entry.length)])
        table[slot(entry.directory, name)] = UInt32(index + 1)
      }
    }
  }

  /// Where the name is, or belongs.
  private func slot(_ directory: UInt32, _ name: UnsafeBufferPointer<UInt8>) -> Int {
    var hash = UInt64(directory) &* 0x9e37_79b9_7f4a_7c15 ^ 0xcbf2_9ce4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash ^= hash >> 29
    var slot = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[slot] != 0 {
      let entry = entries[Int(table[slot]) - 1]
      if entry.directory == directory, Int(entry.length) == name.count,
        names.withUnsafeBufferPointer({
          memcmp($0.baseAddress! + Int(entry.start), name.baseAddress!, name.count) == 0
        })
      {
        return slot
      }
      slot = (slot + 1) & (table.count - 1)
    }
    return slot
  }
}
