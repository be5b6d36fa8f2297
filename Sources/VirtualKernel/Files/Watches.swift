import CLinux
import Glibc
import SystemPackage

/// How many instances are known at a time: those of programs that have ended go first, since they count as the user's.
private let instanceLimit = 32
/// How many lower files have a stand-in at a time; each is a descriptor.
private let standInLimit = 512

/// What the guest watches by inotify(7). Its inotify instances are the kernel's own, and what its programs read, write and close is told
/// by the kernel without us. What the supervisor does on the host beside or instead of the guest's own call, such as a copy-up, must not show,
/// and what it does must show as what the guest has asked for. So a watch rests at those events that only the guest causes; the call
/// that causes another lets it through while it happens (``tell(_:_:)``), and what the guest has not asked for happens in silence
/// (``hush(_:but:)``). Both change the mask of the watch in the kernel, which no guest can tell.
final class Watches {
  private struct Watch {
    var instance: Int
    /// What the guest knows the watch by.
    var number: Int32
    /// What the guest wants to be told of, and IN_EXCL_UNLINK and IN_ONESHOT.
    var mask: UInt32
  }

  /// A descriptor of the supervisor's to an instance of the guest's.
  private struct Instance {
    var id: Int
    var file: FileDescriptor
    var group: ThreadGroup
    var files: [Int32: InodeID] = [:]
  }

  /// Whether anything was ever watched.
  private(set) var isUsed = false
  private let host: any HostFiles
  private let nodes: NodeTree
  private let upperLayer: UpperLayer
  private var instances: [Instance] = []
  private var lastInstance = 0
  private var all: [InodeID: [Watch]] = [:]
  /// What stands for a file of a lower layer, which the guest must not watch: others may write to it. It has no name, and
  /// becomes the copy when there is one, so that the watch is the same before and after.
  private var standIns: [InodeID: FileDescriptor] = [:]
  /// Copies that are being made by the blocking pool.
  private var copying: Set<InodeID> = []
  /// Whose watches are not at rest.
  private var stirred: [InodeID] = []
  private var path = PathBuffer()

  init(_ host: any HostFiles, _ nodes: NodeTree, _ upperLayer: UpperLayer) {
    self.host = host
    self.nodes = nodes
    self.upperLayer = upperLayer
  }

  deinit {
    for file in descriptors { host.close(file) }
  }

  /// Those of the supervisor's that are kept.
  var descriptors: [FileDescriptor] { instances.map(\.file) + standIns.values }

  private func index(of instance: Int?) -> Int? { instances.firstIndex { $0.id == instance } }
}

// While calls are decided.
extension Watches {
  /// The watches of a file are told of these events, too, until the call is decided.
  @inline(__always)
  func tell(_ events: UInt32, _ dentry: DentryID) {
    if isUsed { stir(dentry, WatchEvents.resting | events) }
  }

  /// Those of a file and of its directory: what happens to a file is told to both.
  @inline(__always)
  func tellBoth(_ events: UInt32, _ dentry: DentryID) {
    guard isUsed else { return }
    stir(dentry, WatchEvents.resting | events)
    stir(nodes[dentry].pointee.parent, WatchEvents.resting | events)
  }

  /// The watches of a file and of its directory are told of nothing but these events until the call is decided.
  @inline(__always)
  func hush(_ dentry: DentryID, but events: UInt32 = 0) {
    guard isUsed else { return }
    stir(dentry, events)
    stir(nodes[dentry].pointee.parent, events)
  }

  @inline(__always)
  func hushDirectory(_ dentry: DentryID) {
    if isUsed { stir(dentry, 0) }
  }

  private func stir(_ dentry: DentryID, _ events: UInt32) {
    let id = nodes[dentry].pointee.inode
    guard all[id] != nil else { return }
    setMasks(id, events)
    stirred.append(id)
  }

  /// All watches are at rest again.
  @inline(__always)
  func settle() {
    if isUsed, !stirred.isEmpty { settleStirred() }
  }

  private func settleStirred() {
    for id in stirred { setMasks(id, WatchEvents.resting) }
    stirred.removeAll(keepingCapacity: true)
  }

  private func setMasks(_ id: InodeID, _ events: UInt32) {
    let events = copying.contains(id) ? 0 : events
    for watch in all[id] ?? [] {
      // The first event takes it away, and setting a mask would make another.
      if watch.mask & WatchEvents.oneShot != 0 { continue }
      guard let index = index(of: watch.instance) else { continue }
      _ = try? setMask(watch.mask & (events | ~WatchEvents.all), of: id, for: instances[index].file)
    }
  }

  /// inotify_add_watch(2) on what stands for a file on the host.
  private func setMask(_ mask: UInt32, of id: InodeID, for file: FileDescriptor) throws(Errno) -> Int32 {
    let mask = mask | WatchEvents.isDirectory
    if let standIn = standIns[id] {
      path.clear()
      return try host.addWatch(file, standIn, path.cString, mask: mask)
    }
    let record = nodes[id]
    guard record.pointee.backing.isUpper, record.pointee.firstAlias != .none else { throw .noSuchFileOrDirectory }
    let name =
      record.pointee.kind == .directory ? record.pointee.firstAlias : nodes.upperName(of: record.pointee.firstAlias)
    let flags = nodes[name].pointee.flags
    guard flags.contains(.inUpper) || name == nodes.root, !flags.contains(.unlinked) else {
      throw .noSuchFileOrDirectory
    }
    try nodes.buildPath(of: name, into: &path)
    return try host.addWatch(
      file, upperLayer.root(record.pointee.backing), path.cString, mask: mask | WatchEvents.dontFollow)
  }
}

