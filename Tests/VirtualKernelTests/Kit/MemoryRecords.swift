import Skipping
import SystemPackage
import Tracing

@testable import VirtualKernel

/// What units have done, kept from one machine for the next.
final class MemoryRecords: RecordStore, @unchecked Sendable {
  /// Of the machine that has it now.
  var world: World!
  private(set) var records: [(key: [UInt8], record: SkipRecord)] = []
  private var contents: [[UInt8]: [UInt8]] = [:]

  func records(of key: [UInt8], near hint: RecordHint) -> [SkipRecord] {
    records.filter { $0.key == key }.reversed().map(\.record)
  }

  let hasFurtherRecords = false
  func furtherRecords(of key: [UInt8], near hint: RecordHint) -> [SkipRecord] { [] }
  let wantsCommands = false

  func add(_ record: SkipRecord, of key: [UInt8], near hint: RecordHint, started: StartedCommand?) throws(Errno) {
    records.append((key, record))
  }

  private var steps: [[UInt8]: StepNote] = [:]
  func note(_ note: StepNote, of step: [UInt8]) { steps[step] = note }
  func note(of step: [UInt8]) -> StepNote? { steps[step] }

  func digest(of file: FileDescriptor) throws(Errno) -> ContentDigest {
    let node = world.file(file).node
    return ContentDigest(bytes: SHA256.digest(node.bytes), asksForTime: node.text.contains("__DATE__"))
  }

  func keep(_ file: FileDescriptor) throws(Errno) -> ContentDigest {
    let digest = try digest(of: file)
    contents[digest.bytes] = world.file(file).node.bytes
    return digest
  }

  func copy(_ digest: [UInt8], to file: FileDescriptor) throws(Errno) {
    guard let bytes = contents[digest] else { throw .noSuchFileOrDirectory }
    world.file(file).node.bytes = bytes
  }

  func digest(of identity: ContentIdentity) -> ContentDigest? { nil }
  func remember(_ digest: ContentDigest, of identity: ContentIdentity) {}
  func finish() -> [String] { [] }
}
