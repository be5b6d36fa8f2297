/// By what a process of a run is shown and named: 2, 3, 4 ... in the order in which they were found. A replay's has the number that it had in
/// the recorded run, or one with dots if it was not there (`3.1`).
public struct ProcessNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// So many are in a name of a file (NAME_MAX) with room for more.
  public static let mostComponents = 16

  public let components: [UInt32]

  init(components: [UInt32]) { self.components = components }

  public init(_ number: UInt32) { components = [number] }

  /// - Returns: nil unless it is numbers with dots between.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    var components: [UInt32] = []
    for part in parts {
      guard let number = UInt32(part), part.allSatisfy(\.isNumber) else { return nil }
      components.append(number)
    }
    self.components = components
  }

  /// The number below this one: 3.1 is the first below 3.
  public func below(_ ordinal: UInt32) -> ProcessNumber { ProcessNumber(components: components + [ordinal]) }

  /// What this one is below; itself if it has no dots.
  public var above: ProcessNumber {
    components.count > 1 ? ProcessNumber(components: Array(components.dropLast())) : self
  }

  public var isDotted: Bool { components.count > 1 }

  /// 3, 3.1, 3.1.1, 3.2, 4.
  public static func < (left: ProcessNumber, right: ProcessNumber) -> Bool {
    left.components.lexicographicallyPrecedes(right.components)
  }

  public var description: String { components.map { String($0) }.joined(separator: ".") }
}
