import CLinux
import Glibc
import SystemPackage

/// A version of a file that is not the last: another process has written since, or the file is gone.
struct KeptVersion {
  var version: UInt32
  /// The process that made it.
  var writer: UInt32
  /// Where its file was when it was overwritten, without a leading slash.
  var path: [UInt8]
  /// The process that replaced or removed it.
  var successor: UInt32
}

/// An unread version that is only appended to is kept up to this size, and beyond it whenever the file has doubled: so that a
/// log that thousands of processes append to is not copied thousands of times.
private let keptAppendLimit: Int64 = 4096

/// Versions of the files of the run's own layer. Those of /tmp live for the run and have none.
///
/// While the run lasts, what is overwritten or removed is put aside by its number, in `archive/`.
final class Versions {
  private let host: any HostFiles
  private let nodes: NodeTree
  private let objects: OpenObjects
  private let upperLayer: UpperLayer
  private let mirror: SkeletonMirror
  private let watches: Watches
  private var last: UInt32 = 0
  /// Versions that were overwritten or removed, in this order.
  private var kept: [KeptVersion] = []
  /// The versions in the archive whose file a descriptor of the guest's may still refer to.
  private var archived: [HostIdentity: UInt32] = [:]
  private var hasArchive = false
  /// The sizes at which unread versions of files that are appended to were last kept.
  private var keptSizes: [InodeID: Int64] = [:]
  private var path = PathBuffer()
  private var archivePath = PathBuffer()

  private var run: FileDescriptor { upperLayer.places.run }
  private var trace: FileDescriptor { upperLayer.places.trace }

  init(
    _ host: any HostFiles, _ nodes: NodeTree, _ objects: OpenObjects, _ upperLayer: UpperLayer,
    _ mirror: SkeletonMirror,
    _ watches: Watches
  ) {
    self.host = host
    self.nodes = nodes
    self.objects = objects
    self.upperLayer = upperLayer
    self.mirror = mirror
    self.watches = watches
  }

  /// A new file, or new contents of an old one, are the process's.
  func start(_ record: UnsafeMutablePointer<Inode>, by process: UInt32) {
    last += 1
    record.pointee.version = last
    record.pointee.writer = process
    record.pointee.flags.subtract([.readByOthers, .isArchived])
  }

  /// A process is about to change a file's contents.
  /// - Parameter appends: it can only append to them.
  /// - Returns: work that must be waited for, or nil if the file is ready.
  func begin(
    _ dentry: DentryID, by process: UInt32, truncates: Bool, appends: Bool
  ) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    guard mustStart(record, by: process) else { return nil }
    // Version 0 is what a lower layer has.
    if record.pointee.version != 0, try mustKeep(dentry, record, isAppend: appends && !truncates) {
      if let work = try keep(dentry, by: process, truncates: truncates) { return work }
    }
    if mustStart(record, by: process) { start(record, by: process) }
    return nil
  }

  /// The same for a file without a name. What was read of it before was another version, although nobody can find that any more.
  func beginNameless(_ record: UnsafeMutablePointer<Inode>, by process: UInt32) {
    guard record.pointee.backing == .run, record.pointee.kind == .regular else { return }
    if mustStart(record, by: process) || record.pointee.flags.contains(.isArchived) { start(record, by: process) }
  }

  private func mustStart(_ record: UnsafeMutablePointer<Inode>, by process: UInt32) -> Bool {
    record.pointee.writer != process || record.pointee.flags.contains(.readByOthers)
  }

  func forget(_ id: InodeID) { keptSizes[id] = nil }
}

