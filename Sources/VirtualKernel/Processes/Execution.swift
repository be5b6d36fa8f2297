/// What tells one program image of a process from the one before: what the kernel has put beside its stack. No guest can change its
/// auxiliary vector, which needs prctl(2) with PR_SET_MM.
public struct ProcessImage: Equatable, BitwiseCopyable {
  /// Of the auxiliary vector, whose addresses are random.
  public var digest: UInt64
  /// AT_RANDOM: where 16 bytes are that are new at each execve(2), also where addresses are not random.
  public var random: UInt64
  /// AT_EXECFN: where the path is that the kernel has looked up. What was given as arguments and environment ends there.
  public var fileName: UInt64
  /// AT_PHDR: where the program headers are mapped.
  public var programHeaders: UInt64
  /// AT_BASE: where ld.so(8) is; 0 if it is nowhere.
  public var interpreterBase: UInt64
  /// AT_SYSINFO_EHDR: where vdso(7) is; 0 if it is nowhere.
  public var vdso: UInt64

  public init(
    digest: UInt64, random: UInt64, fileName: UInt64, programHeaders: UInt64 = 0, interpreterBase: UInt64 = 0,
    vdso: UInt64 = 0
  ) {
    self.digest = digest
    self.random = random
    self.fileName = fileName
    self.programHeaders = programHeaders
    self.interpreterBase = interpreterBase
    self.vdso = vdso
  }
}

/// An execve(2) that was let through. Whether the kernel has carried it out, and with what a racing thread has put in the place of
/// what was looked at, only the next call of the process shows.
struct Execution {
  /// The thread that made the call; it gets the leader's id if the call succeeds.
  var thread: Thread
  var time: UInt64
  var duration: UInt64 = 0
  /// The image that made the call; nil if it could not be asked.
  var image: ProcessImage?
  var random: SIMD2<UInt64>
  /// The program, `.none` for a file that is not of the tree, and what the kernel opens beside it.
  var program: DentryID
  var interpreters: [DentryID]
  /// Of `program` and the interpreters.
  var identities: [HostIdentity]
  /// Of the same, and of the current directory: a dentry that has another one by now is somebody else's.
  var inodes: [InodeID]
  var directoryInode: InodeID
  /// The version of the program that was there when it was asked for.
  var version: UInt32
  /// What AT_EXECFN says if the kernel has seen what was looked at.
  var fileName: [UInt8]
  var arguments: Recorder.Arguments?
  /// What is undone if the kernel refuses the call.
  var formerCredentials: UnsafePointer<Credentials>
  var formerExecutable: DentryID
}
