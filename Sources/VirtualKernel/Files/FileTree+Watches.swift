import CLinux
import Glibc
import SystemPackage

extension FileTree {
  // MARK: While calls are decided

  /// The watches of a file are told of these events, too, until the call is decided.
  @inline(__always)
  func tell(_ events: UInt32, _ dentry: DentryID) {
    if hasWatches { stir(dentry, WatchEvents.resting | events) }
  }

  /// Those of a file and of its directory: what happens to a file is told to both.
  @inline(__always)
  func tellBoth(_ events: UInt32, _ dentry: DentryID) {
    guard hasWatches else { return }
    stir(dentry, WatchEvents.resting | events)
    stir(dentries[dentry].pointee.parent, WatchEvents.resting | events)
  }

  /// The watches of a file and of its directory are told of nothing but these events until the call is decided.
  @inline(__always)
  func hush(_ dentry: DentryID, but events: UInt32 = 0) {
    guard hasWatches else { return }
    stir(dentry, events)
    stir(dentries[dentry].pointee.parent, events)
  }

  @inline(__always)
  func hushDirectory(_ dentry: DentryID) {
    if hasWatches { stir(dentry, 0) }
  }

  private func stir(_ dentry: DentryID, _ events: UInt32) {
    let id = dentries[dentry].pointee.inode
    guard watches.all[id] != nil else { return }
    setMasks(id, events)
    watches.stirred.append(id)
  }

  /// All watches are at rest again.
  @inline(__always)
  func settleWatches() {
    if hasWatches, !watches.stirred.isEmpty { settle() }
  }

  private func settle() {
    for id in watches.stirred { setMasks(id, WatchEvents.resting) }
    watches.stirred.removeAll(keepingCapacity: true)
  }

  private func setMasks(_ id: InodeID, _ events: UInt32) {
    let events = watches.copying.contains(id) ? 0 : events
    for watch in watches.all[id] ?? [] {
      // The first event takes it away, and setting a mask would make another.
      if watch.mask & WatchEvents.oneShot != 0 { continue }
      guard let index = watches.index(of: watch.instance) else { continue }
      _ = try? setMask(watch.mask & (events | ~WatchEvents.all), of: id, for: watches.instances[index].file)
    }
  }

  /// inotify_add_watch(2) on what stands for a file on the host.
  private func setMask(_ mask: UInt32, of id: InodeID, for file: FileDescriptor) throws(Errno) -> Int32 {
    let mask = mask | WatchEvents.isDirectory
    if let standIn = watches.standIns[id] {
      watchPath.clear()
      return try host.addWatch(file, standIn, watchPath.cString, mask: mask)
    }
    let record = inodes[id.index]
    guard record.pointee.backing.isUpper, record.pointee.firstAlias != .none else { throw .noSuchFileOrDirectory }
    let name = record.pointee.kind == .directory ? record.pointee.firstAlias : upperName(of: record.pointee.firstAlias)
    let flags = dentries[name].pointee.flags
    guard flags.contains(.inUpper) || name == root, !flags.contains(.unlinked) else { throw .noSuchFileOrDirectory }
    try buildPath(of: name, into: &watchPath)
    return try host.addWatch(
      file, upperRoot(record.pointee.backing), watchPath.cString, mask: mask | WatchEvents.dontFollow)
  }

  // MARK: What calls must know

  func isWatched(_ dentry: DentryID) -> Bool { hasWatches && watches.all[dentries[dentry].pointee.inode] != nil }

  /// Whether somebody wants to know who reads the file: then the guest must not read one of a lower layer, where it is not seen.
  func isReadingWatched(_ dentry: DentryID) -> Bool {
    guard hasWatches else { return false }
    return [dentry, dentries[dentry].pointee.parent].contains { name in
      watches.all[dentries[name].pointee.inode]?.contains { $0.mask & WatchEvents.reading != 0 } ?? false
    }
  }

