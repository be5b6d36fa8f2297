import SystemPackage

/// What the host's files do not tell of a run's layer: the `files.index` of a trace.
///
/// The first line is `*`, a tab, the user and the group that own what no other line names. Each further line is a path without
/// a leading slash, the directory of the trace that holds its last version (`-` if there is none), its mode in octal, its user, its
/// group and its number of names, between tabs; paths are written as `Escaping` says.
public struct LayerIndex: Sendable {
  public struct Line: Sendable, Equatable {
    public var path: [UInt8]
    public var directory: [UInt8]
    /// Permissions, with set-id and sticky bits.
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    /// `st_nlink`: identical files share their contents on the host.
    public var links: UInt32

    public init(path: [UInt8], directory: [UInt8], mode: UInt32, uid: UInt32, gid: UInt32, links: UInt32) {
      self.links = links
      self.path = path
      self.directory = directory
      self.mode = mode
      self.uid = uid
      self.gid = gid
    }
  }

  public static let files = Array("files".utf8)
  /// Stands for the directory where a path has no last version.
  public static let absent = Array("-".utf8)

  /// The owner of what has no line.
  public var uid: UInt32
  public var gid: UInt32
  public private(set) var lines: [[UInt8]: Line]

  public init(uid: UInt32, gid: UInt32, lines: [Line]) {
    self.uid = uid
    self.gid = gid
    self.lines = Dictionary(lines.map { ($0.path, $0) }) { _, last in last }
  }

  public subscript(path: [UInt8]) -> Line? { lines[path] }

  public static func text(uid: UInt32, gid: UInt32, _ lines: [Line]) -> [UInt8] {
    var text = Array("*\t\(uid)\t\(gid)\n".utf8)
    for line in lines {
      text += Escaping.escape(line.path)
      text.append(UInt8(ascii: "\t"))
      text += line.directory
      text += Array("\t\(String(line.mode, radix: 8))\t\(line.uid)\t\(line.gid)\t\(line.links)\n".utf8)
    }
    return text
  }

  /// - Returns: nil if this is no index.
  /// - Throws: what read(2) failed with.
  init?(_ text: inout TraceText) throws(Errno) {
    guard let head = try text.next()?.split(separator: UInt8(ascii: "\t")), head.count == 3,
      head[0].elementsEqual("*".utf8), let uid = number(head[1]), let gid = number(head[2])
    else { return nil }
    self.init(uid: uid, gid: gid, lines: [])
    while let line = try text.next() {
      if line.isEmpty { continue }
      let fields = line.split(separator: UInt8(ascii: "\t"))
      guard fields.count == 6, let path = Escaping.unescape(fields[0]), Self.isRelative(path),
        Self.isDirectoryName(fields[1]),
        let mode = number(fields[2], radix: 8), let uid = number(fields[3]), let gid = number(fields[4]),
        let links = number(fields[5])
      else { return nil }
      lines[path] = Line(
        path: path, directory: Array(fields[1]), mode: mode & 0o7777, uid: uid, gid: gid, links: links)
    }
    if text.isDamaged || !text.isEnded { return nil }
  }

  private static func isRelative(_ path: [UInt8]) -> Bool {
    path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
    }
  }

  /// `files`, `files-<pid>`, `files-<pid>+<n>` or `-`: nothing that leads out of the trace.
  private static func isDirectoryName(_ name: ArraySlice<UInt8>) -> Bool {
    if name.elementsEqual(files) || name.elementsEqual(absent) { return true }
    return name.starts(with: "files-".utf8)
      && name.dropFirst("files-".utf8.count).allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2b || $0 == 0x2e }
  }
}

func number(_ digits: ArraySlice<UInt8>, radix: Int = 10) -> UInt32? {
  UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
}
