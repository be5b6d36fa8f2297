import CLinux
import Glibc
import SystemPackage

/// Work on the pool that ends in a descriptor.
protocol ProcWork: BlockingWork {
  /// The call that waits for it.
  var notification: UInt64 { get }
  var path: String { get }
  /// - Returns: the file, or nil if there is more to do.
  func take() throws(Errno) -> FileDescriptor?
}

// What an open(2) of a file of /proc gives out.
extension ProcFileSystem {
  func open(
    _ dentry: DentryID, _ inode: UnsafeMutablePointer<Inode>, _ call: Call, _ flags: Int32
  ) throws(Errno) -> Outcome {
    let node = ProcNode(inode)
    let writes = flags & O_ACCMODE != O_RDONLY
    switch node.kind {
    case .namespaceFile:
      if writes { throw .notPermitted }
      if call.files.configuration.isUniform {
        var status = stat()
        try complete(&status, dentry, call)
      }
      return give(try call.kernel.information.openProcLink(namespacePath(node), flags: O_RDONLY), flags)
    case .informationOfDescriptor:
      if writes { throw .permissionDenied }
      try requireInspection(of: node.id, call)
      return try handOver(dentry, call, flags)
    case .mirrored:
      // What not everybody may read the kernel shows to its own root, which the guest is not.
      if writes || inode.pointee.permissions & 0o004 == 0 { throw .permissionDenied }
      guard case .insideMirror = ProcTables.entries[Int(node.number)].source else {
        return try handOver(dentry, call, flags)
      }
      let path = try procPath(of: dentry, call)
      if let text = call.kernel.reproduction.machine?.text(of: path) {
        return try give(Array(text.utf8), path, call, flags)
      }
      if let uuid = call.kernel.randomName(path, call.thread.group) {
        return try give(Array((uuid + "\n").utf8), path, call, flags)
      }
      return try wait(path, call, flags) { ProcInsideOpening(call, path) }
    case .file: return try open(dentry, node, ProcTables.entries[Int(node.number)], call, flags)
    default: throw .permissionDenied
    }
  }

  private func open(
    _ dentry: DentryID, _ node: ProcNode, _ entry: ProcEntry, _ call: Call, _ flags: Int32
  ) throws(Errno) -> Outcome {
    if flags & O_ACCMODE != O_RDONLY {
      // Guest init is a process of uwrx's, not of the guest's.
      guard node.id > 1, !entry.writing.isEmpty else { throw .permissionDenied }
      try requireInspection(of: node.id, call)
      if entry.writing.contains(.fixed) {
        var bytes: [UInt8] = []
        let path = try procPath(of: dentry, call)
        try call.kernel.information.readProc(path, into: &bytes)
        return try give(bytes, path, call, flags)
      }
      return try handOver(dentry, call, flags)
    }
    // Guest init is of another user than even the guest's root.
    if node.id == 1, entry.permissions & 0o004 == 0 { throw .permissionDenied }
    if node.id == 1, entry.isNamed("cmdline") { return try give(Array("init\0".utf8), "1/cmdline", call, flags) }
    if let told = try ownContents(entry, node, dentry, call) {
      return try give(told, try procPath(of: dentry, call), call, flags)
    }
    switch entry.source {
    case .live: return try handOver(dentry, call, flags)
    case .inspected:
      try requireInspection(of: node.id, call)
      return try handOver(dentry, call, flags)
    case .made:
      return try give(try contents(entry, node, call), try procPath(of: dentry, call), call, flags)
    case .rewritten:
      let path = try procPath(of: dentry, call)
      var bytes: [UInt8] = []
      try call.kernel.information.readProc(path, into: &bytes)
      return try give(rewrite(bytes, entry, node.id, call), path, call, flags)
    case .mapped:
      try requireInspection(of: node.id, call)
      let path = try procPath(of: dentry, call)
      return try wait(path, call, flags) { ProcRead(call, path) }
    case .withheld, .mirror, .insideMirror, .node: throw .permissionDenied
    }
  }

  /// What options of reproducible runs make of it; nil for no difference.
  private func ownContents(
    _ entry: ProcEntry, _ node: ProcNode, _ dentry: DentryID, _ call: Call
  ) throws(Errno) -> [UInt8]? {
    let uniform = try uniformText(entry, node, call).map { Array($0.utf8) }
    guard call.kernel.reproduction.clock != nil else { return uniform }
    return try timedContents(entry, node, try procPath(of: dentry, call), uniform, call) ?? uniform
  }

  /// The kernel's own file, which it makes anew at each read from the start.
  private func handOver(_ dentry: DentryID, _ call: Call, _ flags: Int32) throws(Errno) -> Outcome {
    let path = try procPath(of: dentry, call)
    return give(try call.kernel.information.openProc(path, flags: flags & (O_ACCMODE | O_NONBLOCK | O_APPEND)), flags)
  }

  private func wait(
    _ path: String, _ call: Call, _ flags: Int32, _ begin: () -> any ProcWork
  ) throws(Errno) -> Outcome {
    guard let work = finished, work.notification == call.notification.id, work.path == path else {
      return .blocked(on: begin())
    }
    finished = nil
    guard let file = try work.take() else { return .blocked(on: work) }
    try learnDevice(of: file, call)
    return give(file, flags)
  }

  private func give(_ contents: [UInt8], _ path: String, _ call: Call, _ flags: Int32) throws(Errno) -> Outcome {
    let file = try call.kernel.host.sealedFile(Self.memoryPrefix + path, contents, flags: flags)
    try learnDevice(of: file, call)
    return give(file, flags)
  }

  private func learnDevice(of file: FileDescriptor, _ call: Call) throws(Errno) {
    guard device == nil else { return }
    do throws(Errno) {
      let status = try call.kernel.host.status(of: file)
      if !isKernels(status, call) { device = UInt64(status.st_dev) }
    } catch {
      call.kernel.host.close(file)
      throw error
    }
  }

  private func give(_ file: FileDescriptor, _ flags: Int32) -> Outcome {
    .descriptor(file, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
  }
}

/// A file of the guest's namespaces that guest init opens: it may be busy, and the kernel tells who opens such a file of the opener's.
final class ProcInsideOpening: ProcWork, @unchecked Sendable {
  let notification: UInt64
  let path: String
  private unowned let kernel: VirtualKernel
  private var result: Result<FileDescriptor, Errno>?

  init(_ call: Call, _ path: String) {
    notification = call.notification.id
    kernel = call.kernel
    self.path = path
  }

  deinit {
    if case .success(let file) = result { kernel.host.close(file) }
  }

  func perform() throws(Errno) {
    do throws(Errno) {
      result = .success(try kernel.information.openProcInside(path))
    } catch { result = .failure(error) }
  }

  func publish(failed: Bool) throws(Errno) { kernel.proc.finished = self }

  func take() throws(Errno) -> FileDescriptor? {
    defer { result = nil }
    return try result?.get()
  }
}
