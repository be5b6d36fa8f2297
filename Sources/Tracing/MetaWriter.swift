import Glibc
import SystemPackage

/// Makes `files.meta` of a trace's events: a line per change, in the order in which they happened.
final class MetaWriter {
  private let file: FileDescriptor
  private var executables: [UInt32: [UInt8]] = [:]
  private var text: [UInt8] = []

  /// - Parameter file: takes the text. It stays the caller's.
  init(file: FileDescriptor) { self.file = file }

  /// Takes the next event.
  /// - Parameter nodes: the names that are defined so far, this event's included.
  func add(_ event: Event, _ nodes: borrowing NodeTable) throws(Errno) {
    guard let kind = EventKind(rawValue: event.kind) else { return }
    switch kind {
    case .spawn: executables[event.pid] = executables[event.node]
    case .exec: executables[event.pid] = path(event.node, nodes)
    case .exit: executables[event.pid] = nil
    default:
      guard let operation = kind.metaName else { return }
      text += path(event.node, nodes)
      text += "\t\(event.pid)\t\(operation)\t".utf8
      text += executables[event.pid] ?? []
      text.append(UInt8(ascii: "\n"))
      if text.count > 1 << 16 { try flush() }
    }
  }

  private func path(_ node: UInt32, _ nodes: borrowing NodeTable) -> [UInt8] {
    Escaping.escape([UInt8(ascii: "/")] + nodes.path(of: node))
  }

  /// Writes the lines that are ready.
  func flush() throws(Errno) {
    var done = 0
    while done < text.count {
      let count = text.withUnsafeBytes { write(file.rawValue, $0.baseAddress! + done, text.count - done) }
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      done += count
    }
    text.removeAll(keepingCapacity: true)
  }
}
