import Archives
import CLinux
import Glibc
import SystemPackage
import Tracing
import VirtualKernel

/// What stands below a run's own layer: its sources, then its parents, the latest first, each with its sources.
struct LayerStack {
  private enum Part {
    case source(ResolvedSource)
    case trace(TraceDirectory, LayerIndex)
  }

  let parents: [TraceDirectory]
  private var parts: [Part] = []

  /// Finds the sources and the parents on the host. What the parents stand on is added to the configuration.
  init(
    _ configuration: inout RunConfiguration, _ archives: ArchiveOpener, _ key: UserKey?
  ) throws(SupervisorError) {
    let directory = currentDirectory()
    for index in configuration.sources.indices {
      var path = configuration.sources[index].hostPath
      // A later run on this one may be started elsewhere, and when a branch has gone on.
      if !path.hasPrefix("/") { path = "\(directory ?? "")/\(path)" }
      if configuration.sources[index].kind == .git {
        do throws(ArchiveError) { path = try archives.pin(path) } catch {
          throw SupervisorError("cannot use a source: \(error)")
        }
      }
      configuration.sources[index].hostPath = path
    }
    do throws(TraceError) {
      var parents: [TraceDirectory] = []
      for parent in configuration.parents { parents.append(try TraceDirectory(parent)) }
      self.parents = parents
    } catch {
      throw SupervisorError(error.description)
    }
    let stack = try ParentStack(parents, given: configuration, key)
    var all = configuration.sources
    try add(configuration.sources.filter { !stack.contains($0) }, archives)
    for trace in stack.traces {
      do throws(TraceError) {
        parts.append(.trace(trace, try trace.layerIndex()))
      } catch {
        throw SupervisorError(error.description)
      }
      let own = stack.ownSources(of: trace)
      all += own
      try add(own, archives)
    }
    // 8 bits number the directories that are merged into one.
    guard parts.count < 255 else { throw SupervisorError("more than 254 sources and parents cannot be stacked") }
    configuration.links = Self.united(configuration.links, stack.links) { $0.path }
    configuration.emptyDirectories = Self.united(configuration.emptyDirectories, stack.emptyDirectories) { $0 }
    if configuration.workingDirectory == nil {
      configuration.workingDirectory = directory.flatMap { Self.isVisible($0, all) ? $0 : nil } ?? "/"
    }
  }

  private mutating func add(_ sources: [Source], _ archives: ArchiveOpener) throws(SupervisorError) {
    var resolved: [ResolvedSource] = []
    for source in sources { resolved.append(try ResolvedSource(source, archives)) }
    parts += ResolvedSource.ordered(resolved).map { .source($0) }
  }

  /// Puts one directory of the host above all others, and one below: what stands in them is the run's own, and no source.
  mutating func put(
    _ first: Source, _ last: Source, _ archives: ArchiveOpener
  ) throws(SupervisorError) {
    parts.insert(.source(try ResolvedSource(first, archives)), at: 0)
    parts.append(.source(try ResolvedSource(last, archives)))
  }

  /// The runs, the latest first.
  var traces: [TraceDirectory] {
    parts.compactMap {
      if case .trace(let trace, _) = $0 { trace } else { nil }
    }
  }

  /// From the top: nil for what an earlier run wrote, else the source.
  var sources: [Source?] {
    parts.map {
      if case .source(let source) = $0 { source.source } else { nil }
    }
  }

  /// Whether the guest has a directory that the user is in. An archive has it only by chance.
  private static func isVisible(_ directory: String, _ sources: [Source]) -> Bool {
    sources.contains { source in
      guard source.kind == .host else { return false }
      if directory == source.destination { return true }
      let prefix = source.destination == "/" ? "/" : source.destination + "/"
      return directory.hasPrefix(prefix) && access(source.hostPath + "/" + directory.dropFirst(prefix.count), F_OK) == 0
    }
  }

  /// The second's values whose keys the first does not have come after it.
  private static func united<Value>(_ first: [Value], _ second: [Value], _ key: (Value) -> String) -> [Value] {
    var keys = Set(first.map(key))
    return first + second.filter { keys.insert(key($0)).inserted }
  }

  /// Opens all in the read-only clone of the host's mounts.
  /// - Parameters:
  ///   - build: the directory that holds the runs.
  ///   - hidden: what no guest may see.
  ///   - isUniform: nothing tells of the machine, of who owns the user's files, or of where runs are kept.
  ///   - stores: what the guest trusts beside what its files say.
  func layers(
    in hostRoot: FileDescriptor, host: any HostFiles, build: String, hidden: HostIdentity?, isUniform: Bool = false,
    stores: TrustedStores? = nil
  ) throws(SupervisorError) -> [Layer] {
    var status = stat()
    let identity = stat(build, &status) == 0 ? HostIdentity(status) : nil
    var layers: [Layer] = []
    // Above all others, so that what these are counted from stays what it is.
    let flags = UInt64(0o10000000 | O_CLOEXEC | O_DIRECTORY)  // O_PATH
    let sys = isUniform ? -1 : uwrx_openat2(hostRoot.rawValue, "sys", flags, 0, LinuxHostFiles.resolve)
    if sys >= 0 {
      let tree = SystemTree(host: host, root: FileDescriptor(rawValue: Int32(sys)))
      layers.append(Layer(tree: tree, destination: [Array("sys".utf8)]))
    }
    for part in parts {
      switch part {
      case .source(let source):
        let identity = source.contains(build) ? identity : nil
        var layer = try source.layer(
          in: hostRoot, host: host, build: identity, hidden: hidden,
          hidesBuild: isUniform && RunDirectory.holdsOnlyRuns(build))
        layer.isGuests = isUniform && source.isUsers
        if let stores { layer.tree = SplicedTree(layer.tree, at: layer.destination, stores) }
        layers.append(layer)
      case .trace(let trace, let index):
        let result = uwrx_openat2(hostRoot.rawValue, String(trace.path.dropFirst()), flags, 0, LinuxHostFiles.resolve)
        guard result >= 0 else {
          throw SupervisorError("cannot open the trace \(trace.path): \(Errno(rawValue: CInt(-result)))")
        }
        let root = FileDescriptor(rawValue: Int32(result))
        let tree = TraceTree(host: host, root: root, path: Array(trace.path.utf8), index: index)
        layers.append(Layer(tree: stores.map { SplicedTree(tree, at: [], $0) } ?? tree, destination: []))
      }
    }
    return layers
  }
}
