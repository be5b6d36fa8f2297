/// Which programs need not run again where all that they ask is answered as before: what they do depends on their arguments, their environment
/// and files alone, and they tell nobody but by files and their output.
public struct SkippedPrograms: Sendable {
  /// What is known of a program.
  public struct Traits: Sendable, Equatable {
    public var lookUp: LookUp
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

  /// When it is looked up what comes of it; else it is only a part of what has started it.
  public enum LookUp: Sendable {
    case never
    /// Where nothing around it is.
    case outermost
    case always
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
  private static let comparers: Set<String> = ["test", "[", "cp", "mv", "install"]
  /// As those, but they tell what the times are.
  private static let tellers: Set<String> = ["find", "diff", "patch"]
  /// Looked up, and what they make holds times.
  private static let packers: Set<String> = ["gzip", "bzip2", "xz", "zstd", "tar"]
  /// Whole builds may be scripts. Of bash it is not known what it asks for: `$RANDOM`, `$SECONDS`.
  private static let shells: [String: Bool] = ["dash": true, "bash": false]

  private var known: [String: Traits] = [:]
  /// Every program is skipped that qualifies.
  private let takesAll: Bool
  /// What the clock and random numbers tell depends on who asks and on what it did before.
  public let isReproducible: Bool
  /// What the user has named.
  private let named: Set<String>
  /// What the user does not want.
  private let refused: Set<String>

  /// - Parameters:
  ///   - more: names or paths that are skipped, too.
  ///   - fewer: names that are not.
  ///   - all: every program is skipped that qualifies.
  ///   - isReproducible: of a run with a seed and a clock.
  public init(more: [String] = [], fewer: [String] = [], all: Bool = false, isReproducible: Bool = false) {
    takesAll = all
    self.isReproducible = isReproducible
    (named, refused) = (Set(more), Set(fewer))
    func add(_ names: Set<String>, _ traits: Traits) { for name in names { known[name] = traits } }
    add(Self.compilers, Traits(lookUp: .always, timing: .none, isTree: false, makesAnew: true))
    add(Self.changers, Traits(lookUp: .always, timing: .none, isTree: false, makesAnew: false))
    add(Self.trees, Traits(lookUp: .always, timing: .order, isTree: true, makesAnew: false))
    add(Self.helpers, Traits(lookUp: .never, timing: .none, isTree: false, makesAnew: false))
    add(Self.comparers, Traits(lookUp: .never, timing: .order, isTree: true, makesAnew: false))
    add(Self.tellers, Traits(lookUp: .never, timing: .exact, isTree: true, makesAnew: false))
    add(Self.packers, Traits(lookUp: .always, timing: .exact, isTree: true, makesAnew: false))
    for (name, isKnown) in Self.shells {
      known[name] = Traits(lookUp: .outermost, timing: .order, isTree: true, makesAnew: false, isKnown: isKnown)
    }
    // It compares its sources with classes that are there.
    add(["javac"], Traits(lookUp: .always, timing: .order, isTree: false, makesAnew: false))
    for name in Self.anywhere { known[name]?.isAnywhere = true }
    for name in more {
      var traits = known[name] ?? Traits(lookUp: .always, timing: .exact, isTree: true, makesAnew: false)
      (traits.lookUp, traits.isKnown) = (.always, true)
      known[name] = traits
    }
  }

  private static let unknown = Traits(lookUp: .never, timing: .exact, isTree: true, makesAnew: false, isKnown: false)

  /// - Parameters:
  ///   - program: where the program is, without symbolic links; of a script, its interpreter.
  ///   - names: as it was started, and where that is: `sh` is a link, and a script has a name of its own.
  public func traits(_ program: [UInt8], called names: [[UInt8]] = []) -> Traits {
    func isOne(of list: Set<String>, _ path: [UInt8]) -> Bool {
      let path = String(decoding: path, as: UTF8.self)
      return list.contains(path) || list.contains(path.split(separator: "/").last.map(String.init) ?? path)
    }
    var traits = traits(of: names.first { isOne(of: named, $0) } ?? program)
    if (names + [program]).contains(where: { isOne(of: refused, $0) }) { traits.lookUp = .never }
    return traits
  }

  private func traits(of path: [UInt8]) -> Traits {
    let path = String(decoding: path, as: UTF8.self)
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if let known = known[path] ?? known[name] ?? known[Self.base(of: name)] { return known }
    var traits = Self.unknown
    if takesAll { traits.lookUp = .always }
    return traits
  }

  /// Whether what comes of a program can be told by its files where it is the first of a unit, or a part of one.
  /// - Parameter outer: of the unit. Who starts no others is not asked who it is, and so gets no random numbers.
  public func isAccepted(_ program: Traits, in outer: Traits) -> Bool {
    program.isKnown || isReproducible && outer.isTree
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

  /// Whether a call of a program writes into what it makes when that was: GNU's compilers stamp what they count for gcov(1), unless they are given
  /// a number to take instead.
  /// - Parameters:
  ///   - path: where the program is.
  ///   - arguments: with its name before them.
  public static func stamps(_ path: [UInt8], _ arguments: [ArraySlice<UInt8>]) -> Bool {
    let name = path.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    if base(of: name).hasPrefix("clang") || arguments.contains(where: { $0.starts(with: "-frandom-seed=".utf8) }) {
      return false
    }
    return ["--coverage", "-coverage", "-ftest-coverage", "-fprofile-arcs", "-fprofile-generate"].contains { option in
      arguments.contains { $0.starts(with: option.utf8) }
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
