import Glibc
import SystemPackage

/// What the child that reads an archive has to say.
final class ReaderOutput: ContentSink {
  private let channel: ReaderChannel

  init(_ channel: ReaderChannel) { self.channel = channel }

  /// Nobody listens any more.
  private func say(
    _ kind: ReaderChannel.Kind, _ value: Int64, _ parts: [[UInt8]] = [], first: UnsafeRawBufferPointer? = nil
  ) throws(ArchiveError) {
    do throws(Errno) {
      let all = parts.flatMap { $0 }
      var failure: Errno?
      all.withUnsafeBytes { bytes in
        do throws(Errno) { try channel.send(kind, value, (first.map { [$0] } ?? []) + [bytes]) } catch {
          failure = error
        }
      }
      if let failure { throw failure }
    } catch { throw ArchiveError("a name is too long") }
  }

  func add(
    _ path: [UInt8], _ node: Node, target: [UInt8] = [], attributes: [(name: [UInt8], value: [UInt8])] = []
  ) throws(ArchiveError) {
    for (name, value) in attributes
    where name.starts(with: "user.".utf8) && value.count <= ArchiveLimits.attributeLength {
      try say(.attribute, Int64(name.count), [name, value])
    }
    var failure: ArchiveError?
    withUnsafeBytes(of: node) { bytes in
      do throws(ArchiveError) { try say(.entry, Int64(path.count), [path, target], first: bytes) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  func link(_ path: [UInt8], to target: [UInt8]) throws(ArchiveError) {
    try say(.link, Int64(path.count), [path, target])
  }

  func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let part = UnsafeRawBufferPointer(rebasing: bytes[done..<min(bytes.count, done + 1 << 20)])
      try channel.send(.piece, offset + Int64(done), [part])
      done += part.count
    }
  }

  func finish(size: Int64) throws(Errno) { try channel.send(.end, size) }

  func fail(_ error: Errno) { _ = try? channel.send(.failed, Int64(error.rawValue)) }
  func fail(_ error: ArchiveError) { try? say(.failed, 0, [Array(error.description.utf8)]) }
}
