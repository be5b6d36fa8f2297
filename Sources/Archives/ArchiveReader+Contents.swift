import Glibc
import SystemPackage

extension ArchiveReader {
  /// Adds what the archive has to a tree.
  /// - Parameter isLayer: names that begin with `.wh.` remove what earlier layers had.
  func index(into builder: TreeBuilder, store: UInt32, isLayer: Bool = false) throws(ArchiveError) {
    var attributes: [(name: [UInt8], value: [UInt8])] = []
    var refusal: ArchiveError?
    do throws(Failure) {
      _ = try ask(.index) { message throws(Failure) in
        do throws(ArchiveError) {
          switch message.kind {
          case .attribute:
            let parts = try Self.split(message)
            attributes.append((Array(parts.0), Array(parts.1)))
            guard attributes.count <= ArchiveLimits.attributes else {
              throw ArchiveError("a file has more than \(ArchiveLimits.attributes) extended attributes")
            }
          case .entry:
            let size = MemoryLayout<Node>.size
            guard message.bytes.count >= size else { throw Self.nonsense }
            var node = message.bytes.withUnsafeBytes { $0.loadUnaligned(as: Node.self) }
            var rest = message
            rest.bytes = message.bytes.dropFirst(size)
            let (path, target) = try Self.split(rest)
            let own = attributes
            attributes = []
            try builder.meet()
            if isLayer, try builder.takeWhiteout(path) { break }
            guard FileType.known.contains(node.type) else { break }
            guard node.size >= 0 else { throw ArchiveError("\(printable(path)) has a size below zero") }
            guard node.nanoseconds < 1_000_000_000 else { throw Self.nonsense }
            node.mode &= FileType.mask | 0o7777
            node.store = store
            (node.links, node.first, node.count, node.attributes) = (0, 0, 0, 0)
            if !own.isEmpty { node.attributes = try builder.append(attributes: own) }
            try builder.add(path, node, target: Array(target))
          case .link:
            let (path, target) = try Self.split(message)
            try builder.meet()
            if isLayer, try builder.takeWhiteout(path) { break }
            try builder.link(path, to: target)
          default: throw Self.nonsense
          }
        } catch {
          refusal = error
          throw .errno(.canceled)
        }
      }
    } catch {
      if let refusal { throw ArchiveError("\(file.path) cannot be used: \(refusal)") }
      throw told(error)
    }
  }

  private static let nonsense = ArchiveError("its reader says what no reader says")

  /// What is before and after the length that a message tells.
  private static func split(
    _ message: ReaderChannel.Message
  ) throws(ArchiveError) -> (ArraySlice<UInt8>, ArraySlice<UInt8>) {
    guard let length = Int(exactly: message.value), (0...message.bytes.count).contains(length) else { throw nonsense }
    return (message.bytes.prefix(length), message.bytes.dropFirst(length))
  }

  /// Decompresses the archive.
  /// - Throws: what the sink throws, or a message.
  func unpack(to sink: any ContentSink, limit: Int64) throws(ArchiveError) {
    var isTooLarge = false
    var failure: Errno?
    do throws(Failure) {
      try take(.unpack, 0, [], sink) { offset, count in
        isTooLarge = offset.addingReportingOverflow(count).overflow || offset + count > limit
        return !isTooLarge
      } failed: {
        failure = $0
      }
    } catch {
      if isTooLarge {
        throw ArchiveError(
          "\(file.path) decompresses to more than \(limit >> 30) GiB, over 200 times its size; "
            + "if it is no attack, decompress it yourself and name the plain tar file")
      }
      if failure == FileSink.difference { throw .difference }
      if let failure { throw ArchiveError("cannot write what \(file.path) decompresses to: \(failure)") }
      throw told(error)
    }
  }

  func copy(_ content: UInt64, path: [UInt8], to sink: FileSink) throws(Errno) {
    var failure: Errno?
    do throws(Failure) {
      try take(.copy, Int64(bitPattern: content), path, sink, isWanted: { _, _ in true }) { failure = $0 }
    } catch {
      if let failure { throw failure }
      if case .errno(let error) = error { throw error }
      throw .ioError
    }
  }

  private func take(
    _ kind: ReaderChannel.Kind, _ value: Int64, _ bytes: [UInt8], _ sink: any ContentSink,
    isWanted: (Int64, Int64) -> Bool, failed: (Errno) -> Void
  ) throws(Failure) {
    func attempt(_ body: () throws(Errno) -> Void) throws(Failure) {
      do throws(Errno) { try body() } catch {
        failed(error)
        throw .errno(error)
      }
    }
    let size = try ask(kind, value, bytes) { message throws(Failure) in
      guard message.kind == .piece, isWanted(message.value, Int64(message.bytes.count)) else { throw .errno(.ioError) }
      try attempt { () throws(Errno) in
        var failure: Errno?
        message.bytes.withUnsafeBytes { bytes in
          do throws(Errno) { try sink.put(bytes, at: message.value) } catch { failure = error }
        }
        if let failure { throw failure }
      }
    }
    try attempt { () throws(Errno) in try sink.finish(size: size) }
  }
}
