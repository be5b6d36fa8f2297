import CLinux
import Glibc
import SystemPackage

extension VirtualKernel {
  /// A name in a directory whose names are made: /proc and /dev/pts.
  func lookupMade(
    _ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call
  ) throws(Errno) -> DentryID {
    files.inode(of: parent).pointee.fileSystem == FileSystemID.pts
      ? try files.lookupTerminal(parent, name) : try proc.lookup(parent, name, call)
  }

  func listMade(_ parent: DentryID, _ call: Call) throws(Errno) {
    if files.inode(of: parent).pointee.fileSystem == FileSystemID.pts {
      try files.listTerminals(parent)
    } else {
      try proc.list(parent, call)
    }
  }
}

extension FileTree {
  func addProc() throws(Errno) {
    let proc = try addDirectory("proc", in: root, mode: 0o555, FileSystemID.proc, store: .proc)
    directory(of: proc).isProc = true
    for path in ProcTables.system {
      var parent = proc
      let components = path.split(separator: "/")
      for component in components.dropLast() {
        var name = String(component)
        let known = name.withUTF8 { dentries.find(parent, $0) }
        if known != .none {
          parent = known
        } else {
          parent = try addDirectory(name, in: parent, mode: 0o555, FileSystemID.proc, store: .proc)
          directory(of: parent).isProc = true
        }
      }
      add(ProcNode(kind: .copy, id: 0), String(components.last!), in: parent, .regular, mode: 0o444)
    }
    for name in ["cmdline", "modules"] { add(ProcNode(kind: .made, id: 0), name, in: proc, .regular, mode: 0o444) }
    add(ProcNode(kind: .ownProcess, id: 0), "self", in: proc, .symbolicLink, mode: 0o777)
    add(ProcNode(kind: .ownThread, id: 0), "thread-self", in: proc, .symbolicLink, mode: 0o777)
    addLink("mounts", in: proc, to: "self/mounts", FileSystemID.proc)
    addLink("net", in: proc, to: "self/net", FileSystemID.proc)
  }

  @discardableResult
  func add(
    _ node: ProcNode, _ name: String, in parent: DentryID, _ kind: FileKind, mode: UInt32
  ) -> DentryID {
    if kind == .directory {
      let dentry = (try? addDirectory(name, in: parent, mode: mode, FileSystemID.proc, store: .proc)) ?? .none
      directory(of: dentry).isProc = true
      inode(of: dentry).pointee.backing = .proc
      node.store(in: inode(of: dentry))
      own(inode(of: dentry), node)
      return dentry
    }
    let inode = addNode(name, in: parent, kind, mode: mode, .proc, FileSystemID.proc)
    node.store(in: inode)
    own(inode, node)
    return inode.pointee.firstAlias
  }

  /// proc_pid(5): the files of a process belong to its user; guest init is root's.
  private func own(_ inode: UnsafeMutablePointer<Inode>, _ node: ProcNode) {
    guard node.id > 1 else { return }
    inode.pointee.uid = configuration.uid
    inode.pointee.gid = configuration.gid
  }

  /// Nothing is kept for the dead.
  func removeProcDirectory(of group: NsTgid) {
    var name = "proc"
    let proc = name.withUTF8 { dentries.find(root, $0) }
    var number = String(group.rawValue)
    let dentry = number.withUTF8 { dentries.find(proc, $0) }
    guard dentry != .none else { return }
    removeMadeTree(dentry)
    inode(of: proc).pointee.links -= 1
  }

  func removeMadeTree(_ dentry: DentryID) {
    if inode(of: dentry).pointee.kind == .directory {
      for child in directory(of: dentry).children where child != .none { removeMadeTree(child) }
      if let own = directory(of: dentry).lastSkeleton { skeletonDirectories[own] = nil }
    }
    if dentries[dentry].pointee.flags.contains(.inSkeleton) { dropFromSkeleton(dentry) }
    removeFromListing(dentry)
    dentries.unhash(dentry)
    let id = dentries[dentry].pointee.inode
    detach(dentry)
    free(dentry)
    releaseInode(id)
    generation += 1
  }
}

extension ProcFileSystem {
  func lookup(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call) throws(Errno) -> DentryID {
    let dentry = try find(parent, name, call)
    guard dentry != .none, call.kernel.processes.credentials.hasOthers else { return dentry }
    let inode = call.files.inode(of: dentry)
    if inode.pointee.backing == .proc, ProcNode(inode).id > 1, let thread = try? thread(ProcNode(inode), call) {
      // proc_pid(5): the files of a process belong to its effective user.
      inode.pointee.uid = thread.credentials.pointee.user.effective
      inode.pointee.gid = thread.credentials.pointee.group.effective
    }
    return dentry
  }

  private func find(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call) throws(Errno) -> DentryID {
    let files = call.files
    let node = ProcNode(files.inode(of: parent))
    let isRoot = files.inode(of: parent).pointee.backing != .proc
    let known = files.dentries.find(parent, name)
    if isRoot {
      guard files.dentries[parent].pointee.parent == files.root, let id = Int32(name) else { return known }
      // The kernel is asked: one that was just born has not made a call that is seen, and of one that was waited for we are told later.
      guard (try? call.kernel.information.statusOfProcLink(String(id))) != nil else {
        if known != .none { files.removeProcDirectory(of: NsTgid(rawValue: id)) }
        return .none
      }
      if known != .none { return known }
      return makeProcess(id, in: parent, call)
    }
    switch node.kind {
    case .descriptors, .descriptorInformation:
      guard let number = Int32(name) else { return .none }
      let thread = try thread(node, call)
      do throws(Errno) {
        _ = try call.kernel.descriptors.status(of: number, in: thread.id)
      } catch {
        if known != .none { files.removeMadeTree(known) }
        return .none
      }
      if known != .none { return known }
      let isLink = node.kind == .descriptors
      return files.add(
        ProcNode(kind: isLink ? .descriptor : .copy, id: node.id, number: number), String(number), in: parent,
        isLink ? .symbolicLink : .regular, mode: isLink ? 0o700 : 0o400)
    case .tasks:
      guard let id = Int32(name), let thread = call.kernel.processes.thread(NsTid(rawValue: id)),
        thread.group.nsID.rawValue == node.id
      else {
        if known != .none { files.removeMadeTree(known) }
        return .none
      }
      if known != .none { return known }
      return makeTask(id, in: parent, call)
    default: return known
    }
  }

