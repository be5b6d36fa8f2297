/// A file that a process has opened to change it.
public struct FileOpening: Sendable, Equatable {
  /// The file's number, for who asks for it.
  public let file: UInt32
  /// Its place among all openings: the later has the larger one.
  public let number: UInt64

  public init(file: UInt32, number: UInt64) {
    self.file = file
    self.number = number
  }
}

/// Openings in their order, taken from the first on.
public struct FileOpenings: Sendable {
  private var all: [FileOpening] = []
  private var taken = 0

  public init() {}

  /// Of more than that nobody has asked about, the first are as if nobody ever did.
  private static let most = 1 << 16

  public mutating func append(_ opening: FileOpening) {
    if all.last?.file == opening.file, taken < all.count { all.removeLast() }
    if all.count - taken >= Self.most { taken += Self.most / 2 }
    if taken > 64, taken > all.count / 2 {
      all.removeFirst(taken)
      taken = 0
    }
    all.append(opening)
  }

  /// - Returns: the first, if its number is smaller.
  public mutating func popFirst(before number: UInt64) -> FileOpening? {
    guard taken < all.count, all[taken].number < number else { return nil }
    taken += 1
    return all[taken - 1]
  }
}
