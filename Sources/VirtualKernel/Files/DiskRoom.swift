import SystemPackage

/// What the run may still write (`--disk`). How much it has written is measured now and then; copies that the supervisor makes are
/// begun only if there is room for all of them.
struct DiskRoom {
  private let limit: Int64?
  /// Files that live for the run are on a disk, too.
  private let coversStore: Bool
  private var measured: Int64 = 0
  /// Bytes of copies that have no name yet, so that nobody has measured them.
  private var copying: Int64 = 0
  /// Nothing more may be written.
  var isFull = false

  init(limit: Int64?, coversStore: Bool) {
    self.limit = limit
    self.coversStore = coversStore
  }

  /// - Parameter size: of a file that is about to be copied.
  /// - Throws: `.noSpace` if the run may write no more.
  func require(_ size: Int64, in store: Backing) throws(Errno) {
    guard store == .run || coversStore else { return }
    if isFull { throw .noSpace }
    guard let limit, size > 0 else { return }
    let (sum, overflow) = (measured + copying).addingReportingOverflow(size)
    if overflow || sum > limit { throw .noSpace }
  }

  mutating func didMeasure(_ bytes: Int64) { measured = bytes }
  mutating func beginCopy(_ size: Int64) { copying += size }
  mutating func endCopy(_ size: Int64) { copying -= size }
}
