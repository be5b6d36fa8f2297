import CLinux
import Glibc
import Supervisor
import SystemPackage
import Tracing
import VirtualKernel

/// Brings what a run has changed to the host, path by path: each is there whole or not at all, and the originals are kept.
final class Application {
  private let trace: TraceDirectory
  private let finder: ChangeFinder
  private let roots: [HostPlaces.Root]
  private let journal: Journal
  /// Where a file of several names was put, by the run's file.
  private var linked: [HostIdentity: HostPlaces.Place] = [:]
  /// What is taken from the host itself, since the run has only moved it: kept before it goes from where it is.
  private var moved: [[UInt8]: Moved] = [:]
  private enum Moved {
    /// A file in the journal's directory.
    case file(String)
    case link(target: [UInt8])
  }
  /// How many names a file of several names has among the changes.
  private var names: [HostIdentity: Int] = [:]

  init(_ trace: TraceDirectory, _ finder: ChangeFinder, _ changes: [Change]) throws(TraceError) {
    self.trace = trace
    self.finder = finder
    var roots: [HostPlaces.Root] = []
    for change in changes where !roots.contains(where: { $0 === change.place.root }) { roots.append(change.place.root) }
    self.roots = roots
    for change in changes { if let key = Self.linkKey(change) { names[key, default: 0] += 1 } }
    journal = try Journal(in: trace, roots: roots.map { $0.directory.path })
  }

  /// - Returns: what tells the run's file from others if it has more names than one.
  private static func linkKey(_ change: Change) -> HostIdentity? {
    guard let new = change.new, new.type == S_IFREG, new.entry.status.st_nlink > 1,
      change.kind == .added || change.kind == .modified
    else { return nil }
    return HostIdentity(new.entry.status)
  }

  func perform(_ changes: [Change]) throws(TraceError) {
    for change in changes {
      if let new = change.new, finder.isOnHost(new) { try keepMoved(change, new) }
    }
    // Room is made before anything takes its place.
    for change in changes where change.kind == .removed { try perform(change) }
    for change in changes where change.kind != .removed { try perform(change) }
    for change in changes.reversed() where change.new?.isDirectory == true && change.kind == .added {
      setTimes(of: change)
    }
    try journal.end()
  }

  private func perform(_ change: Change) throws(TraceError) {
    do throws(Errno) {
      switch change.kind {
      case .removed: try remove(change)
      case .mode: try setMode(change)
      case .added where change.new?.isDirectory == true: try makeDirectory(change)
      case .added, .modified, .touched: try put(change)
      }
    } catch {
      throw TraceError(
        "cannot apply \(Display.text(change.place.fullPath)): \(error)")
    }
  }

  private func keepMoved(_ change: Change, _ new: MergedView.Found) throws(TraceError) {
    do throws(Errno) {
      switch new.type {
      case S_IFLNK: moved[change.path] = .link(target: try finder.view.linkTarget(new))
      case S_IFREG:
        let name = "moved-\(moved.count)"
        let file = try finder.view.open(new)
        defer { close(file.rawValue) }
        if linkat(AT_FDCWD, "/proc/self/fd/\(file.rawValue)", journal.directory, name, AT_SYMLINK_FOLLOW) != 0 {
          try NewFile.make(
            new, in: finder.view, mode: 0o600, journal.directory, MergedView.cString(Array(name.utf8)))
        }
        moved[change.path] = .file(name)
      default: break
      }
    } catch { throw TraceError("cannot read what goes to \(Display.text(change.place.fullPath)): \(error)") }
  }

  private func number(_ root: HostPlaces.Root) -> Int { roots.firstIndex { $0 === root }! }

  /// Keeps what is there.
  private func keep(_ change: Change, as step: Int, _ directory: Int32, _ name: [CChar]) throws(Errno) {
    try Original.keep(directory, name, in: journal.directory, as: step)
  }

  /// What is there must still be what was compared.
  private func requireUnchanged(_ change: Change) throws(Errno) {
    let now = try change.place.status.map { Fingerprint($0) }
    guard now == change.old.map({ Fingerprint($0) }) else {
      // A directory changes by what is put into it.
      if let now, let old = change.old, now.type == S_IFDIR, UInt32(old.st_mode) & S_IFMT == S_IFDIR { return }
      throw .resourceBusy
    }
  }

  /// - Throws: what `body` throws, or the journal's failure as `ioError`.
  private func step(
    _ change: Change, temporary: [UInt8]?, _ body: (Int) throws(Errno) -> Void
  ) throws(Errno) {
    let number: Int
    do throws(TraceError) {
      number = try journal.begin(root: self.number(change.place.root), path: change.place.path, temporary: temporary)
    } catch { throw .ioError }
    try body(number)
  }

  private func record(_ change: Change, _ step: Int, after: Fingerprint?) throws(Errno) {
    do throws(TraceError) {
      try journal.record(
        Journal.Step(
          number: step, root: number(change.place.root), path: change.place.path,
          before: change.old.map { Fingerprint($0) }, after: after))
    } catch { throw .ioError }
  }

