/// Which programs need not run again where all that they ask is answered as before: what they do depends on their arguments, their environment
/// and files alone, and they tell nobody but by files and their output.
public struct SkippedPrograms: Sendable {
  /// What is known of a program.
  public struct Traits: Sendable, Equatable {
    /// It is looked up when it is started; else only as a part of what has started it.
    public var isUnit: Bool
    /// How it uses times of files.
    public var timing: SkipRecord.Timing
    /// What it starts is looked up for itself, too.
    public var isTree: Bool
    /// What stands where it writes does not matter to it: it makes its files anew.
    public var makesAnew: Bool
    /// Where it is started, by whom and from which directory, it tells by nothing but what its files say, which is looked for.
    public var isAnywhere = false
    /// The user has said that it asks neither for the time nor for random numbers, or it is known not to.
    public var isKnown = true
  }

  /// Compilers, preprocessors, assemblers, linkers, and what makes object files of others or sources of descriptions. Names that begin with a
  /// machine's (`aarch64-linux-gnu-gcc`) or end with a version (`gcc-12`) are meant, too.
  private static let compilers: Set<String> = [
    "gcc", "g++", "cc", "c++", "cpp", "gfortran", "clang", "clang++", "as", "ld", "ld.bfd", "ld.gold", "ld.lld",
    "rustc",
  ]
  /// Of these and the next ones: what GNU's do not look at.
  private static let anywhere: Set<String> = [
    "gcc", "g++", "cpp", "gfortran", "as", "ld", "ld.bfd", "ld.gold", "ar", "gcc-ar", "ranlib", "gcc-ranlib", "strip",
    "objcopy",
  ]
  private static let changers: Set<String> = [
    "ar", "gcc-ar", "ranlib", "gcc-ranlib", "strip", "objcopy", "protoc", "moc", "uic", "bison", "flex", "gperf",
    "msgfmt", "wayland-scanner",
  ]
  /// What is begun by these is looked up as a whole first, and then one by one.
  private static let trees: Set<String> = ["make", "gmake", "ninja"]
  /// What recipes call, and what compilers do: not worth a look by themselves.
  private static let helpers: Set<String> = [
    "cc1", "cc1plus", "collect2", "lto1", "lto-wrapper", "f951", "nm", "objdump", "readelf", "size",
    "rm", "ln", "mkdir", "rmdir", "chmod", "touch", "mktemp", "cat", "echo", "printf", "true",
    "false", "basename", "dirname", "expr", "sed", "grep", "egrep", "fgrep", "sort", "uniq", "cut", "tr", "head",
    "tail",
    "wc", "cmp", "comm", "tee", "paste", "join", "fold", "expand", "nl", "seq", "env", "readlink", "realpath",
    "xargs", "pkg-config", "pkgconf", "md5sum", "sha1sum", "sha256sum", "cksum", "sum", "od", "sleep", "pwd", "id",
    "tsort",
    "m4", "locale", "uname", "arch",
  ]
  /// As those, but times of files are a part of what they do.
  private static let comparers: Set<String> = ["dash", "test", "[", "cp", "mv", "install"]
  /// As those, but they tell what the times are.
  private static let tellers: Set<String> = ["find", "diff", "patch"]

  private var known: [String: Traits] = [:]
  /// Every program is skipped that qualifies.
  public let takesAll: Bool
  /// What the user has named.
  private let named: Set<String>

  /// - Parameters:
  ///   - more: names or paths that are skipped, too.
  ///   - fewer: names that are not.
  ///   - all: every program is skipped that qualifies.
  public init(more: [String] = [], fewer: [String] = [], all: Bool = false) {
    takesAll = all
    named = Set(more)
    func add(_ names: Set<String>, _ traits: Traits) { for name in names { known[name] = traits } }
    add(Self.compilers, Traits(isUnit: true, timing: .none, isTree: false, makesAnew: true))
    add(Self.changers, Traits(isUnit: true, timing: .none, isTree: false, makesAnew: false))
    add(Self.trees, Traits(isUnit: true, timing: .order, isTree: true, makesAnew: false))
    add(Self.helpers, Traits(isUnit: false, timing: .none, isTree: false, makesAnew: false))
    add(Self.comparers, Traits(isUnit: false, timing: .order, isTree: true, makesAnew: false))
    add(Self.tellers, Traits(isUnit: false, timing: .exact, isTree: true, makesAnew: false))
    // It compares its sources with classes that are there.
    add(["javac"], Traits(isUnit: true, timing: .order, isTree: false, makesAnew: false))
    for name in Self.anywhere { known[name]?.isAnywhere = true }
    for name in more {
      known[name, default: Traits(isUnit: true, timing: .exact, isTree: true, makesAnew: false)].isUnit = true
    }
    for name in fewer { known[name, default: Self.unknown].isUnit = false }
  }

