import Glibc

/// What of a home directory nobody means to give away who only starts a program there.
public enum HomeSecrets {
  /// Keys, logins, and what was typed.
  private static let names = [
    // Keys.
    ".ssh", ".gnupg", ".password-store", ".local/share/keyrings", ".local/share/kwalletd", ".pki", ".config/sops",
    ".config/age", ".Xauthority", ".ICEauthority", ".local/state/uwrx",
    // Logins of clouds and clusters.
    ".aws", ".azure", ".config/gcloud", ".kube", ".config/doctl", ".config/rclone", ".config/op", ".s3cfg", ".boto",
    ".terraform.d/credentials.tfrc.json", ".vault-token", ".config/stripe", ".fly", ".oci", ".config/hcloud",
    ".netlify",
    ".config/heroku", ".config/configstore",
    // Of registries and of hosts of code.
    ".docker", ".config/containers/auth.json", ".netrc", ".git-credentials", ".config/git/credentials", ".config/gh",
    ".config/hub", ".config/glab-cli", ".subversion/auth", ".npmrc", ".yarnrc.yml", ".pypirc", ".config/pip/pip.conf",
    ".pip/pip.conf", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml",
    ".gradle/gradle.properties", ".composer/auth.json", ".config/composer/auth.json", ".config/pypoetry/auth.toml",
    ".condarc", ".kaggle", ".cache/huggingface/token", ".huggingface/token",
    // Of models' tools, with what was said to them.
    ".claude", ".claude.json", ".codex", ".gemini", ".config/github-copilot", ".config/openai",
    // Of databases.
    ".pgpass", ".my.cnf", ".mylogin.cnf", ".mongorc.js",
    // Of people.
    ".mozilla", ".thunderbird", ".config/google-chrome", ".config/google-chrome-beta", ".config/google-chrome-unstable",
    ".config/chromium", ".config/BraveSoftware", ".config/microsoft-edge", ".config/vivaldi", ".config/opera",
    "snap/firefox", "snap/chromium", ".var/app/org.mozilla.firefox", ".config/Signal", ".config/Bitwarden",
    ".config/1Password", ".config/Slack", ".config/discord", ".purple",
    // What was typed.
    ".bash_history", ".zsh_history", ".histfile", ".sh_history", ".history", ".zhistory", ".local/share/fish",
    ".config/nushell/history.txt", ".config/nushell/history.sqlite3", ".local/share/atuin", ".python_history",
    ".node_repl_history", ".irb_history", ".Rhistory", ".psql_history", ".mysql_history", ".sqlite_history",
    ".rediscli_history", ".lesshst", ".viminfo", ".local/share/nvim/shada",
    // What of archives other runs were given.
    ".cache/uwrx",
  ]

  /// The home directories at a directory, below it or above it.
  private static func homes(around directory: String) -> [String] {
    homes.filter { isWithin($0, directory) || isWithin(directory, $0) }
  }

  /// The user's own, and those that /etc/passwd names.
  private static let homes: [String] = {
    var homes: [String] = []
    func add(_ home: String) {
      if home.hasPrefix("/"), home != "/", !homes.contains(home) { homes.append(home) }
    }
    if let home = getenv("HOME").map({ String(cString: $0) }), let real = realPath(home) { add(real) }
    guard let users = fopen("/etc/passwd", "re") else { return homes }
    defer { fclose(users) }
    var line = [CChar](repeating: 0, count: 1024)
    while fgets(&line, Int32(line.count), users) != nil {
      let text = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
      let fields = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      func field(_ index: Int) -> String { String(decoding: fields[index], as: UTF8.self) }
      // Those of people, and root's: system users have /usr/sbin, /bin and the like.
      if fields.count == 7, let user = UInt32(field(2)), user == 0 || user >= 1000, let real = realPath(field(5)) {
        add(real)
      }
    }
    return homes
  }()

  private static func secrets(of homes: [String]) -> [String] {
    homes.flatMap { home in names.map { "\(home == "/" ? "" : home)/\($0)" } }
  }

  private static let secrets = secrets(of: homes)

  /// Whether a path is a directory's or of something below it.
  public static func isWithin(_ path: String, _ directory: String) -> Bool {
    var (path, directory) = (path, directory)
    // Bytes, as the kernel compares names, and no String is made: this is asked thousands of times before a run begins.
    return path.withUTF8 { path in
      directory.withUTF8 { directory in
        let slash = UInt8(ascii: "/")
        let count = directory.count == 1 && directory[0] == slash ? 0 : directory.count
        guard path.count >= count, count == 0 || memcmp(path.baseAddress!, directory.baseAddress!, count) == 0 else {
          return false
        }
        return path.count == count || path[count] == slash
      }
    }
  }

  /// The paths of secrets below a directory, relative to it.
  /// - Parameters:
  ///   - directory: absolute, without symbolic links.
  ///   - wasHome: secrets were hidden there before, as of a home directory that today's user may not know.
  static func paths(in directory: String, wasHome: Bool = false) -> [[UInt8]] {
    let homes = homes(around: directory) + (wasHome ? [directory] : [])
    return secrets(of: homes).filter { isWithin($0, directory) && $0 != directory }.map {
      Array($0.dropFirst(directory == "/" ? 1 : directory.utf8.count + 1).utf8)
    }
  }

  /// The home directory that a path is in, the innermost if there are several.
  /// - Parameter path: absolute, without symbolic links.
  public static func home(of path: String) -> String? {
    homes.filter { isWithin(path, $0) }.max { $0.utf8.count < $1.utf8.count }
  }

  /// Whether a path is a secret's, or of something in one.
  /// - Parameter path: absolute, without symbolic links.
  public static func isSecret(_ path: String) -> Bool {
    secrets.contains { isWithin(path, $0) }
  }

  /// Whether anything of a directory is left out.
  public static func isNear(_ directory: String) -> Bool {
    guard let real = realPath(directory) else { return false }
    return secrets.contains { $0 != real && isWithin($0, real) }
  }

  /// Whether a directory of the host is a home directory, or has one in it.
  public static func isHome(_ directory: String) -> Bool {
    guard let real = realPath(directory) else { return false }
    return homes(around: real).contains { isWithin($0, real) }
  }
}
