import CLinux
import Glibc
import SystemPackage

/// How many mounts of one directory without a name are known at a time.
private let removedDirectoryLimit = 64

/// What of the tree the kernel itself must find when it runs a guest's own call: the guest's real root, which is filled on demand.
final class SkeletonMirror {
  private let skeleton: any Skeleton
  private let nodes: NodeTree
  private let objects: OpenObjects
  private var path = PathBuffer()
  private var otherPath = PathBuffer()

  init(_ skeleton: any Skeleton, _ nodes: NodeTree, _ objects: OpenObjects) {
    self.skeleton = skeleton
    self.nodes = nodes
    self.objects = objects
  }
}

// What stands there.
extension SkeletonMirror {
  /// Makes the directory, and those above it, exist in the skeleton.
  func materialise(_ dentry: DentryID) throws(Errno) {
    let directory = nodes.directory(of: dentry)
    if directory.skeleton != nil { return }
    if dentry != nodes.root { try materialise(nodes[dentry].pointee.parent) }
    try nodes.buildPath(of: dentry, into: &path)
    let own: HostIdentity
    do throws(Errno) {
      own = try skeleton.makeDirectory(path.cString)
    } catch {
      guard error == .notDirectory || error == .fileExists else { throw error }
      // A guest's racing bind(2) may have put a socket in the way.
      try skeleton.remove(path.cString)
      own = try skeleton.makeDirectory(path.cString)
    }
    directory.skeleton = own
    objects.register(own, asDirectory: dentry)
    nodes[dentry].pointee.flags.insert(.inSkeleton)
    if directory.isProc { try linkKernelNumber(to: dentry) }
  }

  /// The kernel's own /proc/self leads a guest's own call to the kernel's number of a process, which the tree may have under another.
  private func linkKernelNumber(to dentry: DentryID) throws(Errno) {
    guard try buildKernelPath(of: dentry) else { return }
    otherPath.clear()
    try otherPath.append(nodes.name(of: dentry))
    // That of a process before.
    try? skeleton.remove(path.cString)
    try skeleton.makeSymbolicLink(otherPath.cString, path.cString)
  }

  /// Builds the path that the kernel has for a directory of a process or thread of /proc.
  /// - Returns: false if it has the tree's own.
  private func buildKernelPath(of dentry: DentryID) throws(Errno) -> Bool {
    let record = nodes.inode(of: dentry)
    guard record.pointee.backing == .proc, [.process, .task].contains(ProcNode(record).kind) else { return false }
    let number = Array(String(ProcNode(record).id).utf8)
    if number.elementsEqual(nodes.name(of: dentry)) { return false }
    let parent = nodes[dentry].pointee.parent
    try number.withUnsafeBufferPointer { number throws(Errno) in
      try nodes.buildPath(of: number, in: parent, into: &path)
    }
    return true
  }

  /// Makes a symbolic link that lies on the way of a guest's own call exist in the skeleton.
  func materialiseLink(_ dentry: DentryID, target: UnsafeBufferPointer<UInt8>) throws(Errno) {
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { return }
    try materialise(nodes[dentry].pointee.parent)
    try nodes.buildPath(of: dentry, into: &path)
    otherPath.clear()
    try otherPath.append(target)
    do throws(Errno) {
      try skeleton.makeSymbolicLink(otherPath.cString, path.cString)
    } catch {
      guard error == .fileExists else { throw error }
      try skeleton.remove(path.cString)
      try skeleton.makeSymbolicLink(otherPath.cString, path.cString)
    }
    nodes[dentry].pointee.flags.insert(.inSkeleton)
  }

  /// The same for a link of /proc, whose target depends on the caller and the moment. Those to the caller itself are there from the start.
  func materialisePassingLink(_ dentry: DentryID, target: UnsafeBufferPointer<UInt8>) throws(Errno) {
    let kind = ProcNode(nodes.inode(of: dentry)).kind
    if skeleton.hasOwnLinks, kind == .ownProcess || kind == .ownThread {
      return try materialise(nodes[dentry].pointee.parent)
    }
    try nodes.buildPath(of: dentry, into: &path)
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { try? skeleton.remove(path.cString) }
    nodes[dentry].pointee.flags.remove(.inSkeleton)
    try materialiseLink(dentry, target: target)
  }

