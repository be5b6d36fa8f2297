import CLinux
import Glibc
import SystemPackage

/// The guest's /proc: its own processes, and no path or process of the host's.
///
/// Fixed names are dentries of the tree from the start; those of processes are made when they are asked for and removed with the process.
final class ProcFileSystem {
  /// Where a link leads.
  enum Jump {
    case text(UnsafeBufferPointer<UInt8>)
    case dentry(DentryID)
    case openFile(OpenObject)
  }

  let hostname: String
  /// The device number of memory files, which the contents are handed over in; known after the first.
  var device: UInt64?
  /// What has been read for the call that is asked again now.
  var finished: ProcRead?
  /// The text of the link that was followed last. Two links can be in use at once: one whose target is being walked, and one
  /// that this led to.
  private var texts: [UnsafeMutableBufferPointer<UInt8>]
  private var nextText = 0

  init(_ configuration: KernelConfiguration) {
    hostname = configuration.hostname
    texts = (0..<4).map { _ in .allocate(capacity: Int(PATH_MAX)) }
  }

  deinit {
    for text in texts { text.deallocate() }
  }

  func keep(_ bytes: some Collection<UInt8>) -> UnsafeBufferPointer<UInt8> {
    nextText = (nextText + 1) % texts.count
    let count = min(bytes.count, texts[nextText].count)
    _ = texts[nextText].update(fromContentsOf: bytes.prefix(count))
    return UnsafeBufferPointer(rebasing: texts[nextText].prefix(count))
  }

  // MARK: Links

  /// Where a walk goes on.
  func follow(_ inode: UnsafeMutablePointer<Inode>, _ call: Call) throws(Errno) -> Jump {
    let node = ProcNode(inode)
    switch node.kind {
    case .executable:
      if let dentry = try executable(node, call), !call.files.dentries[dentry].pointee.flags.contains(.unlinked) {
        return .dentry(dentry)
      }
      return .openFile(OpenObject(try thread(node, call).id, .executable))
    case .workingDirectory:
      let dentry = try workingDirectory(node, call)
      if call.files.dentries[dentry].pointee.flags.contains(.unlinked) {
        return .openFile(OpenObject(try thread(node, call).id, .workingDirectory))
      }
      return .dentry(dentry)
    case .rootDirectory: return .dentry(call.files.root)
    case .descriptor:
      let thread = try thread(node, call)
      let status = try call.kernel.descriptors.status(of: node.number, in: thread.id)
      if let dentry = call.dentry(of: node.number, status, in: thread.group),
        !call.files.dentries[dentry].pointee.flags.contains(.unlinked),
        call.files.inode(of: dentry).pointee.backing != .skeleton
      {
        return .dentry(dentry)
      }
      return .openFile(OpenObject(thread.id, .descriptor(node.number)))
    case .namespace: throw .permissionDenied
    default: return .text(try text(of: inode, call))
    }
  }

