/// What an inode of /proc stands for. It is kept in the inode itself, so that /proc needs no table of its own.
struct ProcNode {
  enum Kind: UInt32 {
    /// A file of `ProcTables.entries`; the number is its index.
    case file = 1
    /// A directory whose names are the kernel's, and a file in one; the number is that of the entry that it is or lies below.
    case mirror, mirrored
    /// /proc/self and /proc/thread-self.
    case ownProcess, ownThread
    /// Directories of a process or thread.
    case process, tasks, task, descriptors, descriptorInformation, namespaces, mappedFiles
    /// A file of fdinfo/; the number is the descriptor.
    case informationOfDescriptor
    /// Links of a process or thread.
    case executable, workingDirectory, rootDirectory, descriptor, namespace
    /// What a link in ns/ leads to: no directory has it.
    case namespaceFile

    var isLink: Bool {
      switch self {
      case .ownProcess, .ownThread, .executable, .workingDirectory, .rootDirectory, .descriptor, .namespace: true
      default: false
      }
    }
  }

  var kind: Kind
  /// The process or thread as the guest names it; 0 for none.
  var id: Int32
  /// See the kind; for a link in ns/ its place in `ProcTables.namespaces`.
  var number: Int32 = 0

  init(kind: Kind, id: Int32, number: Int32 = 0) {
    self.kind = kind
    self.id = id
    self.number = number
  }

  init(_ inode: UnsafeMutablePointer<Inode>) {
    kind = Kind(rawValue: UInt32(truncatingIfNeeded: inode.pointee.hostInode >> 32)) ?? .process
    number = Int32(truncatingIfNeeded: inode.pointee.hostInode)
    id = Int32(truncatingIfNeeded: inode.pointee.hostDevice)
  }

  func store(in inode: UnsafeMutablePointer<Inode>) {
    inode.pointee.hostInode = UInt64(kind.rawValue) << 32 | UInt64(UInt32(bitPattern: number))
    inode.pointee.hostDevice = UInt64(UInt32(bitPattern: id))
  }
}
