import Glibc
import SystemPackage

/// The memory of a thread that waits, read in whole pages, each once: strings that a program is given lie side by side, and an exec is
/// a frequent call.
final class GuestPages {
  private static let pageSize = 4096
  private static let slots = 64
  /// Pages that are read at a time when they are asked for in order.
  private static let longestRun = 16
  /// A guest can make its pointers point to and fro.
  private static let readLimit = 8192

  private let memory: any GuestMemory
  private let bytes = UnsafeMutableRawPointer.allocate(byteCount: slots * pageSize, alignment: pageSize)
  /// The page that is in each slot; `.max` is none.
  private let pages = UnsafeMutablePointer<UInt64>.allocate(capacity: slots)
  private var thread = AbsTid(rawValue: 0)
  private var expected = UInt64.max
  private var run = 1
  private var reads = 0

  init(_ memory: any GuestMemory) {
    self.memory = memory
    pages.initialize(repeating: .max, count: Self.slots)
  }

  deinit {
    bytes.deallocate()
    pages.deallocate()
  }

  /// Nothing that was read before counts.
  func begin(_ thread: AbsTid) {
    self.thread = thread
    pages.update(repeating: .max, count: Self.slots)
    expected = .max
    run = 1
    reads = 0
  }

  /// What is in memory from an address to the end of its page; nil if that cannot be read. Valid until the next call.
  private func rest(at address: UInt64) -> UnsafeRawBufferPointer? {
    let page = address >> 12
    let slot = Int(page) & (Self.slots - 1)
    if pages[slot] != page, !fetch(page, slot) { return nil }
    let offset = Int(address & UInt64(Self.pageSize - 1))
    return UnsafeRawBufferPointer(start: bytes + slot * Self.pageSize + offset, count: Self.pageSize - offset)
  }

  private func fetch(_ page: UInt64, _ slot: Int) -> Bool {
    reads += 1
    guard reads <= Self.readLimit else { return false }
    run = page == expected ? min(run * 2, Self.longestRun) : 1
    let count = min(run, Self.slots - slot)
    let target = UnsafeMutableRawBufferPointer(start: bytes + slot * Self.pageSize, count: count * Self.pageSize)
    for index in 0..<count { pages[slot + index] = .max }
    guard let got = try? memory.read(thread, at: page << 12, into: target) else { return false }
    let whole = got / Self.pageSize
    for index in 0..<whole { pages[slot + index] = page + UInt64(index) }
    expected = page + UInt64(whole)
    return whole > 0
  }

  func word(at address: UInt64) -> UInt64? {
    guard let rest = rest(at: address) else { return nil }
    if rest.count >= 8 { return rest.loadUnaligned(as: UInt64.self) }
    var value: UInt64 = 0
    for index in 0..<8 as Range<UInt64> {
      guard let byte = self.rest(at: address &+ index)?.first else { return nil }
      value |= UInt64(byte) << (8 * index)
    }
    return value
  }

  /// Copies a string with its NUL.
  /// - Returns: the number of bytes, and whether the NUL is the last of them: not if there was no room, or no memory.
  func string(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, isWhole: Bool) {
    var count = 0
    var next = address
    while count < buffer.count, let rest = rest(at: next) {
      let room = min(rest.count, buffer.count - count)
      let end = memchr(rest.baseAddress!, 0, room)
      let length = end.map { UnsafeRawPointer($0) - rest.baseAddress! + 1 } ?? room
      memcpy(buffer.baseAddress! + count, rest.baseAddress!, length)
      count += length
      if end != nil { return (count, true) }
      next = next &+ UInt64(length)
    }
    return (count, false)
  }
}
