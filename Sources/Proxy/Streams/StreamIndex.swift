import Network
import Synchronization
import SystemPackage

/// The streams of an earlier run, each of which is given once.
final class StreamIndex: Sendable {
  private struct Entry {
    let name: String
    let number: Int
    let header: StreamHeader
    /// What the guest said before anything was received, as far as it is looked at.
    let beginning: [UInt8]
    let isGuestFirst: Bool
  }

  private let directories: [[UInt8]: DirectoryHandle]
  private let unused: Mutex<[[UInt8]: [Entry]]>
  /// Bytes of a beginning.
  private static let longestBeginning = 4096

  init(_ directory: NetworkDirectory) throws(Errno) {
    var directories: [[UInt8]: DirectoryHandle] = [:]
    var entries: [[UInt8]: [Entry]] = [:]
    for name in try directory.names() {
      guard let streams = try? DirectoryHandle("\(directory.path)/\(String(decoding: name, as: UTF8.self))/streams")
      else { continue }
      directories[name] = streams
      let numbers = ((try? streams.names()) ?? []).compactMap { Int(String(decoding: $0, as: UTF8.self)) }.sorted()
      entries[name] = numbers.compactMap { number in
        guard let file = try? streams.file("\(number)")?.file, let reader = StreamReader(file) else { return nil }
        let isGuestFirst = reader.piece == .sent
        return Entry(
          name: "\(number)", number: number, header: reader.header, beginning: reader.bytes(Self.longestBeginning),
          isGuestFirst: isGuestFirst)
      }
    }
    self.directories = directories
    unused = Mutex(entries)
  }

  /// The first stream that begins so, of the same process if there is one; nil if none does.
  /// - Parameter said: what the guest has sent; nothing finds those in which the upstream speaks first.
  func take(_ domain: Domain, port: UInt16, isTLS: Bool, process: UInt32, after said: [UInt8]) -> StreamReader? {
    let key = domain.directoryName
    let entry = unused.withLock { unused -> Entry? in
      let places = (unused[key] ?? []).indices.filter { place in
        let entry = unused[key]![place]
        guard entry.header.port == port, entry.header.isTLS == isTLS else { return false }
        guard !said.isEmpty else { return !entry.isGuestFirst }
        return entry.isGuestFirst && zip(said, entry.beginning).allSatisfy { $0 == $1 }
      }
      guard let place = places.first(where: { unused[key]![$0].header.process == process }) ?? places.first else {
        return nil
      }
      return unused[key]!.remove(at: place)
    }
    guard let entry, let file = try? directories[key]?.file(entry.name)?.file else { return nil }
    return StreamReader(file)
  }
}