  private static let unknown = Traits(isUnit: false, timing: .exact, isTree: true, makesAnew: false, isKnown: false)

  /// Whether the user has named it.
  /// - Parameter path: as it was started, or where it is: `python3` is a link, and a script is another program than its interpreter.
  public func isNamed(_ path: [UInt8]) -> Bool {
    let path = String(decoding: path, as: UTF8.self)
    return named.contains(path) || named.contains(path.split(separator: "/").last.map(String.init) ?? path)
  }

  /// - Parameter path: where the program is, without symbolic links.
  public func traits(_ path: [UInt8]) -> Traits {
    let path = String(decoding: path, as: UTF8.self)
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if let known = known[path] ?? known[name] ?? known[Self.base(of: name)] { return known }
    return takesAll ? Traits(isUnit: true, timing: .exact, isTree: true, makesAnew: false) : Self.unknown
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
    // M reads commands, U keeps times (ar(1)), without which u means nothing.
    case "ar", "gcc-ar", "ranlib", "gcc-ranlib":
      let letters = rest.enumerated().filter { $0.offset == 0 || $0.element.first == UInt8(ascii: "-") }
      return letters.contains { $0.element.contains { "MU".utf8.contains($0) } }
        || rest.contains { $0.first == UInt8(ascii: "@") }
    // What it has compiled before tells when its sources were modified.
    case "clang",
      "clang++" where rest.contains { $0.starts(with: "-fmodules".utf8) || $0.starts(with: "-include-pch".utf8) }:
      return true
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
    "CARGO_MAKEFLAGS",
  ]

  /// Variables that say who somebody is and where.
  private static let personalVariables: Set<String> = [
    "PWD", "HOME", "USER", "LOGNAME", "MAIL", "SHELL", "TERM", "EDITOR", "PAGER", "HOSTNAME", "DISPLAY", "WINDOWID",
    "PS1",
    "LS_COLORS", "SUDO_USER", "SUDO_UID", "SUDO_GID", "SUDO_COMMAND", "SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_CONNECTION",
    "SSH_TTY", "XDG_RUNTIME_DIR", "XDG_SESSION_ID", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "DBUS_SESSION_BUS_ADDRESS",
  ]

  /// Whether a variable can be left out for a program that is the same everywhere.
  public static func isPersonal(_ variable: ArraySlice<UInt8>) -> Bool {
    personalVariables.contains(String(decoding: variable.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self))
  }

  /// Whether a call of a program writes its directory into what it makes, perhaps where nobody can find it: debugging information and what
  /// profilers count.
  /// - Parameter arguments: with its name before them.
  public static func tellsPlace(_ arguments: [ArraySlice<UInt8>]) -> Bool {
    arguments.dropFirst().contains { word in
      [
        "-g", "-flto", "--coverage", "-coverage", "-fprofile", "-ftest-coverage", "-fdump", "-save-temps", "-Wa,-g",
        "--compress-debug",
      ]
      .contains { word.starts(with: $0.utf8) } && !word.elementsEqual("-g0".utf8)
    }
  }

  /// Words of MAKEFLAGS that say how many jobs there are and who shares them (GNU make, "POSIX Jobserver Interaction").
  private static let jobWords = ["-j", "--jobserver-auth=", "--jobserver-fds=", "--jobs", "-l", "--load-average"]

  /// What of a variable matters to a program, nil for nothing.
  /// - Parameters:
  ///   - variable: `NAME=value`.
  ///   - sharesJobs: the program asks for jobs by MAKEFLAGS.
  ///   - traits: of the program: one that starts others says how deep it is, and has been told the rest of MAKEFLAGS.
  public static func matter(
    _ variable: ArraySlice<UInt8>, sharesJobs: Bool, _ traits: Traits
  ) -> [UInt8]? {
    let name = String(decoding: variable.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    if sharesJobs, name == "MAKEFLAGS" { return Array(variable) }
    guard ignoredVariables.contains(name) else { return Array(variable) }
    guard traits.isTree else { return nil }
    switch name {
    case "MAKELEVEL", "SHLVL", "OLDPWD": return Array(variable)
    case "MAKEFLAGS", "MFLAGS":
      let words = variable.split(separator: UInt8(ascii: " ")).filter { word in
        !jobWords.contains { word.starts(with: $0.utf8) }
      }
      return Array(words.joined(separator: [UInt8(ascii: " ")]))
    default: return nil
    }
  }
}
