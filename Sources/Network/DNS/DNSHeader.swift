/// The first four bytes of a message (RFC 1035, section 4.1.1; the AD and CD bits are RFC 4035's).
public struct DNSHeader: Hashable, Sendable {
  /// The bytes of a header, with the four numbers of records.
  public static let length = 12

  public var id: UInt16
  /// All flags, with the operation and the low four bits of the response code, as a number.
  public var flags: UInt16

  public init(id: UInt16, flags: UInt16 = 0) {
    self.id = id
    self.flags = flags
  }

  /// QR.
  public var isResponse: Bool {
    get { self[15] }
    set { self[15] = newValue }
  }
  /// OPCODE: 0 is a query.
  public var operation: UInt8 {
    get { UInt8(flags >> 11 & 15) }
    set { flags = flags & ~0x7800 | UInt16(newValue & 15) << 11 }
  }
  /// AA.
  public var isAuthoritative: Bool {
    get { self[10] }
    set { self[10] = newValue }
  }
  /// TC.
  public var isTruncated: Bool {
    get { self[9] }
    set { self[9] = newValue }
  }
  /// RD.
  public var recursionDesired: Bool {
    get { self[8] }
    set { self[8] = newValue }
  }
  /// RA.
  public var recursionAvailable: Bool {
    get { self[7] }
    set { self[7] = newValue }
  }
  /// AD.
  public var authenticData: Bool {
    get { self[5] }
    set { self[5] = newValue }
  }
  /// CD.
  public var checkingDisabled: Bool {
    get { self[4] }
    set { self[4] = newValue }
  }

  private subscript(bit: UInt16) -> Bool {
    get { flags >> bit & 1 != 0 }
    set { flags = flags & ~(1 << bit) | (newValue ? 1 << bit : 0) }
  }
}
