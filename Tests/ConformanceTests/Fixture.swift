import Dispatch
import Glibc
import Synchronization
import Testing

/// One way to run a fixture.
struct Case: Sendable, CustomTestStringConvertible {
  enum Linkage: String, CaseIterable { case dynamic, `static` }

  enum User: String {
    /// Root, as the tests are.
    case root
    /// An ordinary user: uid 1000 where the tests run as root, else whoever runs them.
    case user
  }

  /// Where the files are that the fixture finds.
  enum Ground: String {
    /// In a source: the host has them.
    case source
    /// In the run's own layer: the same run has made them before.
    case own
    /// In the layer of an earlier run.
    case parent
  }

  let index: Int
  let ground: Ground
  let fixture: String
  let linkage: Linkage
  let user: User

  var testDescription: String { "\(fixture) (\(linkage.rawValue), \(user.rawValue), \(ground.rawValue))" }

  /// What is put before a command to become the user, empty where we are that already.
  var becoming: [String] {
    user == .user && getuid() == 0
      ? ["/usr/bin/env", "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] : []
  }

  var owner: String? { user == .user && getuid() == 0 ? "1000:1000" : nil }

  /// All fixtures, or those that the environment variable UWRX_FIXTURES names, separated by commas, on all grounds or those
  /// that UWRX_GROUNDS names.
  static let all: [Case] = {
    let grounds = Places.environment("UWRX_GROUNDS")?.split(separator: ",").map(String.init)
    return every.filter { grounds?.contains($0.ground.rawValue) ?? true }
  }()

  private static let every: [Case] = {
    let users: [User] = getuid() == 0 ? [.root, .user] : [.user]
    var cases: [Case] = []
    for fixture in Places.fixtures {
      for linkage in Linkage.allCases {
        for user in users {
          cases.append(Case(index: cases.count, ground: .source, fixture: fixture, linkage: linkage, user: user))
        }
      }
    }
    // Only root can make the files of strangers inside a run.
    guard users.contains(.root) else { return cases }
    for fixture in Places.fixtures {
      for ground in [Ground.own, .parent] {
        cases.append(Case(index: cases.count, ground: ground, fixture: fixture, linkage: .dynamic, user: .root))
      }
    }
    return cases
  }()
}

enum Places {
  static let package: String = {
    let components = #filePath.split(separator: "/").dropLast(3)
    return "/" + components.joined(separator: "/")
  }()

  static let uwrx = environment("UWRX") ?? package + "/.build/debug/uwrx"

  static let fixtures: [String] = {
    let wanted = environment("UWRX_FIXTURES")?.split(separator: ",").map(String.init)
    return names(in: package + "/Fixtures").filter { $0.hasSuffix(".c") }.map { String($0.dropLast(2)) }
      .sorted().filter { wanted?.contains($0) ?? true }
  }()

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }
}

/// The folder that holds everything this process makes, gone when it exits. Not below /tmp, which is private under
/// uwrx; open to all for reading, because an ordinary user's run must reach its programs.
enum Scratch {
  private static let parent = Places.environment("UWRX_CONFORMANCE_DIR") ?? "/var/tmp"
  private static let prefix = "uwrx-conformance-"

  static let path: String = {
    removeLeftovers()
    let path = "\(parent)/\(prefix)\(getpid())"
    umask(0o022)
    mkdir(path, 0o755)
    atexit { Scratch.discard(Scratch.path) }
    return path
  }()

  static func discard(_ path: String) {
    _ = try? launch(["/bin/sh", "-c", "chmod -R u+rwx \"$1\" 2>/dev/null; rm -rf \"$1\"", "sh", path])
  }

  /// A test process that was killed could not clean up after itself.
  private static func removeLeftovers() {
    for name in Places.names(in: parent) {
      guard name.hasPrefix(prefix), let pid = pid_t(name.dropFirst(prefix.count)) else { continue }
      if kill(pid, 0) != 0 && errno == ESRCH { discard("\(parent)/\(name)") }
    }
  }
}

/// The compiled fixtures.
enum Build {
  /// The compiler's message for each program that could not be built, by its path.
  static let failures: [String: String] = {
    let programs = Places.fixtures.flatMap { name in Case.Linkage.allCases.map { (name, $0) } }
    for linkage in Case.Linkage.allCases {
      mkdir("\(Scratch.path)/bin", 0o755)
      mkdir("\(Scratch.path)/bin/\(linkage.rawValue)", 0o755)
    }
    let failures = Mutex<[String: String]>([:])
    DispatchQueue.concurrentPerform(iterations: 2) { lane in
      for index in stride(from: lane, to: programs.count, by: 2) {
        let (name, linkage) = programs[index]
        if let message = compile(name, linkage) { failures.withLock { $0[program(name, linkage)] = message } }
      }
    }
    return failures.withLock { $0 }
  }()

  static func program(_ fixture: String, _ linkage: Case.Linkage) -> String {
    "\(Scratch.path)/bin/\(linkage.rawValue)/\(fixture)"
  }

  private static func compile(_ fixture: String, _ linkage: Case.Linkage) -> String? {
    let arguments =
      ["/usr/bin/env", "cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread"]
      + (linkage == .static ? ["-static"] : [])
      + ["\(Places.package)/Fixtures/\(fixture).c", "-o", program(fixture, linkage)]
    do {
      let result = try launch(arguments, environment: ["PATH=\(Places.environment("PATH") ?? "/usr/bin:/bin")"])
      return result.status == 0 ? nil : String(decoding: result.errors, as: UTF8.self)
    } catch {
      return "\(error)"
    }
  }
}
