import CLinux
import Glibc
import SystemPackage
import Tracing

/// The guest's file system: an in-memory tree of dentries over layers, as in a real VFS.
///
/// The tree is the truth while the run lasts. What the run changes is written through to the run's layer on the host, in the
/// format of overlayfs (whiteouts, opaque directories), so that it can be read without this tree.
///
/// What is known is kept by parts, each of which asks only those above it here; the operations that need several of them are this
/// type's, a file for each kind.
final class FileTree {
  let nodes = NodeTree()
  let objects: OpenObjects
  let events: FileEvents
  let lowerLayers: LowerLayers
  let upperLayer: UpperLayer
  let mirror: SkeletonMirror
  let watches: Watches
  let closings: DirectoryClosings
  let versions: Versions
  let mounts: BindMounts
  let interpreters: Interpreters

  /// In a run with a virtual clock.
  let times: FileTimes?
  /// The time below that of all layers when times are squashed: 2001-09-09 01:46:40 UTC, in seconds, or what is as long before a clock's
  /// start.
  let squashedTime: Int

  let host: any HostFiles
  let configuration: FileConfiguration
  /// Who makes the call that is being decided.
  var credentials: UnsafePointer<Credentials>
  /// Whether the guest may have asked for something.
  var hasBegun = false
  /// /proc itself.
  var proc = DentryID.none
  /// What the links in ns/ lead to, by their place in `ProcTables.namespaces`.
  var namespaceFiles: [DentryID] = []
  /// Who makes the next pseudo-terminal.
  var terminalOwner: (uid: UInt32, gid: UInt32)

  /// What an operation is about on the host: each sets them for itself.
  var path = PathBuffer()
  var otherPath = PathBuffer()

  /// What is left to walk of a path and of the links in it; a walk never starts within another.
  let walkStack = UnsafeMutablePointer<Remainder>.allocate(capacity: FileTree.maximumLinks + 2)

  init(
    host: any HostFiles, skeleton: any Skeleton, layers: [Layer], configuration: FileConfiguration,
    credentials: UnsafePointer<Credentials>, events: (any EventSink)?, recordsUses: Bool
  ) {
    self.host = host
    self.configuration = configuration
    self.credentials = credentials
    terminalOwner = (credentials.pointee.user.fileSystem, credentials.pointee.group.fileSystem)
    objects = OpenObjects(nodes)
    self.events = FileEvents(events, recordsUses: recordsUses, nodes, objects)
    lowerLayers = LowerLayers(layers, host, nodes, objects)
    upperLayer = UpperLayer(configuration.places, diskLimit: configuration.diskLimit, host, nodes, lowerLayers)
    let start = configuration.clock.map { Int($0.epoch / 1_000_000_000) - layers.count - 1 }
    squashedTime = min(1_000_000_000, max(0, start ?? .max))
    times = configuration.clock.map { [upperLayer] rule in
      FileTimes(rule, start: upperLayer.start) { (try? upperLayer.status(of: $0)).flatMap { $0 } }
    }
    self.events.times = times
    mirror = SkeletonMirror(skeleton, nodes, objects)
    watches = Watches(host, nodes, upperLayer)
    closings = DirectoryClosings(host, nodes, upperLayer, mirror, watches)
    versions = Versions(host, nodes, objects, upperLayer, mirror, watches)
    mounts = BindMounts(host, nodes, objects, lowerLayers, upperLayer, mirror, versions)
    interpreters = Interpreters(host)
    let directory = Directory(
      lowers: lowerLayers.roots, isComplete: lowerLayers.roots.isEmpty, isUpper: true, store: .run,
      fileSystem: FileSystemID.root)
    directory.fileSystemRoot = true
    let inode = makeInode(.directory, mode: 0o755, backing: .run, fileSystem: FileSystemID.root)
    nodes.setDirectory(directory, of: nodes[inode])
    nodes[inode].pointee.links = 2
    nodes.attach(inode, to: nodes.root)
    nodes[nodes.root].pointee.flags.insert(.inUpper)
  }

