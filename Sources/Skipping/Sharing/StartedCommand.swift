import Tracing

/// How a process was started: what the shared cache's Actions name beside what it has read.
public struct StartedCommand: Sendable, Equatable {
  /// With the program's name before them.
  public let arguments: [[UInt8]]
  /// `NAME=value`, of those that matter. What looks like a secret has no value.
  public let variables: [[UInt8]]
  /// An absolute path.
  public let directory: [UInt8]
  /// What paths of the record begin at that begin with `.`: the project's directory.
  public let root: [UInt8]

  public init(arguments: [[UInt8]], variables: [[UInt8]], directory: [UInt8], root: [UInt8] = []) {
    self.root = root
    self.arguments = arguments
    self.variables = variables.map { variable in
      guard variable.withUnsafeBytes({ SecretVariable.isSecret($0) }) else { return variable }
      return variable.prefix { $0 != UInt8(ascii: "=") } + Array("=<secret>".utf8)
    }
    self.directory = directory
  }
}
