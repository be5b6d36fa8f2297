import CLinux
import Glibc
import SystemPackage
import Tracing

/// statfs(2): proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, devpts, bpf, pstore, efivarfs, configfs,
/// selinux, mqueue.
private let kernelMagic: [UInt64] = [
  0x9fa0, 0x6265_6572, 0x0027_e0eb, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x1cd1, 0xcafe_4a11,
  0x6165_676c,
  0xde5e_81e4, 0x6265_6570, 0xf97c_ff8c, 0x1980_0202,
]

/// A directory or a single file of the host.
public final class HostTree: LowerTree {
  private let host: any HostFiles
  /// The directory or file, opened in the read-only clone of the host's mounts.
  let root: FileDescriptor
  /// Its absolute path on the host without symbolic links; empty for the host's root.
  private let path: [UInt8]
  /// Files and directories that others may not read are left out: secrets of /etc.
  private let hidesPrivate: Bool
  /// Runs of uwrx in this host directory are left out: a run does not see itself grow.
  private let buildDirectory: HostIdentity?
  /// So is the directory itself.
  private let hidesBuild: Bool
  /// What no guest may see whoever names it: the directory of the user's key.
  private let hiddenDirectory: HostIdentity?
  /// Paths that are left out: secrets of a home directory.
  private let hiddenPaths: [[UInt8]]
  /// Devices that were looked at: whether they show the running kernel.
  private var kernelDevices: [UInt64: Bool] = [:]

  public init(
    host: any HostFiles, root: FileDescriptor, path: [UInt8], hidesPrivate: Bool, buildDirectory: HostIdentity?,
    hidesBuild: Bool = false, hiddenDirectory: HostIdentity? = nil, hiddenPaths: [[UInt8]] = []
  ) {
    self.hiddenDirectory = hiddenDirectory
    self.hiddenPaths = hiddenPaths
    self.host = host
    self.root = root
    self.path = path == [UInt8(ascii: "/")] ? [] : path
    self.hidesPrivate = hidesPrivate
    self.buildDirectory = buildDirectory
    self.hidesBuild = hidesBuild && buildDirectory != nil
  }

  public var origin: LowerBases.Origin { .host }

  public var listingIsTentative: Bool { hidesPrivate || buildDirectory != nil }

  public func entry(_ path: UnsafePointer<CChar>) throws(Errno) -> LowerEntry? {
    let status: stat
    do throws(Errno) {
      status = try host.status(root, path)
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
      throw error
    }
    if let hiddenDirectory, HostIdentity(status) == hiddenDirectory { return nil }
    guard path[0] != 0 else { return LowerEntry(status: status) }
    if hidesBuild, HostIdentity(status) == buildDirectory { return nil }
    if hidesPrivate, status.st_mode & 0o004 == 0, status.st_mode & S_IFMT != S_IFLNK { return nil }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    if !hiddenPaths.isEmpty || isDirectory {
      let (directory, name) = Self.parts(path)
      if isHidden(directory, name) || isDirectory && isRun(path, directory, name, status) { return nil }
    }
    if status.st_mode & S_IFMT == S_IFLNK, buildDirectory != nil {
      let (directory, name) = Self.parts(path)
      if isLastRun(directory, name) { return nil }
    }
    if isDirectory, try isKernelsOwn(UInt64(status.st_dev), path) { return nil }
    return LowerEntry(status: status)
  }

  public func list(_ path: UnsafePointer<CChar>, _ body: (LowerName) -> Void) throws(Errno) {
    let device = UInt64(try host.status(root, path).st_dev)
    let directory = UnsafeBufferPointer(start: path, count: strlen(path)).withMemoryRebound(to: UInt8.self) { $0 }
    try host.list(root, path) { name, type, number in
      let identity = HostIdentity(device: device, inode: number)
      if hidesBuild, identity == buildDirectory { return }
      if identity == hiddenDirectory || isHidden(directory, name) || isNumberedRun(directory, name) { return }
      if type == FileKind.symbolicLink.rawValue, isLastRun(directory, name) { return }
      body(LowerName(name: name, type: type, identity: identity))
    }
  }

  public func readLink(_ path: UnsafePointer<CChar>) throws(Errno) -> [UInt8] { try host.readLink(root, path) }

  public func fetch(_ path: UnsafePointer<CChar>) throws(Errno) -> (any BlockingWork)? { nil }

  public func contents(_ path: UnsafePointer<CChar>) throws(Errno) -> HostIdentity? { nil }

  public func open(_ path: UnsafePointer<CChar>, flags: Int32) throws(Errno) -> FileDescriptor {
    try host.open(root, path, flags: flags, mode: 0)
  }

  public func appendHostPath(of path: UnsafePointer<CChar>, to buffer: inout PathBuffer) throws(Errno) {
    try buffer.append(self.path)
    try buffer.append(below: path)
  }

