/// The bytes of all names in the tree, in blocks of 8 bytes. What a removed name leaves is used again by the next of its
/// size, so that a guest that creates and deletes for ever does not grow the supervisor.
struct NameArena: ~Copyable {
  /// Position of a name, in blocks.
  typealias Offset = UInt32

  private static var chunkBlocks: Int { 1 << 15 }

  private var chunks: [UnsafeMutablePointer<UInt64>] = []
  private var used = NameArena.chunkBlocks
  /// By number of blocks; names have at most 255 bytes, hence 32 blocks.
  private var free = [[Offset]](repeating: [], count: 33)

  deinit {
    for chunk in chunks { chunk.deallocate() }
  }

  @inline(__always)
  func bytes(at offset: Offset, count: UInt16) -> UnsafeBufferPointer<UInt8> {
    let block = chunks[Int(offset) >> 15] + (Int(offset) & (Self.chunkBlocks - 1))
    return UnsafeBufferPointer(
      start: UnsafeRawPointer(block).assumingMemoryBound(to: UInt8.self), count: Int(count))
  }

  mutating func insert(_ name: UnsafeBufferPointer<UInt8>) -> Offset {
    let blocks = max(1, (name.count + 7) / 8)
    let offset: Offset
    if let reused = free[blocks].popLast() {
      offset = reused
    } else {
      if used + blocks > Self.chunkBlocks {
        chunks.append(.allocate(capacity: Self.chunkBlocks))
        used = 0
      }
      offset = UInt32((chunks.count - 1) << 15 + used)
      used += blocks
    }
    let block = chunks[Int(offset) >> 15] + (Int(offset) & (Self.chunkBlocks - 1))
    if let base = name.baseAddress, name.count > 0 {
      UnsafeMutableRawPointer(block).copyMemory(from: base, byteCount: name.count)
    }
    return offset
  }

  mutating func remove(at offset: Offset, count: UInt16) {
    free[max(1, (Int(count) + 7) / 8)].append(offset)
  }
}
