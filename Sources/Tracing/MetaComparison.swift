import Glibc
import SystemPackage

/// Whether a trace's `files.meta` says what its events say.
public final class MetaComparison {
  private let meta: MetaWriter
  private let file: OpenedFile
  private var nodes = NodeTable()

  /// What is left of the file, and whether all of it was as expected so far.
  private final class OpenedFile {
    private let file: FileDescriptor
    private(set) var isSame = true
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(_ path: String) throws(Errno) { file = try TraceDirectory.open(path) }

    deinit { close(file.rawValue) }

    /// - Returns: less than is asked for only at the end.
    private func next(_ count: Int) throws(Errno) -> Int {
      var done = 0
      while done < count {
        let result = buffer.withUnsafeMutableBytes { Glibc.read(file.rawValue, $0.baseAddress! + done, count - done) }
        if result == 0 { break }
        if result > 0 { done += result } else if errno != EINTR { throw Errno(rawValue: errno) }
      }
      return done
    }

    func compare(_ expected: UnsafeRawBufferPointer) throws(Errno) {
      var rest = expected[...]
      while isSame, !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest.prefix(buffer.count))
        let count = try next(part.count)
        isSame = count == part.count && memcmp(buffer, part.baseAddress!, count) == 0
        rest = rest.dropFirst(part.count)
      }
    }

    func isAtEnd() throws(Errno) -> Bool { try next(1) == 0 }
  }

  /// - Throws: what open(2) failed with.
  public init(_ trace: TraceDirectory, _ numbers: TraceNumbers) throws(Errno) {
    let file = try OpenedFile("\(trace.path)/files.meta")
    self.file = file
    meta = MetaWriter(numbers: numbers) { (text: UnsafeRawBufferPointer) throws(Errno) in try file.compare(text) }
  }

  /// Takes the next event.
  public func add(_ event: Event, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) {
    if event.kind == EventKind.node.rawValue { _ = nodes.define(event, name) }
    try meta.add(event, nodes)
  }

  /// - Returns: whether the file says no more and no less than the events.
  public func finish() throws(Errno) -> Bool {
    try meta.flush()
    guard file.isSame else { return false }
    return try file.isAtEnd()
  }
}
