import Glibc
import Skipping
import SystemPackage
import Tracing

// Which record tells what would come of what was started.
extension VirtualKernel {
  enum Choice {
    case search(ContentSearch)
    /// Why the newest record does not match, or that there is none.
    case none(UnskippedProcess)
    case found(SkipMatch)
  }

  func choose(_ records: [SkipRecord], _ call: Call, _ unit: Unit, _ skipper: Skipper) -> Choice {
    var reason: UnskippedProcess?
    for record in records {
      switch compare(record, call, unit, skipper) {
      case .same:
        let match = SkipMatch(record, skipper.store, host)
        do throws(Errno) { try match.prepare(call) } catch {
          reason = reason ?? UnskippedProcess(record, "what it made could not be put back: \(error)")
          continue
        }
        return .found(match)
      case .unknown(let files): return .search(ContentSearch(files, skipper, unit, host))
      case .differs(let difference): reason = reason ?? difference
      }
    }
    return .none(reason ?? UnskippedProcess(unit.start, since: unit.earlier))
  }

  private enum Comparison {
    case same
    case differs(UnskippedProcess)
    /// These must be read first.
    case unknown([ContentSearch.File])
  }

  private func compare(_ record: SkipRecord, _ call: Call, _ unit: Unit, _ skipper: Skipper) -> Comparison {
    var unknown: [ContentSearch.File] = []
    func refuse(_ difference: UnskippedProcess) -> Comparison {
      for file in unknown { host.close(file.file) }
      return .differs(difference)
    }
    if let clock = record.clock, clock != unit.startClock {
      return .differs(UnskippedProcess(record, "it asks for the time, which is another when it begins"))
    }
    for question in record.questions {
      func differs(_ reason: String, _ found: DentryID? = nil, digest: [UInt8]? = nil) -> Comparison {
        refuse(
          UnskippedProcess(
            record, reason, question, found.map { files.skipText(of: $0, for: question.answer, digest: digest) }))
      }
      guard let found = (try? files.find(question.path, call)).flatMap({ $0 }) else {
        return differs("cannot be reached")
      }
      if case .missing = question.answer {
        if found != .none { return differs("is there now", found) }
        continue
      }
      if found == .none { return differs("is not there any more", found) }
      let inode = files.nodes.inode(of: found)
      switch question.answer {
      case .missing: break
      case .status(let status):
        if files.skipStatus(of: found) != status { return differs("has another size, mode or owner", found) }
      case .link(let target):
        guard inode.pointee.kind == .symbolicLink, files.nodes.linkTarget(of: inode).elementsEqual(target) else {
          return differs("leads elsewhere", found)
        }
      case .names(let digest):
        guard inode.pointee.kind == .directory, files.digestOfNames(in: found) == digest else {
          return differs("holds other names", found)
        }
      case .contents(let status, let digest):
        guard inode.pointee.kind == .regular, files.skipStatus(of: found) == status,
          (try? call.require(.read, inode)) != nil
        else { return differs("has another size, mode or owner", found) }
        switch unit.contents(of: found) {
        case .known(let today):
          if today.bytes != digest { return differs("has other contents", found, digest: today.bytes) }
        case .unread(let file): unknown.append(file)
        case .unsettled: return differs("is being written", found)
        }
      }
    }
    if !unknown.isEmpty {
      if unknown.allSatisfy({ unit.tried.contains($0.identity) }) {
        return refuse(UnskippedProcess(record, "a file could not be read"))
      }
      return .unknown(unknown)
    }
    if let (question, now) = times(of: record, call) {
      return refuse(UnskippedProcess(record, "was modified at another time", question, now))
    }
    for output in record.outputs {
      guard let found = (try? files.find(output.path, call)).flatMap({ $0 }) else {
        return refuse(UnskippedProcess(record, "cannot be reached", output, nil))
      }
      if let reason = objection(to: output, found, call, unit) {
        return refuse(UnskippedProcess(record, reason, output, files.skipText(of: found)))
      }
    }
    return .same
  }

  /// - Returns: the first file whose time is not what it must be, and what it is.
  private func times(of record: SkipRecord, _ call: Call) -> (SkipRecord.Question, [UInt8])? {
    guard record.timing != .none else { return nil }
    var times: [(recorded: Int64, today: Int64, question: SkipRecord.Question)] = []
    func differs(_ question: SkipRecord.Question, _ time: Int64?) -> (SkipRecord.Question, [UInt8]) {
      (question, Array("modified \(time ?? 0)".utf8))
    }
    for question in record.questions {
      guard let recorded = question.modified, let found = (try? files.find(question.path, call)).flatMap({ $0 }),
        found != .none
      else { continue }
      guard let today = files.modificationTime(of: found) else { return differs(question, nil) }
      if record.timing == .exact, today != recorded { return differs(question, today) }
      times.append((recorded, today, question))
    }
    // Which of two is newer: make(1) asks for no more.
    times.sort { ($0.recorded, $0.today) < ($1.recorded, $1.today) }
    for (one, other) in zip(times, times.dropFirst()) {
      guard one.recorded == other.recorded ? one.today == other.today : one.today < other.today else {
        return differs(other.question, other.today)
      }
    }
    return nil
  }

  /// Why an output cannot take the place of what is there.
  private func objection(to output: SkipRecord.Output, _ found: DentryID, _ call: Call, _ unit: Unit) -> String? {
    guard found != .none else {
      guard output.before != nil else { return nil }
      // Who makes it anew gives it the permissions that a new file has.
      guard unit.traits.makesAnew, case .file(let file) = output.after, let umask = try? call.umask(),
        file.mode == 0o666 & ~umask || file.mode == 0o777 & ~umask
      else { return "is not there any more" }
      return nil
    }
    let inode = files.nodes.inode(of: found)
    let status = SkipRecord.Status(mode: inode.pointee.mode, uid: inode.pointee.uid, gid: inode.pointee.gid, size: 0)
    if inode.pointee.kind == .directory { return status == output.before ? nil : "has another mode or owner" }
    guard inode.pointee.links == 1 else { return "has other names" }
    switch output.before {
    case nil:
      guard unit.traits.makesAnew, inode.pointee.kind == .regular, case .file(let file) = output.after,
        status.mode & 0o7777 == file.mode, call.owns(inode)
      else { return "is there now" }
    case let before?: if status != before { return "has another mode or owner" }
    }
    return inode.pointee.kind == .regular && files.isInUse(found) ? "is open" : nil
  }
}
