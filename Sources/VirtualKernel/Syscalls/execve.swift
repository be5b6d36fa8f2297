import CLinux
import Glibc
import SystemPackage

/// AT_EXECVE_CHECK, Linux 6.14: asks whether it would run.
private let onlyCheck: Int32 = 0x10000

extension Syscalls {
  /// Whatever a racing thread writes into the path afterwards: the kernel looks it up in the skeleton, where nothing can be
  /// run but what was bound there after these checks.
  @Sendable static func execve(_ call: Call) throws(Errno) -> Outcome {
    let path = try call.path(at: call.arguments.0)
    return try prepare(call, atCurrentDirectory, path, [])
  }

  @Sendable static func execveat(_ call: Call) throws(Errno) -> Outcome {
    let flags = Int32(truncatingIfNeeded: call.arguments.4)
    let path = try call.path(at: call.arguments.1)
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH_ | onlyCheck) == 0 else { throw .invalidArgument }
    if path.count == 0, flags & AT_EMPTY_PATH_ != 0, Int32(truncatingIfNeeded: call.arguments.0) != AT_FDCWD {
      return try prepare(call, descriptor: Int32(truncatingIfNeeded: call.arguments.0))
    }
    return try prepare(call, call.arguments.0, path, WalkOptions(atFlags: flags))
  }

  private static func prepare(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>, _ options: WalkOptions
  ) throws(Errno) -> Outcome {
    let name = fileName(call, directory, path)
    let walk = try call.walk(directory, path, options.union(.materialise))
    if let open = walk.openFile { return try prepare(call, open, by: walk.dentry, as: name) }
    let dentry = try call.existing(walk)
    if options.contains(.noFollow), call.files.nodes.inode(of: dentry).pointee.kind == .symbolicLink {
      throw .tooManySymbolicLinkLevels
    }
    var interpreters: [DentryID] = []
    do throws(Errno) {
      if let work = try bind(call, dentry, &interpreters) { return .blocked(on: work) }
    } catch {
      if error.rawValue == ENOEXEC { call.kernel.didRefuse(program: name) }
      throw error
    }
    return try execute(call, dentry, interpreters, as: name)
  }

  /// The interpreter of an open file; none if it cannot be read, which the kernel finds for itself.
  private static func interpreter(
    _ call: Call, of file: FileDescriptor, _ name: [UInt8]
  ) throws(Errno) -> [UInt8]? {
    do throws(Errno) { return try call.files.interpreters.interpreter(of: file) } catch {
      guard error.rawValue == ENOEXEC else { return nil }
      call.kernel.didRefuse(program: name)
      throw error
    }
  }

  /// What the kernel will say in AT_EXECFN (fs/exec.c, alloc_bprm).
  private static func fileName(
    _ call: Call, _ directory: UInt64, _ path: UnsafeBufferPointer<UInt8>
  ) -> [UInt8] {
    let descriptor = Int32(truncatingIfNeeded: directory)
    if descriptor == AT_FDCWD || path.first == UInt8(ascii: "/") { return Array(path) }
    return Array("/dev/fd/\(descriptor)".utf8) + (path.isEmpty ? [] : [UInt8(ascii: "/")] + path)
  }

  /// The kernel runs the file from here on, if it finds nothing wrong with it.
  private static func execute(
    _ call: Call, _ dentry: DentryID, _ interpreters: [DentryID], as name: [UInt8]
  ) throws(Errno) -> Outcome {
    let isAt = call.notification.number == SyscallNumber.execveat.rawValue
    if isAt, Int32(truncatingIfNeeded: call.arguments.4) & onlyCheck != 0 { return .continue }
    let former = call.credentials
    try call.kernel.processes.setCredentials(former.pointee.afterExecution(), of: call.thread)
    let arguments = call.kernel.recorder?.readArguments(
      call, isAt ? call.arguments.2 : call.arguments.1, isAt ? call.arguments.3 : call.arguments.2)
    call.kernel.expect(dentry, interpreters, as: name, arguments, formerCredentials: former, call)
    return .continue
  }

  /// A magic link leads to a program that has no name any more, or never had one.
  private static func prepare(
    _ call: Call, _ open: OpenObject, by link: DentryID, as name: [UInt8]
  ) throws(Errno) -> Outcome {
    let object = try call.duplicate(open)
    defer { call.kernel.descriptors.release(object) }
    let status = try call.kernel.host.status(of: object)
    guard status.st_mode & S_IFMT == S_IFREG, !call.kernel.inherited.contains(HostIdentity(status)) else {
      throw .permissionDenied
    }
    let dentry = call.files.objects.dentry(behind: status) ?? .none
    if dentry != .none {
      try call.require(.execute, call.files.nodes.inode(of: dentry))
    } else {
      guard status.st_mode & 0o111 != 0 else { throw .permissionDenied }
      try call.require(.execute, call.guestStatus(status))
    }
    var interpreters: [DentryID] = []
    if let interpreter = try interpreter(call, of: object) {
      // What the kernel will look for beside the file; the walk to the file itself was before.
      if let work = try bind(call, interpreter: interpreter, &interpreters) { return .blocked(on: work) }
    }
    if let work = try call.files.mounts.bind(object, at: link, for: call.notification.id) { return .blocked(on: work) }
    return try execute(call, dentry, interpreters, as: name)
  }

  private static func interpreter(_ call: Call, of object: FileDescriptor) throws(Errno) -> [UInt8]? {
    let file = try call.kernel.host.reopen(object, flags: O_RDONLY | O_CLOEXEC)
    defer { call.kernel.host.close(file) }
    return try call.files.interpreters.interpreter(of: file)
  }

  /// fexecve(3): the kernel runs the very file that the descriptor refers to, and the guest could only open what it may read.
  private static func prepare(_ call: Call, descriptor: Int32) throws(Errno) -> Outcome {
    let name = fileName(call, call.arguments.0, UnsafeBufferPointer(start: nil, count: 0))
    let status = try call.kernel.descriptors.status(of: descriptor, in: call.thread)
    guard let dentry = call.dentry(of: descriptor, status) else {
      // A memory file, or one that was deleted.
      let file = try call.kernel.descriptors.duplicate(descriptor, of: call.thread.group)
      defer { call.kernel.descriptors.release(file) }
      var interpreters: [DentryID] = []
      if status.st_mode & S_IFMT == S_IFREG, let interpreter = try interpreter(call, of: file, name) {
        if let work = try bind(call, interpreter: interpreter, &interpreters) { return .blocked(on: work) }
      }
      return try execute(call, .none, interpreters, as: name)
    }
    let inode = call.files.nodes.inode(of: dentry)
    if inode.pointee.kind == .symbolicLink { throw .tooManySymbolicLinkLevels }
    guard inode.pointee.kind == .regular else { throw .permissionDenied }
    try call.require(.execute, inode)
    var interpreters: [DentryID] = []
    if inode.pointee.links > 0, let work = try bindInterpreter(call, of: dentry, &interpreters) {
      return .blocked(on: work)
    }
    return try execute(call, dentry, interpreters, as: name)
  }

  /// Makes a file and what its first line or its ELF header names executable in the skeleton.
  /// - Parameter interpreters: gets what the kernel will open beside the file.
  /// - Returns: work that must be waited for, or nil if it is done.
  private static func bind(
    _ call: Call, _ dentry: DentryID, _ interpreters: inout [DentryID]
  ) throws(Errno) -> (any BlockingWork)? {
    let inode = call.files.nodes.inode(of: dentry)
    guard inode.pointee.kind == .regular, inode.pointee.backing == .lower || inode.pointee.backing.isUpper else {
      throw .permissionDenied
    }
    try call.require(.execute, inode)
    if let work = try call.files.lowerLayers.fetch(dentry) { return work }
    try call.files.mounts.bindExecutable(dentry)
    return try bindInterpreter(call, of: dentry, &interpreters)
  }

  private static func bindInterpreter(
    _ call: Call, of dentry: DentryID, _ interpreters: inout [DentryID]
  ) throws(Errno) -> (any BlockingWork)? {
    // execve(2): more than four interpreters in a row are ELOOP, which the kernel finds for itself.
    guard interpreters.count < 6, let interpreter = try call.files.interpreter(of: dentry) else { return nil }
    return try bind(call, interpreter: interpreter, &interpreters)
  }

  private static func bind(
    _ call: Call, interpreter: [UInt8], _ interpreters: inout [DentryID]
  ) throws(Errno) -> (any BlockingWork)? {
    let walk = try interpreter.withUnsafeBufferPointer { path throws(Errno) in
      try call.walk(atCurrentDirectory, path, .materialise)
    }
    let dentry = try call.existing(walk)
    interpreters.append(dentry)
    return try bind(call, dentry, &interpreters)
  }
}