// What calls must know, and what they tell.
extension Watches {
  func isWatched(_ dentry: DentryID) -> Bool { isUsed && all[nodes[dentry].pointee.inode] != nil }

  /// Whether somebody wants to know who reads the file: then the guest must not read one of a lower layer, where it is not seen.
  func isReadingWatched(_ dentry: DentryID) -> Bool {
    guard isUsed else { return false }
    return [dentry, nodes[dentry].pointee.parent].contains { name in
      all[nodes[name].pointee.inode]?.contains { $0.mask & WatchEvents.reading != 0 } ?? false
    }
  }

  /// The guest opens or reads a directory; what it has is one of the skeleton.
  func tellDirectory(_ events: UInt32, _ dentry: DentryID) {
    guard isUsed, isReadingWatched(dentry) else { return }
    defer { settle() }
    if !nodes.directory(of: dentry).isUpper {
      // That it is made here is nobody's business. One of a source that is read-only for real cannot be.
      hush(dentry)
      guard (try? upperLayer.ensure(dentry)) != nil else { return }
    }
    hush(dentry, but: events)
    guard (try? nodes.buildPath(of: dentry, into: &path)) != nil else { return }
    let root = upperLayer.root(nodes.directory(of: dentry).store)
    if events == WatchEvents.access {
      try? host.touch(root, path.cString)
    } else if let file = try? host.open(
      root, path.cString, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, mode: 0)
    {
      host.close(file)
    }
  }

  /// A name goes that only a lower layer has: one of the run's own goes in its place.
  func tellDeletion(_ dentry: DentryID) {
    let parent = nodes[dentry].pointee.parent
    guard isWatched(parent), !nodes[dentry].pointee.flags.contains(.inUpper) else { return }
    hushDirectory(parent)
    let root = upperLayer.root(nodes.directory(of: parent).store)
    let isDirectory = nodes.inode(of: dentry).pointee.kind == .directory
    do throws(Errno) {
      try upperLayer.ensure(parent)
      try nodes.buildPath(of: dentry, into: &path)
      if isDirectory {
        try host.makeDirectory(root, path.cString, mode: 0o700)
      } else {
        try host.makeNode(root, path.cString, mode: S_IFREG | 0o600, device: 0)
      }
      tell(WatchEvents.delete, parent)
      try nodes.buildPath(of: dentry, into: &path)
      try host.remove(root, path.cString, isDirectory: isDirectory)
    } catch {}
    settle()
  }

  /// The owner of a file is only remembered, and so is the mode of one without a name: its mode on the host is set to what it is.
  /// - Parameter open: the guest's open file, if it has no name.
  func tellAttributes(_ dentry: DentryID, _ open: FileDescriptor? = nil) {
    guard isUsed, isWatched(dentry) || isWatched(nodes[dentry].pointee.parent) else { return }
    let record = nodes.inode(of: dentry)
    if let open {
      tellBoth(WatchEvents.attributes, dentry)
      if let mode = try? host.status(of: open).st_mode { try? host.setMode(of: open, mode & 0o7777) }
      return
    }
    let name = nodes.upperName(of: dentry)
    guard record.pointee.backing.isUpper, record.pointee.kind != .symbolicLink,
      nodes[name].pointee.flags.contains(.inUpper)
    else { return }
    tellBoth(WatchEvents.attributes, dentry)
    touchMode(dentry)
  }

  /// Sets the mode on the host to what it is.
  func touchMode(_ dentry: DentryID) {
    let record = nodes.inode(of: dentry)
    guard (try? nodes.buildPath(of: nodes.upperName(of: dentry), into: &path)) != nil else { return }
    try? host.setMode(
      upperLayer.root(record.pointee.backing), path.cString,
      UpperLayer.hostMode(record.pointee.mode, isDirectory: record.pointee.kind == .directory))
  }
}

// Stand-ins.
extension Watches {
  /// What stands for a lower file becomes its copy.
  /// - Returns: nil if nothing stands for it.
  func standIn(of dentry: DentryID) -> FileDescriptor? {
    isUsed ? standIns[nodes[dentry].pointee.inode] : nil
  }

  /// The same for a copy that the blocking pool makes.
  func beginCopy(of dentry: DentryID) -> FileDescriptor? {
    let id = nodes[dentry].pointee.inode
    guard isUsed, let file = standIns.removeValue(forKey: id) else { return nil }
    copying.insert(id)
    return file
  }

