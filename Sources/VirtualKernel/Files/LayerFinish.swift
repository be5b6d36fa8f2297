import CLinux
import Glibc
import SystemPackage
import Tracing

/// The end of a run: while it lasted, `files/` was the live tree and older versions were put aside by number. Now every version
/// gets its place: the first of a path in `files/`, later ones in `files-<pid>/` of their writers.
struct LayerFinish: ~Copyable {
  private let host: any HostFiles
  private let trace: FileDescriptor
  private let user: GuestUser
  private let nodes: NodeTree
  private let versions: Versions
  private let events: FileEvents
  /// Who replaced or removed the version that gets its place.
  private var process: UInt32
  /// Where the next version of a path by a process is tried: one may have made thousands.
  private var attempts: [PlaceKey: Int] = [:]
  private var displaced: [Displaced] = []
  private var lines: [LayerIndex.Line] = []
  /// The places of versions that are not the last of their path, and of those that are, if there are others.
  private var places: [[UInt8]] = []
  private var live: [(place: [UInt8], path: [UInt8], inode: InodeID)] = []
  /// Where the last version of a path is, if that is not `files`.
  private var directories: [[UInt8]: [UInt8]] = [:]
  private let renumbering: TraceRenumbering
  private let keepsPlaces: Bool
  /// Where each file stands at the end that the run has written, if that is wanted.
  private(set) var lastPlaces: [(place: [UInt8], inode: InodeID)] = []
  private var path = PathBuffer()
  private var otherPath = PathBuffer()

  init(
    _ host: any HostFiles, trace: FileDescriptor, user: GuestUser, _ nodes: NodeTree, _ versions: Versions,
    _ events: FileEvents, _ renumbering: TraceRenumbering, keepsPlaces: Bool
  ) {
    self.renumbering = renumbering
    self.keepsPlaces = keepsPlaces
    self.host = host
    self.trace = trace
    self.user = user
    self.nodes = nodes
    self.versions = versions
    self.events = events
    process = events.process
  }

  /// - Returns: what the host's files do not tell of the layer.
  mutating func run() throws(Errno) -> [LayerIndex.Line] {
    var hasFirst: Set<[UInt8]> = []
    for version in versions.takeKept() {
      process = version.successor
      if hasFirst.insert(version.path).inserted, (try? placeFirst(version)) == true { continue }
      let from = archived(version.version)
      let directory = place(from, version.path, pid: version.writer, version: version.version)
      if let directory { places.append(directory + [UInt8(ascii: "/")] + version.path) }
    }
    // After the versions before them, so that the names of the directories are in order.
    for last in displaced {
      process = last.process
      guard let directory = place(last.place, last.path, pid: last.process, version: last.version) else {
        throw .fileNameTooLong
      }
      if !last.isWhiteout { directories[last.path] = directory }
    }
    try describeLive()
    // A last version that shares its file with others has more names on the host than in the tree.
    var contents = SharedContents(host, in: trace)
    let shared = contents.storeOnce(places, live: live.map(\.place))
    let described = Set(lines.map(\.path))
    for file in live where shared.contains(file.place) && !described.contains(file.path) {
      lines.append(line(file.path, LayerIndex.files, nodes[file.inode]))
    }
    lines.sort { $0.path.lexicographicallyPrecedes($1.path) }
    return lines
  }

  private func archived(_ version: UInt32) -> [UInt8] { Array("archive/\(version)".utf8) }

  /// Puts the first version of a path to `files/`; what stands there now gives way.
  /// - Returns: false if a directory stands there, or something that is none stands in the way.
  private mutating func placeFirst(_ version: KeptVersion) throws(Errno) -> Bool {
    let place = Array("files/".utf8) + version.path
    if let occupant = try status(place) {
      // What stands there could not be put beside it under a longer name.
      if occupant.st_mode & S_IFMT == S_IFDIR || place.count + longestAddition > Int(PATH_MAX) { return false }
      let isWhiteout = occupant.st_mode & S_IFMT == S_IFCHR
      let live = liveFile(at: version.path)
      let writer = live.flatMap { $0.pointee.writer == 0 ? nil : $0.pointee.writer } ?? version.successor
      try versions.makeArchive()
      let aside = Array("archive/last-\(displaced.count)".utf8)
      try move(place, to: aside)
      displaced.append(
        Displaced(
          place: aside, path: version.path, process: writer, version: live?.pointee.version ?? 0,
          isWhiteout: isWhiteout))
      directories[version.path] = LayerIndex.absent
    } else {
      guard let top = try makeParents(of: place, keeping: 1) else { return false }
      directories[top.isEmpty ? version.path : Array(top.dropFirst("files/".utf8.count))] = LayerIndex.absent
    }
    try move(archived(version.version), to: place)
    events.recordStored(version.version, at: place, by: process)
    places.append(place)
    return true
  }

  /// Moves a file to `files-<pid>/`, or to `files-<pid>+<n>/` if the process has made more than one version of it.
  /// - Returns: the directory below the trace, nil if it stays where it is.
  private mutating func place(_ from: [UInt8], _ path: [UInt8], pid: UInt32, version: UInt32) -> [UInt8]? {
    let key = PlaceKey(path: path, process: pid)
    let number = renumbering.number(of: pid)
    for attempt in (attempts[key] ?? 1)...Int.max {
      attempts[key] = attempt + 1
      let directory = Array((attempt == 1 ? "files-\(number)" : "files-\(number)+\(attempt)").utf8)
      let place = directory + [UInt8(ascii: "/")] + path
      do throws(Errno) {
        guard try makeParents(of: place, keeping: 0) != nil, try status(place) == nil else { continue }
        try move(from, to: place)
      } catch { break }
      events.recordStored(version, at: place, by: process)
      return directory
    }
    events.recordStored(version, at: from, by: process)
    return nil
  }

