import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  /// copy_file_range(2) does not copy between file systems of two kinds, and lower files are on one apart (`HostFiles.openApart`).
  @Sendable static func copyFileRange(_ call: Call) throws(Errno) -> Outcome {
    _ = try splice(call)
    let (source, sourceOffset, target, targetOffset, length, flags) = call.arguments
    guard flags == 0 else { return .continue }
    let group = call.thread.group
    guard let from = try? call.kernel.descriptors.duplicate(Int32(truncatingIfNeeded: source), of: group) else {
      return .continue
    }
    let copy = RangeCopy(call.kernel, call.notification.id, call.thread.id, from)
    guard call.kernel.host.isApart(from),
      let to = try? call.kernel.descriptors.duplicate(Int32(truncatingIfNeeded: target), of: group)
    else { return .continue }
    copy.target = to
    // What the kernel would not do between two plain files either, it refuses itself.
    guard try call.kernel.host.status(of: to).st_mode & S_IFMT == S_IFREG else { return .continue }
    let mode = try call.kernel.descriptors.flags(of: to)
    guard mode & O_ACCMODE != O_RDONLY, mode & (O_APPEND | O_PATH_) == 0 else { return .continue }
    try copy.sourcePlace.begin(call, sourceOffset, from)
    try copy.targetPlace.begin(call, targetOffset, to)
    // generic_copy_file_checks: the ends are compared as unsigned numbers, then the length is cut to what the files can bear,
    // and only after that a place below zero is refused.
    guard copy.sourcePlace.canReach(length), copy.targetPlace.canReach(length) else {
      throw .init(rawValue: EOVERFLOW)
    }
    // generic_write_check_limits: RLIMIT_FSIZE is the guest's.
    let limit = Int(clamping: try call.kernel.information.limit(fileSize, of: call.thread.id, setTo: nil).soft)
    guard copy.targetPlace.start < limit else {
      if limit != .max { call.kernel.information.signal(call.thread.id, of: group.id, SIGXFSZ) }
      throw .fileTooLarge
    }
    guard copy.sourcePlace.start >= 0, copy.targetPlace.start >= 0 else { throw .invalidArgument }
    let size = Int(try call.kernel.host.status(of: from).st_size)
    copy.count = max(
      0, min(Int(clamping: length), size - copy.sourcePlace.start, limit - copy.targetPlace.start, RangeCopy.largest))
    return copy.count == 0 ? .value(0) : .blocked(on: copy)
  }
}

/// A copy of a part of a file by the supervisor.
private final class RangeCopy: BlockingWork, @unchecked Sendable {
  /// copy_file_range(2) may copy less than it was asked for; a caller that has died meanwhile is not copied for.
  static let largest = 1 << 24
  private static let step = 1 << 18

  /// Where one of the two files is read or written.
  struct Place {
    /// Of the offset in the guest's memory; 0 if the file's own position is meant.
    var address: UInt64 = 0
    var start = 0

    mutating func begin(_ call: Call, _ address: UInt64, _ file: FileDescriptor) throws(Errno) {
      self.address = address
      start = address == 0 ? try call.kernel.descriptors.position(of: file) : try call.read(Int.self, at: address)
    }

    func canReach(_ length: UInt64) -> Bool {
      !UInt64(bitPattern: Int64(start)).addingReportingOverflow(length).overflow
    }
  }

  private let kernel: VirtualKernel
  private let notification: UInt64
  private let thread: AbsTid
  private var source: FileDescriptor?
  var target: FileDescriptor?
  var sourcePlace = Place()
  var targetPlace = Place()
  var count = 0
  private var copied = 0

  init(_ kernel: VirtualKernel, _ notification: UInt64, _ thread: AbsTid, _ source: FileDescriptor) {
    self.kernel = kernel
    self.notification = notification
    self.thread = thread
    self.source = source
  }

  deinit { release() }

  private func release() {
    for file in [source, target] { if let file { kernel.descriptors.release(file) } }
    source = nil
    target = nil
  }

  var value: Int64? { Int64(copied) }

  func perform() throws(Errno) {
    guard let source, let target else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, Self.step), alignment: 16)
    defer { buffer.deallocate() }
    do throws(Errno) {
      while copied < count {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count - copied))
        let got = try kernel.host.read(source, at: sourcePlace.start + copied, into: part)
        if got == 0 { return }
        let bytes = UnsafeRawBufferPointer(UnsafeMutableRawBufferPointer(rebasing: part.prefix(got)))
        copied += try kernel.host.write(target, at: targetPlace.start + copied, bytes)
      }
    } catch {
      if copied == 0 { throw error }
    }
  }

  func publish(failed: Bool) throws(Errno) {
    // Before the caller goes on: its last close must be the file's, which may be a lock's end, or be run next (ETXTBSY).
    defer { release() }
    guard !failed, let source, let target else { return }
    try move(sourcePlace, source)
    try move(targetPlace, target)
  }

  private func move(_ place: Place, _ file: FileDescriptor) throws(Errno) {
    guard place.address != 0 else { return try kernel.descriptors.setPosition(of: file, place.start + copied) }
    // The memory of a caller that has died may be somebody else's by now.
    guard kernel.memory.isWaiting(notification) else { throw .interrupted }
    var failure: Errno?
    withUnsafeBytes(of: place.start + copied) { bytes in
      do throws(Errno) { try kernel.memory.write(thread, at: place.address, bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