  /// The guest opens or reads a directory; what it has is one of the skeleton.
  func tellDirectory(_ events: UInt32, _ dentry: DentryID) {
    guard hasWatches, isReadingWatched(dentry) else { return }
    defer { settleWatches() }
    if !directory(of: dentry).isUpper {
      // That it is made here is nobody's business. One of a source that is read-only for real cannot be.
      hush(dentry)
      guard (try? ensureUpper(dentry)) != nil else { return }
    }
    hush(dentry, but: events)
    guard (try? buildPath(of: dentry, into: &watchPath)) != nil else { return }
    let root = upperRoot(directory(of: dentry).store)
    if events == WatchEvents.access {
      try? host.touch(root, watchPath.cString)
    } else if let file = try? host.open(
      root, watchPath.cString, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, mode: 0)
    {
      host.close(file)
    }
  }

  /// The guest opens a directory: it is told of that, and of the last close.
  /// - Parameter file: the directory of the skeleton.
  func tellOpened(_ dentry: DentryID, _ file: FileDescriptor) {
    guard hasWatches, isReadingWatched(dentry) else { return }
    tellDirectory(WatchEvents.open, dentry)
    if watches.closings == nil, let own = try? host.makeInotify() {
      if waitForClosings?(own) ?? false { watches.closings = own } else { host.close(own) }
    }
    guard let closings = watches.closings else { return }
    watchPath.clear()
    let events = WatchEvents.closeNoWrite | WatchEvents.deleteSelf
    let number = try? host.addWatch(closings, file, watchPath.cString, mask: events)
    if let number { watches.closingDirectories[number] = dentries[dentry].pointee.inode }
  }

  /// What the guest has closed without us is told before anything else happens.
  @inline(__always)
  func takeClosings() {
    if hasWatches, let closings = watches.closings { take(closings) }
  }

  private func take(_ closings: FileDescriptor) {
    host.takeEvents(closings) { number, events in
      if events & WatchEvents.closeNoWrite != 0 { directoryWasClosed(number) }
      if events & WatchEvents.deleteSelf != 0 { directoryHasEnded(number) }
    }
  }

  private func directoryWasClosed(_ number: Int32) {
    guard let id = watches.closingDirectories[number], inodes[id.index].pointee.kind == .directory,
      inodes[id.index].pointee.links > 0, inodes[id.index].pointee.firstAlias != .none
    else { return }
    tellDirectory(WatchEvents.closeNoWrite, inodes[id.index].pointee.firstAlias)
  }

  /// The last close of a removed directory is that of what was kept open in its place.
  private func directoryHasEnded(_ number: Int32) {
    watches.closingDirectories[number] = nil
    guard let file = watches.ending.removeValue(forKey: number) else { return }
    host.close(file)
  }

  /// A directory that the guest may have open is about to be removed: so that its end is not told before the last close. What it is in the
  /// skeleton goes first, for then it is known whether somebody has it open.
  func keepOpened(_ dentry: DentryID) {
    guard isWatched(dentry), let closings = watches.closings, directory(of: dentry).isUpper else { return }
    let id = dentries[dentry].pointee.inode
    guard let number = watches.closingDirectories.first(where: { $0.value == id })?.key else { return }
    hush(dentry)
    let root = upperRoot(directory(of: dentry).store)
    if (try? buildPath(of: dentry, into: &watchPath)) != nil,
      let file = try? host.open(
        root, watchPath.cString, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, mode: 0)
    {
      watches.ending[number] = file
      // To remove it the supervisor opens it, too.
      watches.closingDirectories[number] = nil
      dropFromSkeleton(dentry)
      take(closings)
    }
    settleWatches()
  }

  /// A name goes that only a lower layer has: one of the run's own goes in its place.
  func tellDeletion(_ dentry: DentryID) {
    let parent = dentries[dentry].pointee.parent
    guard isWatched(parent), !dentries[dentry].pointee.flags.contains(.inUpper) else { return }
    hushDirectory(parent)
    let root = upperRoot(directory(of: parent).store)
    let isDirectory = inode(of: dentry).pointee.kind == .directory
    do throws(Errno) {
      try ensureUpper(parent)
      try buildPath(of: dentry, into: &watchPath)
      if isDirectory {
        try host.makeDirectory(root, watchPath.cString, mode: 0o700)
      } else {
        try host.makeNode(root, watchPath.cString, mode: S_IFREG | 0o600, device: 0)
      }
      tell(WatchEvents.delete, parent)
      try buildPath(of: dentry, into: &watchPath)
      try host.remove(root, watchPath.cString, isDirectory: isDirectory)
    } catch {}
    settleWatches()
  }