  private func remove(_ change: Change) throws(Errno) {
    try requireUnchanged(change)
    let isDirectory = UInt32(change.old!.st_mode) & S_IFMT == S_IFDIR
    try step(change, temporary: nil) { step throws(Errno) in
      try change.place.root.directory.withParent(of: change.place.path) { directory, name throws(Errno) in
        if !isDirectory { try keep(change, as: step, directory, name) }
        try record(change, step, after: nil)
        guard unlinkat(directory, name, isDirectory ? AT_REMOVEDIR : 0) == 0 else { throw Errno(rawValue: errno) }
      }
    }
  }

  private func makeDirectory(_ change: Change) throws(Errno) {
    let temporary = Temporary.name()
    try step(change, temporary: temporary) { step throws(Errno) in
      try change.place.root.directory.withParent(of: change.place.path) { directory, name throws(Errno) in
        let made = MergedView.cString(temporary)
        guard mkdirat(directory, made, 0o700) == 0 else { throw Errno(rawValue: errno) }
        do throws(Errno) {
          let file = openat(directory, made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
          guard file >= 0 else { throw Errno(rawValue: errno) }
          defer { close(file) }
          try NewFile.setAttributes(finder.view.attributes(change.new!), file)
          guard fchmod(file, mode_t(change.newMode | 0o300)) == 0 else { throw Errno(rawValue: errno) }
          var status = stat()
          guard fstat(file, &status) == 0 else { throw Errno(rawValue: errno) }
          try record(change, step, after: Fingerprint(status))
          try rename(directory, made, name)
        } catch {
          unlinkat(directory, made, AT_REMOVEDIR)
          throw error
        }
      }
    }
  }

  /// Never over what was not there when it was compared.
  private func rename(_ directory: Int32, _ temporary: [CChar], _ name: [CChar], replaces: Bool = false) throws(Errno) {
    let result = uwrx_renameat2(directory, temporary, directory, name, replaces ? 0 : 1 /* RENAME_NOREPLACE */)
    if result == 0 { return }
    // Not every file system can promise it.
    guard !replaces, -result == Int(EINVAL) else { throw Errno(rawValue: Int32(-result)) }
    var status = stat()
    if fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { throw .fileExists }
    guard renameat(directory, temporary, directory, name) == 0 else { throw Errno(rawValue: errno) }
  }

  private func put(_ change: Change) throws(Errno) {
    try requireUnchanged(change)
    let temporary = Temporary.name()
    try step(change, temporary: temporary) { step throws(Errno) in
      try change.place.root.directory.withParent(of: change.place.path) { directory, name throws(Errno) in
        let made = MergedView.cString(temporary)
        do throws(Errno) {
          try make(change, directory, made)
          var status = stat()
          guard fstatat(directory, made, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Errno(rawValue: errno) }
          if change.old != nil { try keep(change, as: step, directory, name) }
          try record(change, step, after: Fingerprint(status))
          try rename(directory, made, name, replaces: change.old != nil)
        } catch {
          unlinkat(directory, made, 0)
          throw error
        }
      }
      if let key = Self.linkKey(change), linked[key] == nil { linked[key] = change.place }
    }
  }

  /// Makes the file under its temporary name.
  private func make(_ change: Change, _ directory: Int32, _ name: [CChar]) throws(Errno) {
    let new = change.new!
    if let key = Self.linkKey(change), let first = linked[key], names[key] == Int(new.entry.status.st_nlink),
      first.root === change.place.root
    {
      let other = try first.root.directory.open(first.path, flags: 0o10000000 /* O_PATH */)
      defer { close(other.rawValue) }
      if linkat(AT_FDCWD, "/proc/self/fd/\(other.rawValue)", directory, name, AT_SYMLINK_FOLLOW) == 0 { return }
    }
    switch moved[change.path] {
    case .link(let target)?: try NewFile.makeLink(new, to: target, directory, name)
    case .file(let kept)?:
      let file = openat(journal.directory, kept, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
      guard file >= 0 else { throw Errno(rawValue: errno) }
      defer { close(file) }
      let source = FileDescriptor(rawValue: file)
      try NewFile.makeFile(new, of: source, NewFile.attributes(of: source), mode: change.newMode, directory, name)
    case nil: try NewFile.make(new, in: finder.view, mode: change.newMode, directory, name)
    }
  }

  private func setMode(_ change: Change) throws(Errno) {
    try requireUnchanged(change)
    try step(change, temporary: nil) { step throws(Errno) in
      let isDirectory = change.new!.isDirectory
      let file = try change.place.root.directory.open(
        change.place.path, flags: O_RDONLY | O_NONBLOCK | (isDirectory ? O_DIRECTORY : 0))
      defer { close(file.rawValue) }
      var after = Fingerprint(change.old!)
      after.mode = after.mode & ~0o777 | change.newMode
      try record(change, step, after: after)
      guard fchmod(file.rawValue, mode_t(after.mode & 0o7777)) == 0 else { throw Errno(rawValue: errno) }
    }
  }

  /// When all that is in it is there. It is no harm if it cannot be set.
  private func setTimes(of change: Change) {
    guard let file = try? change.place.root.directory.open(directory: change.place.path) else { return }
    defer { close(file.rawValue) }
    let time = change.new!.entry.status.st_mtim
    futimens(file.rawValue, [time, time])
    fchmod(file.rawValue, mode_t(change.newMode))
  }
}
