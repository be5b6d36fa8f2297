import CLinux
import Glibc
import SystemPackage
import Tracing

/// What an earlier run wrote: the last versions of its layer, with their whiteouts and opaque directories.
public final class TraceTree: LowerTree {
  private let host: any HostFiles
  /// The run's directory, opened in the read-only clone of the host's mounts.
  private let root: FileDescriptor
  /// Its absolute path on the host without symbolic links.
  private let path: [UInt8]
  private let index: LayerIndex
  private let place = UnsafeMutablePointer<CChar>.allocate(capacity: 2 * PATH_MAX)

  public init(host: any HostFiles, root: FileDescriptor, path: [UInt8], index: LayerIndex) {
    self.host = host
    self.root = root
    self.path = path
    self.index = index
  }

  deinit { place.deallocate() }

  /// Whiteouts hide names of the layers below.
  public var origin: LowerBases.Origin { .run }

  public var listingIsTentative: Bool { true }

  public func entry(_ path: UnsafePointer<CChar>) throws(Errno) -> LowerEntry? {
    let line = line(path)
    if let line, line.directory == LayerIndex.absent { return LowerEntry(status: stat(), kind: .whiteout) }
    var status: stat
    do throws(Errno) {
      status = try host.status(root, build(path, line))
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
      throw error
    }
    if status.st_mode & S_IFMT == S_IFCHR { return LowerEntry(status: status, kind: .whiteout) }
    status.st_uid = line?.uid ?? index.uid
    status.st_gid = line?.gid ?? index.gid
    if let line {
      status.st_mode = status.st_mode & S_IFMT | line.mode
      if status.st_mode & S_IFMT == S_IFREG { status.st_nlink = numericCast(line.links) }
    }
    var entry = LowerEntry(status: status, isVirtual: true)
    if status.st_mode & S_IFMT == S_IFDIR {
      if let opaque = attribute("user.overlay.opaque"), opaque == [UInt8(ascii: "y")] { entry.kind = .opaque }
      if let origin = attribute("user.overlay.redirect"), origin.first == UInt8(ascii: "/") {
        entry.kind = .redirect(origin)
      }
    }
    return entry
  }

  public func list(_ path: UnsafePointer<CChar>, _ body: (LowerName) -> Void) throws(Errno) {
    let directory = build(path, nil)
    let device = UInt64(try host.status(root, directory).st_dev)
    try host.list(root, directory) { name, type, number in
      body(LowerName(name: name, type: type, identity: HostIdentity(device: device, inode: number)))
    }
  }

  public func readLink(_ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] {
    try host.readLink(root, build(path, line(path)))
  }

  public func fetch(_ path: UnsafePointer<CChar>) throws(Errno) -> (any BlockingWork)? { nil }

  public func contents(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity? { nil }

  public func open(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    try host.open(root, build(path, line(path)), flags: flags, mode: 0)
  }

  public func appendHostPath(of path: UnsafePointer<CChar>, to buffer: inout PathBuffer) throws(Errno) {
    try buffer.append(self.path)
    try buffer.append(below: build(path, line(path)))
  }

  public func listAttributes(
    _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try host.listAttributes(root, build(path, line(path)), into: buffer)
  }

  public func getAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try host.getAttribute(root, build(path, line(path)), name, into: buffer)
  }

  private func line(_ path: UnsafePointer<CChar>) -> LayerIndex.Line? {
    if index.lines.isEmpty { return nil }
    return index[Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))]
  }

  /// The path below the run's directory, in `place`.
  private func build(_ path: UnsafePointer<CChar>, _ line: LayerIndex.Line?) -> UnsafePointer<CChar> {
    let directory = line?.directory ?? LayerIndex.files
    var end = 0
    for byte in directory {
      place[end] = CChar(bitPattern: byte)
      end += 1
    }
    if path[0] != 0 {
      place[end] = CChar(bitPattern: UInt8(ascii: "/"))
      end += 1
    }
    memcpy(place + end, path, strlen(path) + 1)
    return UnsafePointer(place)
  }

  /// An attribute of the directory at `place`.
  private func attribute(_ name: String) -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: PATH_MAX)
    let count = value.withUnsafeMutableBytes { buffer in
      (try? host.getAttribute(root, UnsafePointer(place), name, into: buffer)) ?? -1
    }
    return count < 0 ? nil : Array(value.prefix(count))
  }
}
