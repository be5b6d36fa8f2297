import Tracing

extension EventKind {
  /// Its name in what `uwrx inspect` prints, and takes for `--type`.
  public var word: String { Self.words[self]! }

  public init?(word: String) {
    guard let (kind, _) = Self.words.first(where: { $0.value == word }) else { return nil }
    self = kind
  }

  private static let words: [EventKind: String] = {
    let ownNames: [EventKind: String] = [
      .truncate: "truncate", .readLink: "readlink", .readBytes: "read-bytes", .writeBytes: "write-bytes",
      .lookUp: "lookup", .connectionEnd: "connection-end",
    ]
    return Dictionary(
      uniqueKeysWithValues: allCases.map { ($0, ownNames[$0] ?? $0.metaName ?? "\($0)") })
  }()
}