  deinit { walkStack.deallocate() }

  /// The guest's `/`.
  @inline(__always)
  var root: DentryID { nodes.root }

  /// The guest has ended: every version gets its place.
  /// - Returns: what the host's files do not tell of the layer.
  func finishLayer(_ renumbering: TraceRenumbering = TraceRenumbering()) throws(Errno) -> [LayerIndex.Line] {
    lowerLayers.noteMovedBases()
    var finish = LayerFinish(
      host, trace: configuration.places.trace, user: configuration.user, nodes, versions, events,
      renumbering, keepsPlaces: times != nil)
    let lines = try finish.run()
    events.process = Event.supervisor
    setTimesOfLayer(finish.lastPlaces)
    return lines
  }
}

// What is kept has the guest's times, too.
extension FileTree {
  private func setTimesOfLayer(_ places: [(place: [UInt8], inode: InodeID)]) {
    guard let times else { return }
    times.caller = nil
    let trace = configuration.places.trace
    for (place, inode) in places {
      path.clear()
      // A path that is too long with the layer's before it keeps the host's times.
      do throws(Errno) {
        try path.append(place)
        var status = try host.status(trace, path.cString)
        times.translate(&status, of: inode, isSeen: false)
        try host.setTimes(trace, path.cString, access: status.st_atim, modification: status.st_mtim)
      } catch {}
    }
  }
}

// What begins and ends in several parts at once.
extension FileTree {
  /// A new inode of the caller's, with the present time.
  func makeInode(_ kind: FileKind, mode: UInt32, backing: Backing, fileSystem: UInt8) -> InodeID {
    // What the run has not made has no time of this day either.
    let isMade = hasBegun && backing != .proc
    let now = configuration.squashesTimes && !isMade ? timespec(tv_sec: squashedTime, tv_nsec: 0) : host.now()
    return nodes.insert(
      Inode(
        kind: kind, backing: backing, flags: [], fileSystem: fileSystem,
        permissions: UInt16(truncatingIfNeeded: mode & 0o7777), uid: credentials.pointee.user.fileSystem,
        gid: credentials.pointee.group.fileSystem, links: 1, side: 0, firstAlias: .none, number: 0,
        size: kind == .directory ? 4096 : 0, blocks: kind == .directory ? 8 : 0, device: 0,
        accessed: now, modified: now, changed: now, hostDevice: 0, hostInode: 0,
        lowerIdentity: HostIdentity(device: 0, inode: 0)))
  }

  /// The inode has no name any more, and no descriptor leads to it.
  func releaseInode(_ id: InodeID) {
    objects.release(id)
    times?.forget(id)
    interpreters.forget(id)
    watches.forget(id)
    closings.forget(id)
    versions.forget(id)
    nodes.release(id)
  }

  /// Frees an unhashed dentry.
  func free(_ dentry: DentryID) {
    events.releaseNode(dentry)
    nodes.free(dentry)
  }

  /// The file has no name any more, but descriptors may lead to it.
  func remember(orphan dentry: DentryID) {
    for forgotten in objects.remember(nameless: dentry) {
      let id = nodes[forgotten].pointee.inode
      nodes.detach(forgotten)
      free(forgotten)
      if nodes[id].pointee.firstAlias == .none { releaseInode(id) }
    }
  }
}

/// What tells one file of the host from all others.
public struct HostIdentity: Hashable, Sendable, BitwiseCopyable {
  public var device: UInt64
  public var inode: UInt64

  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

/// Numbers of the virtual file systems, the minor numbers of st_dev.
enum FileSystemID {
  static let root: UInt8 = 1
  static let tmp: UInt8 = 2
  static let shm: UInt8 = 3
  static let dev: UInt8 = 4
  static let pts: UInt8 = 5
  static let proc: UInt8 = 6
  static let sys: UInt8 = 7
}
