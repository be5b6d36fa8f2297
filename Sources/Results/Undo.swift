import Glibc
import Supervisor
import SystemPackage
import Tracing

/// Puts back what the last application of a trace has changed.
public struct Undo {
  private let journal: Journal
  private let roots: [HostDirectory]

  /// - Returns: nil if the trace was not applied.
  public init?(_ trace: TraceDirectory, trusts: Bool) throws(TraceError) {
    guard let journal = try Journal(lastOf: trace, trusts: trusts) else { return nil }
    self.journal = journal
    var roots: [HostDirectory] = []
    for root in journal.roots {
      let path = String(decoding: root, as: UTF8.self)
      do throws(Errno) { roots.append(try HostDirectory(path)) } catch {
        throw TraceError("cannot open the directory \(Display.text(root)), to which the trace was applied: \(error)")
      }
      // Whoever has made a link of it since has it lead elsewhere.
      guard roots.last!.path == root else {
        throw TraceError("\(Display.text(root)), to which the trace was applied, leads elsewhere now")
      }
    }
    self.roots = roots
  }

  /// Whether the application was ended before it was done.
  public var isCutOff: Bool { !journal.isComplete }

  public var paths: [String] {
    var seen: Set<[UInt8]> = []
    return journal.steps.map { roots[$0.root].fullPath($0.path) }.filter { seen.insert($0).inserted }
      .map { Display.text($0) }
  }

  private enum State {
    /// As the step has left it.
    case done
    /// As it was before: the step was not done, or was undone already.
    case undone
    case changed
  }

  private func state(_ step: Journal.Step, _ status: stat?) -> State {
    guard let status else { return step.after == nil ? .done : step.before == nil ? .undone : .changed }
    if let after = step.after {
      // A directory changes by what is in it.
      let isDirectory = after.type == S_IFDIR && status.st_mode & S_IFMT == S_IFDIR
      if step.before == nil && isDirectory || after.matches(status, isSameFile: !isDirectory) { return .done }
    }
    if let before = step.before, before.matches(status, isSameFile: false) { return .undone }
    return .changed
  }

  /// What was changed since, each with why it is in the way.
  public func conflicts() throws(TraceError) -> [Results.Note] {
    var conflicts: [Results.Note] = []
    func add(_ path: [UInt8], _ reason: String) {
      conflicts.append(Results.Note(path: Display.text(path), reason: reason))
    }
    var seen: Set<[UInt8]> = []
    var gone: Set<[UInt8]> = []
    for step in journal.steps.reversed() {
      let path = roots[step.root].fullPath(step.path)
      let status = try status(step)
      // What an earlier step has left there was replaced by the later one, which was looked at.
      if seen.insert(path).inserted, case .changed = state(step, status) {
        add(path, status == nil ? "it was removed since" : "it was changed since")
      }
      if step.before == nil { gone.insert(path) }
    }
    for step in journal.steps where step.before == nil && step.after?.type == S_IFDIR {
      for name in (try? roots[step.root].names(in: step.path)) ?? [] {
        let child = roots[step.root].fullPath(step.path + [UInt8(ascii: "/")] + name)
        if !gone.contains(child), !isTemporary(name) { add(child, "it was made since") }
      }
    }
    return conflicts
  }

  private func isTemporary(_ name: [UInt8]) -> Bool { journal.attempts.contains { $0.name == name } }

  private func status(_ step: Journal.Step) throws(TraceError) -> stat? {
    do throws(Errno) { return try roots[step.root].status(step.path) } catch {
      throw TraceError("cannot look at \(Display.text(roots[step.root].fullPath(step.path))): \(error)")
    }
  }

  /// - Parameter forces: also where something was changed since.
  /// - Returns: directories that stay, since there is something in them.
  public func perform(forces: Bool) throws(TraceError) -> [String] {
    var staying: [String] = []
    for attempt in journal.attempts { removeTemporary(attempt.root, attempt.path, attempt.name) }
    for step in journal.steps.reversed() {
      let status = try status(step)
      switch state(step, status) {
      case .undone: continue
      case .changed where !forces: continue
      case .done, .changed: break
      }
      let root = roots[step.root]
      do throws(Errno) {
        try root.withParent(of: step.path) { directory, name throws(Errno) in
          try undo(step, status, directory, name)
        }
      } catch {
        let path = root.fullPath(step.path)
        if error == .directoryNotEmpty || error == .fileExists {
          staying.append(Display.text(path))
          continue
        }
        throw TraceError(
          "cannot put back \(Display.text(path)): \(error); what is left is put back by another uwrx undo")
      }
    }
    guard TreeRemoval.remove(journal.path) else {
      throw TraceError("all is put back, but \(journal.path) cannot be removed: remove it")
    }
    // Not empty if the trace was applied more than once.
    rmdir(String(journal.path.prefix(upTo: journal.path.lastIndex(of: "/")!)))
    return staying
  }

  private func undo(_ step: Journal.Step, _ status: stat?, _ directory: Int32, _ name: [CChar]) throws(Errno) {
    func check(_ result: Int32) throws(Errno) { if result != 0 { throw Errno(rawValue: errno) } }
    let isDirectory = status.map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    guard let before = step.before else {
      if status != nil { try check(unlinkat(directory, name, isDirectory ? AT_REMOVEDIR : 0)) }
      return
    }
    let mode = mode_t(before.mode & 0o7777)
    if before.type == S_IFDIR {
      if !isDirectory {
        if status != nil { try check(unlinkat(directory, name, 0)) }
        try check(mkdirat(directory, name, mode))
      }
      let file = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard file >= 0 else { throw Errno(rawValue: errno) }
      defer { close(file) }
      try check(fchmod(file, mode))
    } else if let after = step.after, after.type == before.type, after.inode == before.inode {
      // Only its permissions were changed.
      let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard file >= 0 else { throw Errno(rawValue: errno) }
      defer { close(file) }
      try check(fchmod(file, mode))
    } else {
      if isDirectory { try check(unlinkat(directory, name, AT_REMOVEDIR)) }
      try Original.restore(step.number, from: journal.directory, to: directory, name)
    }
  }

  private func removeTemporary(_ root: Int, _ path: [UInt8], _ name: [UInt8]) {
    let parent = path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[...$0]) } ?? []
    try? roots[root].withParent(of: parent + name) { directory, name throws(Errno) in
      if unlinkat(directory, name, 0) != 0 { unlinkat(directory, name, AT_REMOVEDIR) }
    }
  }
}
