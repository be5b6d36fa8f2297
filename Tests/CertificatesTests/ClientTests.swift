import Foundation
import Testing

@testable import Certificates
@testable import TrustStores

/// Real clients against a server that has one of our certificates.
@Suite("Clients take the certificates")
struct ClientTests {
  private static let hosts = [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")]

  @Test("of an authority that they were told to trust, and of no other", arguments: Client.wanted)
  func handshake(_ client: Client) throws {
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    let other = try CertificateAuthority(seed: Samples.otherSeed)
    // What a guest has: the distribution's stores with ours in them.
    let system = (try? Data(contentsOf: URL(filePath: "/etc/ssl/certs/ca-certificates.crt"))).map { [UInt8]($0) } ?? []
    for (name, trusted) in [("ours", authority), ("other", other)] {
      try directory.write(trusted.pem, "\(name)-ca.pem")
      try directory.write(PEMBundle.adding(trusted.pem, to: system), "\(name).pem")
      if client == .java {
        try Stores.makeKeyStore("\(name).jks", format: .jks, in: directory)
        let store = try JavaKeyStore.adding(trusted.der, alias: "uwrx", to: directory.read("\(name).jks"))
        try directory.write(store, "\(name).jks")
      }
    }
    for (host, address) in Self.hosts {
      // s_server of -HTTP is not asked by name: whatever SNI says, it has this one.
      let leaf = try authority.leaf(for: host)
      let server = try TLSServer(
        address: address, chain: directory.write(leaf.chain, "chain.pem"), key: directory.write(leaf.key, "key.pem"),
        in: directory)
      let good = try client.get(
        host: host, port: server.port, bundle: "\(directory.path)/ours.pem",
        authority: "\(directory.path)/ours-ca.pem", in: directory)
      let expected: String? =
        switch client {
        case .openssl: "Verification: OK"
        case .gnutls: "The certificate is trusted"
        case .git: "refs/heads/main"
        default: "hello"
        }
      #expect(good.status == 0 && good.text.contains(expected!), "\(client.rawValue) \(host): \(good.text)")
      let bad = try client.get(
        host: host, port: server.port, bundle: "\(directory.path)/other.pem",
        authority: "\(directory.path)/other-ca.pem", in: directory)
      #expect(bad.status != 0, "\(client.rawValue) \(host): \(bad.text)")
    }
  }

  @Test("only for the host that they are for", arguments: Client.wanted.filter { $0 != .java && $0 != .go })
  func otherHost(_ client: Client) throws {
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    try directory.write(authority.pem, "ours.pem")
    let leaf = try authority.leaf(for: "example.org")
    let server = try TLSServer(
      address: "127.0.0.1", chain: directory.write(leaf.chain, "chain.pem"), key: directory.write(leaf.key, "key.pem"),
      in: directory)
    let outcome = try client.get(
      host: "localhost", port: server.port, bundle: "\(directory.path)/ours.pem",
      authority: "\(directory.path)/ours.pem", in: directory)
    #expect(outcome.status != 0, "\(outcome.text)")
  }

  @Test(
    "by a policy, in Chromium", .enabled(if: Tool("chromium").isWanted && Tool("unshare").isWanted),
    arguments: [true, false])
  func chromium(_ trusts: Bool) throws {
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    let leaf = try authority.leaf(for: "localhost")
    let server = try TLSServer(
      address: "127.0.0.1", chain: directory.write(leaf.chain, "chain.pem"), key: directory.write(leaf.key, "key.pem"),
      in: directory)
    let trusted = trusts ? authority : try CertificateAuthority(seed: Samples.otherSeed)
    let place = try #require(ChromiumPolicy.directories.first)
    try directory.write(ChromiumPolicy.contents(trusting: trusted.pem), ChromiumPolicy.fileName)
    // In namespaces of its own, whose /etc/chromium is another. Its processes end with the first of them.
    let script = """
      set -e
      mount -t tmpfs none /etc/chromium
      mkdir -p \(place)
      cp \(ChromiumPolicy.fileName) \(place)/
      chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --dump-dom \
        https://localhost:\(server.port)/index
      """
    let outcome = try Tool("unshare").run(
      ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script], in: directory)
    #expect(outcome.text.contains("hello") == trusts, "\(outcome.text)")
  }

  @Test("by a directory of files, by OpenSSL's names and by GnuTLS's reading of all", arguments: ["openssl", "git"])
  func hashedDirectory(_ program: String) throws {
    let directory = try TemporaryDirectory()
    let authority = try CertificateAuthority(seed: Samples.seed)
    let leaf = try authority.leaf(for: "localhost")
    let place = try #require(TrustStorePaths.directories.first)
    let names = TrustStorePaths.names(
      in: place, subjectHashes: [authority.subjectHash, authority.oldSubjectHash]
    ) { _ in false }
    for name in names { try directory.write(authority.pem, "certs/\(name)") }
    let server = try TLSServer(
      address: "127.0.0.1", chain: directory.write(leaf.chain, "chain.pem"), key: directory.write(leaf.key, "key.pem"),
      in: directory)
    let tool = Tool(program)
    guard tool.isWanted else { return }
    let outcome =
      program == "openssl"
      ? try tool.run(
        [
          "s_client", "-connect", "localhost:\(server.port)", "-CApath", "\(directory.path)/certs", "-no-CAfile",
          "-no-CAstore", "-verify_return_error",
        ], in: directory)
      : try tool.run(
        ["ls-remote", "https://localhost:\(server.port)/x.git"], in: directory,
        environment: ["GIT_SSL_CAPATH": "\(directory.path)/certs", "GIT_SSL_CAINFO": "/dev/null", "no_proxy": "*"])
    #expect(outcome.status == 0, "\(outcome.text)")
  }
}