  /// What stood for the file does so again if it has not become the copy, and may be of no use any more.
  func endCopy(_ file: FileDescriptor, of id: InodeID, _ dentry: DentryID) {
    copying.remove(id)
    hush(dentry)
    let record = nodes[id]
    guard all[id] != nil, record.pointee.backing == .lower, record.pointee.links > 0 else {
      host.close(file)
      return
    }
    standIns[id] = file
    renewStandIn(of: dentry)
  }

  /// Whether the blocking pool makes what stands for the file a copy of it.
  func isCopying(_ id: InodeID) -> Bool { isUsed && copying.contains(id) }

  func hasStandIn(_ id: InodeID) -> Bool { standIns[id] != nil }

  /// Each is a descriptor, so that a file is better copied where there are many.
  var hasManyStandIns: Bool { standIns.count >= standInLimit }

  /// It is as it was before the copy that came to nothing.
  func renewStandIn(of dentry: DentryID) {
    let id = nodes[dentry].pointee.inode
    guard let old = standIns[id] else { return }
    hush(dentry)
    defer { settle() }
    try? host.truncate(old, to: 0)
    guard let new = try? host.reopen(old, flags: O_RDWR | O_CLOEXEC) else { return }
    standIns[id] = new
    host.close(old)
  }

  func dropStandIn(of id: InodeID) {
    guard isUsed, let file = standIns.removeValue(forKey: id) else { return }
    host.close(file)
  }

  /// The file has lost its last name.
  func dropStandInOfRemoved(_ dentry: DentryID) {
    guard nodes.inode(of: dentry).pointee.links == 0, let file = standIn(of: dentry) else { return }
    stir(dentry, WatchEvents.attributes | WatchEvents.deleteSelf)
    // Its links are fewer, which those of a file without a name cannot be.
    try? host.setMode(of: file, 0o600)
    dropStandIn(of: nodes[dentry].pointee.inode)
  }

  func forget(_ id: InodeID) {
    guard isUsed else { return }
    dropStandIn(of: id)
    all[id] = nil
  }

  func makeStandIn(for dentry: DentryID) throws(Errno) {
    let parent = nodes[dentry].pointee.parent
    let store = nodes.inode(of: dentry).pointee.backing == .lower ? nodes.directory(of: parent).store : .run
    let file = try host.open(upperLayer.root(store), "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    standIns[nodes[dentry].pointee.inode] = file
  }
}

// inotify_add_watch(2) and inotify_rm_watch(2).
extension Watches {
  /// From now on events are told.
  func begin() { isUsed = true }

  /// - Parameters:
  ///   - inotify: a descriptor to the guest's instance.
  ///   - isKept: whether the descriptor is ours now.
  /// - Returns: the watch's number.
  func add(
    _ dentry: DentryID, _ inotify: FileDescriptor, _ group: ThreadGroup, mask: UInt32, isKept: inout Bool
  ) throws(Errno) -> Int32 {
    let id = nodes[dentry].pointee.inode
    var instance = instances.first { host.isSame($0.file, inotify) }?.id
    let known = all[id]?.firstIndex { $0.instance == instance }
    if known != nil, mask & WatchEvents.maskCreate != 0 { throw .fileExists }
    var wanted = mask & (WatchEvents.all | WatchEvents.exclUnlink | WatchEvents.oneShot)
    if let known, mask & WatchEvents.maskAdd != 0 { wanted |= all[id]![known].mask }
    let resting = wanted & WatchEvents.oneShot != 0 ? WatchEvents.all : WatchEvents.resting
    let number = try setMask(wanted & (resting | ~WatchEvents.all), of: id, for: inotify)
    if instance == nil {
      for old in instances where old.group.threads.isEmpty { letGo(old) }
      if instances.count >= instanceLimit { letGo(instances[0]) }
      lastInstance += 1
      instances.append(Instance(id: lastInstance, file: inotify, group: group))
      instance = lastInstance
      isKept = true
    }
    let watch = Watch(instance: instance!, number: number, mask: wanted)
    if let known { all[id]![known] = watch } else { all[id, default: []].append(watch) }
    instances[index(of: instance)!].files[number] = id
    return number
  }

  /// The instance is left to the kernel: from now on it is told of everything that happens on the host.
  private func letGo(_ instance: Instance) {
    for id in Set(instance.files.values) {
      for watch in all[id] ?? [] where watch.instance == instance.id && watch.mask & WatchEvents.oneShot == 0 {
        _ = try? setMask(watch.mask, of: id, for: instance.file)
      }
      drop(of: id) { $0.instance == instance.id }
    }
    instances.removeAll { $0.id == instance.id }
    host.close(instance.file)
  }

  private func drop(of id: InodeID, where isDropped: (Watch) -> Bool) {
    all[id]?.removeAll(where: isDropped)
    guard all[id]?.isEmpty ?? false else { return }
    all[id] = nil
    dropStandIn(of: id)
  }

  func unwatch(_ inotify: FileDescriptor, _ number: Int32) throws(Errno) {
    try host.removeWatch(inotify, number)
    guard let index = instances.firstIndex(where: { host.isSame($0.file, inotify) }),
      let id = instances[index].files.removeValue(forKey: number)
    else { return }
    let instance = instances[index].id
    drop(of: id) { $0.instance == instance && $0.number == number }
  }
}
