import CLinux
import Glibc
import Skipping
import SystemPackage

// What is said.
extension Unit {
  private static let mostSaid = 1 << 20

  /// A process of the unit writes to its descriptor 1 or 2.
  func say(_ call: Call, _ descriptor: Int32, _ bytes: TransferBytes) {
    guard chain.contains(where: { $0.isListening }),
      let status = try? call.kernel.descriptors.status(of: descriptor, in: call.thread)
    else { return }
    if status.st_mode & S_IFMT == S_IFCHR, uwrx_major(UInt64(status.st_rdev)) == 1 { return }
    let file = HostIdentity(status)
    var text: [UInt8]?
    for unit in chain where unit.isListening {
      guard let outlet = unit.outlets.first(where: { $0.value == file })?.key else {
        // A pipe between processes of it, or a file that it has opened itself.
        if status.st_mode & S_IFMT == S_IFCHR { unit.cannotBeRecorded("it writes to a terminal of its own choice") }
        continue
      }
      if text == nil { text = Self.text(bytes, call) }
      guard let text else {
        unit.cannotBeRecorded("it writes what is not in its memory, or more than is kept")
        continue
      }
      if status.st_mode & S_IFMT == S_IFCHR { unit.saysToTerminal = true }
      // Both lead there: what matters is the order.
      unit.append(text, unit.outlets[descriptor] == file ? descriptor : outlet)
    }
  }

  private static func text(_ bytes: TransferBytes, _ call: Call) -> [UInt8]? {
    if bytes.areElsewhere { return nil }
    var isWhole = true
    var text: [UInt8] = []
    bytes.forEachRange(call) { address, length in
      guard text.count + length <= mostSaid, let part = try? call.readBytes(at: address, count: length) else {
        isWhole = false
        return false
      }
      text += part
      return true
    }
    return isWhole ? text : nil
  }

  private func append(_ text: [UInt8], _ descriptor: Int32) {
    saidBytes += text.count
    guard saidBytes <= Self.mostSaid else { return cannotBeRecorded("it writes more than is kept") }
    if let last = said.last, last.descriptor == descriptor {
      said[said.count - 1].bytes += text
    } else {
      said.append(SkipRecord.Piece(descriptor: descriptor, bytes: text))
    }
  }

  /// What a skipped process says those around it say, too.
  func absorb(_ pieces: [SkipRecord.Piece]) {
    for unit in UnitChain(outer) where unit.isListening {
      for piece in pieces {
        guard let file = outlets[piece.descriptor] else { continue }
        guard let outlet = unit.outlets.first(where: { $0.value == file })?.key else { continue }
        unit.append(piece.bytes, unit.outlets[piece.descriptor] == file ? piece.descriptor : outlet)
      }
    }
  }
}
