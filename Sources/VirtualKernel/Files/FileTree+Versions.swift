import CLinux
import Glibc
import SystemPackage
import Tracing

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

// Versions of the files of the run's own layer. Those of /tmp live for the run and have none.
extension FileTree {
  /// The present process is about to change a file's contents.
  /// - Parameters:
  ///   - appends: it can only append to them.
  ///   - kind: what is recorded.
  /// - Returns: work that must be waited for, or nil if the file is ready.
  func beginVersion(
    _ dentry: DentryID, truncates: Bool, appends: Bool = false, as kind: EventKind = .write
  ) throws(Errno) -> (any BlockingWork)? {
    let record = inode(of: dentry)
    guard record.pointee.backing == .run, record.pointee.kind == .regular else {
      self.record(kind, dentry)
      return nil
    }
    try requireSpace(.run)
    hush(dentry)
    defer { settleWatches() }
    if record.pointee.writer != process || record.pointee.flags.contains(.readByOthers) {
      // Version 0 is what a lower layer has.
      if record.pointee.version != 0, try mustKeep(dentry, record, isAppend: appends && !truncates) {
        if let work = try keep(dentry, truncates: truncates) { return work }
      }
      if record.pointee.writer != process || record.pointee.flags.contains(.readByOthers) { startVersion(record) }
    }
    self.record(kind, dentry)
    return nil
  }

  /// A new file, or new contents of an old one, are the present process's.
  func startVersion(_ record: UnsafeMutablePointer<Inode>) {
    lastVersion += 1
    record.pointee.version = lastVersion
    record.pointee.writer = process
    record.pointee.flags.subtract([.readByOthers, .isArchived])
  }

  private func mustKeep(
    _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>, isAppend: Bool
  ) throws(Errno) -> Bool {
    try buildPath(of: upperName(of: dentry), into: &path)
    // Of processes that write at the same time, as those of a database do, none has a version of its own.
    if try host.isOpen(configuration.places.run, path.cString, forWriting: true) { return false }
    guard isAppend, !record.pointee.flags.contains(.readByOthers) else { return true }
    let size = Int64(try host.status(configuration.places.run, path.cString).st_size)
    let id = dentries[dentry].pointee.inode
    if size > keptAppendLimit, size < 2 * (keptSizes[id] ?? 0) { return false }
    keptSizes[id] = size
    return true
  }

  /// Puts the present contents aside.
  private func keep(_ dentry: DentryID, truncates: Bool) throws(Errno) -> (any BlockingWork)? {
    let record = inode(of: dentry)
    let name = upperName(of: dentry)
    guard dentries[name].pointee.flags.contains(.inUpper) else { return nil }
    try buildPath(of: name, into: &path)
    try setName(ofVersion: record.pointee.version)
    let kept = KeptVersion(
      version: record.pointee.version, writer: record.pointee.writer, path: Array(path.bytes), successor: process)
    // Who has the file open must see the new contents, so the live file stays where it is and its contents are copied.
    if truncates, record.pointee.links == 1, !isWatched(dentry), try isUntouched(path.cString) {
      let parent = dentries[name].pointee.parent
      let times = try timesAbove(parent)
      try moveAside(dentry)
      self.kept.append(kept)
      startVersion(record)
      try restoreTimes(times, of: parent)
      return nil
    }
    let copy = try VersionCopy(of: path.cString, in: configuration.places.run, self)
    let work = KeepVersion(tree: self, kept: kept, copy: copy, inode: dentries[dentry].pointee.inode)
    return try doOrWait(work, for: copy)
  }

  /// Whether nobody has the file open and nothing but its contents would be lost with it.
  private func isUntouched(_ path: UnsafePointer<CChar>) throws(Errno) -> Bool {
    if try host.isOpen(configuration.places.run, path, forWriting: false) { return false }
    let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    return ((try? host.listAttributes(configuration.places.run, path, into: none)) ?? 0) == 0
  }

  /// The file at `path` goes to the archive, and an empty one takes its place.
  private func moveAside(_ dentry: DentryID) throws(Errno) {
    let record = inode(of: dentry)
    let run = configuration.places.run
    try buildPath(of: upperName(of: dentry), into: &path)
    try host.rename(run, path.cString, configuration.places.trace, hostPath.cString, flags: 0)
    do throws(Errno) {
      let file = try host.open(
        run, path.cString, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        mode: Self.hostMode(record.pointee.mode, isDirectory: false))
      defer { host.close(file) }
      try host.setMode(of: file, Self.hostMode(record.pointee.mode, isDirectory: false))
      let status = try host.status(of: file)
      let id = dentries[dentry].pointee.inode
      let old = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
      if identities[old] == id { identities[old] = nil }
      // A descriptor of O_PATH may lead to it.
      archived[old] = record.pointee.version
      register(status, as: id)
      var alias = record.pointee.firstAlias
      while alias != .none {
        dropFromSkeleton(alias)
        alias = dentries[alias].pointee.nextAlias
      }
    } catch {
      try? host.rename(configuration.places.trace, hostPath.cString, run, path.cString, flags: 0)
      throw error
    }
  }

