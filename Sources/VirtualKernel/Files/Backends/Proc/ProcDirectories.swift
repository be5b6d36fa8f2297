import CLinux
import Glibc
import SystemPackage

extension VirtualKernel {
  /// A name in a directory whose names are made: /proc and /dev/pts.
  func lookupMade(
    _ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call
  ) throws(Errno) -> DentryID {
    files.nodes.inode(of: parent).pointee.fileSystem == FileSystemID.pts
      ? try files.lookupTerminal(parent, name) : try proc.lookup(parent, name, call)
  }

  func listMade(_ parent: DentryID, _ call: Call) throws(Errno) {
    if files.nodes.inode(of: parent).pointee.fileSystem == FileSystemID.pts {
      try files.listTerminals(parent)
    } else {
      try proc.list(parent, call)
    }
  }
}

// Names are made when somebody asks for them, and the kernel is asked each time whether a process or thread is still there.
extension ProcFileSystem {
  func lookup(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call) throws(Errno) -> DentryID {
    let dentry = try find(parent, name, call)
    guard dentry != .none, call.kernel.processes.credentials.hasOthers else { return dentry }
    let inode = call.files.nodes.inode(of: dentry)
    if inode.pointee.backing == .proc, ProcNode(inode).id > 1, let thread = knownThread(ProcNode(inode).id, call) {
      // proc_pid(5): the files of a process belong to its effective user.
      inode.pointee.uid = thread.credentials.pointee.user.effective
      inode.pointee.gid = thread.credentials.pointee.group.effective
    }
    return dentry
  }

  private func find(_ parent: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call) throws(Errno) -> DentryID {
    let files = call.files
    let known = files.nodes.find(parent, name)
    guard files.nodes.inode(of: parent).pointee.backing == .proc else {
      guard parent == files.proc else { return known }
      return try findInRoot(known, name, call)
    }
    if files.nodes[parent].pointee.flags.contains(.unlinked) {
      try files.requireProcess(parent)
      return .none
    }
    let node = ProcNode(files.nodes.inode(of: parent))
    let information = call.kernel.information
    switch node.kind {
    case .process, .task:
      try requireAlive(parent, call)
      return known != .none ? known : try addEntry(name, to: parent, node, call)
    case .descriptors, .descriptorInformation:
      if node.kind == .descriptorInformation { try requireInspection(of: node.id, call) }
      guard let number = Int32(name) else { return .none }
      let thread = try thread(node.id, call)
      guard (try? call.kernel.descriptors.status(of: number, in: thread.id)) != nil else {
        return files.removeMade(known)
      }
      if known != .none { return known }
      let isLink = node.kind == .descriptors
      return files.add(
        ProcNode(kind: isLink ? .descriptor : .informationOfDescriptor, id: node.id, number: number), name, in: parent,
        isLink ? .symbolicLink : .regular, mode: isLink ? 0o700 : 0o444)
    case .tasks:
      guard let number = Int32(name) else { return .none }
      let id = call.kernel.processes.kernelNumber(number)
      if known == .none, let found = findNumbered(id, number, in: parent, ProcNode(kind: .task, id: id), call) {
        return found
      }
      guard (try? information.statusOfProcLink("\(node.id)/task/\(id)")) != nil else {
        return files.removeMade(known)
      }
      return known != .none
        ? known : files.add(ProcNode(kind: .task, id: id), name, in: parent, .directory, mode: 0o555)
    case .namespaces:
      if known != .none { return known }
      guard let number = ProcTables.namespaces.firstIndex(where: { $0.utf8.elementsEqual(name) }),
        // Of the caller's, as the kernel tells of another user's only whom it trusts.
        (try? information.readProcLink("\(call.thread.group.nsID.rawValue)/ns/\(ProcTables.namespaces[number])")) != nil
      else { return .none }
      return files.add(
        ProcNode(kind: .namespace, id: node.id, number: Int32(number)), name, in: parent, .symbolicLink, mode: 0o777)
    case .mirror: return try findInMirror(parent, known, name, node, call)
    default: return known
    }
  }

  private func findInRoot(
    _ known: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ call: Call
  ) throws(Errno) -> DentryID {
    let files = call.files
    guard let number = Int32(name) else {
      return known != .none ? known : try addEntry(name, to: files.proc, ProcNode(kind: .process, id: 0), call)
    }
    let id = call.kernel.processes.kernelNumber(number)
    // One that was just born has not made a call that is seen, and of one that was waited for we are told later.
    guard (try? call.kernel.information.statusOfProcLink(String(id))) != nil else { return files.removeMade(known) }
    let node = ProcNode(kind: .process, id: id)
    let process =
      known != .none
      ? known
      : findNumbered(id, number, in: files.proc, node, call)
        ?? files.add(node, name, in: files.proc, .directory, mode: 0o555)
    lastAlive = (call.notification.id, process)
    return process
  }

  /// - Throws: `.noSuchProcess` if the directory's process or thread has ended.
  private func requireAlive(_ directory: DentryID, _ call: Call) throws(Errno) {
    if let lastAlive, lastAlive == (call.notification.id, directory) { return }
    let path = try procPath(of: directory, call)
    guard (try? call.kernel.information.statusOfProcLink(path)) != nil else {
      let isOfThread = ProcNode(call.files.nodes.inode(of: directory)).kind == .task
      call.files.removeMade(directory)
      throw isOfThread ? .noSuchFileOrDirectory : .noSuchProcess
    }
    lastAlive = (call.notification.id, directory)
  }

