import Glibc
import Skipping
import SystemPackage
import Tracing

// What records ask of the tree. Nothing here is recorded.
extension FileTree {
  /// What a path without symbolic links leads to for the caller.
  /// - Returns: `.none` if there is nothing; nil if something else than a directory, or one that the caller may not search, is on the way.
  func find(_ path: [UInt8], _ call: Call) throws(Errno) -> DentryID? {
    var current = root
    for name in path.split(separator: UInt8(ascii: "/")) {
      let record = nodes.inode(of: current)
      guard record.pointee.kind == .directory, !nodes.directory(of: current).isProc else { return nil }
      do throws(Errno) { try call.require(.execute, record) } catch { return nil }
      let found: DentryID = try name.withUnsafeBufferPointer { name throws(Errno) in try lookup(current, name) }
      guard found != .none, nodes[found].pointee.inode != .none else { return DentryID.none }
      try load(found)
      current = found
    }
    return current
  }

  func skipStatus(of dentry: DentryID) -> SkipRecord.Status? {
    let record = nodes.inode(of: dentry)
    var size: Int64 = 0
    if record.pointee.kind == .regular {
      size = record.pointee.size
      if record.pointee.backing.isUpper {
        guard let status = try? upperLayer.status(of: nodes[dentry].pointee.inode) else { return nil }
        size = Int64(status.st_size)
      }
    }
    return SkipRecord.Status(mode: record.pointee.mode, uid: record.pointee.uid, gid: record.pointee.gid, size: size)
  }

  /// When a file was last modified, as stat(2) tells, in nanoseconds since 1970.
  func modificationTime(of dentry: DentryID) -> Int64? {
    guard let status = try? attributes(nodes[dentry].pointee.inode, isSeen: false) else { return nil }
    return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// - Parameter without: names that do not count.
  func digestOfNames(in directory: DentryID, without: Set<[UInt8]> = []) -> [UInt8]? {
    guard (try? complete(directory)) != nil else { return nil }
    var names: [[UInt8]] = []
    for child in nodes.directory(of: directory).children where child != .none && nodes[child].pointee.inode != .none {
      let name = Array(nodes.name(of: child))
      if without.contains(name) { continue }
      names.append(name + [0, nodes.inode(of: child).pointee.kind.rawValue])
    }
    names.sort { $0.lexicographicallyPrecedes($1) }
    return SHA256.digest(Array(names.joined()))
  }

  /// Whether somebody can change an upper file through what is open.
  func isBeingWritten(_ dentry: DentryID) -> Bool {
    guard (try? nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)) != nil else { return true }
    return (try? host.isOpen(upperLayer.root(nodes.inode(of: dentry).pointee.backing), path.cString, forWriting: true))
      ?? true
  }

  /// Whether somebody could tell that another file has taken its place.
  func isInUse(_ dentry: DentryID) -> Bool {
    if watches.isWatched(dentry) { return true }
    let record = nodes.inode(of: dentry)
    guard record.pointee.backing.isUpper else { return false }
    guard (try? nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)) != nil else { return true }
    return (try? host.isOpen(upperLayer.root(record.pointee.backing), path.cString, forWriting: false)) ?? true
  }

  /// A place where nothing stands yet, as a walk would have found it.
  func vacancy(
    at path: [UInt8], _ call: Call, _ body: (WalkResult) throws(Errno) -> Void
  ) throws(Errno) {
    guard let end = path.lastIndex(of: UInt8(ascii: "/")), let parent = try find(Array(path[..<end]), call),
      parent != .none
    else { throw .noSuchFileOrDirectory }
    let result: Result<Void, Errno> = path[(end + 1)...].withUnsafeBufferPointer { name in
      do throws(Errno) {
        return .success(
          try body(
            WalkResult(
              parent: parent, dentry: try lookup(parent, name), name: name, last: .name, hasTrailingSlash: false,
              openFile: nil)))
      } catch { return .failure(error) }
    }
    try result.get()
  }
}

extension ContentIdentity {
  init(_ status: stat) {
    self.init(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
      modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
      changed: Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec))
  }
}
