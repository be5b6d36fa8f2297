/// Which programs need not run again where all that they ask is answered as before: what they do depends on their arguments, their environment
/// and files alone, and they tell nobody but by files and their output.
public struct SkippedPrograms: Sendable {
  /// Compilers, preprocessors, assemblers, linkers, and what makes and changes object files. Names that begin with a machine's
  /// (`aarch64-linux-gnu-gcc`) or end with a version (`gcc-12`) are meant, too.
  private static let usual: Set<String> = [
    "gcc", "g++", "cc", "c++", "cpp", "gfortran", "clang", "clang++", "as", "ld", "ld.bfd", "ld.gold", "ld.lld",
    "ar", "gcc-ar", "ranlib", "gcc-ranlib",
  ]

  private var names: Set<String>

  /// - Parameters:
  ///   - more: names or paths that are skipped, too.
  ///   - fewer: names that are not.
  public init(more: [String] = [], fewer: [String] = []) {
    names = Self.usual.union(more).subtracting(fewer)
  }

  /// - Parameter path: where the program is, without symbolic links.
  public func contains(_ path: [UInt8]) -> Bool {
    let path = String(decoding: path, as: UTF8.self)
    if names.contains(path) { return true }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return names.contains(name) || names.contains(Self.base(of: name))
  }

  /// `x86_64-linux-gnu-gcc-12` is gcc.
  static func base(of name: String) -> String {
    var parts = name.split(separator: "-", omittingEmptySubsequences: false)
    while parts.count > 1, let last = parts.last, !last.isEmpty, last.allSatisfy({ $0.isNumber || $0 == "." }) {
      parts.removeLast()
    }
    guard let last = parts.last else { return name }
    // gcc-ar is a program of its own.
    if parts.count > 1, parts[parts.count - 2] == "gcc", last == "ar" || last == "ranlib" { return "gcc-\(last)" }
    return String(last)
  }

  /// Whether a call of a program reads its standard input, or may, as far as its arguments tell; or depends on times of files.
  /// - Parameters:
  ///   - path: where the program is.
  ///   - arguments: with its name before them.
  public static func readsMore(_ path: [UInt8], _ arguments: [ArraySlice<UInt8>]) -> Bool {
    let name = path.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    let rest = arguments.dropFirst()
    switch base(of: name) {
    // What they are to read is their standard input where no file is named.
    case "as", "cpp": return true
    // M reads commands, u compares times, U keeps them (ar(1)).
    case "ar", "gcc-ar", "ranlib", "gcc-ranlib":
      return rest.contains {
        !$0.starts(with: "/".utf8) && !$0.contains(UInt8(ascii: ".")) && $0.contains { "MuU@".utf8.contains($0) }
      }
    default: return rest.contains { $0.elementsEqual("-".utf8) || $0.first == UInt8(ascii: "@") }
    }
  }

  /// Whether a call of a program depends on the processor that it runs on.
  /// - Parameter arguments: with its name before them.
  public static func asksProcessor(_ arguments: [ArraySlice<UInt8>]) -> Bool {
    ["-march=native", "-mtune=native", "-mcpu=native"].contains { option in
      arguments.contains { $0.elementsEqual(option.utf8) }
    }
  }

  /// Variables that say how a build is run, not what is to come of it.
  private static let ignoredVariables: Set<String> = [
    "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKE_TERMOUT", "MAKE_TERMERR", "NINJA_STATUS", "SHLVL", "_", "OLDPWD",
  ]

  /// - Parameters:
  ///   - variable: `NAME=value`.
  ///   - arguments: of the program: one that shares make's jobs asks for them by MAKEFLAGS.
  public static func matters(_ variable: some Collection<UInt8>, sharesJobs: Bool) -> Bool {
    let name = String(decoding: variable.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    return sharesJobs && name == "MAKEFLAGS" || !ignoredVariables.contains(name)
  }
}
