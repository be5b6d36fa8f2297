import CLinux
import Glibc
import SystemPackage

// What the kernel finds at a magic link of /proc when it runs a guest's own call: the object itself. One that has no path on the host
// that could be bound is copied, and the copy passes for the file.
extension FileTree {
  /// Makes an open file be what stands in the skeleton at the place of the link that leads to it.
  /// - Returns: work that must be waited for, or nil if it stands there.
  func bindObject(_ link: DentryID, _ object: FileDescriptor, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    let status = try host.status(of: object)
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard let directory = objects.dentry(ofSkeletonDirectory: status) else { throw .permissionDenied }
      try mirror.bind(removed: directory, at: link)
    case S_IFREG:
      let known = objects.inode(ofOpenFile: status)
      if let known, try setHostPath(of: known) {
        let record = nodes[known]
        try mirror.clear(link)
        try mirror.bind(
          path.cString, identity: HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode),
          at: link)
        break
      }
      if let copy = finishedCopy, copy.notification == call.notification.id {
        finishedCopy = nil
        try bind(copy, of: known, at: link)
        break
      }
      let copy = try ObjectCopy(self, object, status, call.notification.id)
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
    let end = configuration.places.runPath.lastIndex(of: UInt8(ascii: "/")) ?? 0
    try path.append(Array(configuration.places.runPath[..<end]) + Array("/archive/\(version)".utf8))
    return true
  }

  private func bind(_ copy: ObjectCopy, of known: InodeID?, at link: DentryID) throws(Errno) {
    lastCopy += 1
    // Guest names in the store begin with `tmp` or `dev`.
    let name = Array("object-\(lastCopy)".utf8)
    let cName = name.map { CChar(bitPattern: $0) } + [0]
    try host.link(copy.file, configuration.places.store, cName)
    // The mount holds it.
    defer { try? host.remove(configuration.places.store, cName, isDirectory: false) }
    let identity = HostIdentity(try host.status(of: copy.file))
    try mirror.clear(link)
    path.clear()
    try path.append(configuration.places.storePath)
    try name.withUnsafeBufferPointer { bytes throws(Errno) in try path.appendComponent(bytes) }
    try mirror.bind(path.cString, identity: identity, at: link)
    if let known { objects.register(identity, inSkeletonAs: known) }
  }
}

/// The copy of a file that only descriptors lead to.
final class ObjectCopy: BlockingWork, @unchecked Sendable {
  let notification: UInt64
  fileprivate let file: FileDescriptor
  private let tree: FileTree
  private let host: any HostFiles
  private let source: FileDescriptor

  fileprivate init(_ tree: FileTree, _ object: FileDescriptor, _ status: stat, _ notification: UInt64) throws(Errno) {
    self.tree = tree
    self.notification = notification
    host = tree.host
    try tree.upperLayer.requireSpace(.tmp, for: min(Int64(status.st_size), Int64(status.st_blocks) * 512))
    source = try tree.host.reopen(object, flags: O_RDONLY | O_CLOEXEC)
    do throws(Errno) {
      file = try tree.host.open(
        tree.configuration.places.store, "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC,
        mode: UpperLayer.hostMode(UInt32(status.st_mode), isDirectory: false))
    } catch {
      tree.host.close(source)
      throw error
    }
  }

  /// What is still open is so only in work that nobody has asked for any more.
  deinit { end() }

  private var hasEnded = false

  fileprivate func end() {
    guard !hasEnded else { return }
    hasEnded = true
    host.close(source)
    host.close(file)
  }

  func perform() throws(Errno) { try host.copyContents(from: source, to: file) }

  func publish(failed: Bool) throws(Errno) { if !failed { tree.finishedCopy = self } }
}
