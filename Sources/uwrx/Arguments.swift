import ArgumentParser
import Sandbox

/// `dst[:priority][:ro|:tool]=[type:]path`.
struct SourceArgument {
  let source: Source

  /// - Throws: what is wrong with it.
  init(_ argument: String) throws(ValidationError) {
    func wrong(_ what: String) -> ValidationError { ValidationError("--source \(argument): \(what)") }
    guard let equals = argument.firstIndex(of: "=") else {
      throw wrong("it does not say where in the guest this appears: write --source /place=\(argument)")
    }
    var destination = String(argument[..<equals])
    var path = String(argument[argument.index(after: equals)...])
    var kind = Source.Kind.host
    if let named = Source.Kind.allCases.first(where: { path.hasPrefix($0.rawValue + ":") }) {
      path.removeFirst(named.rawValue.count + 1)
      kind = named
    }
    let isReadOnly = destination.hasSuffix(":ro")
    if isReadOnly { destination.removeLast(3) }
    let isTool = destination.hasSuffix(":tool")
    if isTool { destination.removeLast(5) }
    var priority: Int?
    if let colon = destination.lastIndex(of: ":") {
      let text = destination[destination.index(after: colon)...]
      guard let number = Int(text) else { throw wrong("\(text) is no priority: write a number, or ro") }
      priority = number
      destination = String(destination[..<colon])
    }
    guard destination.hasPrefix("/") else {
      throw wrong("the place in the guest must begin with /, as in --source /\(destination)=\(path)")
    }
    guard !path.isEmpty else { throw wrong("there is no path of the host's after =") }
    while destination.count > 1, destination.hasSuffix("/") { destination.removeLast() }
    var source = Source(
      destination: destination, priority: priority, kind: kind, hostPath: path, isReadOnly: isReadOnly)
    source.isTool = isTool
    self.source = source
  }
}

/// `NAME=value`, or `NAME` for the value that uwrx itself has.
struct EnvironmentArgument: ExpressibleByArgument {
  let name: String
  let value: String?

  init?(argument: String) {
    let equals = argument.firstIndex(of: "=") ?? argument.endIndex
    guard equals != argument.startIndex else { return nil }
    name = String(argument[..<equals])
    value = equals == argument.endIndex ? nil : String(argument[argument.index(after: equals)...])
  }
}

/// A number of at least 1.
struct PositiveArgument: ExpressibleByArgument {
  let value: Int

  init(_ value: Int) { self.value = value }

  init?(argument: String) {
    guard let number = Int(argument), number > 0 else { return nil }
    value = number
  }

  var defaultValueDescription: String { "\(value)" }
}

/// A number of bytes, with K, M or G for powers of 1024.
struct SizeArgument: ExpressibleByArgument {
  let bytes: Int
  /// As the user has written it.
  let text: String

  init?(argument: String) {
    text = argument
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number > 0 else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.bytes = bytes
  }
}

/// A time in seconds, with a fraction.
struct DurationArgument: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    guard let number = Double(argument), number > 0, number.isFinite else { return nil }
    seconds = number
  }
}

extension RunSeed: ExpressibleByArgument {
  public init?(argument: String) { self.init(digits: argument) }
}