  /// The name at `path` is about to be removed or replaced: a version that somebody has read is put aside.
  /// - Parameter isReplaced: it is overwritten by another file; then a version that nobody has read is kept, too, unless
  ///   it is the present process's own.
  /// - Returns: whether the name is in the archive now and gone from its place if `moves` is set.
  func keepLast(_ dentry: DentryID, isReplaced: Bool, moves: Bool) throws(Errno) -> Bool {
    let record = inode(of: dentry)
    guard mustKeepLast(record, isReplaced: isReplaced) else { return false }
    try setName(ofVersion: record.pointee.version)
    if moves {
      try host.rename(configuration.places.run, path.cString, configuration.places.trace, hostPath.cString, flags: 0)
    } else {
      try host.link(configuration.places.run, path.cString, configuration.places.trace, hostPath.cString)
    }
    kept.append(
      KeptVersion(
        version: record.pointee.version, writer: record.pointee.writer, path: Array(path.bytes), successor: process))
    archived[HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)] = record.pointee.version
    record.pointee.flags.insert(.isArchived)
    return true
  }

  private func mustKeepLast(_ record: UnsafeMutablePointer<Inode>, isReplaced: Bool) -> Bool {
    record.pointee.backing == .run && record.pointee.kind == .regular && record.pointee.version != 0
      && record.pointee.links <= 1
      && (record.pointee.flags.contains(.readByOthers) || (isReplaced && record.pointee.writer != process))
  }

  /// The same for a file that somebody has open for writing, who goes on to change it: a copy is put aside.
  /// - Returns: work that must be waited for, or nil if the name may go.
  func keepOpen(_ dentry: DentryID, isReplaced: Bool) throws(Errno) -> (any BlockingWork)? {
    let record = inode(of: dentry)
    guard mustKeepLast(record, isReplaced: isReplaced) else { return nil }
    hush(dentry)
    defer { settleWatches() }
    try buildPath(of: upperName(of: dentry), into: &path)
    // Nor must who watches it miss its end, which would not come with a name in the archive.
    if !isWatched(dentry), try !host.isOpen(configuration.places.run, path.cString, forWriting: true) { return nil }
    return try keep(dentry, truncates: false)
  }

  /// Undoes `keepLast` without `moves`.
  func unkeepLast(_ dentry: DentryID) {
    let record = inode(of: dentry)
    archived[HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)] = nil
    record.pointee.flags.remove(.isArchived)
    guard let last = kept.popLast(), (try? setName(ofVersion: last.version)) != nil else { return }
    try? host.remove(configuration.places.trace, hostPath.cString, isDirectory: false)
  }

  /// The name in the archive, in `hostPath`.
  func setName(ofVersion version: UInt32) throws(Errno) {
    try makeArchive()
    hostPath.clear()
    try hostPath.append(Array("archive/\(version)".utf8))
  }

  /// Most runs overwrite nothing that must be kept.
  func makeArchive() throws(Errno) {
    guard !hasArchive else { return }
    try host.makeDirectory(configuration.places.trace, "archive", mode: 0o755)
    hasArchive = true
  }
}

/// The copy of a version that is about to be overwritten.
final class KeepVersion: BlockingWork, @unchecked Sendable {
  private let tree: FileTree
  private let host: any HostFiles
  private let kept: KeptVersion
  private let copy: VersionCopy
  private let inode: InodeID

  fileprivate init(tree: FileTree, kept: KeptVersion, copy: VersionCopy, inode: InodeID) {
    self.tree = tree
    self.host = tree.host
    self.kept = kept
    self.copy = copy
    self.inode = inode
  }

  func perform() throws(Errno) { try copy.make(host) }

  func publish(failed: Bool) throws(Errno) {
    defer { copy.end(tree) }
    let record = tree.inodes[inode.index]
    // Meanwhile another thread may have kept this version or removed the file: the handler looks again.
    guard !failed, record.pointee.version == kept.version, record.pointee.backing == .run else { return }
    let name = Array("archive/\(kept.version)".utf8).map { CChar(bitPattern: $0) } + [0]
    try host.link(copy.file, tree.configuration.places.trace, name)
    tree.kept.append(kept)
    let process = tree.process
    tree.process = kept.successor
    tree.startVersion(record)
    tree.process = process
  }
}
