import CLinux
import Glibc

extension Sandbox {
  /// The ready-made sources of everyday use: the host's programs and libraries, its configuration without secrets, and the
  /// current directory. All read-only: writes go to the run's own layer.
  public static func systemSources() -> [Source] {
    var sources: [Source] = []
    for path in ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc"] {
      var status = stat()
      // A distribution that has merged /usr has links here; what they lead to is in /usr.
      guard lstat(path, &status) == 0 else { continue }
      sources.append(
        Source(destination: path, hostPath: path, hidesPrivate: path == "/etc"))
    }
    if let directory = currentDirectory(), directory != "/" {
      sources.append(Source(destination: directory, hostPath: directory))
    }
    return sources
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
