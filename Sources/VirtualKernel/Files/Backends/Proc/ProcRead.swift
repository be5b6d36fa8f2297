import CLinux
import Glibc
import SystemPackage

/// The contents of a file of /proc about a process's memory, which the kernel may take long to write: a process of 60,000 mappings keeps it busy for seconds, and
/// a process can keep its own memory locked. So they are read, and made the guest's, without the virtual kernel's lock.
///
/// Each time its work is published the handler of the call is asked again, until the file is made.
final class ProcRead: ProcWork, @unchecked Sendable {
  /// How many files that are mapped are looked up at a time under the lock.
  private static let pieceSize = 512

  private enum State {
    case reading, resolving, writing, made
  }

  let notification: UInt64
  let path: String
  private unowned let kernel: VirtualKernel
  private let host: any HostFiles
  private var state = State.reading
  private var text: [UInt8] = []
  private var failure: Errno?
  private var unresolved: [HostIdentity] = []
  private var resolved: [HostIdentity: MappedFile] = [:]
  private var file: FileDescriptor?

  init(_ call: Call, _ path: String) {
    notification = call.notification.id
    kernel = call.kernel
    host = call.kernel.host
    self.path = path
  }

  deinit {
    if let file { host.close(file) }
  }

  /// - Returns: the file, or nil if there is more to do.
  func take() throws(Errno) -> FileDescriptor? {
    if let failure { throw failure }
    guard state == .made else { return nil }
    defer { file = nil }
    return file
  }

  func perform() throws(Errno) {
    do throws(Errno) {
      switch state {
      case .reading:
        try kernel.information.readProc(path, into: &text)
        unresolved = MapsText.files(in: text, while: isWanted)
      case .writing: try make(MapsText.rewrite(text, resolved, while: isWanted))
      case .resolving, .made: break
      }
    } catch { failure = error }
  }

  /// Who has died meanwhile asks for nothing any more.
  private func isWanted() -> Bool { kernel.memory.isWaiting(notification) }

  private func make(_ contents: [UInt8]) throws(Errno) {
    file = try host.sealedFile(ProcFileSystem.memoryPrefix + path, contents, flags: O_RDONLY)
    text = []
  }

  func publish(failed: Bool) throws(Errno) {
    kernel.proc.finished = self
    guard failure == nil else { return }
    switch state {
    case .reading: state = .resolving
    case .writing: state = .made
    case .resolving, .made: break
    }
    guard state == .resolving else { return }
    for identity in unresolved.suffix(Self.pieceSize) { resolved[identity] = kernel.proc.mappedFile(identity, kernel) }
    unresolved.removeLast(min(Self.pieceSize, unresolved.count))
    if unresolved.isEmpty { state = .writing }
  }
}