  /// Makes a FIFO or a socket that the guest opens itself.
  func materialiseNode(_ dentry: DentryID) throws(Errno) {
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { return }
    try materialise(nodes[dentry].pointee.parent)
    try nodes.buildPath(of: dentry, into: &path)
    // The virtual kernel has already decided who may open it.
    let isOfProc = nodes.inode(of: dentry).pointee.backing == .proc
    try skeleton.makeNode(
      path.cString, mode: nodes.inode(of: dentry).pointee.kind.modeBits | (isOfProc ? 0o444 : 0o666))
    nodes[dentry].pointee.flags.insert(.inSkeleton)
    try registerPlace(of: dentry)
  }

  /// Makes a file of the host's what stands at the name.
  func bind(
    _ file: UnsafePointer<CChar>, identity: HostIdentity, at dentry: DentryID, isDevice: Bool = false
  ) throws(Errno) {
    try materialise(nodes[dentry].pointee.parent)
    try nodes.buildPath(of: dentry, into: &path)
    try skeleton.bind(file, identity: identity, at: path.cString, isDevice: isDevice)
    nodes[dentry].pointee.flags.insert(.inSkeleton)
  }

  /// Makes a directory that has lost its name be found at the place of a link to it.
  func bind(removed directory: DentryID, at link: DentryID) throws(Errno) {
    try clear(link)
    try nodes.buildPath(of: link, into: &path)
    let own = try skeleton.bindRemovedDirectory(at: path.cString)
    objects.register(own, asDirectory: directory)
    if let forgotten = nodes.directory(of: directory).addMount(own, limit: removedDirectoryLimit) {
      objects.forget(directory: forgotten)
    }
    nodes[link].pointee.flags.insert(.inSkeleton)
  }

  /// Gives what stands at a name another one.
  func link(_ name: DentryID, as new: DentryID) throws(Errno) {
    try materialise(nodes[new].pointee.parent)
    try nodes.buildPath(of: name, into: &otherPath)
    try nodes.buildPath(of: new, into: &path)
    try skeleton.link(otherPath.cString, path.cString)
    nodes[new].pointee.flags.insert(.inSkeleton)
  }

  /// Leaves nothing at the name, in a directory that is there.
  func clear(_ dentry: DentryID) throws(Errno) {
    try materialise(nodes[dentry].pointee.parent)
    try nodes.buildPath(of: dentry, into: &path)
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { try? skeleton.remove(path.cString) }
    nodes[dentry].pointee.flags.remove(.inSkeleton)
  }

  /// What stands at the name is out of date.
  func drop(_ dentry: DentryID) {
    guard nodes[dentry].pointee.flags.contains(.inSkeleton) else { return }
    nodes[dentry].pointee.flags.remove(.inSkeleton)
    if nodes[dentry].pointee.inode != .none, nodes.inode(of: dentry).pointee.kind == .directory {
      nodes.directory(of: dentry).skeleton = nil
      if (try? buildKernelPath(of: dentry)) ?? false { try? skeleton.remove(path.cString) }
    }
    // Left there, it could only be run by a guest that races its own execve, and is what it could run before.
    guard (try? nodes.buildPath(of: dentry, into: &path)) != nil else { return }
    try? skeleton.remove(path.cString)
  }
}

// What is asked of it.
extension SkeletonMirror {
  func status(of dentry: DentryID) throws(Errno) -> stat {
    try nodes.buildPath(of: dentry, into: &path)
    return try skeleton.status(path.cString)
  }

  func status(of name: UnsafeBufferPointer<UInt8>, in directory: DentryID) throws(Errno) -> stat {
    try nodes.buildPath(of: name, in: directory, into: &path)
    return try skeleton.status(path.cString)
  }

  /// What stands at the name is the dentry's file: a descriptor that the guest opens there tells so.
  func registerPlace(of dentry: DentryID) throws(Errno) {
    objects.register(HostIdentity(try status(of: dentry)), inSkeletonAs: nodes[dentry].pointee.inode)
  }

  func openDirectory(_ dentry: DentryID, flags: Int32 = 0) throws(Errno) -> FileDescriptor {
    try nodes.buildPath(of: dentry, into: &path)
    return try skeleton.openDirectory(path.cString, flags: flags)
  }
}

// Renames: a directory there may be someone's current one and keeps its identity, FIFOs and sockets may be open. All else is made
// there again when it is needed.
extension SkeletonMirror {
  private func isMovable(_ dentry: DentryID) -> Bool {
    [.directory, .fifo, .socket].contains(nodes.inode(of: dentry).pointee.kind)
  }

