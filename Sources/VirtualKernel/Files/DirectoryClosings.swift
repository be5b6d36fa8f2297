import CLinux
import Glibc
import SystemPackage

/// Closes of directories, for who watches them: the kernel closes without us, and what the guest opens is a directory of the skeleton, while
/// what it watches is another.
final class DirectoryClosings {
  /// Waits for events of an inotify instance from now on, and then calls `VirtualKernel.takeClosings`.
  var wait: ((FileDescriptor) -> Bool)?
  private let host: any HostFiles
  private let nodes: NodeTree
  private let upperLayer: UpperLayer
  private let mirror: SkeletonMirror
  private let watches: Watches
  /// An inotify instance of the supervisor's own, which is closed by who waits for it.
  private var own: FileDescriptor?
  private var directories: [Int32: InodeID] = [:]
  /// Removed directories that the guest has open still, by the same watch: their end comes with the last close.
  private var ending: [Int32: FileDescriptor] = [:]
  private var path = PathBuffer()

  init(
    _ host: any HostFiles, _ nodes: NodeTree, _ upperLayer: UpperLayer, _ mirror: SkeletonMirror, _ watches: Watches
  ) {
    self.host = host
    self.nodes = nodes
    self.upperLayer = upperLayer
    self.mirror = mirror
    self.watches = watches
  }

  deinit {
    for file in descriptors { host.close(file) }
  }

  /// Those of the supervisor's that are kept, but for the instance.
  var descriptors: [FileDescriptor] { Array(ending.values) }

  /// The guest opens a directory: it is told of that, and of the last close.
  /// - Parameter file: the directory of the skeleton.
  func tellOpened(_ dentry: DentryID, _ file: FileDescriptor) {
    guard watches.isReadingWatched(dentry) else { return }
    watches.tellDirectory(WatchEvents.open, dentry)
    if own == nil, let new = try? host.makeInotify() {
      if wait?(new) ?? false { own = new } else { host.close(new) }
    }
    guard let own else { return }
    path.clear()
    let events = WatchEvents.closeNoWrite | WatchEvents.deleteSelf
    let number = try? host.addWatch(own, file, path.cString, mask: events)
    if let number { directories[number] = nodes[dentry].pointee.inode }
  }

  /// What the guest has closed without us is told before anything else happens.
  @inline(__always)
  func take() {
    if let own { take(own) }
  }

  private func take(_ own: FileDescriptor) {
    host.takeEvents(own) { number, events in
      if events & WatchEvents.closeNoWrite != 0 { directoryWasClosed(number) }
      if events & WatchEvents.deleteSelf != 0 { directoryHasEnded(number) }
    }
  }

  private func directoryWasClosed(_ number: Int32) {
    guard let id = directories[number], nodes[id].pointee.kind == .directory,
      nodes[id].pointee.links > 0, nodes[id].pointee.firstAlias != .none
    else { return }
    watches.tellDirectory(WatchEvents.closeNoWrite, nodes[id].pointee.firstAlias)
  }

  /// The last close of a removed directory is that of what was kept open in its place.
  private func directoryHasEnded(_ number: Int32) {
    directories[number] = nil
    guard let file = ending.removeValue(forKey: number) else { return }
    host.close(file)
  }

  /// A directory that the guest may have open is about to be removed: so that its end is not told before the last close. What it is in the
  /// skeleton goes first, for then it is known whether somebody has it open.
  func keepOpened(_ dentry: DentryID) {
    guard watches.isWatched(dentry), let own, nodes.directory(of: dentry).isUpper else { return }
    let id = nodes[dentry].pointee.inode
    guard let number = directories.first(where: { $0.value == id })?.key else { return }
    watches.hush(dentry)
    let root = upperLayer.root(nodes.directory(of: dentry).store)
    if (try? nodes.buildPath(of: dentry, into: &path)) != nil,
      let file = try? host.open(
        root, path.cString, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, mode: 0)
    {
      ending[number] = file
      // To remove it the supervisor opens it, too.
      directories[number] = nil
      mirror.drop(dentry)
      take(own)
    }
    watches.settle()
  }

  func forget(_ id: InodeID) {
    guard !directories.isEmpty, nodes[id].pointee.kind == .directory else { return }
    for (number, known) in directories where known == id { directories[number] = nil }
  }
}
