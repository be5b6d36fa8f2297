import CLinux
import Glibc
import SystemPackage

/// Files of the host that guest init binds into the skeleton: programs at their paths, and at a magic link of /proc the object itself, for the
/// kernel looks there when it runs a guest's own call. An object that has no path on the host that could be bound is copied, and the copy
/// passes for the file.
final class BindMounts {
  fileprivate let host: any HostFiles
  fileprivate let upperLayer: UpperLayer
  /// The copy that was made for the call that is asked again now.
  fileprivate var finishedCopy: ObjectCopy?
  private let nodes: NodeTree
  private let objects: OpenObjects
  private let lowerLayers: LowerLayers
  private let mirror: SkeletonMirror
  private let versions: Versions
  private var lastCopy = 0
  private var path = PathBuffer()

  init(
    _ host: any HostFiles, _ nodes: NodeTree, _ objects: OpenObjects, _ lowerLayers: LowerLayers,
    _ upperLayer: UpperLayer, _ mirror: SkeletonMirror, _ versions: Versions
  ) {
    self.host = host
    self.nodes = nodes
    self.objects = objects
    self.lowerLayers = lowerLayers
    self.upperLayer = upperLayer
    self.mirror = mirror
    self.versions = versions
  }

  /// Makes the present version of a file executable at its path.
  func bindExecutable(_ dentry: DentryID) throws(Errno) {
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { return }
    let record = nodes.inode(of: dentry)
    path.clear()
    if record.pointee.backing.isUpper {
      try upperLayer.appendHostPath(of: dentry, to: &path)
    } else {
      try lowerLayers.appendHostPath(of: dentry, to: &path)
    }
    try bind(record, at: dentry)
  }

  /// Binds what is at `path`.
  private func bind(_ record: UnsafeMutablePointer<Inode>, at dentry: DentryID) throws(Errno) {
    let identity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    try mirror.bind(path.cString, identity: identity, at: dentry)
  }

  /// Makes an open file be what stands in the skeleton at the place of the link that leads to it.
  /// - Returns: work that must be waited for, or nil if it stands there.
  func bind(_ object: FileDescriptor, at link: DentryID, for notification: UInt64) throws(Errno) -> (any BlockingWork)?
  {
    let status = try host.status(of: object)
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard let directory = objects.dentry(ofSkeletonDirectory: status) else { throw .permissionDenied }
      try mirror.bind(removed: directory, at: link)
    case S_IFREG:
      let known = objects.inode(ofOpenFile: status)
      if let known, try setHostPath(of: known) {
        try mirror.clear(link)
        try bind(nodes[known], at: link)
        break
      }
      if let copy = finishedCopy, copy.notification == notification {
        finishedCopy = nil
        try bind(copy, of: known, at: link)
        break
      }
      let copy = try ObjectCopy(self, object, status, notification)
      if status.st_size > inlineCopyLimit { return copy }
      defer { copy.end() }
      try copy.perform()
      try bind(copy, of: known, at: link)
    default: throw .permissionDenied
    }
    return nil
  }

  /// Where the file is on the host, in `path`, as guest init knows it.
  /// - Returns: whether it has a path there.
  private func setHostPath(of id: InodeID) throws(Errno) -> Bool {
    let record = nodes[id]
    let alias = record.pointee.firstAlias
    guard alias != .none else { return false }
    path.clear()
    if record.pointee.backing == .lower {
      try lowerLayers.appendHostPath(of: alias, to: &path)
      return true
    }
    if nodes[nodes.upperName(of: alias)].pointee.flags.contains(.inUpper) {
      try upperLayer.appendHostPath(of: alias, to: &path)
      return true
    }
    let identity = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    guard let version = versions.version(archivedAs: identity) else { return false }
    // The archive stands beside the layer.
    let end = upperLayer.places.runPath.lastIndex(of: UInt8(ascii: "/")) ?? 0
    try path.append(Array(upperLayer.places.runPath[..<end]) + Array("/archive/\(version)".utf8))
    return true
  }

  private func bind(_ copy: ObjectCopy, of known: InodeID?, at link: DentryID) throws(Errno) {
    lastCopy += 1
    // Guest names in the store begin with `tmp` or `dev`.
    let name = Array("object-\(lastCopy)".utf8)
    let cName = name.map { CChar(bitPattern: $0) } + [0]
    try host.link(copy.file, upperLayer.places.store, cName)
    // The mount holds it.
    defer { try? host.remove(upperLayer.places.store, cName, isDirectory: false) }
    let identity = HostIdentity(try host.status(of: copy.file))
    try mirror.clear(link)
    path.clear()
    try path.append(upperLayer.places.storePath)
    try name.withUnsafeBufferPointer { bytes throws(Errno) in try path.appendComponent(bytes) }
    try mirror.bind(path.cString, identity: identity, at: link)
    if let known { objects.register(identity, inSkeletonAs: known) }
  }
}

/// The copy of a file that only descriptors lead to.
private final class ObjectCopy: BlockingWork, @unchecked Sendable {
  let notification: UInt64
  let file: FileDescriptor
  private let mounts: BindMounts
  private let host: any HostFiles
  private let source: FileDescriptor

  init(_ mounts: BindMounts, _ object: FileDescriptor, _ status: stat, _ notification: UInt64) throws(Errno) {
    self.mounts = mounts
    self.notification = notification
    host = mounts.host
    try mounts.upperLayer.requireSpace(.tmp, for: min(Int64(status.st_size), Int64(status.st_blocks) * 512))
    source = try host.reopen(object, flags: O_RDONLY | O_CLOEXEC)
    do throws(Errno) {
      file = try host.open(
        mounts.upperLayer.places.store, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC,
        mode: UpperLayer.hostMode(UInt32(status.st_mode), isDirectory: false))
    } catch {
      host.close(source)
      throw error
    }
  }

  /// What is still open is so only in work that nobody has asked for any more.
  deinit { end() }

  private var hasEnded = false

  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    host.close(source)
    host.close(file)
  }

  func perform() throws(Errno) { try host.copyContents(from: source, to: file) }

  func publish(failed: Bool) throws(Errno) { if !failed { mounts.finishedCopy = self } }
}
