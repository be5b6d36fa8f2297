// A record that does not depend on where the project is and whose it is. Paths below the project's directory begin with `.` in it, and who
// asks is the user whose number is none (2^32 - 1: chown(2)).
extension SkipRecord {
  /// Who asks, and where.
  public struct Place: Sendable, Equatable {
    /// The project's directory, absolute; not the root.
    public var root: [UInt8]
    public var user: UInt32
    public var group: UInt32

    public init(root: [UInt8], user: UInt32, group: UInt32) {
      self.root = root
      self.user = user
      self.group = group
    }

    public func contains(_ path: [UInt8]) -> Bool {
      path.starts(with: root) && (path.count == root.count || path[root.count] == UInt8(ascii: "/"))
    }
  }

  /// The record as anybody may use it.
  public func taken(from place: Place) -> SkipRecord {
    mapped(
      { path in place.contains(path) ? [UInt8(ascii: ".")] + path.dropFirst(place.root.count) : path },
      { status in
        Status(
          mode: status.mode, uid: status.uid == place.user ? .max : status.uid,
          gid: status.gid == place.group ? .max : status.gid, size: status.size)
      })
  }

  /// The record as it is for who asks here.
  public func brought(to place: Place) -> SkipRecord {
    mapped(
      { path in path.first == UInt8(ascii: ".") ? place.root + path.dropFirst() : path },
      { status in
        Status(
          mode: status.mode, uid: status.uid == .max ? place.user : status.uid,
          gid: status.gid == .max ? place.group : status.gid, size: status.size)
      })
  }

  private func mapped(_ path: ([UInt8]) -> [UInt8], _ status: (Status) -> Status) -> SkipRecord {
    var record = self
    record.questions = questions.map { question in
      let answer: Answer =
        switch question.answer {
        case .contents(let its, let digest): .contents(status(its), digest: digest)
        case .status(let its): .status(status(its))
        default: question.answer
        }
      return Question(path: path(question.path), answer: answer, modified: question.modified)
    }
    record.outputs = outputs.map { output in
      var after = output.after
      if case .name(let other) = after { after = .name(of: path(other)) }
      return Output(path: path(output.path), before: output.before.map(status), after: after)
    }
    return record
  }
}
