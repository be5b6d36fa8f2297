import Glibc
import Sandbox
import Supervisor

/// A fixture as a program, compiled when it is first asked for.
final class Program: @unchecked Sendable {
  enum State {
    case unbuilt
    case built
    case failed(String)
  }

  let path: String
  private let source: String
  private let options: [String]
  private let lock = Lock()
  private var state = State.unbuilt

  init(_ fixture: Fixture, _ linkage: Case.Linkage, in scratch: Scratch, isWorkingCopy: Bool) {
    path = "\(scratch.programs)/\(linkage.rawValue)/\(fixture.name)"
    source = "\(scratch.path)/fixtures/\(fixture.name).c"
    // A compiler that nobody has tried may warn of what is no mistake.
    options =
      (isWorkingCopy ? ["-Wall", "-Wextra", "-Werror"] : ["-w"]) + (linkage == .static ? ["-static"] : [])
  }

  /// Compiles it if nobody has.
  /// - Returns: the compiler's message if it cannot be compiled.
  func build() throws(ConformanceError) -> String? {
    lock.lock()
    defer { lock.unlock() }
    if case .unbuilt = state {
      let result = try compile(source, to: path, options: options)
      state = result.status == 0 ? .built : .failed(String(decoding: result.errors, as: UTF8.self))
    }
    if case .failed(let message) = state { return message }
    return nil
  }
}

/// Whether the user's `cc` can make programs at all, and static ones.
struct Compiler: Sendable {
  let version: String
  let linksStatically: Bool

  init(in scratch: Scratch) throws(ConformanceError) {
    let version = try launch(["/usr/bin/env", "cc", "--version"], environment: Sandbox.environment())
    guard version.status == 0 else {
      throw ConformanceError(
        "there is no C compiler: the fixtures are compiled here; install one that is called cc "
          + "(Debian: apt install gcc libc6-dev)")
    }
    self.version = String(decoding: version.output.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    let source = "\(scratch.path)/nothing.c"
    try writeFile(source, Array("#include <stdio.h>\nint main(void) { return 0; }\n".utf8))
    let dynamic = try compile(source, to: "\(scratch.path)/nothing", options: [])
    guard dynamic.status == 0 else {
      throw ConformanceError(
        "cc cannot compile an empty program; are the C library's headers there (Debian: apt install libc6-dev)? It says: "
          + String(decoding: dynamic.errors, as: UTF8.self))
    }
    linksStatically = try compile(source, to: "\(scratch.path)/nothing", options: ["-static"]).status == 0
  }
}

private func compile(_ source: String, to program: String, options: [String]) throws(ConformanceError) -> Observation {
  try launch(
    ["/usr/bin/env", "cc", "-std=gnu11", "-O1", "-pthread"] + options + [source, "-o", program],
    environment: Sandbox.environment())
}
