/// What an inode of /proc stands for. It is kept in the inode itself, so that /proc needs no table of its own.
struct ProcNode {
  enum Kind: UInt32 {
    /// A file whose contents are those of the guest's own /proc at the same path.
    case copy = 1
    /// A file with contents of the virtual kernel's: see `ProcFileSystem.contents`.
    case made
    /// /proc/self and /proc/thread-self.
    case ownProcess, ownThread
    /// Directories of a process or thread.
    case process, tasks, task, descriptors, descriptorInformation, namespaces, network
    /// Links of a process or thread.
    case executable, workingDirectory, rootDirectory, descriptor, namespace
  }

  var kind: Kind
  /// The process or thread as the guest names it; 0 for none.
  var id: Int32
  /// The descriptor of a link in fd/.
  var number: Int32 = 0

  init(kind: Kind, id: Int32, number: Int32 = 0) {
    self.kind = kind
    self.id = id
    self.number = number
  }

  init(_ inode: UnsafeMutablePointer<Inode>) {
    kind = Kind(rawValue: UInt32(truncatingIfNeeded: inode.pointee.hostInode >> 32)) ?? .copy
    number = Int32(truncatingIfNeeded: inode.pointee.hostInode)
    id = Int32(truncatingIfNeeded: inode.pointee.hostDevice)
  }

  func store(in inode: UnsafeMutablePointer<Inode>) {
    inode.pointee.hostInode = UInt64(kind.rawValue) << 32 | UInt64(UInt32(bitPattern: number))
    inode.pointee.hostDevice = UInt64(UInt32(bitPattern: id))
  }
}
