import Glibc
import Skipping
import SystemPackage

// What a skipped process would have left behind.
extension VirtualKernel {
  /// - Returns: work that must be waited for, or nil if all is there.
  func place(_ match: SkipMatch, _ call: Call) throws(Errno) -> (any BlockingWork)? {
    let outputs = match.record.outputs
    while match.placed < outputs.count {
      let output = outputs[match.placed]
      guard let found = try files.find(output.path, call) else { throw .notDirectory }
      if found != .none, !match.isVacated {
        if files.nodes.inode(of: found).pointee.kind == .directory {
          guard case .directory(let mode) = output.after else { throw .isDirectory }
          if let work = try files.setMode(found, mode) { return work }
          match.didPlace()
          continue
        }
        if let work = try files.unlink(found, call) { return work }
      }
      match.isVacated = true
      if let standing = output.after, let work = try make(standing, match, output.path, call) { return work }
      match.didPlace()
    }
    // Into a directory that was made to be read only nobody could have put anything.
    for output in outputs.reversed() {
      guard case .directory(let mode) = output.after, mode & 0o700 != 0o700,
        let found = try files.find(output.path, call), found != .none
      else { continue }
      if let work = try files.setMode(found, mode) { return work }
    }
    return nil
  }

  /// - Returns: work that must be waited for, or nil if it stands there.
  private func make(
    _ standing: SkipRecord.Standing, _ match: SkipMatch, _ path: [UInt8], _ call: Call
  ) throws(Errno) -> (any BlockingWork)? {
    switch standing {
    case .file(let file):
      guard let contents = match.contents else { throw .noSuchFileOrDirectory }
      if try files.find(path, call) == DentryID.none {
        try files.vacancy(at: path, call) { walk throws(Errno) in
          try files.linkFile(contents, walk, call, mode: file.mode)
        }
      }
      guard let time = file.modified, let found = try files.find(path, call), found != .none else { return nil }
      let fraction = (time % 1_000_000_000 + 1_000_000_000) % 1_000_000_000
      let modification = timespec(tv_sec: Int((time - fraction) / 1_000_000_000), tv_nsec: Int(fraction))
      return try files.setTimes(
        found, access: timespec(tv_sec: 0, tv_nsec: UTIME_NOW_), modification: modification)
    case .link(let target):
      try files.vacancy(at: path, call) { walk throws(Errno) in
        let result: Result<Void, Errno> = target.withUnsafeBufferPointer { target in
          do throws(Errno) { return .success(try files.makeSymbolicLink(walk, call, target: target)) } catch {
            return .failure(error)
          }
        }
        try result.get()
      }
    case .directory(let mode):
      try files.vacancy(at: path, call) { walk throws(Errno) in
        try files.makeDirectory(walk, call, mode: mode | 0o700)
      }
    case .name(let other):
      guard let source = try files.find(other, call), source != .none else { throw .noSuchFileOrDirectory }
      var work: (any BlockingWork)?
      try files.vacancy(at: path, call) { walk throws(Errno) in work = try files.link(source, walk, call) }
      return work
    }
    return nil
  }

  /// - Returns: the work of saying what the process would have said; nil if that is nothing or cannot be done.
  func output(of match: SkipMatch, _ call: Call, _ unit: Unit) -> SkippedOutput? {
    var pieces: [(file: FileDescriptor, bytes: [UInt8])] = []
    for piece in match.record.said {
      guard let file = try? descriptors.duplicate(piece.descriptor, of: call.thread.group) else { continue }
      pieces.append((file, piece.bytes))
    }
    guard !pieces.isEmpty else { return nil }
    let work = SkippedOutput(pieces, call, unit)
    return pieces.count == match.record.said.count ? work : nil
  }

  /// The process ends as if it had called exit(3): its next instructions are those of the call.
  /// - Returns: whether it will.
  func end(_ call: Call, _ status: UInt8) -> Bool {
    #if arch(x86_64)
      guard let place = information.instructionPointer(of: call.thread.id) else { return false }
      // mov $status, %edi; mov $231, %eax; syscall; ud2
      let code: [UInt8] = [0xbf, status, 0, 0, 0, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b]
      return
        (try? memory.patch(
          call.thread.id, of: call.thread.group, at: place, [CodePatch(offset: 0, bytes: code)])) != nil
    #else
      return false
    #endif
  }
}