  /// The dentry is about to get another place.
  func move(_ dentry: DentryID, to name: UnsafeBufferPointer<UInt8>, in parent: DentryID) throws(Errno) {
    guard nodes[dentry].pointee.flags.contains(.inSkeleton) else { return }
    guard isMovable(dentry) else { return drop(dentry) }
    try materialise(parent)
    try nodes.buildPath(of: name, in: parent, into: &path)
    try nodes.buildPath(of: dentry, into: &otherPath)
    try? skeleton.remove(path.cString)
    try skeleton.rename(otherPath.cString, path.cString, flags: 0)
  }

  /// It did not.
  func undoMove(_ dentry: DentryID, to name: UnsafeBufferPointer<UInt8>, in parent: DentryID) {
    guard nodes[dentry].pointee.flags.contains(.inSkeleton), isMovable(dentry),
      (try? nodes.buildPath(of: name, in: parent, into: &path)) != nil,
      (try? nodes.buildPath(of: dentry, into: &otherPath)) != nil
    else { return }
    try? skeleton.rename(path.cString, otherPath.cString, flags: 0)
  }

  /// Two dentries are about to take each other's place.
  func exchange(_ a: DentryID, _ b: DentryID) throws(Errno) {
    for dentry in [a, b] where !isMovable(dentry) { drop(dentry) }
    try materialise(nodes[a].pointee.parent)
    try materialise(nodes[b].pointee.parent)
    try exchange(a, b, undo: false)
  }

  /// They did not.
  func undoExchange(_ a: DentryID, _ b: DentryID) { try? exchange(a, b, undo: true) }

  private func exchange(_ a: DentryID, _ b: DentryID, undo: Bool) throws(Errno) {
    try nodes.buildPath(of: a, into: &otherPath)
    try nodes.buildPath(of: b, into: &path)
    switch (nodes[a].pointee.flags.contains(.inSkeleton), nodes[b].pointee.flags.contains(.inSkeleton)) {
    case (true, true): try skeleton.rename(otherPath.cString, path.cString, flags: renameExchange)
    case (true, false):
      if !undo { try? skeleton.remove(path.cString) }
      let (from, to) = undo ? (path.cString, otherPath.cString) : (otherPath.cString, path.cString)
      try skeleton.rename(from, to, flags: 0)
    case (false, true):
      if !undo { try? skeleton.remove(otherPath.cString) }
      let (from, to) = undo ? (otherPath.cString, path.cString) : (path.cString, otherPath.cString)
      try skeleton.rename(from, to, flags: 0)
    case (false, false): break
    }
  }
}

// Sockets.
extension SkeletonMirror {
  /// Binds a socket of the guest's at a name.
  /// - Parameters:
  ///   - start: where the address, which the socket will tell its peers, begins.
  /// - Returns: what it is there.
  func bind(
    _ socket: FileDescriptor, at dentry: DentryID, from start: DentryID, to address: [CChar]
  ) throws(Errno) -> HostIdentity {
    try materialise(nodes[dentry].pointee.parent)
    try nodes.buildPath(of: dentry, into: &path)
    // What a guest's race has left there is not in the tree.
    try? skeleton.remove(path.cString)
    try nodes.buildPath(of: start, into: &otherPath)
    do throws(Errno) {
      try skeleton.bind(socket, from: otherPath.cString, to: address)
    } catch {
      guard [.noSuchFileOrDirectory, .notDirectory, .permissionDenied].contains(error) else { throw error }
      try bindByName(socket, dentry)
    }
    try nodes.buildPath(of: dentry, into: &path)
    do throws(Errno) { return HostIdentity(try skeleton.status(path.cString)) } catch {
      try? skeleton.remove(path.cString)
      throw error
    }
  }

  /// A path that goes by /proc/self leads guest init, which binds, elsewhere than the caller. Then the socket's name is the path without
  /// links, or where that is too long for an address, the last name.
  private func bindByName(_ socket: FileDescriptor, _ dentry: DentryID) throws(Errno) {
    var name = try nodes.guestPath(of: dentry)
    let isLong = name.count > 108  // unix(7), sun_path
    if isLong { name = Array(nodes.name(of: dentry)) }
    // The whole path begins at the guest's own root.
    try nodes.buildPath(of: isLong ? nodes[dentry].pointee.parent : nodes.root, into: &otherPath)
    try skeleton.bind(socket, from: otherPath.cString, to: name.map { CChar(bitPattern: $0) } + [0])
  }
}
