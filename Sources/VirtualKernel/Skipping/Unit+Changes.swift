import Glibc
import Skipping
import SystemPackage
import Tracing

// What is changed.
extension Unit {
  /// What becomes of what a file holds.
  enum Change {
    /// It is another file's from now on, or nobody's.
    case replaced
    /// A part of it stays.
    case kept
  }

  /// A file is about to be changed, or its name to be taken from it.
  /// - Returns: work that must be waited for, as what it holds now must be known, or nil.
  func willChange(_ dentry: DentryID, _ change: Change) -> (any BlockingWork)? {
    let record = files.nodes.inode(of: dentry)
    guard chain.contains(where: { $0.isListening }), Self.isOfFiles(record),
      !files.nodes[dentry].pointee.flags.contains(.unlinked), let path = try? files.nodes.guestPath(of: dentry)
    else { return nil }
    for unit in chain where unit.isListening && !unit.own.contains(path) {
      if let work = unit.willChange(path, dentry, record, change) { return work }
    }
    return nil
  }

  private func willChange(
    _ path: [UInt8], _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>, _ change: Change
  ) -> (any BlockingWork)? {
    switch record.pointee.kind {
    case .regular:
      guard record.pointee.links == 1 else {
        cannotBeRecorded("it changes \(text(path)), which has other names")
        return nil
      }
      let id = QuestionID(kind: .contents, path: path)
      if change == .kept { noteContents(path, dentry, record) }
      if let place = known[id], asked[place].answer == nil {
        switch contents(of: dentry, before: startTime) {
        case .known(let digest):
          guard !digest.asksForTime, let status = asked[place].status, files.skipStatus(of: dentry) == status else {
            cannotBeRecorded(
              "\(text(path)) \(digest.asksForTime ? "asks for the time of the day" : "was changed by others meanwhile")"
            )
            return nil
          }
          asked[place].answer = .contents(status, digest: digest.bytes)
        case .unread(let file):
          if tried.insert(file.identity).inserted { return ContentSearch([file], skipper, self, files.host) }
          files.host.close(file.file)
          cannotBeRecorded("\(text(path)) cannot be read")
        case .unsettled: cannotBeRecorded("\(text(path)) was written by others meanwhile")
        }
      }
    case .symbolicLink: noteLink(path, record)
    case .directory where change == .kept: break
    default: cannotBeRecorded("it changes or removes \(text(path)), which is no file")
    }
    guard obstacle == nil else { return nil }
    remember(
      path, SkipRecord.Status(mode: record.pointee.mode, uid: record.pointee.uid, gid: record.pointee.gid, size: 0))
    if change == .kept, record.pointee.kind != .directory { own.insert(path) }
    return nil
  }

  private func remember(_ path: [UInt8], _ status: SkipRecord.Status?) {
    guard changed.insert(path) else { return }
    before.append((path, status))
  }

  func noteChange(
    _ kind: EventKind, _ path: [UInt8], _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>
  ) {
    switch kind {
    case .create, .makeDirectory, .symbolicLink, .link:
      remember(path, nil)
      own.insert(path)
      if record.pointee.fileSystem == FileSystemID.root || record.pointee.fileSystem == FileSystemID.tmp { return }
      cannotBeRecorded("it makes \(text(path))")
    case .write, .truncate:
      if changed.contains(path) { own.insert(path) } else { cannotBeRecorded("it changes a part of \(text(path))") }
    // What comes of it stands there at the end.
    case .changeMode, .changeOwner: break
    case .delete, .removeDirectory:
      if !own.remove(path), !changed.contains(path) { cannotBeRecorded("it removes \(text(path))") }
      dated.remove(path)
    case .renameFrom:
      guard renaming == nil, own.contains(path) else { return cannotBeRecorded("it moves \(text(path))") }
      renaming = path
    case .renameTo:
      guard let from = renaming else { return cannotBeRecorded("it moves \(text(path))") }
      renaming = nil
      move(from, path)
    default: cannotBeRecorded("it changes \(text(path)) in a way that is not kept")
    }
  }

  /// What stood at a path, and below it, stands at another.
  private func move(_ from: [UInt8], _ to: [UInt8]) {
    func rename(_ path: [UInt8], _ other: [UInt8]) {
      own.remove(path)
      remember(other, nil)
      own.insert(other)
      if dated.remove(path) { dated.insert(other) }
    }
    let prefix = from + [UInt8(ascii: "/")]
    let below = own.filter { $0.starts(with: prefix) }
    rename(from, to)
    for path in below { rename(path, to + path.dropFirst(from.count)) }
  }

  /// A file was given a time that is not the present.
  func didSetTime(_ dentry: DentryID) {
    guard let path = try? files.nodes.guestPath(of: dentry) else { return }
    for unit in chain where unit.isListening {
      guard files.nodes.inode(of: dentry).pointee.kind == .regular else {
        unit.cannotBeRecorded("it gives a time to \(text(path)), which is no file")
        continue
      }
      unit.dated.insert(path)
      // It is one that it has read somewhere.
      unit.timing = .exact
    }
  }

  /// What it leaves behind of what it has changed.
  var changes: [(path: [UInt8], status: SkipRecord.Status?)] {
    before.filter { $0.status != nil || own.contains($0.path) }
  }
}
