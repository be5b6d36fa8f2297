/// What all of a run's random numbers come from: 64 bits, written as up to 16 hexadecimal digits.
public struct RunSeed: Sendable, Equatable, CustomStringConvertible {
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value }

  /// - Parameter digits: one to sixteen hexadecimal digits, as `seed.txt` holds them.
  public init?(digits: some StringProtocol) {
    guard (1...16).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let value = UInt64(digits, radix: 16)
    else { return nil }
    self.value = value
  }

  /// Sixteen digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
