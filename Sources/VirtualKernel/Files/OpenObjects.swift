import CLinux
import Glibc

/// How many files without a name are remembered for the descriptors that may still refer to them.
private let namelessLimit = 4096

/// Which file an open file is: the kernel tells of a guest's descriptor only what stands behind it on the host.
final class OpenObjects {
  private let nodes: NodeTree
  /// Files of the host that stand behind an inode, by device and inode number: what fstat on a guest's descriptor tells.
  private var inodes: [HostIdentity: InodeID] = [:]
  /// What files of lower trees were known by before their contents were fetched; other names of theirs still are.
  private var unfetched: [InodeID: HostIdentity] = [:]
  /// What stood in the skeleton for a FIFO, a socket or a link that the guest opened itself; its descriptors may live on.
  private var inSkeleton: [InodeID: [HostIdentity]] = [:]
  /// Directories by what they are in the skeleton.
  private var directories: [HostIdentity: DentryID] = [:]
  /// Files and directories without a name that a descriptor may still refer to, oldest first.
  private var nameless: [DentryID] = []
  /// Grows when dentries of removed directories are freed, so that who remembers one knows to ask again.
  private(set) var generation = 0

  init(_ nodes: NodeTree) { self.nodes = nodes }

  /// How much is kept, for tests of what names that come and go leave behind.
  var counts: (inodes: Int, inSkeleton: Int, nameless: Int) { (inodes.count, inSkeleton.count, nameless.count) }
}

// Files.
extension OpenObjects {
  @inline(__always)
  subscript(identity: HostIdentity) -> InodeID? { inodes[identity] }

  /// The inode behind an open file of the guest's, or nil if it is none of the tree's: a pipe, a socket.
  func inode(ofOpenFile status: stat) -> InodeID? {
    if let directory = dentry(ofSkeletonDirectory: status) { return nodes[directory].pointee.inode }
    return inodes[HostIdentity(status)]
  }

  /// A name of the file that an open file refers to; nil if it is none of the tree's.
  func dentry(behind status: stat) -> DentryID? {
    if let directory = dentry(ofSkeletonDirectory: status) { return directory }
    guard let inode = inodes[HostIdentity(status)] else { return nil }
    let alias = nodes[inode].pointee.firstAlias
    return alias == .none ? nil : alias
  }

  func register(_ status: stat, as inode: InodeID) { register(HostIdentity(status), as: inode) }

  /// From now on this file of the host's stands behind the inode.
  func register(_ identity: HostIdentity, as inode: InodeID) {
    nodes[inode].pointee.hostDevice = identity.device
    nodes[inode].pointee.hostInode = identity.inode
    inodes[identity] = inode
  }

  /// A descriptor to this file leads to the inode, too, whose contents are elsewhere.
  func register(alias identity: HostIdentity, of inode: InodeID) { inodes[identity] = inode }

  func register(_ identity: HostIdentity, inSkeletonAs inode: InodeID) {
    if inodes[identity] == inode { return }
    inodes[identity] = inode
    inSkeleton[inode, default: []].append(identity)
  }

  /// Another file of the host's has the contents of a lower file.
  func register(contents: HostIdentity, of inode: InodeID) {
    let record = nodes[inode]
    // Names that nobody has looked up yet lead to this file, too.
    unfetched[inode] = HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode)
    register(contents, as: inode)
  }

  /// No descriptor leads to the inode by this file any more.
  func forget(_ identity: HostIdentity, of inode: InodeID) {
    if inodes[identity] == inode { inodes[identity] = nil }
  }

  /// What a copy was made of is another file from now on.
  func forgetLower(of inode: InodeID) {
    inodes[nodes[inode].pointee.lowerIdentity] = nil
    if let identity = unfetched.removeValue(forKey: inode) { inodes[identity] = nil }
  }

  func release(_ id: InodeID) {
    let record = nodes[id]
    if record.pointee.backing != .proc {
      forget(HostIdentity(device: record.pointee.hostDevice, inode: record.pointee.hostInode), of: id)
      forget(record.pointee.lowerIdentity, of: id)
      if let identity = unfetched.removeValue(forKey: id) { forget(identity, of: id) }
    }
    for identity in inSkeleton.removeValue(forKey: id) ?? [] { forget(identity, of: id) }
  }
}

// Directories, which the guest has descriptors to in the skeleton alone.
extension OpenObjects {
  /// The dentry of a directory that a guest's descriptor or current directory refers to.
  func dentry(ofSkeletonDirectory status: stat) -> DentryID? {
    guard status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return directories[HostIdentity(status)]
  }

  func register(_ identity: HostIdentity, asDirectory dentry: DentryID) { directories[identity] = dentry }

  func forget(directory identity: HostIdentity) { directories[identity] = nil }
}

// What only descriptors may lead to.
extension OpenObjects {
  var namelessFiles: [DentryID] { nameless }

  /// - Returns: those that are given up for it, whose dentries are to be freed.
  func remember(nameless dentry: DentryID) -> ArraySlice<DentryID> {
    nameless.append(dentry)
    guard nameless.count > namelessLimit else { return [] }
    let oldest = nameless.prefix(namelessLimit / 2)
    nameless.removeFirst(namelessLimit / 2)
    for dentry in oldest where nodes.inode(of: dentry).pointee.kind == .directory {
      let directory = nodes.directory(of: dentry)
      if let own = directory.lastSkeleton { directories[own] = nil }
      for mount in directory.mounts { directories[mount] = nil }
    }
    generation += 1
    return oldest
  }

  /// Dentries are freed that somebody may remember.
  func didFreeDentries() { generation += 1 }
}