  func list(_ parent: DentryID, _ call: Call) throws(Errno) {
    let files = call.files
    let isRoot = files.inode(of: parent).pointee.backing != .proc
    var names: [String] = []
    if isRoot {
      guard files.dentries[parent].pointee.parent == files.root else { return }
      let alive = Set(
        try call.kernel.information.listProc(".").compactMap { Int32(String(decoding: $0, as: UTF8.self)) })
      for child in files.directory(of: parent).children where child != .none {
        guard let id = Int32(files.dentries.name(of: child)), !alive.contains(id) else { continue }
        files.removeProcDirectory(of: NsTgid(rawValue: id))
      }
      names = alive.sorted().map(String.init)
    } else {
      let node = ProcNode(files.inode(of: parent))
      switch node.kind {
      case .descriptors, .descriptorInformation:
        names = try call.kernel.information.listProc("\(node.id)/fd").compactMap {
          Int32(String(decoding: $0, as: UTF8.self))
        }
        .sorted().map(String.init)
      case .tasks:
        guard let group = call.kernel.processes.group(NsTgid(rawValue: node.id)) else { throw .noSuchFileOrDirectory }
        // Threads that have not yet made a trapped call are known to the kernel only.
        names = try call.kernel.information.listProc("\(group.nsID.rawValue)/task").map {
          String(decoding: $0, as: UTF8.self)
        }
      default: return
      }
      for child in files.directory(of: parent).children where child != .none {
        _ = try lookup(parent, files.dentries.name(of: child), call)
      }
    }
    for name in names {
      var name = name
      let result: Result<Void, Errno> = name.withUTF8 { bytes in
        do throws(Errno) { return .success(_ = try lookup(parent, bytes, call)) } catch { return .failure(error) }
      }
      try result.get()
    }
  }

  private func makeProcess(_ id: Int32, in parent: DentryID, _ call: Call) -> DentryID {
    let files = call.files
    let process = files.add(ProcNode(kind: .process, id: id), String(id), in: parent, .directory, mode: 0o555)
    guard id != 1 else {
      for name in ProcTables.initial {
        files.add(ProcNode(kind: .copy, id: id), name, in: process, .regular, mode: 0o444)
      }
      files.add(ProcNode(kind: .made, id: id), "cmdline", in: process, .regular, mode: 0o444)
      return process
    }
    fillProcess(process, id, call)
    files.add(ProcNode(kind: .tasks, id: id), "task", in: process, .directory, mode: 0o555)
    let network = files.add(ProcNode(kind: .network, id: id), "net", in: process, .directory, mode: 0o555)
    for name in ProcTables.network {
      files.add(ProcNode(kind: .copy, id: id), name, in: network, .regular, mode: 0o444)
    }
    return process
  }

  private func makeTask(_ id: Int32, in parent: DentryID, _ call: Call) -> DentryID {
    let task = call.files.add(ProcNode(kind: .task, id: id), String(id), in: parent, .directory, mode: 0o555)
    fillProcess(task, id, call)
    return task
  }

  private func fillProcess(_ directory: DentryID, _ id: Int32, _ call: Call) {
    let files = call.files
    for name in ProcTables.process {
      let mode: UInt32 =
        name == "mem"
        ? 0o600
        : ProcTables.writable.contains(name)
          ? 0o644
          : name == "environ" || name == "auxv" ? 0o400 : 0o444
      files.add(ProcNode(kind: .copy, id: id), name, in: directory, .regular, mode: mode)
    }
    for name in ProcTables.made { files.add(ProcNode(kind: .made, id: id), name, in: directory, .regular, mode: 0o444) }
    files.add(ProcNode(kind: .executable, id: id), "exe", in: directory, .symbolicLink, mode: 0o777)
    files.add(ProcNode(kind: .workingDirectory, id: id), "cwd", in: directory, .symbolicLink, mode: 0o777)
    files.add(ProcNode(kind: .rootDirectory, id: id), "root", in: directory, .symbolicLink, mode: 0o777)
    files.add(ProcNode(kind: .descriptors, id: id), "fd", in: directory, .directory, mode: 0o500)
    files.add(ProcNode(kind: .descriptorInformation, id: id), "fdinfo", in: directory, .directory, mode: 0o500)
    let namespaces = files.add(ProcNode(kind: .namespaces, id: id), "ns", in: directory, .directory, mode: 0o511)
    for (number, name) in ProcTables.namespaces.enumerated() {
      files.add(
        ProcNode(kind: .namespace, id: id, number: Int32(number)), name, in: namespaces, .symbolicLink, mode: 0o777)
    }
  }
}

extension Int32 {
  /// A decimal number without sign or leading zeros, as /proc names processes.
  init?(_ name: UnsafeBufferPointer<UInt8>) {
    guard name.count > 0, name.count <= 10, name.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      name.count == 1 || name[0] != 0x30
    else { return nil }
    var value: Int64 = 0
    for digit in name { value = value * 10 + Int64(digit - 0x30) }
    guard value <= Int64(Int32.max) else { return nil }
    self = Int32(value)
  }
}
