import Tracing

/// The questions that were recorded last. A process asks for the same file again and again, and as long as nothing has changed,
/// the answer is the same.
struct RecentEvents: ~Copyable {
  private static var count: Int { 4096 }
  private let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: RecentEvents.count)
  private var epoch: UInt64 = 1

  init() { keys.initialize(repeating: 0, count: Self.count) }

  deinit { keys.deallocate() }

  /// A process has changed a file: what was asked before may be answered differently.
  mutating func changed() { epoch += 1 }

  /// - Parameter detail: the version, or the hash of a name that is missing.
  func isRepeated(_ kind: EventKind, _ process: UInt32, _ node: UInt32, _ detail: UInt32) -> Bool {
    var key = (UInt64(process) << 32 | UInt64(node)) &* 0x9e37_79b9_7f4a_7c15
    key = (key ^ (key >> 29) ^ UInt64(detail) << 8 ^ UInt64(kind.rawValue)) &* 0xbf58_476d_1ce4_e5b9
    key = (key ^ (key >> 32) ^ epoch) &* 0x94d0_49bb_1331_11eb
    let slot = Int(truncatingIfNeeded: key >> 40) & (Self.count - 1)
    if keys[slot] == key { return true }
    keys[slot] = key
    return false
  }
}
