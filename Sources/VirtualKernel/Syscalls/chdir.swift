import CLinux
import Glibc
import SystemPackage

extension Syscalls {
  @Sendable static func chdir(_ call: Call) throws(Errno) -> Outcome {
    let outcome = try enter(call)
    call.thread.group.workingDirectory = .changing(call.thread.id)
    return outcome
  }

  /// The kernel goes by it, also for programs, their interpreters, sockets, FIFOs and getcwd(2): of all capabilities the guest has the one
  /// for this. What a racing thread puts in the place of the path is another directory of the skeleton.
  @Sendable static func chroot(_ call: Call) throws(Errno) -> Outcome {
    let outcome = try enter(call)
    guard call.credentials.pointee.has(.changeRoot) else { throw .notPermitted }
    call.kernel.hasChangedRoots = true
    return outcome
  }

  /// Lets the kernel walk to a directory.
  private static func enter(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    let walk = try call.walk(atCurrentDirectory, path, .materialise)
    if let open = walk.openFile { return try enter(call, open, by: walk.dentry) }
    let dentry = try call.existing(walk)
    let inode = call.files.nodes.inode(of: dentry)
    call.files.events.unit?.note(.stat, dentry)
    guard inode.pointee.kind == .directory else { throw .notDirectory }
    try call.require(.execute, inode)
    return .continue
  }

  /// To a directory that has lost its name.
  private static func enter(_ call: Call, _ open: OpenObject, by link: DentryID) throws(Errno) -> Outcome {
    let object = try call.duplicate(open)
    defer { call.kernel.descriptors.release(object) }
    let status = try call.kernel.host.status(of: object)
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notDirectory }
    guard let dentry = call.files.objects.dentry(ofSkeletonDirectory: status) else { throw .permissionDenied }
    try call.require(.execute, call.files.nodes.inode(of: dentry))
    if let work = try call.files.mounts.bind(object, at: link, for: call.notification.id) { return .blocked(on: work) }
    return .continue
  }

  @Sendable static func fchdir(_ call: Call) throws(Errno) -> Outcome {
    let descriptor = Int32(truncatingIfNeeded: call.arguments.0)
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    guard let dentry = call.files.objects.dentry(ofSkeletonDirectory: status) else { throw .notDirectory }
    let inode = call.files.nodes.inode(of: dentry)
    try call.require(.execute, inode)
    try call.files.requireProcess(dentry)
    call.thread.group.workingDirectory = .changing(call.thread.id)
    return .continue
  }
}
