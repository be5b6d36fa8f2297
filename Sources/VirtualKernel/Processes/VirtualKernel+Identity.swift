import Reproducibility

// Whom a process is in a run with a seed, from its first call after an execve(2) on.
extension VirtualKernel {
  /// The process runs another program.
  func adopt(_ image: ProcessImage, _ group: ThreadGroup) {
    group.hasExecuted = true
    var directoryPath = PathBuffer()
    let place = "\(group.nsID.rawValue)"
    var program: [UInt8] = []
    // What cannot be read is as if it were empty: the process has ended meanwhile.
    try? information.readProc(place + "/cmdline", into: &program)
    program += fileName(of: image, group.id.leader)
    program.append(0)
    if let status = try? descriptors.statusOfWorkingDirectory(of: group.id.leader),
      let directory = files.objects.dentry(ofSkeletonDirectory: status),
      (try? files.nodes.buildPath(of: directory, into: &directoryPath)) != nil
    {
      program += directoryPath.bytes
    }
    group.identity = group.identity?.executing(program)
    setStartBytes(of: image, group)
  }

  /// The kernel has put 16 bytes of its own at AT_RANDOM. Programs whose runtime needs no library, such as Go's, take their hash seeds
  /// from there; the others' first calls are before they look.
  private func setStartBytes(of image: ProcessImage, _ group: ThreadGroup) {
    guard reproduction.randomness != nil, image.random != 0, let bytes = group.identity?.startBytes() else { return }
    withUnsafeBytes(of: bytes) { try? memory.write(group.id.leader, at: image.random, $0) }
  }

  /// What random(4) says of the files of /proc/sys/kernel/random that hold a UUID; nil for other files, or without a seed.
  func randomName(_ path: String, _ group: ThreadGroup) -> String? {
    guard let seed = reproduction.randomness?.seed, let identity = group.identity else { return nil }
    switch path {
    case "sys/kernel/random/uuid": return identity.makeUUID()
    case "sys/kernel/random/boot_id": return ProcessIdentity.bootID(seed)
    default: return nil
    }
  }

  /// AT_EXECFN: the path that was executed.
  private func fileName(of image: ProcessImage, _ thread: AbsTid) -> [UInt8] {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      guard image.fileName != 0, let count = try? memory.read(thread, at: image.fileName, into: buffer) else {
        return []
      }
      return Array(buffer[..<count].prefix { $0 != 0 })
    }
  }
}
