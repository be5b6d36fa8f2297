import CLinux
import Glibc
import SystemPackage

/// Paths that no source decides about.
///
/// The rules of the guest's tree: /proc, /dev and /sys are virtual, /tmp and /dev/shm live for the run, and what else exists on every
/// Linux is there, if only as an empty directory.
extension FileTree {
  func addSpecialDirectories(_ configuration: KernelConfiguration) throws(Errno) {
    let tmp = try addDirectory("tmp", in: root, mode: 0o1777, FileSystemID.tmp, store: .tmp)
    nodes.directory(of: tmp).lowers = lowerLayers.directories(within: ["tmp"])
    nodes.directory(of: tmp).isComplete = nodes.directory(of: tmp).lowers.isEmpty
    try addDevices(configuration.devices.terminal)
    try addProc()
    try addSystem()
    try addEmptyDirectory(Array("/run".utf8), uid: 0, gid: 0)
    for path in configuration.tree.emptyDirectories { try addEmptyDirectory(path) }
    for link in configuration.tree.links { try addLink(link.path, to: link.target) }
    hasBegun = true
  }

  @discardableResult
  func addDirectory(
    _ name: String, in parent: DentryID, mode: UInt32, _ fileSystem: UInt8, store: Backing
  ) throws(Errno) -> DentryID {
    let dentry = insert(name, in: parent)
    let id = makeInode(.directory, mode: mode, backing: .lower, fileSystem: fileSystem)
    nodes[id].pointee.uid = 0
    nodes[id].pointee.gid = 0
    nodes[id].pointee.links = 2
    nodes.setDirectory(
      Directory(lowers: [], isComplete: true, isUpper: false, store: store, fileSystem: fileSystem), of: nodes[id])
    nodes.attach(id, to: dentry)
    nodes.addToListing(dentry, nodes.directory(of: parent))
    nodes.inode(of: parent).pointee.links += 1
    return dentry
  }

  /// A dentry in a place that no layer is asked about.
  func insert(_ name: String, in parent: DentryID) -> DentryID {
    var name = name
    return name.withUTF8 { nodes.insert(parent, $0) }
  }

  func addNode(
    _ name: String, in parent: DentryID, _ kind: FileKind, mode: UInt32, _ backing: Backing, _ fileSystem: UInt8
  ) -> UnsafeMutablePointer<Inode> {
    let dentry = insert(name, in: parent)
    let id = makeInode(kind, mode: mode, backing: backing, fileSystem: fileSystem)
    nodes[id].pointee.uid = 0
    nodes[id].pointee.gid = 0
    nodes.attach(id, to: dentry)
    nodes.addToListing(dentry, nodes.directory(of: parent))
    return nodes[id]
  }

  func addLink(_ name: String, in parent: DentryID, to target: String, _ fileSystem: UInt8) {
    let inode = addNode(name, in: parent, .symbolicLink, mode: 0o777, .lower, fileSystem)
    var target = target
    target.withUTF8 { nodes.setLinkTarget($0, of: inode) }
    inode.pointee.size = Int64(target.utf8.count)
  }

  /// sysfs(5): what the layers say that were given for it, read-only as in a container.
  private func addSystem() throws(Errno) {
    let sys = try addDirectory("sys", in: root, mode: 0o555, FileSystemID.sys, store: .run)
    nodes.directory(of: sys).lowers = lowerLayers.directories(within: ["sys"])
    nodes.directory(of: sys).isComplete = nodes.directory(of: sys).lowers.isEmpty
  }

