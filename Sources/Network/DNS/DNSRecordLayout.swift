/// Where names stand in the data of types that are kept as bytes but whose senders may have compressed them (RFC 3597, section 4).
/// Of all other types a name in the data is never compressed, so the data is kept as it is.
enum DNSRecordLayout {
  enum Part {
    case bytes(Int)
    /// A length and as many bytes.
    case string
    case name
    /// All that follows.
    case rest
  }

  static let layouts: [UInt16: [Part]] = [
    3: [.name],  // MD
    4: [.name],  // MF
    7: [.name],  // MB
    8: [.name],  // MG
    9: [.name],  // MR
    14: [.name, .name],  // MINFO
    17: [.name, .name],  // RP
    18: [.bytes(2), .name],  // AFSDB
    21: [.bytes(2), .name],  // RT
    24: [.bytes(18), .name, .rest],  // SIG
    26: [.bytes(2), .name, .name],  // PX
    30: [.name, .rest],  // NXT
    35: [.bytes(4), .string, .string, .string, .name],  // NAPTR
    36: [.bytes(2), .name],  // KX
    39: [.name],  // DNAME
  ]
}
