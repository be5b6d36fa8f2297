/// Puts a message together. Only names of owners are compressed: of the data's, some may not be (RFC 2782, RFC 3597), and the others
/// save little.
struct DNSWriter {
  /// A label, and where the name that follows it stands in the message.
  private struct Suffix: Hashable {
    let label: [UInt8]
    let parent: Int
  }

  private(set) var bytes: [UInt8] = []
  private var places: [Suffix: Int] = [:]

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  mutating func short(_ value: UInt16) {
    bytes.append(UInt8(value >> 8))
    bytes.append(UInt8(truncatingIfNeeded: value))
  }

  mutating func long(_ value: UInt32) {
    short(UInt16(value >> 16))
    short(UInt16(truncatingIfNeeded: value))
  }

  mutating func set(_ value: UInt16, at offset: Int) {
    bytes[offset] = UInt8(value >> 8)
    bytes[offset + 1] = UInt8(truncatingIfNeeded: value)
  }

  /// What was written after `length` is taken back; nothing compressed may be written afterwards.
  mutating func cut(to length: Int) {
    bytes.removeSubrange(length...)
    places = [:]
  }

  mutating func compressed(_ name: DNSName) {
    // From the top level down, as far as the labels have been written before.
    let labels = name.labels.map { $0.map(ASCII.lowercased) }
    var known = labels.count
    var parent = 0
    while known > 0, let place = places[Suffix(label: labels[known - 1], parent: parent)] {
      parent = place
      known -= 1
    }
    // Where each new label will stand; beyond 14 bits no pointer leads there.
    var starts = [bytes.count]
    for label in labels.prefix(known) { starts.append(starts.last! + 1 + label.count) }
    bytes += name.wire[..<(starts.last! - bytes.count)]
    if parent > 0 { short(0xc000 | UInt16(parent)) } else { byte(0) }
    for index in (0..<known).reversed() {
      guard starts[index] < 0x4000 else { break }
      places[Suffix(label: labels[index], parent: parent)] = starts[index]
      parent = starts[index]
    }
  }

  mutating func question(_ question: DNSQuestion) {
    compressed(question.name)
    short(question.type.rawValue)
    short(question.class.rawValue)
  }

  mutating func record(_ record: DNSRecord) {
    compressed(record.name)
    short(record.type.rawValue)
    short(record.class.rawValue)
    long(record.timeToLive)
    let length = bytes.count
    short(0)
    data(record.data)
    // What is longer makes the message too long, and is taken back.
    set(UInt16(truncatingIfNeeded: bytes.count - length - 2), at: length)
  }

  private mutating func data(_ data: DNSRecordData) {
    switch data {
    case .address(let address): bytes += address.bytes
    case .cname(let name), .ns(let name), .ptr(let name): bytes += name.wire
    case .mx(let preference, let exchange):
      short(preference)
      bytes += exchange.wire
    case .txt(let strings):
      for string in strings.isEmpty ? [[]] : strings {
        byte(UInt8(min(255, string.count)))
        bytes += string.prefix(255)
      }
    case .srv(let priority, let weight, let port, let target):
      short(priority)
      short(weight)
      short(port)
      bytes += target.wire
    case .soa(let soa):
      bytes += soa.server.wire + soa.mailbox.wire
      for number in [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum] { long(number) }
    case .other(_, let data): bytes += data
    }
  }

  mutating func options(_ edns: EDNS, _ code: DNSResponseCode) {
    byte(0)
    short(DNSType.opt.rawValue)
    short(edns.payloadSize)
    byte(UInt8(code.rawValue >> 4))
    byte(edns.version)
    short(edns.flags)
    short(UInt16(edns.options.count))
    bytes += edns.options
  }
}