// A version that is about to be overwritten.
extension Versions {
  private func mustKeep(
    _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>, isAppend: Bool
  ) throws(Errno) -> Bool {
    try nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)
    // Of processes that write at the same time, as those of a database do, none has a version of its own.
    if try host.isOpen(run, path.cString, forWriting: true) { return false }
    guard isAppend, !record.pointee.flags.contains(.readByOthers) else { return true }
    let size = Int64(try host.status(run, path.cString).st_size)
    let id = nodes[dentry].pointee.inode
    if size > keptAppendLimit, size < 2 * (keptSizes[id] ?? 0) { return false }
    keptSizes[id] = size
    return true
  }

  /// Puts the present contents aside.
  private func keep(
    _ dentry: DentryID, by process: UInt32, truncates: Bool
  ) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    let name = nodes.upperName(of: dentry)
    guard nodes[name].pointee.flags.contains(.inUpper) else { return nil }
    try nodes.buildPath(of: name, into: &path)
    try setArchivePath(of: record.pointee.version)
    let version = KeptVersion(
      version: record.pointee.version, writer: record.pointee.writer, path: Array(path.bytes), successor: process)
    // Who has the file open must see the new contents, so the live file stays where it is and its contents are copied.
    if truncates, record.pointee.links == 1, !watches.isWatched(dentry), try isUntouched(path.cString) {
      let parent = nodes[name].pointee.parent
      let times = try upperLayer.times(of: parent)
      try moveAside(dentry)
      kept.append(version)
      start(record, by: process)
      try upperLayer.restoreTimes(times, of: parent)
      return nil
    }
    let copy = try VersionCopy(of: path.cString, in: run, host, upperLayer)
    return try copy.doOrWait(KeepVersion(self, version, nodes[dentry].pointee.inode, copy))
  }

  /// Whether nobody has the file open and nothing but its contents would be lost with it.
  private func isUntouched(_ path: UnsafePointer<CChar>) throws(Errno) -> Bool {
    if try host.isOpen(run, path, forWriting: false) { return false }
    let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    return ((try? host.listAttributes(run, path, into: none)) ?? 0) == 0
  }

  /// The file goes to the archive, and an empty one takes its place.
  private func moveAside(_ dentry: DentryID) throws(Errno) {
    let record = nodes.inode(of: dentry)
    try nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)
    try host.rename(run, path.cString, trace, archivePath.cString, flags: 0)
    do throws(Errno) {
      let mode = UpperLayer.hostMode(record.pointee.mode, isDirectory: false)
      let file = try host.open(
        run, path.cString, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode: mode)
      defer { host.close(file) }
      try host.setMode(of: file, mode)
      let status = try host.status(of: file)
      let id = nodes[dentry].pointee.inode
      let old = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
      objects.forget(old, of: id)
      // A descriptor of O_PATH may lead to it.
      archived[old] = record.pointee.version
      objects.register(status, as: id)
      var alias = record.pointee.firstAlias
      while alias != .none {
        mirror.drop(alias)
        alias = nodes[alias].pointee.nextAlias
      }
    } catch {
      try? host.rename(trace, archivePath.cString, run, path.cString, flags: 0)
      throw error
    }
  }

  fileprivate func publish(_ version: KeptVersion, _ copy: FileDescriptor, of inode: InodeID) throws(Errno) {
    let record = nodes[inode]
    // Meanwhile another thread may have kept this version or removed the file: the handler looks again.
    guard record.pointee.version == version.version, record.pointee.backing == .run else { return }
    try setArchivePath(of: version.version)
    try host.link(copy, trace, archivePath.cString)
    kept.append(version)
    start(record, by: version.successor)
  }
}

// The last version of a name that is about to be removed or replaced.
extension Versions {
  /// Puts a version that somebody has read aside.
  /// - Parameter isReplaced: it is overwritten by another file; then a version that nobody has read is kept, too, unless
  ///   it is the process's own.
  /// - Returns: whether the name is in the archive now and gone from its place if `moves` is set.
  func keepLast(_ dentry: DentryID, by process: UInt32, isReplaced: Bool, moves: Bool) throws(Errno) -> Bool {
    let record = nodes.inode(of: dentry)
    guard mustKeepLast(record, by: process, isReplaced: isReplaced) else { return false }
    try nodes.buildPath(of: dentry, into: &path)
    try setArchivePath(of: record.pointee.version)
    if moves {
      try host.rename(run, path.cString, trace, archivePath.cString, flags: 0)
    } else {
      try host.link(run, path.cString, trace, archivePath.cString)
    }
    kept.append(
      KeptVersion(
        version: record.pointee.version, writer: record.pointee.writer, path: Array(path.bytes), successor: process))
    archived[HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)] = record.pointee.version
    record.pointee.flags.insert(.isArchived)
    return true
  }

  private func mustKeepLast(_ record: UnsafeMutablePointer<Inode>, by process: UInt32, isReplaced: Bool) -> Bool {
    record.pointee.backing == .run && record.pointee.kind == .regular && record.pointee.version != 0
      && record.pointee.links <= 1
      && (record.pointee.flags.contains(.readByOthers) || (isReplaced && record.pointee.writer != process))
  }

  /// The same for a file that somebody has open for writing, who goes on to change it: a copy is put aside.
  /// - Returns: work that must be waited for, or nil if the name may go.
  func keepOpen(
    _ dentry: DentryID, by process: UInt32, isReplaced: Bool
  ) throws(Errno) -> (any BlockingWork)? {
    let record = nodes.inode(of: dentry)
    guard mustKeepLast(record, by: process, isReplaced: isReplaced) else { return nil }
    watches.hush(dentry)
    defer { watches.settle() }
    try nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)
    // Nor must who watches it miss its end, which would not come with a name in the archive.
    if !watches.isWatched(dentry), try !host.isOpen(run, path.cString, forWriting: true) { return nil }
    return try keep(dentry, by: process, truncates: false)
  }

  /// Undoes `keepLast` without `moves`.
  func unkeepLast(_ dentry: DentryID) {
    let record = nodes.inode(of: dentry)
    archived[HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)] = nil
    record.pointee.flags.remove(.isArchived)
    guard let last = kept.popLast(), (try? setArchivePath(of: last.version)) != nil else { return }
    try? host.remove(trace, archivePath.cString, isDirectory: false)
  }
}

