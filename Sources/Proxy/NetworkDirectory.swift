import Glibc
import Network
import SystemPackage

/// The part of a trace that tells what was on the network: `net`, with a directory for each domain.
public struct NetworkDirectory: Sendable {
  private let directory: FileDescriptor

  public init(_ directory: FileDescriptor) { self.directory = directory }

  /// A path that leads there for this process.
  var path: String { "/proc/self/fd/\(directory.rawValue)/." }

  /// The directory of a domain, made where it is not there.
  /// - Returns: a path that leads there for this process.
  public func path(of domain: Domain) throws(Errno) -> String {
    let name = String(decoding: domain.directoryName, as: UTF8.self)
    if mkdirat(directory.rawValue, name, 0o755) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    return "/proc/self/fd/\(directory.rawValue)/\(name)"
  }

  /// The names of what is in it, in no order.
  func names() throws(Errno) -> [[UInt8]] { try DirectoryHandle(path).names() }

  /// Reads a file of at most so many bytes.
  func read(_ name: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = openat(directory.rawValue, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Errno(rawValue: errno) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      if bytes.count > limit { throw .fileTooLarge }
    }
  }

  /// Writes a new file.
  func write(_ bytes: [UInt8], to name: String) throws(Errno) {
    try Self.write(bytes, to: "/proc/self/fd/\(directory.rawValue)/\(name)")
  }

  private static func write(_ bytes: [UInt8], to path: String) throws(Errno) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard file >= 0 else { throw Errno(rawValue: errno) }
    try WritableFile(descriptor: file).write(bytes)
  }

  /// Writes a small file of a domain's whole, in the place of what was there.
  public func write(_ bytes: [UInt8], to name: String, of domain: Domain) throws(Errno) {
    let path = try path(of: domain)
    let temporary = "\(path)/.\(name)"
    try Self.write(bytes, to: temporary)
    if rename(temporary, "\(path)/\(name)") < 0 { throw Errno(rawValue: errno) }
  }
}
