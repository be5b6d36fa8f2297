/// What is said about a name (RFC 1035, section 4.1.3).
public struct DNSRecord: Hashable, Sendable {
  public var name: DNSName
  public var `class`: DNSClass
  /// In seconds.
  public var timeToLive: UInt32
  public var data: DNSRecordData

  public init(_ name: DNSName, class: DNSClass = .internet, timeToLive: UInt32, _ data: DNSRecordData) {
    self.name = name
    self.class = `class`
    self.timeToLive = timeToLive
    self.data = data
  }

  public var type: DNSType { data.type }
}