// The archive. What is put aside is, where that is possible, the very file that it was. Who still has a descriptor to it may open it anew
// for writing through /proc: then a copy takes its place in the archive, and the file is the descriptor's alone, as a removed one is on Linux.
extension Versions {
  /// The version in the archive whose file this is.
  func version(archivedAs file: HostIdentity) -> UInt32? { archived[file] }

  /// The file is about to be changed by who has a descriptor to it.
  /// - Returns: work that must be waited for, or nil if nothing in the archive is this file.
  func leaveArchive(_ file: HostIdentity) throws(Errno) -> (any BlockingWork)? {
    guard let version = archived[file] else { return nil }
    try setArchivePath(of: version)
    let copy = try VersionCopy(of: archivePath.cString, in: trace, host, upperLayer)
    return try copy.doOrWait(ArchiveCopy(self, file, version, copy))
  }

  fileprivate func replace(_ file: HostIdentity, _ version: UInt32, by copy: FileDescriptor) throws(Errno) {
    // Meanwhile another thread may have asked for the same.
    guard archived[file] == version else { return }
    try setArchivePath(of: version)
    path.clear()
    try path.append(Array("archive/\(version)+".utf8))
    try host.link(copy, trace, path.cString)
    do throws(Errno) {
      try host.rename(trace, path.cString, trace, archivePath.cString, flags: 0)
    } catch {
      try? host.remove(trace, path.cString, isDirectory: false)
      throw error
    }
    archived[file] = nil
  }

  /// The run has ended.
  /// - Returns: what was kept.
  func takeKept() -> [KeptVersion] {
    defer { kept = [] }
    return kept
  }

  private func setArchivePath(of version: UInt32) throws(Errno) {
    try makeArchive()
    archivePath.clear()
    try archivePath.append(Array("archive/\(version)".utf8))
  }

  /// Most runs overwrite nothing that must be kept.
  func makeArchive() throws(Errno) {
    guard !hasArchive else { return }
    try host.makeDirectory(trace, "archive", mode: 0o755)
    hasArchive = true
  }
}

/// The copy of a version that is about to be overwritten.
private final class KeepVersion: BlockingWork, @unchecked Sendable {
  private let versions: Versions
  private let version: KeptVersion
  private let inode: InodeID
  private let copy: VersionCopy

  init(_ versions: Versions, _ version: KeptVersion, _ inode: InodeID, _ copy: VersionCopy) {
    self.versions = versions
    self.version = version
    self.inode = inode
    self.copy = copy
  }

  func perform() throws(Errno) { try copy.make() }

  func publish(failed: Bool) throws(Errno) {
    defer { copy.end() }
    if !failed { try versions.publish(version, copy.file, of: inode) }
  }
}

/// The copy of a version in the archive whose file is about to be changed.
private final class ArchiveCopy: BlockingWork, @unchecked Sendable {
  private let versions: Versions
  private let file: HostIdentity
  private let version: UInt32
  private let copy: VersionCopy

  init(_ versions: Versions, _ file: HostIdentity, _ version: UInt32, _ copy: VersionCopy) {
    self.versions = versions
    self.file = file
    self.version = version
    self.copy = copy
  }

  func perform() throws(Errno) { try copy.make() }

  func publish(failed: Bool) throws(Errno) {
    defer { copy.end() }
    if !failed { try versions.replace(file, version, by: copy.file) }
  }
}
