import CLinux
import Glibc
import SystemPackage
import Tracing

// What is put aside is, where that is possible, the very file that it was. Who still has a descriptor to it may open it anew for
// writing through /proc: then a copy takes its place in the archive, and the file is the descriptor's alone, as a removed one is on Linux.
extension FileTree {
  /// The file is about to be changed by who has a descriptor to it.
  /// - Returns: work that must be waited for, or nil if nothing in the archive is this file.
  func leaveArchive(_ file: HostIdentity) throws(Errno) -> (any BlockingWork)? {
    guard let version = archived[file] else { return nil }
    try setName(ofVersion: version)
    let copy = try VersionCopy(of: hostPath.cString, in: configuration.places.trace, self)
    return try doOrWait(ArchiveCopy(tree: self, file: file, version: version, copy: copy), for: copy)
  }

  /// The present process is about to change the contents of a file without a name.
  /// - Returns: work that must be waited for, or nil if it may.
  func beginNamelessVersion(
    _ dentry: DentryID, _ file: HostIdentity, as kind: EventKind = .write
  ) throws(Errno) -> (any BlockingWork)? {
    let record = inode(of: dentry)
    try requireSpace(record.pointee.backing)
    if let work = try leaveArchive(file) { return work }
    // What was read of it before was another version, although nobody can find that any more.
    if record.pointee.backing == .run, record.pointee.kind == .regular,
      record.pointee.writer != process || record.pointee.flags.contains(.readByOthers)
        || record.pointee.flags.contains(.isArchived)
    {
      startVersion(record)
    }
    self.record(kind, dentry)
    return nil
  }

  /// Opens a file for reading that has no name any more, but is in the archive.
  func openArchived(_ dentry: DentryID, flags: Int32) throws(Errno) -> FileDescriptor {
    let record = inode(of: dentry)
    let file = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    guard let version = archived[file] else { throw .noSuchFileOrDirectory }
    try setName(ofVersion: version)
    return try host.open(configuration.places.trace, hostPath.cString, flags: flags, mode: 0)
  }
}

/// The copy of a version in the archive whose file is about to be changed.
private final class ArchiveCopy: BlockingWork, @unchecked Sendable {
  private let tree: FileTree
  private let host: any HostFiles
  private let file: HostIdentity
  private let version: UInt32
  private let copy: VersionCopy

  init(tree: FileTree, file: HostIdentity, version: UInt32, copy: VersionCopy) {
    self.tree = tree
    self.host = tree.host
    self.file = file
    self.version = version
    self.copy = copy
  }

  func perform() throws(Errno) { try copy.make(host) }

  func publish(failed: Bool) throws(Errno) {
    defer { copy.end(tree) }
    // Meanwhile another thread may have asked for the same.
    guard !failed, tree.archived[file] == version else { return }
    let trace = tree.configuration.places.trace
    let name = Self.cString("archive/\(version)")
    let new = Self.cString("archive/\(version)+")
    try host.link(copy.file, trace, new)
    do throws(Errno) {
      try host.rename(trace, new, trace, name, flags: 0)
    } catch {
      try? host.remove(trace, new, isDirectory: false)
      throw error
    }
    tree.archived[file] = nil
  }

  private static func cString(_ text: String) -> [CChar] { text.utf8.map { CChar(bitPattern: $0) } + [0] }
}
