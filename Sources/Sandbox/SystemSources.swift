import CLinux
import Glibc

extension Sandbox {
  /// The ready-made sources of everyday use: the host's programs and libraries, its configuration without secrets, and the
  /// current directory. All read-only: writes go to the run's own layer.
  public static func systemSources() -> (sources: [Source], links: [Link]) {
    var sources: [Source] = []
    var links: [Link] = []
    for path in Source.systemDirectories {
      var status = stat()
      // A distribution that has merged /usr has links here; what they lead to is in /usr.
      guard lstat(path, &status) == 0 else { continue }
      if status.st_mode & 0o170000 == 0o120000 {
        var target = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &target, target.count)
        guard count > 0 else { continue }
        links.append(
          Link(path: path, target: String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)))
        continue
      }
      sources.append(
        Source(destination: path, hostPath: path, hidesPrivate: path == "/etc"))
    }
    if let directory = currentDirectory(), directory != "/" {
      var source = Source(destination: directory, hostPath: directory)
      source.hidesSecrets = HomeSecrets.isNear(directory)
      sources.append(source)
    }
    return (sources, links)
  }

  /// The environment of this process, `NAME=value` each.
  public static func environment() -> [String] {
    var variables: [String] = []
    var next = uwrx_environ()
    while let variable = next.pointee {
      variables.append(String(cString: variable))
      next += 1
    }
    return variables
  }

  /// The current directory without symbolic links, or nil if it was removed.
  public static func currentDirectory() -> String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}
