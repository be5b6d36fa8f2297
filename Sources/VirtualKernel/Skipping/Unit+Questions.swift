import Skipping
import SystemPackage
import Tracing

// What is asked.
extension Unit {
  private static let mostQuestions = 200_000

  /// A process of the unit has used, or changed, what stands at a name.
  func note(_ kind: EventKind, _ dentry: DentryID) {
    guard chain.contains(where: { $0.isListening }), dentry != .none, files.nodes[dentry].pointee.inode != .none else {
      return
    }
    let record = files.nodes.inode(of: dentry)
    // What processes, devices and the machine tell is no file's contents.
    guard Self.isOfFiles(record) else {
      if record.pointee.fileSystem == FileSystemID.sys, kind != .stat { willAsk(dentry) }
      return
    }
    let isGone = kind != .delete && kind != .removeDirectory && files.nodes[dentry].pointee.flags.contains(.unlinked)
    let path = try? files.nodes.guestPath(of: dentry)
    for unit in chain where unit.isListening {
      guard let path else {
        unit.cannotBeRecorded("a path is too long")
        continue
      }
      if isGone, !unit.changed.contains(path) {
        unit.cannotBeRecorded("it used \(text(path)) without its name")
        continue
      }
      // What it has removed itself, and still has open, it knows.
      if isGone { continue }
      unit.noteWay(to: path, kind)
      switch kind {
      case .read, .exec: unit.noteContents(path, dentry, record)
      case .stat: unit.noteStatus(path, dentry)
      case .readLink: unit.noteLink(path, record)
      case .list: unit.noteNames(path, dentry)
      default: unit.noteChange(kind, path, dentry, record)
      }
    }
  }

  /// A process of the unit is told when what stands at a name was modified.
  func noteTimes(of dentry: DentryID) {
    guard chain.contains(where: { $0.isListening && $0.tellsTimes && !$0.own.isEmpty }),
      let path = try? files.nodes.guestPath(of: dentry)
    else { return }
    // Of what it has made itself that is when it has run.
    for unit in chain
    where unit.isListening && unit.tellsTimes && unit.own.contains(path) && !unit.dated.contains(path) {
      unit.didAskForTime()
    }
  }

  /// Who finds the project's files by its directory's name does not find them in another one.
  private func noteWay(to path: [UInt8], _ kind: EventKind) {
    guard sharedKey != nil, files.events.isAbsolute else { return }
    if kind == .stat || kind == .missing, namedFiles.contains(path) { return }
    if place?.contains(path) ?? false { sharedKey = nil }
  }

  static func isOfFiles(_ record: UnsafeMutablePointer<Inode>) -> Bool {
    switch record.pointee.fileSystem {
    case FileSystemID.root, FileSystemID.tmp, FileSystemID.shm: true
    default: false
    }
  }

  /// A name was looked for that is not there.
  func noteMissing(_ name: UnsafeBufferPointer<UInt8>, in directory: DentryID) {
    guard chain.contains(where: { $0.isListening }), Self.isOfFiles(files.nodes.inode(of: directory)) else { return }
    var path = try? files.nodes.guestPath(of: directory)
    if path?.count ?? 2 > 1 { path?.append(UInt8(ascii: "/")) }
    path? += name
    for unit in chain where unit.isListening {
      guard let path else {
        unit.cannotBeRecorded("a path is too long")
        continue
      }
      unit.noteWay(to: path, .missing)
      unit.noteMissing(path)
    }
  }

  private func noteMissing(_ path: [UInt8]) {
    // It has removed it itself, or made the directory.
    if changed.contains(path) || !own.isEmpty && own.contains(Self.directory(of: path)) { return }
    add(Asked(id: QuestionID(kind: .missing, path: path), answer: .missing))
  }

  static func directory(of path: [UInt8]) -> [UInt8] {
    let end = path.lastIndex(of: UInt8(ascii: "/")) ?? 0
    return end == 0 ? [UInt8(ascii: "/")] : Array(path[..<end])
  }