  /// The owner of a file is only remembered, and so is the mode of one without a name: its mode on the host is set to what it is.
  /// - Parameter open: the guest's open file, if it has no name.
  func tellAttributes(_ dentry: DentryID, _ open: FileDescriptor? = nil) {
    guard hasWatches, isWatched(dentry) || isWatched(dentries[dentry].pointee.parent) else { return }
    let record = inode(of: dentry)
    if let open {
      tellBoth(WatchEvents.attributes, dentry)
      if let mode = try? host.status(of: open).st_mode { try? host.setMode(of: open, mode & 0o7777) }
      return
    }
    let name = upperName(of: dentry)
    guard record.pointee.backing.isUpper, record.pointee.kind != .symbolicLink,
      dentries[name].pointee.flags.contains(.inUpper)
    else { return }
    tellBoth(WatchEvents.attributes, dentry)
    touchMode(dentry)
  }

  /// Sets the mode on the host to what it is.
  func touchMode(_ dentry: DentryID) {
    let record = inode(of: dentry)
    guard (try? buildPath(of: upperName(of: dentry), into: &watchPath)) != nil else { return }
    try? host.setMode(
      upperRoot(record.pointee.backing), watchPath.cString,
      Self.hostMode(record.pointee.mode, isDirectory: record.pointee.kind == .directory))
  }

  // MARK: Stand-ins

  /// What stands for a lower file becomes its copy.
  /// - Returns: nil if nothing stands for it.
  func standIn(of dentry: DentryID) -> FileDescriptor? {
    hasWatches ? watches.standIns[dentries[dentry].pointee.inode] : nil
  }

  /// It is as it was before the copy that came to nothing.
  func renewStandIn(of dentry: DentryID) {
    let id = dentries[dentry].pointee.inode
    guard let old = watches.standIns[id] else { return }
    hush(dentry)
    defer { settleWatches() }
    try? host.truncate(old, to: 0)
    guard let new = try? host.reopen(old, flags: O_RDWR | O_CLOEXEC) else { return }
    watches.standIns[id] = new
    host.close(old)
  }

  func dropStandIn(of id: InodeID) {
    guard hasWatches, let file = watches.standIns.removeValue(forKey: id) else { return }
    host.close(file)
  }

  /// The file has lost its last name.
  func dropStandInOfRemoved(_ dentry: DentryID) {
    guard inode(of: dentry).pointee.links == 0, let file = standIn(of: dentry) else { return }
    stir(dentry, WatchEvents.attributes | WatchEvents.deleteSelf)
    // Its links are fewer, which those of a file without a name cannot be.
    try? host.setMode(of: file, 0o600)
    dropStandIn(of: dentries[dentry].pointee.inode)
  }

  func forgetWatches(of id: InodeID) {
    guard hasWatches else { return }
    dropStandIn(of: id)
    watches.all[id] = nil
    guard inodes[id.index].pointee.kind == .directory else { return }
    for (number, known) in watches.closingDirectories where known == id { watches.closingDirectories[number] = nil }
  }

  private func makeStandIn(for dentry: DentryID) throws(Errno) {
    let parent = dentries[dentry].pointee.parent
    let store = inode(of: dentry).pointee.backing == .lower ? directory(of: parent).store : .run
    let file = try host.open(upperRoot(store), "", flags: O_TMPFILE_ | O_RDWR | O_CLOEXEC, mode: 0o600)
    watches.standIns[dentries[dentry].pointee.inode] = file
  }

  // MARK: inotify_add_watch(2) and inotify_rm_watch(2)