  private func addLink(_ path: [UInt8], to target: [UInt8]) throws(Errno) {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return }
    let parent = try addEmptyDirectory(Array(path[..<slash]))
    let name = Array(path[(slash + 1)...])
    let found = try name.withUnsafeBufferPointer { bytes throws(Errno) in try lookup(parent, bytes) }
    guard found == .none || nodes[found].pointee.inode == .none else { return }
    if found != .none { forgetNegative(found, in: parent) }
    addLink(
      String(decoding: name, as: UTF8.self), in: parent, to: String(decoding: target, as: UTF8.self), FileSystemID.root)
  }

  /// A negative dentry of a look-up, which no other part of the tree knows yet.
  private func forgetNegative(_ dentry: DentryID, in parent: DentryID) {
    nodes.directory(of: parent).negatives.remove(dentry)
    nodes.unhash(dentry)
    free(dentry)
  }

  /// Where every user of a Linux may make files (hier(7)).
  private static let sharedDirectories = ["/var/tmp", "/run/lock"]

  /// - Returns: the directory, or the last one on the way to it that exists.
  @discardableResult
  private func addEmptyDirectory(_ path: [UInt8], uid: UInt32? = nil, gid: UInt32? = nil) throws(Errno) -> DentryID {
    var current = root
    for component in path.split(separator: UInt8(ascii: "/")) {
      let found = try component.withUnsafeBufferPointer { name throws(Errno) in try lookup(current, name) }
      if found != .none, nodes[found].pointee.inode != .none {
        guard nodes.inode(of: found).pointee.kind == .directory else { return current }
        current = found
        continue
      }
      if found != .none { forgetNegative(found, in: current) }
      let isShared =
        nodes.directory(of: current).store == .tmp
        || component.endIndex == path.endIndex && Self.sharedDirectories.contains { path.elementsEqual($0.utf8) }
      current = try addDirectory(
        String(decoding: component, as: UTF8.self), in: current, mode: isShared ? 0o1777 : 0o755,
        nodes.inode(of: current).pointee.fileSystem, store: nodes.directory(of: current).store)
      let owner = nodes.inode(of: current)
      owner.pointee.uid = uid ?? configuration.user.uid
      owner.pointee.gid = gid ?? configuration.user.gid
    }
    return current
  }

  private func addDevices(_ terminal: InheritedTerminal?) throws(Errno) {
    let dev = try addDirectory("dev", in: root, mode: 0o755, FileSystemID.dev, store: .tmp)
    for device in DeviceTable.devices {
      let inode = addNode(device.name, in: dev, .characterDevice, mode: 0o666, .device, FileSystemID.dev)
      inode.pointee.device = uwrx_makedev(device.major, device.minor)
    }
    if let terminal {
      let inode = addNode("console", in: dev, .characterDevice, mode: 0o620, .device, FileSystemID.dev)
      inode.pointee.device = terminal.device
      inode.pointee.uid = configuration.user.uid
      inode.pointee.gid = configuration.user.gid
      objects.register(alias: terminal.identity, of: nodes[inode.pointee.firstAlias].pointee.inode)
    }
    addLink("fd", in: dev, to: "/proc/self/fd", FileSystemID.dev)
    addLink("stdin", in: dev, to: "/proc/self/fd/0", FileSystemID.dev)
    addLink("stdout", in: dev, to: "/proc/self/fd/1", FileSystemID.dev)
    addLink("stderr", in: dev, to: "/proc/self/fd/2", FileSystemID.dev)
    addLink("ptmx", in: dev, to: "pts/ptmx", FileSystemID.dev)
    let shm = try addDirectory("shm", in: dev, mode: 0o1777, FileSystemID.shm, store: .tmp)
    nodes.directory(of: shm).lowers = lowerLayers.directories(within: ["dev", "shm"])
    nodes.directory(of: shm).isComplete = nodes.directory(of: shm).lowers.isEmpty
    let pts = try addDirectory("pts", in: dev, mode: 0o755, FileSystemID.pts, store: .skeleton)
    nodes.directory(of: pts).isProc = true
  }
}

// What the kernel's own file systems say to who would change their names.
extension FileTree {
  /// - Parameter opens: the name would be that of a regular file.
  /// - Throws: what Linux answers in a file system that takes no new names.
  func requireTakesNames(_ parent: DentryID, _ call: Call, opens: Bool = false) throws(Errno) {
    switch nodes.inode(of: parent).pointee.fileSystem {
    // fs/proc/generic.c, proc_lookup_de: a name that is missing cannot even be looked up.
    case FileSystemID.proc: throw .noSuchFileOrDirectory
    // fs/devpts/inode.c has no operation that makes a name (vfs_create and vfs_mknod in fs/namei.c).
    case FileSystemID.pts:
      try call.require([.write, .execute], nodes.inode(of: parent))
      throw opens ? .permissionDenied : .notPermitted
    default: break
    }
  }
}