  /// What readlink(2) tells.
  func text(of inode: UnsafeMutablePointer<Inode>, _ call: Call) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    let node = ProcNode(inode)
    switch node.kind {
    case .ownProcess: return keep(String(call.thread.group.nsID.rawValue).utf8)
    case .ownThread:
      return keep("\(call.thread.group.nsID.rawValue)/task/\(call.thread.nsID.rawValue)".utf8)
    case .executable:
      if let dentry = try executable(node, call) { return try path(of: dentry, call) }
      let text = try call.kernel.information.readProcLink("\(node.id)/exe")
      guard text.starts(with: "/memfd:".utf8) else { throw .noSuchFileOrDirectory }
      return keep(text)
    case .workingDirectory: return try path(of: try workingDirectory(node, call), call)
    case .rootDirectory: return keep([UInt8(ascii: "/")])
    case .descriptor:
      let thread = try thread(node, call)
      let status = try call.kernel.descriptors.status(of: node.number, in: thread.id)
      if let dentry = call.dentry(of: node.number, status, in: thread.group) { return try path(of: dentry, call) }
      return try describe(node.number, thread, status, call)
    case .namespace:
      let name = ProcTables.namespaces[Int(node.number)]
      return keep(try call.kernel.information.readProcLink("\(node.id)/ns/\(name)"))
    default: throw .invalidArgument
    }
  }

  private func path(of dentry: DentryID, _ call: Call) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    var bytes = try call.files.guestPath(of: dentry)
    if call.files.dentries[dentry].pointee.flags.contains(.unlinked) { bytes += Array(" (deleted)".utf8) }
    return keep(bytes)
  }

  /// `pipe:[1]`, `anon_inode:[eventfd]`, `/dev/pts/0`: what has a name that tells nothing of the host's files.
  private func describe(
    _ descriptor: Int32, _ thread: Thread, _ status: stat, _ call: Call
  ) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let result: Result<Int, Errno> = buffer.withUnsafeMutableBytes { raw in
      do throws(Errno) {
        return .success(try call.kernel.descriptors.describe(descriptor, in: thread.id, into: raw))
      } catch { return .failure(error) }
    }
    let name = buffer.prefix(try result.get())
    guard name.first == UInt8(ascii: "/") else { return keep(name) }
    let isKnown = name.starts(with: "/memfd:".utf8) || name.starts(with: "/dev/".utf8)
    // An inherited file or a terminal of the host's has a name that the guest could do nothing with.
    if isKnown, FileKind(mode: status.st_mode) == .characterDevice || status.st_nlink == 0 { return keep(name) }
    return keep("/dev/inherited/\(descriptor)".utf8)
  }

  private func workingDirectory(_ node: ProcNode, _ call: Call) throws(Errno) -> DentryID {
    let status = try call.kernel.descriptors.statusOfWorkingDirectory(of: try thread(node, call).id)
    guard let dentry = call.files.dentry(ofSkeletonDirectory: status) else { throw .noSuchFileOrDirectory }
    return dentry
  }

  private func executable(_ node: ProcNode, _ call: Call) throws(Errno) -> DentryID? {
    let status = try call.kernel.information.statusOfProcLink("\(node.id)/exe")
    guard let inode = call.files.inode(ofOpenFile: status) else { return nil }
    if let group = call.kernel.processes.group(NsTgid(rawValue: node.id)), group.executable != .none,
      call.files.dentries[group.executable].pointee.inode == inode
    {
      return group.executable
    }
    let alias = call.files.inodes[inode.index].pointee.firstAlias
    return alias == .none ? nil : alias
  }

  func thread(_ node: ProcNode, _ call: Call) throws(Errno) -> Thread {
    if let group = call.kernel.processes.group(NsTgid(rawValue: node.id)) {
      return try call.kernel.processes.thread(group.id.leader)
    }
    guard let thread = call.kernel.processes.thread(NsTid(rawValue: node.id)) else { throw .noSuchFileOrDirectory }
    return thread
  }

  /// What stat tells beyond the inode: the size of a descriptor's link, and its mode, which is how it was opened.
  func complete(_ status: inout stat, _ inode: UnsafeMutablePointer<Inode>, _ call: Call) throws(Errno) {
    let node = ProcNode(inode)
    guard node.kind == .descriptor else { return }
    let link = try call.kernel.descriptors.statusOfLink(node.number, in: try thread(node, call).id)
    status.st_mode = link.st_mode
    status.st_size = link.st_size
  }

  // MARK: Files

  func open(
    _ dentry: DentryID, _ inode: UnsafeMutablePointer<Inode>, _ call: Call, _ flags: Int32
  ) throws(Errno) -> Outcome {
    let files = call.files
    let name = String(decoding: files.dentries.name(of: dentry), as: UTF8.self)
    let path = try procPath(of: dentry, call)
    // Memory is no text that could be copied; the guest may read that of any process of its own (ptrace(2)).
    if flags & O_ACCMODE != O_RDONLY || name == "mem" {
      // Guest init is a process of uwrx's, not of the guest's.
      let isOfProcess = ProcNode(inode).id > 1
      guard isOfProcess, ProcTables.writable.contains(name) else { throw .permissionDenied }
      if ProcTables.fixed.contains(name) { return try copy(path, flags, call, inode) }
      let file = try call.kernel.information.openProc(path, flags: flags & O_ACCMODE | O_CLOEXEC)
      return .descriptor(file, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
    }
    return try copy(path, flags, call, inode)
  }

  /// Hands over what the file says now.
  private func copy(
    _ path: String, _ flags: Int32, _ call: Call, _ inode: UnsafeMutablePointer<Inode>
  ) throws(Errno) -> Outcome {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let isMade = ProcNode(inode).kind == .made
    if isMade ? ProcTables.maps.contains(name) : !ProcTables.quick.contains(name) {
      let path = ProcTables.maps.contains(name) ? "\(ProcNode(inode).id)/\(name)" : path
      if let work = finished, work.notification == call.notification.id, work.path == path {
        finished = nil
        guard let file = try work.take() else { return .blocked(on: work) }
        return try give(file, call, flags)
      }
      return .blocked(on: ProcRead(call, path, name, rewritesMaps: ProcTables.maps.contains(name)))
    }
    var bytes: [UInt8] = []
    if isMade {
      bytes = try contents(name, ProcNode(inode).id, call)
    } else {
      try call.kernel.information.readProc(path, into: &bytes)
      if name == "status" { bytes = rewriteStatus(bytes, try? thread(ProcNode(inode), call)) }
    }
    return try give(try call.kernel.host.sealedFile(name, bytes, flags: flags), call, flags)
  }

  private func give(_ file: FileDescriptor, _ call: Call, _ flags: Int32) throws(Errno) -> Outcome {
    do throws(Errno) {
      if device == nil { device = UInt64(try call.kernel.host.status(of: file).st_dev) }
    } catch {
      call.kernel.host.close(file)
      throw error
    }
    return .descriptor(file, closeOnExec: flags & O_CLOEXEC != 0, keep: false)
  }

  /// The path of a file below the guest's own /proc.
  private func procPath(of dentry: DentryID, _ call: Call) throws(Errno) -> String {
    let path = try call.files.guestPath(of: dentry)
    return String(decoding: path.dropFirst("/proc/".utf8.count), as: UTF8.self)
  }
}