  /// A name of the table in a directory of the system, a process or a thread.
  private func addEntry(
    _ name: UnsafeBufferPointer<UInt8>, to parent: DentryID, _ node: ProcNode, _ call: Call
  ) throws(Errno) -> DentryID {
    let place: ProcEntry.Places = node.id == 0 ? .system : node.kind == .task ? .task : .process
    guard let index = ProcTables.index(of: name, in: place), isKnownToKernel(index, place, call),
      isUniform(index, place, call)
    else { return .none }
    let entry = ProcTables.entries[index]
    let kind: ProcNode.Kind =
      switch entry.source {
      case .node(let kind): kind
      case .mirror, .insideMirror: .mirror
      default: .file
      }
    return call.files.add(
      ProcNode(kind: kind, id: node.id, number: Int32(index)), name, in: parent, entry.kind, mode: entry.permissions)
  }

  /// What a kernel lacks its configuration decides, so that guest init, which always lives, can be asked for all.
  private func isKnownToKernel(_ index: Int, _ place: ProcEntry.Places, _ call: Call) -> Bool {
    if let known = knownEntries[index] { return known }
    let entry = ProcTables.entries[index]
    let directory = place == .system ? "" : place == .task ? "1/task/1/" : "1/"
    let isKnown =
      entry.kind == .symbolicLink
      || (try? call.kernel.information.statusOfProcLink("\(directory)\(entry.name)")) != nil
    knownEntries[index] = isKnown
    return isKnown
  }

  private func findInMirror(
    _ parent: DentryID, _ known: DentryID, _ name: UnsafeBufferPointer<UInt8>, _ node: ProcNode, _ call: Call
  ) throws(Errno) -> DentryID {
    let files = call.files
    let directory = try procPath(of: parent, call)
    let text = String(decoding: name, as: UTF8.self)
    let path = "\(directory)/\(text)"
    guard ProcTables.isMirrored(path, text, in: directory), call.kernel.reproduction.machine?.has(path) ?? true,
      let status = try? call.kernel.information.statusOfProcLink(path), let kind = FileKind(mode: status.st_mode),
      kind == .directory || kind == .regular
    else { return files.removeMade(known) }
    if known != .none { return known }
    return files.add(
      ProcNode(kind: kind == .directory ? .mirror : .mirrored, id: node.id, number: node.number), name, in: parent,
      kind,
      mode: status.st_mode & 0o777)
  }

  /// Makes every name of a directory.
  func list(_ parent: DentryID, _ call: Call) throws(Errno) {
    let files = call.files
    let information = call.kernel.information
    var names: [[UInt8]] = []
    func addEntries(_ place: ProcEntry.Places) {
      for entry in ProcTables.entries where entry.places.contains(place) {
        names.append(Array(entry.nameBytes))
      }
    }
    if parent == files.proc {
      addEntries(.system)
      let processes = shownNumbers(
        try information.listProc(".").filter { $0.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }, call)
      // A thread has a directory of its own, which only who knows its number finds (proc(5)).
      let alive = Set(processes)
      for child in files.nodes.directory(of: parent).children where child != .none {
        let name = Array(files.nodes.name(of: child))
        if name.first.map({ $0 >= 0x30 && $0 <= 0x39 }) ?? false, !alive.contains(name) { files.removeMade(child) }
      }
      names += processes
    } else {
      if files.nodes[parent].pointee.flags.contains(.unlinked) { throw .noSuchFileOrDirectory }
      let node = ProcNode(files.nodes.inode(of: parent))
      switch node.kind {
      case .process, .task: addEntries(node.kind == .task ? .task : .process)
      case .descriptors, .descriptorInformation:
        try requireInspection(of: node.id, call)
        names = try information.listProc("\(node.id)/fd")
      case .tasks:
        names = shownNumbers(try information.listProc("\(node.id)/task"), call)
        if call.kernel.processes.numbers != nil {
          for child in files.nodes.directory(of: parent).children
          where child != .none && !names.contains(Array(files.nodes.name(of: child))) { files.removeMade(child) }
        }
      case .namespaces: names = ProcTables.namespaces.map { Array($0.utf8) }
      case .mirror: names = try information.listProc(try procPath(of: parent, call))
      // Names of the host's files.
      case .mappedFiles: throw .permissionDenied
      default: return
      }
      if [.descriptors, .descriptorInformation, .tasks, .mirror].contains(node.kind) {
        for child in files.nodes.directory(of: parent).children where child != .none {
          _ = try lookup(parent, files.nodes.name(of: child), call)
        }
      }
    }
    for name in names {
      try name.withUnsafeBufferPointer { bytes throws(Errno) in
        do throws(Errno) {
          _ = try lookup(parent, bytes, call)
        } catch {
          throw error == .noSuchProcess ? .noSuchFileOrDirectory : error
        }
      }
    }
  }

  /// The path of a file below the guest's own /proc.
  func procPath(of dentry: DentryID, _ call: Call) throws(Errno) -> String {
    let path = try call.files.nodes.guestPath(of: dentry)
    return kernelPath(String(decoding: path.dropFirst("/proc/".utf8.count), as: UTF8.self), call)
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