  public func listAttributes(
    _ path: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try host.listAttributes(root, path, into: buffer)
  }

  public func getAttribute(
    _ path: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    try host.getAttribute(root, path, name, into: buffer)
  }

  private typealias Bytes = UnsafeBufferPointer<UInt8>

  /// The directory that a path is in, and its last name.
  private static func parts(_ path: UnsafePointer<CChar>) -> (directory: Bytes, name: Bytes) {
    let bytes = Bytes(start: UnsafeRawPointer(path).assumingMemoryBound(to: UInt8.self), count: strlen(path))
    let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
    return (
      Bytes(rebasing: bytes[..<(slash ?? 0)]), Bytes(rebasing: bytes[(slash.map { $0 + 1 } ?? 0)...])
    )
  }

  private func isHidden(_ directory: Bytes, _ name: Bytes) -> Bool {
    for hidden in hiddenPaths {
      let start = directory.isEmpty ? 0 : directory.count + 1
      guard hidden.count == start + name.count, hidden[start...].elementsEqual(name) else { continue }
      if directory.isEmpty || hidden.starts(with: directory) && hidden[directory.count] == UInt8(ascii: "/") {
        return true
      }
    }
    return false
  }

  /// Whether a directory is that of a run, or of a step in the directory where runs are kept. What another run was given, and its secrets,
  /// is no later guest's business. A run's directory has a number or, also where it was copied to, is its user's alone: no others are looked
  /// into.
  private func isRun(_ path: UnsafePointer<CChar>, _ directory: Bytes, _ name: Bytes, _ status: stat) -> Bool {
    let isNumber = name.allSatisfy(Self.isDigit)
    if isNumber || status.st_mode & 0o077 == 0, isTrace(path) { return true }
    guard let buildDirectory, isNumber, isBuild(directory, buildDirectory) else { return false }
    var (attempts, others) = (0, 0)
    try? host.list(root, path) { name, _, _ in
      if name.allSatisfy(Self.isDigit) { attempts += 1 } else { others += 1 }
    }
    return attempts > 0 && others == 0
  }

  /// Whether a listing leaves a name out. Of what has another name only a look tells, which a listing of thousands would pay for: it is
  /// listed, and there is nothing by its name.
  private func isNumberedRun(_ directory: Bytes, _ name: Bytes) -> Bool {
    guard name.allSatisfy(Self.isDigit) else { return false }
    let separator = directory.isEmpty ? [] : [UInt8(ascii: "/")]
    let path = (Array(directory) + separator + Array(name)).map { CChar(bitPattern: $0) } + [0]
    guard let status = try? host.status(root, path), status.st_mode & S_IFMT == S_IFDIR else { return false }
    return isRun(path, directory, name, status)
  }

  /// Whether a link is uwrx's own to the newest run.
  private func isLastRun(_ directory: Bytes, _ name: Bytes) -> Bool {
    guard let buildDirectory, name.elementsEqual("last".utf8) else { return false }
    return isBuild(directory, buildDirectory)
  }

  private func isBuild(_ directory: Bytes, _ build: HostIdentity) -> Bool {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: directory.count + 1) { path in
      for (index, byte) in directory.enumerated() { path[index] = CChar(bitPattern: byte) }
      path[directory.count] = 0
      guard let status = try? host.status(root, path.baseAddress!) else { return false }
      return HostIdentity(status) == build
    }
  }

  private func isTrace(_ path: UnsafePointer<CChar>) -> Bool {
    let directory: [CChar] = Array(UnsafeBufferPointer(start: path, count: strlen(path)))
    func has(_ file: StaticString, _ type: mode_t) -> Bool {
      let name = UnsafeBufferPointer(start: file.utf8Start, count: file.utf8CodeUnitCount)
      let place: [CChar] = directory + [0x2f] + name.map { CChar(bitPattern: $0) } + [0]
      guard let status = try? host.status(root, place) else { return false }
      return status.st_mode & S_IFMT == type
    }
    return has("files", S_IFDIR) && (has("options", S_IFREG) || has("cmd", S_IFREG) || has("events", S_IFREG))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  /// Whether a device is a file system that shows the running kernel, such as a /proc that is mounted within a source: its files
  /// are the host's processes and devices, not data.
  private func isKernelsOwn(_ device: UInt64, _ path: UnsafePointer<CChar>) throws(Errno) -> Bool {
    if let known = kernelDevices[device] { return known }
    let file = try host.open(root, path, flags: O_PATH_ | O_DIRECTORY, mode: 0)
    defer { host.close(file) }
    let isOwn = kernelMagic.contains(UInt64(truncatingIfNeeded: try host.fileSystemStatus(file).f_type))
    kernelDevices[device] = isOwn
    return isOwn
  }
}