// The pseudo-terminals, which the kernel makes in the skeleton's /dev/pts. Whose they are to the guest is kept here.
extension FileTree {
  func lookupTerminal(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>) throws(Errno) -> DentryID {
    let known = nodes.find(parent, name)
    guard let status = try? mirror.status(of: name, in: parent), FileKind(mode: status.st_mode) == .characterDevice
    else {
      if known != .none, nodes[known].pointee.inode != .none {
        nodes.removeFromListing(known)
        nodes.unhash(known)
        let id = nodes[known].pointee.inode
        nodes.detach(known)
        free(known)
        releaseInode(id)
      }
      return .none
    }
    if known != .none {
      let record = nodes.inode(of: known)
      // Numbers are used again. Only who makes a terminal sets the time of its change: what the guest changes is kept here.
      let made = record.pointee.modified
      if made.tv_sec != status.st_ctim.tv_sec || made.tv_nsec != status.st_ctim.tv_nsec { makeTerminal(record, status) }
      return known
    }
    let dentry = nodes.insert(parent, name)
    let id = makeInode(.characterDevice, mode: status.st_mode, backing: .skeleton, fileSystem: FileSystemID.pts)
    makeTerminal(nodes[id], status)
    objects.register(status, as: id)
    nodes.attach(id, to: dentry)
    nodes.addToListing(dentry, nodes.directory(of: parent))
    return dentry
  }

  /// devpts_pty_new in fs/devpts/inode.c. /dev/ptmx is root's.
  private func makeTerminal(_ record: UnsafeMutablePointer<Inode>, _ status: stat) {
    let isMultiplexer = UInt64(status.st_rdev) == uwrx_makedev(5, 2)
    record.pointee.permissions = UInt16(status.st_mode & 0o7777)
    record.pointee.uid = isMultiplexer ? 0 : terminalOwner.uid
    record.pointee.gid = isMultiplexer ? 0 : configuration.terminalGroup ?? terminalOwner.gid
    record.pointee.device = UInt64(status.st_rdev)
    record.pointee.modified = status.st_ctim
    record.pointee.changed = record.pointee.modified
  }

  /// The multiplexer is about to be opened by the present user, whose the terminal will be that this makes.
  func expectTerminal(_ multiplexer: DentryID) throws(Errno) {
    guard nodes.inode(of: multiplexer).pointee.device == uwrx_makedev(5, 2) else { return }
    try listTerminals(nodes[multiplexer].pointee.parent)
    terminalOwner = (credentials.pointee.user.fileSystem, credentials.pointee.group.fileSystem)
  }

  /// What stat(2) tells of a terminal, of which the kernel tells the rest.
  func attributes(_ id: InodeID, ofTerminal status: stat) -> stat {
    let record = nodes[id]
    var result = status
    result.st_mode = record.pointee.mode
    result.st_uid = record.pointee.uid
    result.st_gid = record.pointee.gid
    let (made, changed) = (record.pointee.modified, record.pointee.changed)
    if (changed.tv_sec, changed.tv_nsec) > (made.tv_sec, made.tv_nsec) { result.st_ctim = changed }
    times?.translateForeign(&result)
    return result
  }

  func listTerminals(_ parent: DentryID) throws(Errno) {
    for child in nodes.directory(of: parent).children where child != .none {
      _ = try lookupTerminal(parent, nodes.name(of: child))
    }
    let file = try mirror.openDirectory(parent)
    defer { host.close(file) }
    var names: [[UInt8]] = []
    try host.list(file, "") { name, _, _ in names.append(Array(name)) }
    for name in names {
      _ = try name.withUnsafeBufferPointer { bytes throws(Errno) in try lookupTerminal(parent, bytes) }
    }
  }

  func statusInSkeleton(_ dentry: DentryID) throws(Errno) -> stat {
    attributes(nodes[dentry].pointee.inode, ofTerminal: try mirror.status(of: dentry))
  }
}
