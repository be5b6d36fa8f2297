/// Which proxies the user names for the way out, in an option or in variables as curl reads them.
public struct ProxyVariables: Sendable {
  /// What was named, and where.
  public typealias Proxy = (name: String, text: String)

  /// For requests in the clear.
  public private(set) var http: Proxy?
  /// For all else.
  public private(set) var https: Proxy?
  /// As `ProxyExceptions` reads it.
  public private(set) var exceptions = ""

  /// None of them is the guest's.
  public static let names = ["http", "https", "all", "no"].flatMap { ["\($0)_proxy", "\($0.uppercased())_PROXY"] }

  /// None.
  public init() {}

  /// - Parameters:
  ///   - option: what `--upstream-proxy` says; nil without.
  ///   - value: of a variable.
  public init(option: String?, _ value: (String) -> String?) {
    if option == "none" { return }
    func first(_ names: [String]) -> Proxy? {
      names.compactMap { name in value(name).map { (name: name, text: $0) } }.first { !$0.text.isEmpty }
    }
    let given: Proxy? = option.map { (name: "--upstream-proxy", text: $0) }
    let all = given ?? first(["all_proxy", "ALL_PROXY"])
    // A server that runs a program for a request tells it the field Proxy so: HTTP_PROXY is what anybody says.
    http = given ?? first(["http_proxy"]) ?? all
    https = given ?? first(["https_proxy", "HTTPS_PROXY"]) ?? all
    exceptions = first(["no_proxy", "NO_PROXY"])?.text ?? ""
  }

  /// Those that must be proxies.
  public var named: [Proxy] { [http, https].compactMap { $0 } }
}
