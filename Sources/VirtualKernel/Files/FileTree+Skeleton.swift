import CLinux
import Glibc
import SystemPackage

// What the kernel itself must find when it runs a guest's own call.
extension FileTree {
  /// Makes the present version of a file executable at its path.
  func bindExecutable(_ dentry: DentryID) throws(Errno) {
    if nodes[dentry].pointee.flags.contains(.inSkeleton) { return }
    let record = nodes.inode(of: dentry)
    path.clear()
    if record.pointee.backing.isUpper {
      try upperLayer.appendHostPath(of: dentry, to: &path)
    } else {
      try lowerLayers.appendHostPath(of: dentry, to: &path)
    }
    try mirror.bind(
      path.cString, identity: HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode),
      at: dentry)
  }

  /// Makes what the guest will open with O_PATH: its descriptor then tells which file it is by what stands in the skeleton.
  func materialiseForPath(_ dentry: DentryID, _ call: Call) throws(Errno) {
    let record = nodes.inode(of: dentry)
    switch (record.pointee.backing, record.pointee.kind) {
    case (_, .directory):
      if !nodes[dentry].pointee.flags.contains(.unlinked) { try mirror.materialise(dentry) }
    case (.proc, .symbolicLink):
      let text = Array(try call.kernel.proc.text(of: record, call))
      try text.withUnsafeBufferPointer { bytes throws(Errno) in try mirror.materialisePassingLink(dentry, target: bytes)
      }
      try mirror.registerPlace(of: dentry)
    case (.proc, _):
      // What a link in ns/ leads to is in no directory.
      if ProcNode(record).kind == .namespaceFile { throw .permissionDenied }
      // An empty file: only which one it is counts.
      try mirror.materialiseNode(dentry)
    case (.device, _): try call.kernel.devices.materialise(dentry, call)
    case (.skeleton, _): break
    case (_, .symbolicLink):
      try mirror.materialiseLink(dentry, target: nodes.linkTarget(of: record))
      try mirror.registerPlace(of: dentry)
    case (_, .fifo), (_, .socket): try mirror.materialiseNode(dentry)
    default: try bindExecutable(dentry)
    }
  }
}
