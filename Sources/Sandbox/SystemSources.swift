import CLinux
import Glibc

/// The ready-made tree of everyday use.
public struct SystemSources: Sendable {
  public var sources: [Source] = []
  public var links: [Link] = []
  /// Directories that exist on every Linux, for what the guest puts there.
  public var emptyDirectories: [String] = []
  /// The root of the project, or the current directory; nil if that was removed, or is the host's root.
  public var project: String?
  /// Where that is in the guest.
  public var place: String?
  /// What the guest does not have although the user may expect it, a line each.
  public var remarks: [String] = []
}

extension Sandbox {
  /// Where dpkg and apt keep what is installed, which they must know to install more.
  private static let packageDirectories = ["/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/var/cache/debconf"]
  /// What packages have set up for each other, without which TeX has no formats, SGML and XML no catalogs, GHC no libraries and a speller no words.
  private static let sharedDirectories = [
    "texmf", "sgml-base", "xml-core", "ghc", "ocaml", "aspell", "ispell", "ghostscript", "emacsen-common",
  ].map { "/var/lib/" + $0 }
  private static let usualDirectories = [
    "/home", "/media", "/mnt", "/opt", "/run/lock", "/srv", "/var/backups", "/var/cache", "/var/lib", "/var/local",
    "/var/log/apt", "/var/mail", "/var/opt", "/var/spool", "/var/tmp",
  ]

  /// The ready-made tree: the host's programs and libraries, its configuration without secrets, what its package manager and its
  /// packages know, the project, and the tools of PATH. All read-only: writes go to the run's own layer.
  /// - Parameters:
  ///   - project: which directory the user works in.
  ///   - place: where the project appears in the guest; nil means where it is.
  ///   - environment: the guest's, `NAME=value` each; nil means this process's.
  public static func systemSources(
    project: Project.Choice = .found, at place: String? = nil, environment: [String]? = nil
  ) -> SystemSources {
    var tree = SystemSources()
    for path in Source.systemDirectories {
      // A distribution that has merged /usr has links here; what they lead to is in /usr.
      if let target = ToolSources.target(path) {
        tree.links.append(Link(path: path, target: target))
      } else if access(path, F_OK) == 0 {
        tree.sources.append(Source(destination: path, hostPath: path, hidesPrivate: path == "/etc"))
      }
    }
    for path in packageDirectories + sharedDirectories where realPath(path) == path {
      tree.sources.append(Source(destination: path, hostPath: path, hidesPrivate: true))
    }
    tree.links += [Link(path: "/var/run", target: "/run"), Link(path: "/var/lock", target: "/run/lock")]
    tree.emptyDirectories = usualDirectories
    tree.addProject(project, at: place)
    let variables = environment ?? Sandbox.environment()
    if let path = variables.last(where: { $0.hasPrefix("PATH=") }) { tree.addTools(String(path.dropFirst(5))) }
    if let home = variables.last(where: { $0.hasPrefix("HOME=/") }) {
      tree.emptyDirectories.append(String(home.dropFirst(5)))
    }
    return tree
  }

  /// The arguments of this process after its name, also where there is no /proc.
  public static func arguments() -> [String] {
    (1..<max(1, uwrx_argc())).map { String(cString: uwrx_argv($0)) }
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
}

extension SystemSources {
  fileprivate mutating func addProject(_ choice: Project.Choice, at place: String?) {
    switch choice {
    case .directory(let path):
      // What is wrong with it is said when the source is looked for.
      project = realPath(path) ?? path
    case .none: project = currentDirectory()
    case .found:
      guard let directory = currentDirectory() else { return }
      guard let found = Project(of: directory) else {
        project = directory
        break
      }
      project = found.root
      for directory in found.gitDirectories where !HomeSecrets.isWithin(directory, found.root) {
        var source = Source(destination: directory, hostPath: directory)
        // It has hooks and settings that run later.
        source.isTool = true
        sources.append(source)
      }
      if let remark = found.remark { remarks.append(remark) }
    }
    guard let project, project != "/" else { return self.project = nil }
    self.place = place ?? project
    var source = Source(destination: place ?? project, hostPath: project)
    source.hidesSecrets = HomeSecrets.isNear(project)
    sources.append(source)
  }

  fileprivate mutating func addTools(_ path: String) {
    let tools = ToolSources(path: path, covered: sources.map(\.destination) + links.map(\.path))
    sources += tools.sources
    links += tools.links
    remarks += tools.missing.map { "PATH names \($0), which is not in the guest: --source \($0)=\($0) gives it" }
  }
}
