/// Storage for plain structs that are named by a 32-bit index and never move, so that a look-up costs no reference
/// counting and no exclusivity check. Index 0 is never handed out.
struct Arena<Record: BitwiseCopyable>: ~Copyable {
  private static var chunkSize: Int { 4096 }

  private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<Record>>
  private var chunkCount = 0
  private var chunkCapacity = 64
  private var next: UInt32 = 1
  private var free: [UInt32] = []

  init() {
    chunks = .allocate(capacity: chunkCapacity)
  }

  deinit {
    for index in 0..<chunkCount { chunks[index].deallocate() }
    chunks.deallocate()
  }

  /// Valid until the record is removed.
  subscript(index: UInt32) -> UnsafeMutablePointer<Record> {
    @inline(__always) get { chunks[Int(index >> 12)] + Int(index & 4095) }
  }

  var count: Int { Int(next) - 1 - free.count }

  mutating func insert(_ record: Record) -> UInt32 {
    if let index = free.popLast() {
      self[index].pointee = record
      return index
    }
    let index = next
    next += 1
    if Int(index >> 12) == chunkCount { addChunk() }
    self[index].initialize(to: record)
    return index
  }

  mutating func remove(_ index: UInt32) {
    free.append(index)
  }

  private mutating func addChunk() {
    if chunkCount == chunkCapacity {
      let larger = UnsafeMutablePointer<UnsafeMutablePointer<Record>>.allocate(capacity: chunkCapacity * 2)
      larger.moveInitialize(from: chunks, count: chunkCount)
      chunks.deallocate()
      chunks = larger
      chunkCapacity *= 2
    }
    (chunks + chunkCount).initialize(to: .allocate(capacity: Self.chunkSize))
    chunkCount += 1
  }
}
