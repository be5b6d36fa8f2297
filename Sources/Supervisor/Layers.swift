import Archives
import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// A source that was found before the guest began.
struct ResolvedSource {
  enum Place {
    /// A path without symbolic links.
    case host(String)
    case archive(ArchiveTree)
  }

  let source: Source
  let place: Place
  let isFile: Bool

  /// - Throws: a message for a source that cannot be used.
  init(_ source: Source, _ archives: ArchiveOpener) throws(SupervisorError) {
    self.source = source
    if let format = Self.format(source.kind) {
      do throws(ArchiveError) {
        let tree = try archives.open(format, source.hostPath)
        place = .archive(tree)
        isFile = tree.isFile
      } catch {
        throw SupervisorError("cannot use a source: \(error)")
      }
    } else {
      (place, isFile) = try Self.onHost(source.hostPath)
    }
    guard source.destination.hasPrefix("/") else {
      throw SupervisorError("the destination \(source.destination) of a source must be an absolute path in the guest")
    }
    let parts = Self.components(source.destination)
    if parts.contains("..") || parts.contains(".") {
      throw SupervisorError("the destination \(source.destination) of a source must not contain . or ..")
    }
    if isFile, parts.isEmpty {
      throw SupervisorError("the file \(source.hostPath) cannot be the guest's root directory")
    }
    if let first = parts.first, first == "proc" || (first == "dev" && parts.dropFirst().first != "shm") {
      throw SupervisorError("a source cannot appear in /\(first), which is virtual in the guest")
    }
  }

  private static func format(_ kind: Source.Kind) -> ArchiveOpener.Format? {
    switch kind {
    case .host: nil
    case .tar: .tar
    case .squashfs: .squashfs
    case .git: .git
    case .oci: .oci
    }
  }

  private static func onHost(_ given: String) throws(SupervisorError) -> (Place, isFile: Bool) {
    guard let path = realPath(given) else {
      throw SupervisorError(
        "cannot use the source \(given): \(Errno(rawValue: uwrx_errno())); give a directory or file that exists")
    }
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw SupervisorError("cannot use the source \(path): \(Errno(rawValue: uwrx_errno()))")
    }
    for covered in ["/proc", "/sys", "/dev"] where path == covered || path.hasPrefix(covered + "/") {
      throw SupervisorError(
        "the source \(path) cannot be used: \(covered) is the running kernel and its devices, not files")
    }
    switch status.st_mode & 0o170000 {
    case 0o040000: return (.host(path), false)
    case 0o100000: return (.host(path), true)
    default: throw SupervisorError("the source \(path) is neither a directory nor a file")
    }
  }

  /// Whether it is the user's, and not part of the system.
  var isUsers: Bool {
    source.kind == .host && !source.hidesPrivate
      && !(source.destination == source.hostPath && Source.systemDirectories.contains(source.hostPath))
  }

  /// Whether a directory of the host is in the source.
  func contains(_ directory: String) -> Bool {
    guard case .host(let path) = place else { return false }
    return directory == path || directory.hasPrefix(path == "/" ? "/" : path + "/")
  }

  static func components(_ path: String) -> [String] {
    path.split(separator: "/").map(String.init)
  }

  /// First match wins: by priority, then the longer destination, then the order given.
  static func ordered(_ sources: [ResolvedSource]) -> [ResolvedSource] {
    sources.enumerated().sorted { left, right in
      let a = left.element.source
      let b = right.element.source
      if a.priority != b.priority { return a.priority < b.priority }
      let lengths = (components(a.destination).count, components(b.destination).count)
      if lengths.0 != lengths.1 { return lengths.0 > lengths.1 }
      return left.offset < right.offset
    }.map(\.element)
  }

  /// Opens the source in the read-only clone of the host's mounts.
  func layer(
    in hostRoot: FileDescriptor, host: any HostFiles, build: HostIdentity?, hidden: HostIdentity?, hidesBuild: Bool
  ) throws(SupervisorError) -> Layer {
    Layer(
      tree: try tree(in: hostRoot, host: host, build: build, hidden: hidden, hidesBuild: hidesBuild),
      destination: Self.components(source.destination).map { Array($0.utf8) }, isReadOnly: source.isReadOnly)
  }

  private func tree(
    in hostRoot: FileDescriptor, host: any HostFiles, build: HostIdentity?, hidden: HostIdentity?, hidesBuild: Bool
  ) throws(SupervisorError) -> any LowerTree {
    switch place {
    case .archive(let tree):
      do throws(ArchiveError) { try tree.attach(hostRoot) } catch { throw SupervisorError(error.description) }
      return tree
    case .host(let path):
      let relative = String(path.dropFirst())
      let flags = UInt64(0o10000000 | O_CLOEXEC)  // O_PATH
      let result = uwrx_openat2(
        hostRoot.rawValue, relative.isEmpty ? "." : relative, flags, 0, LinuxHostFiles.resolve)
      guard result >= 0 else {
        throw SupervisorError("cannot open the source \(path): \(Errno(rawValue: CInt(-result)))")
      }
      return HostTree(
        host: host, root: FileDescriptor(rawValue: Int32(result)), path: Array(path.utf8),
        hidesPrivate: source.hidesPrivate, buildDirectory: build, hidesBuild: hidesBuild,
        hiddenDirectory: hidden,
        hiddenPaths: source.hidesSecrets ? HomeSecrets.paths(in: path, wasHome: true) : [])
    }
  }
}
