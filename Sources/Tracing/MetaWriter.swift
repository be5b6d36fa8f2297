import Glibc
import SystemPackage

/// Makes `files.meta` of a trace's events: a line per change, in the order in which they happened.
final class MetaWriter {
  private let write: (UnsafeRawBufferPointer) throws(Errno) -> Void
  private var executables: [UInt32: [UInt8]] = [:]
  private var text: [UInt8] = []
  private let numbers: TraceNumbers

  /// - Parameter write: takes the text, piece by piece.
  init(numbers: TraceNumbers, write: @escaping (UnsafeRawBufferPointer) throws(Errno) -> Void) {
    self.numbers = numbers
    self.write = write
  }

  /// - Parameter file: takes the text. It stays the caller's.
  convenience init(file: FileDescriptor, numbers: TraceNumbers = TraceNumbers()) {
    self.init(numbers: numbers) { (text: UnsafeRawBufferPointer) throws(Errno) in
      var done = 0
      while done < text.count {
        let count = Glibc.write(file.rawValue, text.baseAddress! + done, text.count - done)
        if count < 0 {
          if errno == EINTR { continue }
          throw Errno(rawValue: errno)
        }
        done += count
      }
    }
  }

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
      text += "\t\(numbers.text(of: event.pid))\t\(operation)\t".utf8
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
    let result: Result<Void, Errno> = text.withUnsafeBytes { bytes in
      do throws(Errno) { return .success(try write(bytes)) } catch { return .failure(error) }
    }
    try result.get()
    text.removeAll(keepingCapacity: true)
  }
}
