import CLinux
import Glibc
import SystemPackage
import VirtualKernel

/// Sources whose places on the host were found before the guest began.
struct ResolvedSource {
  let source: Source
  /// Without symbolic links.
  let path: String
  let isFile: Bool

  /// - Throws: a message for a source that cannot be used.
  init(_ source: Source) throws(SupervisorError) {
    self.source = source
    guard let path = realPath(source.hostPath) else {
      throw SupervisorError(
        "cannot use the source \(source.hostPath): \(Errno(rawValue: uwrx_errno())); give a directory or file that exists"
      )
    }
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw SupervisorError("cannot use the source \(path): \(Errno(rawValue: uwrx_errno()))")
    }
    switch status.st_mode & 0o170000 {
    case 0o040000: isFile = false
    case 0o100000: isFile = true
    default: throw SupervisorError("the source \(path) is neither a directory nor a file")
    }
    guard source.destination.hasPrefix("/") else {
      throw SupervisorError("the destination \(source.destination) of a source must be an absolute path in the guest")
    }
    let parts = Self.components(source.destination)
    if parts.contains("..") || parts.contains(".") {
      throw SupervisorError("the destination \(source.destination) of a source must not contain . or ..")
    }
    if isFile, parts.isEmpty { throw SupervisorError("the file \(path) cannot be the guest's root directory") }
    if let first = parts.first, first == "proc" || (first == "dev" && parts.dropFirst().first != "shm") {
      throw SupervisorError("a source cannot appear in /\(first), which is virtual in the guest")
    }
    for covered in ["/proc", "/sys", "/dev"] where path == covered || path.hasPrefix(covered + "/") {
      throw SupervisorError(
        "the source \(path) cannot be used: \(covered) is the running kernel and its devices, not files")
    }
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
  func layer(in hostRoot: FileDescriptor, host: any HostFiles, build: HostIdentity?) throws(SupervisorError) -> Layer {
    let relative = String(path.dropFirst())
    let flags = UInt64(0o10000000 | O_CLOEXEC)  // O_PATH
    let result = uwrx_openat2(
      hostRoot.rawValue, relative.isEmpty ? "." : relative, flags, 0, 0x08 | 0x04 | 0x02)
    guard result >= 0 else {
      throw SupervisorError("cannot open the source \(path): \(Errno(rawValue: CInt(-result)))")
    }
    return Layer(
      tree: HostTree(
        host: host, root: FileDescriptor(rawValue: Int32(result)), path: Array(path.utf8),
        hidesPrivate: source.hidesPrivate, buildDirectory: build),
      destination: Self.components(source.destination).map { Array($0.utf8) })
  }
}
