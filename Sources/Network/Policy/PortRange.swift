/// Ports from one to another.
public struct PortRange: Hashable, Sendable, CustomStringConvertible {
  public let first: UInt16
  public let last: UInt16

  /// 1 to 65535.
  public static let any = PortRange(first: 1, last: 65_535)

  private init(first: UInt16, last: UInt16) {
    self.first = first
    self.last = last
  }

  /// - Parameter text: `443` or `8000-8010`.
  public init(_ text: some StringProtocol) throws(NetworkOptionError) {
    let ports = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      .map { DecimalNumber.parse($0.utf8, limit: 65_535) ?? 0 }
    guard ports.allSatisfy({ $0 > 0 }), ports[0] <= ports[ports.count - 1] else {
      throw NetworkOptionError(
        text,
        "is no port: write a number from 1 to 65535, or two as 8000-8010; leave it out with its colon for any port")
    }
    self.init(first: UInt16(ports[0]), last: UInt16(ports[ports.count - 1]))
  }

  public func contains(_ port: UInt16) -> Bool { (first...last).contains(port) }

  public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
