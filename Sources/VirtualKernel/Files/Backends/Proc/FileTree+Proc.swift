import SystemPackage

// The names of /proc in the tree.
extension FileTree {
  /// /proc with what is there whoever asks; the rest is made when it is asked for.
  func addProc() throws(Errno) {
    proc = try addDirectory("proc", in: root, mode: 0o555, FileSystemID.proc, store: .proc)
    nodes.directory(of: proc).isProc = true
    let record = nodes.inode(of: proc)
    record.pointee.number = 1  // PROC_ROOT_INO
    record.pointee.size = 0
    record.pointee.blocks = 0
    add(ProcNode(kind: .ownProcess, id: 0), "self", in: proc, .symbolicLink, mode: 0o777)
    add(ProcNode(kind: .ownThread, id: 0), "thread-self", in: proc, .symbolicLink, mode: 0o777)
    addLink("mounts", in: proc, to: "self/mounts", FileSystemID.proc)
    addLink("net", in: proc, to: "self/net", FileSystemID.proc)
    for name in ProcTables.namespaces {
      let dentry = add(ProcNode(kind: .namespaceFile, id: 0), name, in: proc, .regular, mode: 0o444)
      nodes.removeFromListing(dentry)
      nodes.unhash(dentry)
      namespaceFiles.append(dentry)
    }
  }

  @discardableResult
  private func add(_ node: ProcNode, _ name: String, in parent: DentryID, _ kind: FileKind, mode: UInt32) -> DentryID {
    var name = name
    return name.withUTF8 { add(node, $0, in: parent, kind, mode: mode) }
  }

  @discardableResult
  func add(
    _ node: ProcNode, _ name: UnsafeBufferPointer<UInt8>, in parent: DentryID, _ kind: FileKind, mode: UInt32
  ) -> DentryID {
    let dentry = nodes.insert(parent, name)
    let id = makeInode(kind, mode: mode, backing: .proc, fileSystem: FileSystemID.proc)
    let record = nodes[id]
    // proc_pid(5): the files of a process belong to its user; guest init is root's.
    record.pointee.uid = node.id > 1 ? configuration.user.uid : 0
    record.pointee.gid = node.id > 1 ? configuration.user.gid : 0
    record.pointee.size = 0
    record.pointee.blocks = 0
    node.store(in: record)
    if kind == .directory {
      record.pointee.links = 2
      let own = Directory(lowers: [], isComplete: true, isUpper: false, store: .proc, fileSystem: FileSystemID.proc)
      own.isProc = true
      nodes.setDirectory(own, of: record)
      nodes.inode(of: parent).pointee.links += 1
    }
    nodes.attach(id, to: dentry)
    nodes.addToListing(dentry, nodes.directory(of: parent))
    return dentry
  }

  /// - Throws: `.noSuchProcess` for a directory that asks at each look-up whether its process lives (proc_pid_permission), and it does not.
  func requireProcess(_ directory: DentryID) throws(Errno) {
    let record = nodes.inode(of: directory)
    guard record.pointee.links == 0, record.pointee.backing == .proc else { return }
    if [.process, .tasks].contains(ProcNode(record).kind) { throw .noSuchProcess }
  }

  /// Nothing is kept for the dead.
  func removeProcDirectory(of number: Int32) {
    var number = String(number)
    removeMade(number.withUTF8 { nodes.find(proc, $0) })
  }

  /// Removes a name of /proc and all below it. A directory that may be open stays for its descriptors, which say that the process is gone.
  /// - Returns: no dentry.
  @discardableResult
  func removeMade(_ dentry: DentryID) -> DentryID {
    guard dentry != .none, !nodes[dentry].pointee.flags.contains(.unlinked) else { return .none }
    if nodes.inode(of: dentry).pointee.kind == .directory {
      nodes.inode(of: nodes[dentry].pointee.parent).pointee.links -= 1
    }
    removeMadeTree(dentry)
    return .none
  }

  private func removeMadeTree(_ dentry: DentryID) {
    let record = nodes.inode(of: dentry)
    let mayBeOpen = record.pointee.kind == .directory && nodes.directory(of: dentry).lastSkeleton != nil
    if record.pointee.kind == .directory {
      for child in nodes.directory(of: dentry).children where child != .none { removeMadeTree(child) }
    }
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { mirror.drop(dentry) }
    nodes.removeFromListing(dentry)
    nodes.unhash(dentry)
    objects.didFreeDentries()
    if mayBeOpen {
      nodes[dentry].pointee.flags.insert(.unlinked)
      record.pointee.links = 0
      remember(orphan: dentry)
      return
    }
    let id = nodes[dentry].pointee.inode
    nodes.detach(dentry)
    free(dentry)
    releaseInode(id)
  }
}
