import SystemPackage

/// What stood below a run's layer where the run has changed or removed something: the `files.base` of a trace.
///
/// A line is a path without a leading slash, as the run found the tree before it changed any of it; who had it (`host`: a source that is
/// a directory or file of the host; `run`: an earlier run; `archive`); its type and mode in octal, its size and the time of its last
/// modification in nanoseconds, between tabs; paths are written as `Escaping` says. Of a path that the run has made where there was
/// nothing there is no line.
public struct LowerBases: Sendable {
  public enum Origin: String, Sendable { case host, run, archive }

  public struct Base: Sendable, Equatable {
    public var origin: Origin
    /// `st_mode`
    public var mode: UInt32
    public var size: Int64
    /// Nanoseconds since 1970.
    public var modified: Int64

    public init(origin: Origin, mode: UInt32, size: Int64, modified: Int64) {
      self.origin = origin
      self.mode = mode
      self.size = size
      self.modified = modified
    }
  }

  public static let name = "files.base"

  public private(set) var bases: [[UInt8]: Base] = [:]

  public init() {}

  public subscript(path: [UInt8]) -> Base? { bases[path] }

  /// The first that is told of a path is what the run found there.
  public mutating func note(_ path: [UInt8], _ base: @autoclosure () -> Base?) {
    guard bases[path] == nil, let base = base() else { return }
    bases[path] = base
  }

  public var text: [UInt8] {
    var text: [UInt8] = []
    for (path, base) in bases.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      text += Escaping.escape(path)
      text += Array("\t\(base.origin.rawValue)\t\(String(base.mode, radix: 8))\t\(base.size)\t\(base.modified)\n".utf8)
    }
    return text
  }

  /// - Throws: a message if the file is damaged. A trace without one tells of none.
  init(_ trace: TraceDirectory) throws(TraceError) {
    guard trace.exists(Self.name) else { return }
    var bases: [[UInt8]: Base] = [:]
    try trace.forEachLine(of: Self.name) { fields throws(TraceError) in
      func word(_ index: Int) -> String { String(decoding: fields[index], as: UTF8.self) }
      guard fields.count == 5, let origin = Origin(rawValue: word(1)), let mode = UInt32(word(2), radix: 8),
        let size = Int64(word(3)), let modified = Int64(word(4))
      else { throw TraceError("the file \(trace.path)/\(Self.name) is damaged") }
      bases[fields[0]] = Base(origin: origin, mode: mode, size: size, modified: modified)
    }
    self.bases = bases
  }
}
