/// What a record holds.
public enum DNSRecordData: Hashable, Sendable {
  /// A or AAAA, by the family.
  case address(IPAddress)
  case cname(DNSName)
  case ns(DNSName)
  case ptr(DNSName)
  case mx(preference: UInt16, exchange: DNSName)
  /// Strings of up to 255 bytes, at least one.
  case txt([[UInt8]])
  /// RFC 2782.
  case srv(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName)
  case soa(DNSStartOfAuthority)
  /// Any other type, as it stands in a message; names in it are whole, never pointers to other places of the message.
  case other(DNSType, [UInt8])

  public var type: DNSType {
    switch self {
    case .address(let address): address.family == .ipv4 ? .a : .aaaa
    case .cname: .cname
    case .ns: .ns
    case .ptr: .ptr
    case .mx: .mx
    case .txt: .txt
    case .srv: .srv
    case .soa: .soa
    case .other(let type, _): type
    }
  }
}

/// The record that begins a zone (RFC 1035, section 3.3.13). Times are in seconds.
public struct DNSStartOfAuthority: Hashable, Sendable {
  /// MNAME.
  public var server: DNSName
  /// RNAME: a mail address.
  public var mailbox: DNSName
  public var serial: UInt32
  public var refresh: UInt32
  public var retry: UInt32
  public var expire: UInt32
  /// How long it is remembered that something does not exist (RFC 2308).
  public var minimum: UInt32

  public init(
    server: DNSName, mailbox: DNSName, serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32, minimum: UInt32
  ) {
    self.server = server
    self.mailbox = mailbox
    self.serial = serial
    self.refresh = refresh
    self.retry = retry
    self.expire = expire
    self.minimum = minimum
  }
}
