import Glibc

/// Where the suite was run, for the report.
struct Machine: Sendable {
  let kernel: String
  let architecture: String
  let distribution: String
  let processors: Int
  let compiler: String
  let user: String
  /// UTC, as in RFC 3339.
  let date: String

  init(compiler: Compiler) {
    var names = utsname()
    uname(&names)
    kernel = Self.text(&names.release)
    architecture = Self.text(&names.machine)
    distribution = Self.prettyName(fileContents("/etc/os-release") ?? []) ?? "Linux"
    processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    self.compiler = compiler.version
    user = getuid() == 0 ? "root" : "uid \(getuid())"
    var now = time(nil)
    var fields = tm()
    gmtime_r(&now, &fields)
    var buffer = [CChar](repeating: 0, count: 32)
    let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &fields)
    date = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func text<Field>(_ field: inout Field) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// os-release(5).
  private static func prettyName(_ file: [UInt8]) -> String? {
    let key = "PRETTY_NAME="
    for line in String(decoding: file, as: UTF8.self).split(separator: "\n") where line.hasPrefix(key) {
      return String(line.dropFirst(key.count).filter { $0 != "\"" })
    }
    return nil
  }
}
