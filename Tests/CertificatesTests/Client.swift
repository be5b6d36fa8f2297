import Foundation
import Testing

/// A program that speaks TLS, and how it is told what to trust.
enum Client: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case openssl, curl, wget, python3, node, git, java, go
  case gnutls = "gnutls-cli"

  var testDescription: String { rawValue }
  var tool: Tool { Tool(rawValue) }

  /// Those that are installed. Go and wget are not among the packages that tests ask for.
  static var wanted: [Client] {
    allCases.filter { client in
      switch client {
      case .go, .wget: client.tool.path != nil
      default: client.tool.isWanted
      }
    }
  }

  /// Asks for `/index` and says how it ended.
  func get(
    host: String, port: Int, bundle: String, authority: String, in directory: TemporaryDirectory
  ) throws -> Tool.Outcome {
    let isIPv6 = host.contains(":")
    let url = "https://\(isIPv6 ? "[\(host)]" : host):\(port)/index"
    switch self {
    case .openssl:
      let isAddress = isIPv6 || host.allSatisfy { $0.isNumber || $0 == "." }
      return try tool.run(
        [
          "s_client", "-connect", isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)", "-CAfile", bundle,
          "-no-CApath", "-no-CAstore", "-verify_return_error", "-x509_strict",
          isAddress ? "-verify_ip" : "-verify_hostname", host,
        ], in: directory)
    case .curl:
      return try tool.run(
        ["-sS", "--fail", "--noproxy", "*", "--cacert", bundle, "--capath", "/nonexistent", url], in: directory)
    case .wget:
      return try tool.run(
        ["--no-proxy", "--tries=1", "-O", "-", "--ca-certificate=\(bundle)", "--ca-directory=/nonexistent", url],
        in: directory)
    case .python3:
      let program = """
        import ssl, sys, urllib.request
        context = ssl.create_default_context(cafile=sys.argv[1])
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        print(opener.open(sys.argv[2]).read().decode())
        """
      return try tool.run(["-c", program, bundle, url], in: directory)
    case .node:
      let program = """
        require('https').get(process.argv[1], r => r.on('data', d => process.stdout.write(d)))
          .on('error', e => { console.log(e.message); process.exit(1) })
        """
      return try tool.run(["-e", program, url], in: directory, environment: ["NODE_EXTRA_CA_CERTS": authority])
    case .git:
      return try tool.run(
        ["ls-remote", url.replacing("/index", with: "/x.git")], in: directory,
        environment: ["GIT_SSL_CAINFO": bundle, "GIT_TERMINAL_PROMPT": "0", "no_proxy": "*"])
    case .gnutls:
      return try tool.run(
        ["--x509cafile", bundle, "--verify-hostname", host, "--port", "\(port)", host], in: directory)
    case .java:
      let store = bundle.replacing(".pem", with: ".jks")
      return try Java.get(url, store: store, password: "changeit", in: directory)
    case .go:
      let program = """
        package main
        import ("crypto/tls"; "crypto/x509"; "fmt"; "io"; "net/http"; "os")
        func main() {
          pem, _ := os.ReadFile(os.Args[1])
          roots := x509.NewCertPool()
          roots.AppendCertsFromPEM(pem)
          client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
          answer, problem := client.Get(os.Args[2])
          if problem != nil { fmt.Println(problem); os.Exit(1) }
          body, _ := io.ReadAll(answer.Body)
          fmt.Print(string(body))
        }
        """
      let file = try directory.write(Array(program.utf8), "get.go")
      return try tool.run(
        ["run", file, bundle, url], in: directory,
        environment: ["GOCACHE": "\(directory.path)/go", "GOPATH": "\(directory.path)/gopath", "GO111MODULE": "off"])
    }
  }
}

/// Java's own client with a store of trusted certificates.
enum Java {
  static let tool = Tool("java")
  static let keytool = Tool("keytool")

  private static let program = """
    import java.net.URI;
    import java.net.http.*;
    public class Get {
      public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        System.out.print(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
      }
    }
    """

  static func get(
    _ url: String, store: String, password: String?, in directory: TemporaryDirectory
  ) throws -> Tool.Outcome {
    if access("\(directory.path)/Get.class", R_OK) != 0 {
      try directory.write(Array(program.utf8), "Get.java")
      try Tool("javac").output(["Get.java"], in: directory)
    }
    let secret = password.map { ["-Djavax.net.ssl.trustStorePassword=\($0)"] } ?? []
    return try tool.run(
      ["-Djavax.net.ssl.trustStore=\(store)"] + secret + ["-cp", directory.path, "Get", url], in: directory)
  }
}
