import CLinux
import Glibc
import Reproducibility
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

  /// The device number of memory files, which the contents are handed over in; known after the first.
  var device: UInt64?
  /// What has been read or opened for the call that is asked again now.
  var finished: (any ProcWork)?
  /// The directory of a process or thread that the kernel was asked about last, and for which call.
  var lastAlive: (notification: UInt64, directory: DentryID)?
  /// Whether the kernel has what the table has, as far as somebody has asked.
  var knownEntries: [Bool?]
  /// The text of the link that was followed last. Two links can be in use at once: one whose target is being walked, and one
  /// that this led to.
  private var texts: [UnsafeMutableBufferPointer<UInt8>]
  private var nextText = 0

  init() {
    knownEntries = Array(repeating: nil, count: ProcTables.entries.count)
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

  /// Where a walk goes on. Links to what a process has are followed by who may look into it (proc(5)).
  func follow(_ inode: UnsafeMutablePointer<Inode>, _ call: Call) throws(Errno) -> Jump {
    let node = ProcNode(inode)
    if node.id != 0 { try requireInspection(of: node.id, call) }
    switch node.kind {
    case .executable:
      if let dentry = try executable(node, call), !call.files.nodes[dentry].pointee.flags.contains(.unlinked) {
        return .dentry(dentry)
      }
      return .openFile(OpenObject(try thread(node.id, call).id, .executable))
    case .workingDirectory:
      let dentry = try workingDirectory(node, call)
      if call.files.nodes[dentry].pointee.flags.contains(.unlinked) {
        return .openFile(OpenObject(try thread(node.id, call).id, .workingDirectory))
      }
      return .dentry(dentry)
    case .rootDirectory: return .dentry(try call.root(of: try thread(node.id, call).id))
    case .descriptor:
      let thread = try thread(node.id, call)
      let status = try call.kernel.descriptors.status(of: node.number, in: thread.id)
      if let dentry = call.dentry(of: node.number, status, in: thread.group),
        !call.files.nodes[dentry].pointee.flags.contains(.unlinked),
        call.files.nodes.inode(of: dentry).pointee.backing != .skeleton
      {
        return .dentry(dentry)
      }
      return .openFile(OpenObject(thread.id, .descriptor(node.number)))
    case .namespace:
      // One at a time is looked at: it stands for the one of this process until the next is followed.
      let file = call.files.namespaceFiles[Int(node.number)]
      ProcNode(kind: .namespaceFile, id: node.id, number: node.number).store(in: call.files.nodes.inode(of: file))
      return .dentry(file)
    default: return .text(try text(of: inode, call))
    }
  }

  /// What readlink(2) tells.
  func text(of inode: UnsafeMutablePointer<Inode>, _ call: Call) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    let node = ProcNode(inode)
    if node.id != 0 { try requireInspection(of: node.id, call) }
    switch node.kind {
    case .ownProcess: return keep(String(call.kernel.processes.number(of: call.thread.group)).utf8)
    case .ownThread:
      let process = call.kernel.processes.number(of: call.thread.group)
      let thread = call.thread.isLeader ? process : call.thread.nsID.rawValue
      return keep("\(process)/task/\(thread)".utf8)
    case .executable:
      if let dentry = try executable(node, call) { return try path(of: dentry, call) }
      let text = try call.kernel.information.readProcLink("\(node.id)/exe")
      guard text.starts(with: "/memfd:".utf8) else { throw .noSuchFileOrDirectory }
      return keep(text)
    case .workingDirectory: return try path(of: try workingDirectory(node, call), call)
    case .rootDirectory: return try path(of: try call.root(of: try thread(node.id, call).id), call)
    case .descriptor:
      let thread = try thread(node.id, call)
      let status = try call.kernel.descriptors.status(of: node.number, in: thread.id)
      if let dentry = call.dentry(of: node.number, status, in: thread.group) { return try path(of: dentry, call) }
      return try describe(node.number, thread, status, call)
    case .namespace:
      let text = try call.kernel.information.readProcLink(namespacePath(node))
      guard call.files.configuration.isUniform else { return keep(text) }
      let kind = namespaceKind(node)
      return keep("\(kind):[\(UniformMachine.namespace(kind))]".utf8)
    default: throw .invalidArgument
    }
  }

  func namespacePath(_ node: ProcNode) -> String { "\(node.id)/ns/\(ProcTables.namespaces[Int(node.number)])" }

  private func path(of dentry: DentryID, _ call: Call) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    var bytes = try call.files.nodes.guestPath(of: dentry)
    let root = try call.root()
    if root != call.files.root {
      // d_path(): from the asker's root, or all of it where that is not above.
      let above = try call.files.nodes.guestPath(of: root)
      if dentry == root {
        bytes = [UInt8(ascii: "/")]
      } else if bytes.starts(with: above + [UInt8(ascii: "/")]) {
        bytes.removeFirst(above.count)
      }
    }
    if call.files.nodes[dentry].pointee.flags.contains(.unlinked) { bytes += Array(" (deleted)".utf8) }
    return keep(bytes)
  }

  /// `pipe:[1]`, `anon_inode:[eventfd]`, `/dev/pts/0`: what has a name that tells nothing of the host's files.
  private func describe(
    _ descriptor: Int32, _ thread: Thread, _ status: stat, _ call: Call
  ) throws(Errno) -> UnsafeBufferPointer<UInt8> {
    let name = try nameOfOpenFile(descriptor, thread.id, call)
    guard name.first == UInt8(ascii: "/") else {
      guard call.files.configuration.isUniform, let kind = numberedKind(name) else { return keep(name) }
      return keep(kind + "[\(call.uniformNumber(status))]".utf8)
    }
    // Of a process that has ended, and so of no name in the tree.
    if let path = pathInProc(name, status, call) { return keep("/proc/".utf8 + path) }
    let isKnown = name.starts(with: "/memfd:".utf8) || name.starts(with: "/dev/".utf8)
    // An inherited file or a terminal of the host's has a name that the guest could do nothing with.
    if isKnown, FileKind(mode: status.st_mode) == .characterDevice || status.st_nlink == 0 { return keep(name) }
    return keep("/dev/inherited/\(descriptor)".utf8)
  }

  private func nameOfOpenFile(_ descriptor: Int32, _ thread: AbsTid, _ call: Call) throws(Errno) -> ArraySlice<UInt8> {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let result: Result<Int, Errno> = buffer.withUnsafeMutableBytes { raw in
      do throws(Errno) {
        return .success(try call.kernel.descriptors.describe(descriptor, in: thread, into: raw))
      } catch { return .failure(error) }
    }
    return buffer.prefix(try result.get())
  }

  // MARK: Open files

  /// What the names of memory files with contents of /proc begin with.
  static let memoryPrefix = "/proc/"

  /// Whether an open file is one of the kernel's own /proc.
  func isKernels(_ status: stat, _ call: Call) -> Bool {
    UInt64(status.st_dev) == call.kernel.information.procDevice && status.st_mode & S_IFMT == S_IFREG
  }

  /// Whether an open file may be a memory file with contents of /proc, by its device and mode.
  func mayBeCopy(_ status: stat) -> Bool {
    device == UInt64(status.st_dev) && status.st_mode & ~0o222 == S_IFREG | 0o444
  }

  /// The path below /proc that the kernel's name of an open file tells: of one of its own /proc, or of a memory file with contents.
  private func pathInProc(_ name: ArraySlice<UInt8>, _ status: stat, _ call: Call) -> ArraySlice<UInt8>? {
    let end = Array(" (deleted)".utf8)
    let isDeleted = name.suffix(end.count).elementsEqual(end)
    let rest = isDeleted ? name.dropLast(end.count) : name
    if isKernels(status, call) {
      // The kernel forgets some names at once.
      let root = call.kernel.information.procPath
      guard rest.starts(with: root), rest.dropFirst(root.count).first == UInt8(ascii: "/") else { return nil }
      return rest.dropFirst(root.count + 1)
    }
    let start = Array("/memfd:\(Self.memoryPrefix)".utf8)
    return mayBeCopy(status) && isDeleted && rest.starts(with: start) ? rest.dropFirst(start.count) : nil
  }

  /// The file of /proc that an open file is; nil if it is none, or its process has ended.
  func dentry(ofOpenFile descriptor: Int32, _ status: stat, _ thread: AbsTid, _ call: Call) -> DentryID? {
    guard isKernels(status, call) || mayBeCopy(status), let name = try? nameOfOpenFile(descriptor, thread, call),
      let path = pathInProc(name, status, call)
    else { return nil }
    var dentry = call.files.proc
    for component in path.split(separator: UInt8(ascii: "/")) {
      let next = component.withUnsafeBufferPointer { try? lookup(dentry, $0, call) }
      guard let next, next != .none else { return nil }
      dentry = next
    }
    return dentry
  }

  private func workingDirectory(_ node: ProcNode, _ call: Call) throws(Errno) -> DentryID {
    let status = try call.kernel.descriptors.statusOfWorkingDirectory(of: try thread(node.id, call).id)
    guard let dentry = call.files.objects.dentry(ofSkeletonDirectory: status) else { throw .noSuchFileOrDirectory }
    return dentry
  }

  private func executable(_ node: ProcNode, _ call: Call) throws(Errno) -> DentryID? {
    let status = try call.kernel.information.statusOfProcLink("\(node.id)/exe")
    guard let inode = call.files.objects.inode(ofOpenFile: status) else { return nil }
    if let group = call.kernel.processes.group(NsTgid(rawValue: node.id)), group.executable != .none,
      call.files.nodes[group.executable].pointee.inode == inode
    {
      return group.executable
    }
    let alias = call.files.nodes[inode].pointee.firstAlias
    return alias == .none ? nil : alias
  }

  // MARK: Status

  /// What stat tells beyond the inode: link counts and sizes are what the kernel counts at that moment.
  func complete(_ status: inout stat, _ dentry: DentryID, _ call: Call) throws(Errno) {
    let inode = call.files.nodes.inode(of: dentry)
    let node = ProcNode(inode)
    switch node.kind {
    case .descriptor:
      // A link's mode is how the file was opened.
      let link = try call.kernel.descriptors.statusOfLink(node.number, in: try thread(node.id, call).id)
      status.st_mode = link.st_mode
      status.st_size = link.st_size
    case .namespaceFile:
      let own = try call.kernel.information.statusOfProcLink(namespacePath(node))
      status = own
      if call.files.configuration.isUniform {
        // Who opens it finds the same.
        status.st_ino = numericCast(UniformMachine.namespace(namespaceKind(node)))
        call.kernel.foreign.setNumber(of: HostIdentity(own), to: UInt64(status.st_ino))
        status.st_dev = makeDevice(0, 0x12)
      }
      status.st_uid = 0
      status.st_gid = 0
    case .descriptors where call.files.nodes[dentry].pointee.flags.contains(.unlinked):
      throw .noSuchFileOrDirectory  // proc_fd_getattr
    default:
      guard inode.pointee.kind == .directory, !call.files.nodes[dentry].pointee.flags.contains(.unlinked),
        let own = try? call.kernel.information.statusOfProcLink(try procPath(of: dentry, call))
      else { return }
      // Kernels have more or fewer files there.
      status.st_nlink = call.files.configuration.isUniform ? 1 : own.st_nlink
      status.st_size = call.files.configuration.isUniform ? 0 : own.st_size
    }
    status.st_blksize = 1024
  }
}
