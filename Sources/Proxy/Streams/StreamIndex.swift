import Network
import Synchronization
import SystemPackage

/// The streams of an earlier run, each of which is given once.
final class StreamIndex: Sendable {
  /// What has come of a conversation so far.
  enum Beginning {
    /// The guest has said this.
    case said([UInt8])
    /// The guest has said nothing, and says nothing any more.
    case ended
    /// The guest has said nothing yet.
    case silence
    /// Nor has it for a while, in which it could have.
    case longSilence
  }

  private struct Entry {
    let name: String
    /// Among all, and so that of its mark.
    let place: Int
    let header: StreamHeader
    /// What the guest said before anything was received, as far as it is looked at.
    let beginning: [UInt8]
    let first: StreamPiece?

    func begins(as beginning: Beginning) -> Bool {
      switch beginning {
      case .said(let said): first == .sent && zip(said, self.beginning).allSatisfy { $0 == $1 }
      case .ended: first == .guestEnded
      case .silence: first == .received
      // A server may close what a client keeps for later. Whoever has something to say must not get that one.
      case .longSilence: first == .upstreamEnded || first == .upstreamReset
      }
    }
  }

  private let directories: [[UInt8]: DirectoryHandle]
  private let unused: Mutex<[[UInt8]: [Entry]]>
  /// What was given, by a proxy that ended before, too.
  private let given: SharedMarks
  /// Bytes of a beginning.
  private static let longestBeginning = 4096

  init(_ directory: NetworkDirectory) throws(Errno) {
    var directories: [[UInt8]: DirectoryHandle] = [:]
    var entries: [[UInt8]: [Entry]] = [:]
    var count = 0
    for name in try directory.names() {
      guard let streams = try? DirectoryHandle("\(directory.path)/\(String(decoding: name, as: UTF8.self))/streams")
      else { continue }
      directories[name] = streams
      let numbers = ((try? streams.names()) ?? []).compactMap { Int(String(decoding: $0, as: UTF8.self)) }.sorted()
      entries[name] = numbers.compactMap { number in
        guard let file = try? streams.file("\(number)")?.file, let reader = StreamReader(file) else { return nil }
        let first = reader.piece
        count += 1
        return Entry(
          name: "\(number)", place: count - 1, header: reader.header, beginning: reader.bytes(Self.longestBeginning),
          first: first)
      }
    }
    self.directories = directories
    unused = Mutex(entries)
    given = SharedMarks(count)
  }

  /// The first stream that begins so, of the same process if there is one; nil if none does.
  func take(_ domain: Domain, port: UInt16, isTLS: Bool, process: UInt32, after beginning: Beginning) -> StreamReader? {
    let key = domain.directoryName
    let entry = unused.withLock { unused -> Entry? in
      let places = (unused[key] ?? []).indices.filter { place in
        isOne(unused[key]![place], port, isTLS, beginning)
      }
      guard let place = places.first(where: { unused[key]![$0].header.process == process }) ?? places.first else {
        return nil
      }
      let entry = unused[key]!.remove(at: place)
      given.set(entry.place)
      return entry
    }
    guard let entry, let file = try? directories[key]?.file(entry.name)?.file else { return nil }
    return StreamReader(file)
  }

  private func isOne(_ entry: Entry, _ port: UInt16, _ isTLS: Bool, _ beginning: Beginning) -> Bool {
    entry.header.port == port && entry.header.isTLS == isTLS && entry.begins(as: beginning)
      && !given.isSet(entry.place)
  }

  /// Whether what the guest has said so far begins streams that go on differently: programs send a line in pieces.
  func isOpen(_ domain: Domain, port: UInt16, isTLS: Bool, after said: [UInt8]) -> Bool {
    let beginnings = unused.withLock { unused in
      (unused[domain.directoryName] ?? []).filter { isOne($0, port, isTLS, .said(said)) }.map(\.beginning)
    }
    return beginnings.contains { $0 != beginnings.first } && beginnings.contains { $0.count > said.count }
  }
}
