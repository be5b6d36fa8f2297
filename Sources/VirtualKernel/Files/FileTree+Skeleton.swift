import CLinux
import Glibc
import SystemPackage

// What the kernel itself must find when it runs a guest's own call.
extension FileTree {
  /// Makes the directory, and those above it, exist in the skeleton.
  func materialise(_ dentry: DentryID) throws(Errno) {
    let directory = directory(of: dentry)
    if directory.skeleton != nil { return }
    if dentry != root { try materialise(dentries[dentry].pointee.parent) }
    try buildPath(of: dentry, into: &path)
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
    skeletonDirectories[own] = dentry
    dentries[dentry].pointee.flags.insert(.inSkeleton)
  }

  /// Makes a symbolic link that lies on the way of a guest's own call exist in the skeleton.
  func materialiseLink(_ dentry: DentryID, target: UnsafeBufferPointer<UInt8>) throws(Errno) {
    if dentries[dentry].pointee.flags.contains(.inSkeleton) { return }
    try materialise(dentries[dentry].pointee.parent)
    try buildPath(of: dentry, into: &path)
    hostPath.clear()
    try hostPath.append(target)
    do throws(Errno) {
      try skeleton.makeSymbolicLink(hostPath.cString, path.cString)
    } catch {
      guard error == .fileExists else { throw error }
      try skeleton.remove(path.cString)
      try skeleton.makeSymbolicLink(hostPath.cString, path.cString)
    }
    dentries[dentry].pointee.flags.insert(.inSkeleton)
  }

  /// The same for a link of /proc, whose target depends on the caller and the moment. Those to the caller itself are there from the start.
  func materialisePassingLink(_ dentry: DentryID, target: UnsafeBufferPointer<UInt8>) throws(Errno) {
    let kind = ProcNode(inode(of: dentry)).kind
    if skeleton.hasOwnLinks, kind == .ownProcess || kind == .ownThread {
      return try materialise(dentries[dentry].pointee.parent)
    }
    try buildPath(of: dentry, into: &path)
    if dentries[dentry].pointee.flags.contains(.inSkeleton) { try? skeleton.remove(path.cString) }
    dentries[dentry].pointee.flags.remove(.inSkeleton)
    try materialiseLink(dentry, target: target)
  }

  /// Makes the present version of a file executable at its path.
  func bindExecutable(_ dentry: DentryID) throws(Errno) {
    if dentries[dentry].pointee.flags.contains(.inSkeleton) { return }
    try materialise(dentries[dentry].pointee.parent)
    let record = inode(of: dentry)
    if record.pointee.backing.isUpper {
      try buildPath(of: upperName(of: dentry), into: &path)
      hostPath.clear()
      try hostPath.append(configuration.places.path(record.pointee.backing))
      try hostPath.appendComponent(path.bytes)
      try buildPath(of: dentry, into: &path)
    } else {
      let layer = try buildLowerPath(of: dentry)
      path.clear()
      try layers[layer].tree.appendHostPath(of: hostPath.cString, to: &path)
      swap(&path, &hostPath)
      try buildPath(of: dentry, into: &path)
    }
    try skeleton.bind(
      hostPath.cString, identity: HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode),
      at: path.cString,
      isDevice: false)
    dentries[dentry].pointee.flags.insert(.inSkeleton)
  }

  /// Makes a FIFO or a socket that the guest opens itself.
  func materialiseNode(_ dentry: DentryID) throws(Errno) {
    if dentries[dentry].pointee.flags.contains(.inSkeleton) { return }
    try materialise(dentries[dentry].pointee.parent)
    try buildPath(of: dentry, into: &path)
    // The virtual kernel has already decided who may open it.
    let isOfProc = inode(of: dentry).pointee.backing == .proc
    try skeleton.makeNode(path.cString, mode: inode(of: dentry).pointee.kind.modeBits | (isOfProc ? 0o444 : 0o666))
    dentries[dentry].pointee.flags.insert(.inSkeleton)
    try registerInSkeleton(dentries[dentry].pointee.inode)
  }

  /// What stands at `path` of the skeleton is this file.
  func registerInSkeleton(_ inode: InodeID) throws(Errno) {
    register(HostIdentity(try skeleton.status(path.cString)), inSkeletonAs: inode)
  }

  func register(_ identity: HostIdentity, inSkeletonAs inode: InodeID) {
    if identities[identity] == inode { return }
    identities[identity] = inode
    skeletonIdentities[inode, default: []].append(identity)
  }

  /// Makes what the guest will open with O_PATH: its descriptor then tells which file it is by what stands in the skeleton.
  func materialiseForPath(_ dentry: DentryID, _ call: Call) throws(Errno) {
    let record = inode(of: dentry)
    switch (record.pointee.backing, record.pointee.kind) {
    case (_, .directory):
      if !dentries[dentry].pointee.flags.contains(.unlinked) { try materialise(dentry) }
    case (.proc, .symbolicLink):
      let text = Array(try call.kernel.proc.text(of: record, call))
      try text.withUnsafeBufferPointer { bytes throws(Errno) in try materialisePassingLink(dentry, target: bytes) }
      try buildPath(of: dentry, into: &path)
      try registerInSkeleton(dentries[dentry].pointee.inode)
    case (.proc, _):
      // What a link in ns/ leads to is in no directory.
      if ProcNode(record).kind == .namespaceFile { throw .permissionDenied }
      // An empty file: only which one it is counts.
      try materialiseNode(dentry)
    case (.device, _): try call.kernel.devices.materialise(dentry, call)
    case (.skeleton, _): break
    case (_, .symbolicLink):
      try materialiseLink(dentry, target: linkTarget(of: record))
      try buildPath(of: dentry, into: &path)
      try registerInSkeleton(dentries[dentry].pointee.inode)
    case (_, .fifo), (_, .socket): try materialiseNode(dentry)
    default: try bindExecutable(dentry)
    }
  }

  /// What stands at the dentry's path of the skeleton is out of date.
  func dropFromSkeleton(_ dentry: DentryID) {
    guard dentries[dentry].pointee.flags.contains(.inSkeleton) else { return }
    dentries[dentry].pointee.flags.remove(.inSkeleton)
    if dentries[dentry].pointee.inode != .none, inode(of: dentry).pointee.kind == .directory {
      directory(of: dentry).skeleton = nil
    }
    // Left there, it could only be run by a guest that races its own execve, and is what it could run before.
    guard (try? buildPath(of: dentry, into: &path)) != nil else { return }
    try? skeleton.remove(path.cString)
  }

  /// The dentry of a directory that a guest's descriptor or current directory refers to.
  func dentry(ofSkeletonDirectory status: stat) -> DentryID? {
    guard status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return skeletonDirectories[HostIdentity(status)]
  }

  /// The inode behind an open file of the guest's, or nil if it is none of the tree's: a pipe, a socket.
  func inode(ofOpenFile status: stat) -> InodeID? {
    if let directory = dentry(ofSkeletonDirectory: status) { return dentries[directory].pointee.inode }
    return identities[HostIdentity(status)]
  }
}
