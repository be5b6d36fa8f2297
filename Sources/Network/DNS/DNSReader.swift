/// Takes a message apart. Whatever the bytes are, a name costs at most 255 bytes and 127 pointers, and a message a name for each five of
/// its bytes.
struct DNSReader {
  let bytes: [UInt8]
  private(set) var offset: Int

  init(_ bytes: [UInt8], offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }

  mutating func byte() throws(DNSFormatError) -> UInt8 {
    guard offset < bytes.count else { throw DNSFormatError("the message ends too early", at: offset) }
    offset += 1
    return bytes[offset - 1]
  }

  mutating func short() throws(DNSFormatError) -> UInt16 { UInt16(try byte()) << 8 | UInt16(try byte()) }

  mutating func long() throws(DNSFormatError) -> UInt32 { UInt32(try short()) << 16 | UInt32(try short()) }

  mutating func take(_ count: Int) throws(DNSFormatError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - offset else { throw DNSFormatError("the message ends too early", at: offset) }
    offset += count
    return bytes[offset - count..<offset]
  }

  /// A name, which may be continued elsewhere in the message (RFC 1035, section 4.1.4).
  ///
  /// Each pointer must lead to before the place where the part that it ends began: so there are no circles.
  mutating func name() throws(DNSFormatError) -> DNSName {
    var wire: [UInt8] = []
    var (place, start, end) = (offset, offset, -1)
    var pointers = 0
    while true {
      guard place < bytes.count else { throw DNSFormatError("a name ends too early", at: place) }
      let length = Int(bytes[place])
      switch length >> 6 {
      case 0:
        guard wire.count + length + (length == 0 ? 1 : 2) <= 255, place + 1 + length <= bytes.count else {
          throw DNSFormatError("a name is too long", at: place)
        }
        wire += bytes[place...place + length]
        place += 1 + length
        if length == 0 {
          offset = end < 0 ? place : end
          return DNSName(unchecked: wire)
        }
      case 3:
        guard place + 1 < bytes.count else { throw DNSFormatError("a name ends too early", at: place) }
        let target = (length & 0x3f) << 8 | Int(bytes[place + 1])
        pointers += 1
        guard target < start, target >= DNSHeader.length, pointers <= 127 else {
          throw DNSFormatError("a name's pointer does not lead back", at: place)
        }
        if end < 0 { end = place + 2 }
        (place, start) = (target, target)
      default: throw DNSFormatError("a label of an unknown kind", at: place)
      }
    }
  }

  mutating func question() throws(DNSFormatError) -> DNSQuestion {
    DNSQuestion(
      try name(), DNSType(rawValue: try short()), class: DNSClass(rawValue: try short()))
  }

  mutating func record() throws(DNSFormatError) -> DNSRecord {
    let name = try name()
    let type = DNSType(rawValue: try short())
    let `class` = DNSClass(rawValue: try short())
    let timeToLive = try long()
    let length = Int(try short())
    let end = offset + length
    guard end <= bytes.count else { throw DNSFormatError("a record ends too early", at: offset) }
    let data = try data(type, end: end)
    guard offset == end else { throw DNSFormatError("a record's data is of another length", at: offset) }
    return DNSRecord(name, class: `class`, timeToLive: timeToLive, data)
  }

  private mutating func data(_ type: DNSType, end: Int) throws(DNSFormatError) -> DNSRecordData {
    switch type {
    case .a, .aaaa:
      guard end - offset == (type == .a ? 4 : 16) else {
        throw DNSFormatError("an address of a wrong length", at: offset)
      }
      return .address(IPAddress(bytes: try take(end - offset))!)
    case .cname: return .cname(try name())
    case .ns: return .ns(try name())
    case .ptr: return .ptr(try name())
    case .mx: return .mx(preference: try short(), exchange: try name())
    case .srv: return .srv(priority: try short(), weight: try short(), port: try short(), target: try name())
    case .soa:
      return .soa(
        DNSStartOfAuthority(
          server: try name(), mailbox: try name(), serial: try long(), refresh: try long(), retry: try long(),
          expire: try long(), minimum: try long()))
    case .txt:
      var strings: [[UInt8]] = []
      repeat {
        let length = Int(try byte())
        guard length <= end - offset else { throw DNSFormatError("a text ends too early", at: offset) }
        strings.append(Array(try take(length)))
      } while offset < end
      return .txt(strings)
    default: return .other(type, try expanded(type, end: end))
    }
  }

  /// The data with its names whole.
  private mutating func expanded(_ type: DNSType, end: Int) throws(DNSFormatError) -> [UInt8] {
    guard let layout = DNSRecordLayout.layouts[type.rawValue] else { return Array(try take(end - offset)) }
    var result: [UInt8] = []
    for part in layout {
      switch part {
      case .bytes(let count): result += try take(count)
      case .string:
        let length = try byte()
        result.append(length)
        result += try take(Int(length))
      case .name: result += try name().wire
      case .rest: result += try take(max(0, end - offset))
      }
    }
    return result
  }
}
