import Skipping
import SystemPackage
import Tracing

// What differs from a record, in the words that an event has for it.
extension UnskippedProcess {
  init(_ record: SkipRecord, _ reason: String) {
    self.init(reason: reason)
    (origin, process, duration) = (record.origin, record.process, record.duration)
  }

  /// There is no record of what it was started with.
  /// - Parameter earlier: the same step as it was last recorded.
  init(_ start: RecordKey, since earlier: StepNote?) {
    guard let earlier, let change = start.change(since: earlier.key) else {
      self.init(reason: "there is no record of it")
      return
    }
    self.init(reason: change)
    (origin, process, duration) = (earlier.origin, earlier.process, earlier.duration)
  }

  /// - Parameter now: nil for what cannot be reached.
  init(_ record: SkipRecord, _ reason: String, _ question: SkipRecord.Question, _ now: [UInt8]?) {
    self.init(record, reason)
    path = question.path
    self.now = now ?? Array("unreachable".utf8)
    switch question.answer {
    case .contents(let status, let digest): (self.question, was) = (.contents, status.text(digest))
    case .status(let status): (self.question, was) = (.status, status.text())
    case .missing: (self.question, was) = (.missing, Array("missing".utf8))
    case .link(let target): (self.question, was) = (.link, Array("link ".utf8) + target)
    case .names(let digest): (self.question, was) = (.names, Array("names ".utf8) + SHA256.text(digest))
    }
  }

  init(_ record: SkipRecord, _ reason: String, _ output: SkipRecord.Output, _ now: [UInt8]?) {
    self.init(record, reason)
    path = output.path
    question = .output
    was = output.before.map { $0.text() } ?? Array("missing".utf8)
    self.now = now ?? Array("unreachable".utf8)
  }
}

extension SkipRecord.Status {
  fileprivate func text(_ digest: [UInt8]? = nil) -> [UInt8] {
    Array("file \(String(mode, radix: 8)) \(uid) \(gid) \(size)".utf8)
      + (digest.map { [UInt8(ascii: " ")] + SHA256.text($0) } ?? [])
  }
}

extension FileTree {
  /// What stands there, as the answer to a question.
  /// - Parameters:
  ///   - answer: the one that was recorded, of another file or of none.
  ///   - digest: of its contents, if these are known.
  func skipText(of dentry: DentryID, for answer: SkipRecord.Answer? = nil, digest: [UInt8]? = nil) -> [UInt8] {
    guard dentry != .none else { return Array("missing".utf8) }
    let inode = nodes.inode(of: dentry)
    switch answer {
    case .link where inode.pointee.kind == .symbolicLink: return Array("link ".utf8) + nodes.linkTarget(of: inode)
    case .names where inode.pointee.kind == .directory:
      return Array("names ".utf8) + (digestOfNames(in: dentry).map { SHA256.text($0) } ?? [])
    default: return skipStatus(of: dentry)?.text(digest) ?? Array("unreachable".utf8)
    }
  }

  /// Which of its versions a file is; 0 for what was there before the run.
  func version(of dentry: DentryID) -> UInt32 { dentry == .none ? 0 : nodes.inode(of: dentry).pointee.version }
}
