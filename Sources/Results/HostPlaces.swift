import Glibc
import Supervisor
import SystemPackage
import Tracing
import VirtualKernel

/// Where on the host the files of a run belong: in the directories that its sources name.
final class HostPlaces {
  /// A directory of the host that the guest saw.
  final class Root {
    /// In the guest, without a leading slash.
    let destination: [UInt8]
    let directory: HostDirectory
    /// Of a source that is a single file: its name in the directory.
    let file: [UInt8]?
    /// Whether results go there unasked: it is the user's, not the system's.
    let isProject: Bool
    /// Another directory that stands for the one that the guest saw.
    let isElsewhere: Bool

    fileprivate init(
      _ destination: [UInt8], _ directory: HostDirectory, file: [UInt8]?, isProject: Bool, isElsewhere: Bool = false
    ) {
      self.isElsewhere = isElsewhere
      self.destination = destination
      self.directory = directory
      self.file = file
      self.isProject = isProject
    }
  }

  struct Place {
    let root: Root
    /// Below the root's directory.
    let path: [UInt8]

    var status: stat? { get throws(Errno) { try root.directory.status(path) } }
    /// On the host, absolute.
    var fullPath: [UInt8] { root.directory.fullPath(path) }
  }

  private enum Candidate {
    case host(Root)
    case other(destination: [UInt8], tree: any LowerTree)

    var destination: [UInt8] {
      switch self {
      case .host(let root): root.destination
      case .other(let destination, _): destination
      }
    }
  }

  private var candidates: [Candidate] = []
  var roots: [Root] {
    candidates.compactMap { if case .host(let root) = $0 { root } else { nil } }
  }

  /// - Parameter target: stands for the project's directory.
  init(_ layers: RunLayers, workingDirectory: [UInt8], target: String?) throws(TraceError) {
    var given: [(source: Source, tree: any LowerTree)] = []
    for (layer, owner) in layers.layers {
      if case .source(let source) = owner { given.append((source, layer.tree)) }
    }
    let projects = given.map(\.source).filter(Self.isProject)
    let project =
      projects.filter { Self.isBelow(workingDirectory, Self.path($0.destination)) }
      .max { $0.destination.utf8.count < $1.destination.utf8.count } ?? (projects.count == 1 ? projects[0] : nil)
    if target != nil, project == nil {
      throw TraceError("the run has no project's directory that another could stand for: give the paths without --to")
    }
    for (source, tree) in given {
      let destination = Self.path(source.destination)
      guard source.kind == .host, !source.isReadOnly else {
        candidates.append(.other(destination: destination, tree: tree))
        continue
      }
      let isProject = source == project
      let path = isProject ? target ?? source.hostPath : source.hostPath
      do throws(Errno) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR {
          let parts = path.split(separator: "/")
          let parent = "/" + parts.dropLast().joined(separator: "/")
          candidates.append(
            .host(
              Root(
                destination, try HostDirectory(parent), file: Array((parts.last ?? "").utf8),
                isProject: target == nil && Self.isProject(source))))
        } else {
          candidates.append(
            .host(
              Root(
                destination, try HostDirectory(path), file: nil,
                isProject: target == nil ? Self.isProject(source) : isProject,
                isElsewhere: target != nil && isProject)))
        }
      } catch {
        throw TraceError("cannot open the directory \(path): \(error)")
      }
    }
  }

  /// A directory or file that the user gave, not the system's that every run has.
  private static func isProject(_ source: Source) -> Bool {
    source.kind == .host && !source.isReadOnly && !source.hidesPrivate && !source.isTool && source.hostPath != "/"
      && !(source.destination == source.hostPath && Source.systemDirectories.contains(source.hostPath))
  }

  static func path(_ text: String) -> [UInt8] { Array(text.utf8.drop { $0 == UInt8(ascii: "/") }) }

  /// Whether a path is another or in it.
  static func isBelow(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
    directory.isEmpty || path == directory
      || path.starts(with: directory) && path.count > directory.count && path[directory.count] == UInt8(ascii: "/")
  }

  /// Also if a link leads there now, which whoever looks will see.
  private func isThere(_ place: Place) throws(Errno) -> Bool {
    do throws(Errno) { return try place.status != nil } catch {
      guard error == .tooManySymbolicLinkLevels else { throw error }
      return true
    }
  }

  /// - Parameter path: of the guest, without a leading slash.
  /// - Returns: nil for what is in no directory of the host's that the guest could have changed.
  func place(of path: [UInt8]) throws(Errno) -> Place? {
    var first: Place?
    var isDecided = false
    for candidate in candidates where Self.isBelow(path, candidate.destination) {
      let rest = Array(path.dropFirst(candidate.destination.count).drop { $0 == UInt8(ascii: "/") })
      switch candidate {
      case .host(let root):
        if root.file != nil, !rest.isEmpty { continue }
        let place = Place(root: root, path: root.file ?? rest)
        if try isThere(place) { return place }
        if !isDecided { first = place }
      case .other(_, let tree):
        if try tree.entry(MergedView.cString(rest)) != nil { return nil }
      }
      isDecided = true
    }
    return first
  }
}