  private func liveFile(at path: [UInt8]) -> UnsafeMutablePointer<Inode>? {
    var current = nodes.root
    for component in path.split(separator: UInt8(ascii: "/")) {
      current = Array(component).withUnsafeBufferPointer { nodes.find(current, $0) }
      guard current != .none, nodes[current].pointee.inode != .none else { return nil }
    }
    return nodes.inode(of: current)
  }

  /// mkdir -p of all but the last component.
  /// - Parameter keeping: so many components must be there already.
  /// - Returns: the topmost directory that was made, empty if none was; nil if something is in the way.
  private mutating func makeParents(of place: [UInt8], keeping: Int) throws(Errno) -> [UInt8]? {
    var top: [UInt8] = []
    let components = place.split(separator: UInt8(ascii: "/")).dropLast()
    for count in components.indices.dropFirst(keeping) {
      let directory = Array(components[...count].joined(separator: [UInt8(ascii: "/")]))
      if let known = try status(directory) {
        if known.st_mode & S_IFMT != S_IFDIR { return nil }
        continue
      }
      let times = try timesAround(directory)
      try setPath(directory)
      try host.makeDirectory(trace, path.cString, mode: 0o755)
      try restore(times, around: directory)
      if top.isEmpty { top = directory }
    }
    return top
  }

  private mutating func status(_ place: [UInt8]) throws(Errno) -> stat? {
    try setPath(place)
    do throws(Errno) { return try host.status(trace, path.cString) } catch {
      if error == .noSuchFileOrDirectory { return nil }
      throw error
    }
  }

  /// The directories keep their times, which are the guest's.
  private mutating func move(_ from: [UInt8], to: [UInt8]) throws(Errno) {
    let times = (try timesAround(from), try timesAround(to))
    otherPath.clear()
    try otherPath.append(from)
    try setPath(to)
    try host.rename(trace, otherPath.cString, trace, path.cString, flags: 0)
    try restore(times.0, around: from)
    try restore(times.1, around: to)
  }

  /// The times of the directory that a place is in.
  private mutating func timesAround(_ place: [UInt8]) throws(Errno) -> stat {
    try setPath(Self.parent(of: place))
    return try host.status(trace, path.cString)
  }

  private mutating func restore(_ times: stat, around place: [UInt8]) throws(Errno) {
    try setPath(Self.parent(of: place))
    try host.setTimes(trace, path.cString, access: times.st_atim, modification: times.st_mtim)
  }

  static func parent(of place: [UInt8]) -> [UInt8] {
    Array(place[..<(place.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
  }

  private mutating func setPath(_ bytes: [UInt8]) throws(Errno) {
    path.clear()
    try path.append(bytes)
  }

  /// A line for every file of the layer whose owner or mode the host's file does not tell.
  private mutating func describeLive() throws(Errno) {
    var pending: [(DentryID, [UInt8])] = [(nodes.root, [])]
    while let (parent, parentPath) = pending.popLast() {
      for child in nodes.directory(of: parent).children
      where child != .none && nodes[child].pointee.flags.contains(.inUpper) {
        let record = nodes.inode(of: child)
        guard record.pointee.backing == .run else { continue }
        let path = (parentPath.isEmpty ? [] : parentPath + [UInt8(ascii: "/")]) + nodes.name(of: child)
        if record.pointee.kind == .directory { pending.append((child, path)) }
        let moved = directories[path]
        // By a longer one nothing is reached, and those of a deep tree take the square of its depth.
        let isReached = path.count < Int(PATH_MAX)
        if keepsPlaces, isReached, moved != LayerIndex.absent {
          lastPlaces.append(((moved ?? LayerIndex.files) + [UInt8(ascii: "/")] + path, nodes[child].pointee.inode))
        }
        if !places.isEmpty, isReached, record.pointee.kind == .regular {
          let place = (moved ?? LayerIndex.files) + [UInt8(ascii: "/")] + path
          live.append((place, path, nodes[child].pointee.inode))
        }
        if record.pointee.version != 0, moved == nil {
          events.recordStored(record.pointee.version, at: Array("files/".utf8) + path, by: process)
        }
        let mode = UInt32(record.pointee.permissions)
        let isPlain =
          record.pointee.kind == .symbolicLink
          || mode == UpperLayer.hostMode(mode, isDirectory: record.pointee.kind == .directory)
        let isOwn = record.pointee.uid == user.uid && record.pointee.gid == user.gid
        if isPlain, isOwn, moved == nil { continue }
        directories[path] = nil
        lines.append(line(path, moved ?? LayerIndex.files, record))
      }
    }
    // What is left is not there any more.
    for path in directories.keys {
      lines.append(LayerIndex.Line(path: path, directory: LayerIndex.absent, mode: 0, uid: 0, gid: 0, links: 0))
    }
  }

  private func line(
    _ path: [UInt8], _ directory: [UInt8], _ record: UnsafeMutablePointer<Inode>
  ) -> LayerIndex.Line {
    LayerIndex.Line(
      path: path, directory: directory, mode: UInt32(record.pointee.permissions), uid: record.pointee.uid,
      gid: record.pointee.gid, links: record.pointee.links)
  }
}

/// `files-<pid>+<n>` is at most so much longer than `files`.
private let longestAddition = 32

/// What had to give way to the first version of its path.
private struct Displaced {
  var place: [UInt8]
  var path: [UInt8]
  /// Who wrote or removed it.
  var process: UInt32
  var version: UInt32
  var isWhiteout: Bool
}

private struct PlaceKey: Hashable {
  var path: [UInt8]
  var process: UInt32
}