  /// A process of the unit opens a device, or a file of /proc.
  func willAsk(_ dentry: DentryID) {
    guard chain.contains(where: { $0.isListening }), let path = try? files.nodes.guestPath(of: dentry) else { return }
    let text = String(decoding: path, as: UTF8.self)
    // libselinux asks for file systems, make(1) for the load; null and zero tell the same to everybody.
    if ["/dev/null", "/dev/zero", "/dev/full", "/proc/filesystems", "/proc/mounts", "/proc/loadavg"].contains(text) {
      return
    }
    // What they tell depends on who asks, which is a part of the key.
    let isRandom =
      skipper.configuration.programs.isReproducible && ["/dev/urandom", "/dev/random"].contains(text)
    // How many jobs there can be is no matter of what they make (ninja's GetProcessorCount).
    let isAboutProcessors =
      ["/cgroup", "/mountinfo"].contains { text.hasSuffix($0) }
      || ["/sys/fs/cgroup/", "/sys/devices/system/cpu/"].contains { text.hasPrefix($0) }
    for unit in chain where unit.isListening && (unit.traits.isTree || text.hasPrefix("/dev/")) {
      if isAboutProcessors && unit.traits.timing == .order || isRandom && unit.traits.isTree { continue }
      unit.cannotBeRecorded("it opens \(self.text(path))")
    }
  }

  /// Of what was skipped: the unit itself does not ask, those around it do.
  func absorb(_ record: SkipRecord, _ find: ([UInt8]) -> DentryID?) {
    guard let outer else { return }
    for question in record.questions {
      if case .missing = question.answer {
        for unit in outer.chain where unit.isListening { unit.noteMissing(question.path) }
        continue
      }
      guard let found = find(question.path), found != .none else { continue }
      switch question.answer {
      case .contents: outer.note(.read, found)
      case .status: outer.note(.stat, found)
      case .link: outer.note(.readLink, found)
      case .names: outer.note(.list, found)
      case .missing: break
      }
    }
  }

  private func add(_ question: Asked) {
    if let place = known[question.id] {
      let first = asked[place]
      if first.answer != question.answer || first.inode != question.inode || first.version != question.version {
        cannotBeRecorded("\(text(question.id.path)) was changed by others meanwhile")
      }
      return
    }
    guard asked.count < Self.mostQuestions else { return cannotBeRecorded("it asked more than is kept") }
    known[question.id] = asked.count
    asked.append(question)
  }

  func noteContents(_ path: [UInt8], _ dentry: DentryID, _ record: UnsafeMutablePointer<Inode>) {
    if own.contains(path) { return }
    guard record.pointee.kind == .regular else { return noteStatus(path, dentry) }
    let id = QuestionID(kind: .contents, path: path)
    if let place = known[id] {
      let first = asked[place]
      // What it overwrites is its own from then on.
      if first.inode != files.nodes[dentry].pointee.inode || first.version != record.pointee.version {
        cannotBeRecorded("\(text(path)) was changed by others meanwhile")
      }
      return
    }
    guard let status = files.skipStatus(of: dentry) else { return cannotBeRecorded("\(text(path)) cannot be asked") }
    add(
      Asked(
        id: id, answer: nil, inode: files.nodes[dentry].pointee.inode, version: record.pointee.version, status: status,
        modified: files.modificationTime(of: dentry)))
  }

  private func noteStatus(_ path: [UInt8], _ dentry: DentryID) {
    if own.contains(path) { return }
    let id = QuestionID(kind: .status, path: path)
    guard let status = files.skipStatus(of: dentry) else { return cannotBeRecorded("\(text(path)) cannot be asked") }
    // The root and /tmp are the run's own.
    let record = files.nodes.inode(of: dentry)
    let isOwn = path.count == 1 || record.pointee.fileSystem != FileSystemID.root
    let isTimed = known[id] == nil && !(record.pointee.kind == .directory && isOwn)
    let time = isTimed ? files.modificationTime(of: dentry) : nil
    add(Asked(id: id, answer: .status(status), modified: time))
  }

  func noteLink(_ path: [UInt8], _ record: UnsafeMutablePointer<Inode>) {
    if own.contains(path) { return }
    let target = Array(files.nodes.linkTarget(of: record))
    add(Asked(id: QuestionID(kind: .link, path: path), answer: .link(target: target)))
  }

  private func noteNames(_ path: [UInt8], _ dentry: DentryID) {
    if own.contains(path) { return }
    let prefix = path.count == 1 ? path : path + [UInt8(ascii: "/")]
    // What it has made there itself is not asked of others; what it has removed nobody can tell any more.
    var made: Set<[UInt8]> = []
    for (path, status) in before
    where path.starts(with: prefix) && !path.dropFirst(prefix.count).contains(UInt8(ascii: "/")) {
      if status == nil {
        made.insert(Array(path.dropFirst(prefix.count)))
      } else if !own.contains(path) {
        return cannotBeRecorded("it listed \(text(path)) where it has removed names")
      }
    }
    guard let digest = files.digestOfNames(in: dentry, without: made) else {
      return cannotBeRecorded("\(text(path)) cannot be asked")
    }
    add(Asked(id: QuestionID(kind: .names, path: path), answer: .names(digest: digest)))
  }
}
