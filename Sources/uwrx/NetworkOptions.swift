import ArgumentParser
import Network
import Sandbox
import Supervisor

/// What a run may reach beside its own loopback.
struct NetworkOptions: ParsableArguments {
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case record, off
  }

  @Option(
    help: ArgumentHelp(
      "Give the guest a network, of which it reaches what --allow names, and record it (default: off; --net alone: record).",
      valueName: "record|off"))
  var net: Mode?

  @Flag(help: "Give the guest its own loopback and nothing else (default).")
  var noNet = false

  @Option(
    help: ArgumentHelp(
      """
      Let the guest reach this: a name, *.example.org for the names below it, an address, a network such as 192.0.2.0/24, or * for every name, \
      each with a port or ports such as 8000-8010 where not all are meant.
      """, valueName: "host[:port]"))
  var allow: [String] = []

  @Option(help: ArgumentHelp("Do not let the guest reach this, whatever --allow says.", valueName: "host[:port]"))
  var deny: [String] = []

  @Option(
    help: ArgumentHelp(
      "Where a name leads, whatever the host's resolver says, as curl has it; the port may be *.",
      valueName: "host:port:address"))
  var resolve: [String] = []

  @Option(
    help: ArgumentHelp(
      "Let a server of the guest's be reached from the host; without an address, at 127.0.0.1.",
      valueName: "[address:]port[:guest-port]"))
  var publish: [String] = []

  @Option(
    help: ArgumentHelp("Trust these certificates, in PEM, beside the host's.", valueName: "file"), completion: .file())
  var upstreamCA: String?

  @Option(
    help: ArgumentHelp(
      """
      Connect by way of this proxy, or none; without, by those that the variables http_proxy, https_proxy, all_proxy and no_proxy of uwrx's name, as \
      curl does.
      """, valueName: "http://[user:password@]host:port|none"))
  var upstreamProxy: String?

  @Option(
    help: ArgumentHelp(
      "Leave the TLS of this alone, for programs that bring their own certificates: what passes is not recorded.",
      valueName: "host[:port]"))
  var netPassthrough: [String] = []

  @Option(
    help: ArgumentHelp(
      "Give requests to a host this header on their way: the guest does not see it, nor is it recorded.",
      valueName: "'host[:port]: header: value'"))
  var inject: [String] = []

  @Option(
    help: ArgumentHelp(
      "The same with the value of this variable of uwrx's, which the guest does not get.",
      valueName: "'host[:port]: header: variable'"))
  var injectFromEnv: [String] = []

  @Flag(help: "Let git push, over HTTP and by its own protocol, which is refused otherwise.")
  var allowPush = false

  enum Misses: String, ExpressibleByArgument, CaseIterable {
    case fail, allow
  }

  @Option(
    help: ArgumentHelp(
      "Of a replay that asks the network for what was not recorded: fail (default) or go on as it would without.",
      valueName: "fail|allow"))
  var replayMisses: Misses?

  /// What a replay takes from the recorded run.
  var recorded: [(String, Bool)] {
    [
      ("--net", net != nil), ("--allow", !allow.isEmpty), ("--deny", !deny.isEmpty), ("--resolve", !resolve.isEmpty),
      ("--upstream-ca", upstreamCA != nil), ("--net-passthrough", !netPassthrough.isEmpty),
      ("--inject", !inject.isEmpty), ("--inject-from-env", !injectFromEnv.isEmpty),
      ("--publish", !publish.isEmpty), ("--upstream-proxy", upstreamProxy != nil), ("--allow-push", allowPush),
    ]
  }

  private var isOn: Bool { net == .record && !noNet }

  func validate() throws {
    if noNet, net == .record { throw ValidationError("--no-net excludes --net") }
    let given = [
      ("--allow", !allow.isEmpty), ("--deny", !deny.isEmpty), ("--resolve", !resolve.isEmpty),
      ("--upstream-ca", upstreamCA != nil), ("--net-passthrough", !netPassthrough.isEmpty),
      ("--inject", !inject.isEmpty), ("--inject-from-env", !injectFromEnv.isEmpty),
      ("--upstream-proxy", upstreamProxy != nil),
      ("--allow-push", allowPush),
    ]
    try check("--allow", allow) { text throws(NetworkOptionError) in _ = try NetworkRule(text) }
    try check("--deny", deny) { text throws(NetworkOptionError) in _ = try NetworkRule(text) }
    try check("--publish", publish) { text throws(NetworkOptionError) in _ = try PublishedPort(text) }
    try check("--resolve", resolve) { text throws(NetworkOptionError) in _ = try ResolveRule(text) }
    try check("--net-passthrough", netPassthrough) { text throws(NetworkOptionError) in _ = try NetworkRule(text) }
    try check("--inject", inject) { text throws(NetworkOptionError) in _ = try InjectionRule(text) }
    for text in injectFromEnv {
      let rule: InjectionRule
      do throws(NetworkOptionError) { rule = try InjectionRule(text) } catch {
        throw ValidationError("--inject-from-env \(error)")
      }
      guard Self.value(of: rule.value) != nil else {
        throw ValidationError("--inject-from-env: the variable \(rule.value) is not set; export it first")
      }
    }
    for (name, text) in proxies.named {
      do throws(NetworkOptionError) { _ = try UpstreamProxy(text) } catch { throw ValidationError("\(name) \(error)") }
    }
    if !isOn, let (name, _) = given.first(where: { $0.1 }) {
      throw ValidationError("\(name) says what a network is to be: add --net")
    }
  }

  /// Variables whose values the guest must not see; those that name proxies are for the way out.
  var secretVariables: [String] {
    injectFromEnv.compactMap { try? InjectionRule($0).value } + (isOn ? ProxyVariables.names : [])
  }

  private var proxies: ProxyVariables {
    isOn ? ProxyVariables(option: upstreamProxy) { Self.value(of: $0) } : ProxyVariables()
  }

  private static func value(of variable: String) -> String? {
    Sandbox.environment().last { $0.hasPrefix(variable + "=") }.map { String($0.dropFirst(variable.utf8.count + 1)) }
  }

  private func check(
    _ name: String, _ texts: [String], _ parse: (String) throws(NetworkOptionError) -> Void
  ) throws(ValidationError) {
    for text in texts {
      do throws(NetworkOptionError) { try parse(text) } catch { throw ValidationError("\(name) \(error)") }
    }
  }

  /// nil for a run without.
  var configuration: NetworkConfiguration? {
    guard isOn || !publish.isEmpty else { return nil }
    var configuration = NetworkConfiguration()
    configuration.allowed = allow
    configuration.denied = deny
    configuration.resolutions = resolve
    configuration.published = publish
    configuration.passthrough = netPassthrough
    configuration.injections =
      inject
      + injectFromEnv.compactMap { text in
        guard let rule = try? InjectionRule(text), let value = Self.value(of: rule.value) else { return nil }
        return "\(rule.host): \(rule.header): \(value)"
      }
    configuration.upstreamAuthority = upstreamCA
    configuration.httpProxy = proxies.http?.text
    configuration.httpsProxy = proxies.https?.text
    configuration.noProxy = proxies.exceptions
    configuration.allowsPush = allowPush
    return configuration
  }
}
