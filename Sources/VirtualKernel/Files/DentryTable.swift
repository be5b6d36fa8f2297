import CLinux
import Glibc

/// All dentries, found by parent and name: an open-addressing table over raw bytes, because a dictionary keyed by an array or a
/// string costs 10 to 20 times as much on the way of every path component.
struct DentryTable: ~Copyable {
  private var dentries = Arena<Dentry>()
  private var names = NameArena()
  private var slots: UnsafeMutablePointer<UInt32>
  private var mask: Int
  private(set) var count = 0
  /// Not to be known to the guest, which could choose names that all fall on one slot.
  private let seed: UInt64

  init() {
    var numbers = SystemRandomNumberGenerator()
    seed = numbers.next()
    let capacity = 4096
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: 0, count: capacity)
    mask = capacity - 1
  }

  deinit { slots.deallocate() }

  subscript(id: DentryID) -> UnsafeMutablePointer<Dentry> {
    @inline(__always) get { dentries[id.index] }
  }

  func name(of id: DentryID) -> UnsafeBufferPointer<UInt8> {
    let dentry = dentries[id.index]
    return names.bytes(at: dentry.pointee.nameOffset, count: dentry.pointee.nameLength)
  }

  /// FNV-1a from a secret start over the name, mixed with the parent.
  @inline(__always)
  func hash(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> UInt32 {
    var hash: UInt64 = seed ^ (UInt64(parent.index) &* 0x9e37_79b9_7f4a_7c15)
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return UInt32(truncatingIfNeeded: hash ^ (hash >> 32))
  }

  @inline(__always)
  func find(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> DentryID {
    let hash = self.hash(parent, name)
    var slot = Int(hash) & mask
    while true {
      let index = slots[slot]
      if index == 0 { return .none }
      let dentry = dentries[index]
      if dentry.pointee.hash == hash, dentry.pointee.parent == parent,
        Int(dentry.pointee.nameLength) == name.count,
        memcmp(
          names.bytes(at: dentry.pointee.nameOffset, count: dentry.pointee.nameLength).baseAddress!,
          name.baseAddress!, name.count) == 0
      {
        return DentryID(index: index)
      }
      slot = (slot + 1) & mask
    }
  }

  /// Inserts a dentry without an inode. The name must not be in the table.
  mutating func insert(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) -> DentryID {
    let index = dentries.insert(
      Dentry(
        parent: parent, inode: .none, hash: hash(parent, name), nameOffset: names.insert(name),
        nameLength: UInt16(name.count), flags: [], lowerIndex: 0, nextAlias: .none, slot: 0))
    place(index)
    return DentryID(index: index)
  }

  /// Takes the dentry out of the look-up but keeps it: an open file still names it.
  mutating func unhash(_ id: DentryID) {
    var hole = Int(dentries[id.index].pointee.hash) & mask
    while slots[hole] != id.index {
      if slots[hole] == 0 { return }
      hole = (hole + 1) & mask
    }
    count -= 1
    // Move back what probed past the hole, so that no look-up ends too early.
    var slot = hole
    while true {
      slot = (slot + 1) & mask
      let index = slots[slot]
      if index == 0 { break }
      let home = Int(dentries[index].pointee.hash) & mask
      if ((slot - home) & mask) >= ((slot - hole) & mask) {
        slots[hole] = index
        hole = slot
      }
    }
    slots[hole] = 0
  }

  /// Frees an unhashed dentry.
  mutating func free(_ id: DentryID) {
    let dentry = dentries[id.index].pointee
    names.remove(at: dentry.nameOffset, count: dentry.nameLength)
    dentries[id.index].pointee.parent = .none
    dentries.remove(id.index)
  }

  /// Gives an unhashed dentry a new place and name.
  mutating func rehash(_ id: DentryID, _ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) {
    let dentry = dentries[id.index]
    let offset = names.insert(name)
    names.remove(at: dentry.pointee.nameOffset, count: dentry.pointee.nameLength)
    dentry.pointee.nameOffset = offset
    dentry.pointee.nameLength = UInt16(name.count)
    dentry.pointee.parent = parent
    dentry.pointee.hash = self.hash(parent, name)
    place(id.index)
  }

  private mutating func place(_ index: UInt32) {
    if (count + 1) * 4 > (mask + 1) * 3 { grow() }
    var slot = Int(dentries[index].pointee.hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = index
    count += 1
  }

  private mutating func grow() {
    let old = slots
    let oldCapacity = mask + 1
    mask = oldCapacity * 2 - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: 0, count: mask + 1)
    for position in 0..<oldCapacity where old[position] != 0 {
      var slot = Int(dentries[old[position]].pointee.hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = old[position]
    }
    old.deallocate()
  }
}
