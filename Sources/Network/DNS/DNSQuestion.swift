/// What is asked (RFC 1035, section 4.1.2).
public struct DNSQuestion: Hashable, Sendable, CustomStringConvertible {
  public var name: DNSName
  public var type: DNSType
  public var `class`: DNSClass

  public init(_ name: DNSName, _ type: DNSType, class: DNSClass = .internet) {
    self.name = name
    self.type = type
    self.class = `class`
  }

  public var description: String { "\(name) \(type)" }
}