  /// Something on the host that the watch can be put on: the file itself if it is the run's own.
  /// - Returns: work that must be waited for, or nil if there is.
  private func prepareWatch(_ dentry: DentryID) throws(Errno) -> (any BlockingWork)? {
    let record = inode(of: dentry)
    let id = dentries[dentry].pointee.inode
    if watches.standIns[id] != nil { return nil }
    if watches.copying.contains(id) { return AnotherCopy() }
    switch (record.pointee.backing, record.pointee.kind) {
    case (.run, .directory), (.tmp, .directory), (.lower, .directory):
      do throws(Errno) { try ensureUpper(dentry) } catch {
        // In a source that is read-only for real nothing will change.
        if error != .readOnlyFileSystem { throw error }
        try makeStandIn(for: dentry)
      }
    case (.run, _), (.tmp, _): break
    case (.lower, let kind):
      // A link that no layer has.
      guard (try? buildLowerPath(of: dentry)) != nil else { throw .noSuchFileOrDirectory }
      if kind == .regular, watches.standIns.count < Watches.standInLimit {
        try makeStandIn(for: dentry)
        return nil
      }
      do throws(Errno) { return try copyUp(dentry) } catch {
        if error != .readOnlyFileSystem { throw error }
        try makeStandIn(for: dentry)
      }
    case (.proc, _), (.device, _), (.skeleton, _): try makeStandIn(for: dentry)
    }
    return nil
  }

  /// - Parameters:
  ///   - inotify: a descriptor to the guest's instance.
  ///   - isKept: whether the descriptor is the tree's now.
  /// - Returns: the watch's number, or work that must be waited for.
  func watch(
    _ dentry: DentryID, _ inotify: FileDescriptor, _ group: ThreadGroup, mask: UInt32, isKept: inout Bool
  ) throws(Errno) -> Outcome {
    let id = dentries[dentry].pointee.inode
    hasWatches = true
    if let work = try prepareWatch(dentry) { return .blocked(on: work) }
    var instance = watches.instances.first { host.isSame($0.file, inotify) }?.id
    let known = watches.all[id]?.firstIndex { $0.instance == instance }
    if known != nil, mask & WatchEvents.maskCreate != 0 { throw .fileExists }
    var wanted = mask & (WatchEvents.all | WatchEvents.exclUnlink | WatchEvents.oneShot)
    if let known, mask & WatchEvents.maskAdd != 0 { wanted |= watches.all[id]![known].mask }
    let resting = wanted & WatchEvents.oneShot != 0 ? WatchEvents.all : WatchEvents.resting
    let number = try setMask(wanted & (resting | ~WatchEvents.all), of: id, for: inotify)
    if instance == nil {
      for old in watches.instances where old.group.threads.isEmpty { letGo(old) }
      if watches.instances.count >= Watches.instanceLimit { letGo(watches.instances[0]) }
      instance = watches.insert(inotify, group)
      isKept = true
    }
    let watch = Watches.Watch(instance: instance!, number: number, mask: wanted)
    if let known { watches.all[id]![known] = watch } else { watches.all[id, default: []].append(watch) }
    watches.instances[watches.index(of: instance)!].files[number] = id
    return .value(Int64(number))
  }

  /// The instance is left to the kernel: from now on it is told of everything that happens on the host.
  private func letGo(_ instance: Watches.Instance) {
    for id in Set(instance.files.values) {
      for watch in watches.all[id] ?? [] where watch.instance == instance.id && watch.mask & WatchEvents.oneShot == 0 {
        _ = try? setMask(watch.mask, of: id, for: instance.file)
      }
      drop(of: id) { $0.instance == instance.id }
    }
    watches.instances.removeAll { $0.id == instance.id }
    host.close(instance.file)
  }

  private func drop(of id: InodeID, where isDropped: (Watches.Watch) -> Bool) {
    watches.all[id]?.removeAll(where: isDropped)
    guard watches.all[id]?.isEmpty ?? false else { return }
    watches.all[id] = nil
    dropStandIn(of: id)
  }

  func unwatch(_ inotify: FileDescriptor, _ number: Int32) throws(Errno) {
    try host.removeWatch(inotify, number)
    guard let index = watches.instances.firstIndex(where: { host.isSame($0.file, inotify) }),
      let id = watches.instances[index].files.removeValue(forKey: number)
    else { return }
    let instance = watches.instances[index].id
    drop(of: id) { $0.instance == instance && $0.number == number }
  }
}
