import Foundation
import NIOCore
import Testing

@testable import TLS

/// The server's side, against clients of others.
@Suite struct ClientPeerTests {
  let certificates = try! TestCertificates()

  func context(_ name: String = "leaf", _ protocols: [String] = ["h2", "http/1.1"]) throws -> TLSContext {
    try TLSContext.server(
      chain: certificates.bytes("\(name).pem") + certificates.bytes("ca.pem"), key: certificates.bytes("\(name).key"),
      protocols: protocols)
  }

  @Test(arguments: ["tls1_2", "tls1_3"], [["h2", "http/1.1"], ["http/1.1"], []])
  func opensslClient(version: String, offered: [String]) throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    let alpn = offered.isEmpty ? [] : ["-alpn", offered.joined(separator: ",")]
    let client = try PeerProcess(
      [
        "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile", "ca.pem", "-servername", "localhost",
        "-verify_return_error", "-verify_hostname", "localhost", "-\(version)", "-brief",
      ] + alpn, in: certificates.directory, input: "")
    let text = client.text()
    #expect(client.status == 0)
    #expect(text.contains("Verification: OK"), "\(text)")
    let name = version == "tls1_2" ? "TLSv1.2" : "TLSv1.3"
    let all = seen.collect()
    #expect(all == [.tls(.established(protocol: offered.first, version: name)), .inputClosed, .inactive])
    try server.close()
  }

  @Test(arguments: ["tls1_2", "tls1_3"])
  func sessionIsResumed(version: String) throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    for step in [["-sess_out", "session"], ["-sess_in", "session"]] {
      let client = try PeerProcess(
        ["openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile", "ca.pem", "-\(version)"] + step,
        in: certificates.directory)
      // The ticket of TLS 1.3 comes after the handshake, and the echo after it.
      try client.write("hello\n")
      _ = try client.line(beginning: "hello")
      try client.closeInput()
      let text = client.text()
      #expect(text.contains(step[0] == "-sess_in" ? "Reused, TLSv1" : "New, TLSv1"), "\(text)")
    }
    try server.close()
  }

  /// New keys in the midst of a connection, and the answer with ours.
  @Test func keysAreUpdated() throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    let client = try PeerProcess(
      ["openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile", "ca.pem", "-tls1_3"],
      in: certificates.directory)
    try client.write("one\n")
    _ = try client.line(beginning: "one")
    // A line that begins so is a command, with all that s_client reads with it.
    try client.write("K\n")
    _ = try client.line(beginning: "KEYUPDATE")
    try client.write("three\n")
    _ = try client.line(beginning: "three")
    try client.closeInput()
    _ = client.text()
    let all = seen.collect()
    #expect(all == [.tls(.established(protocol: nil, version: "TLSv1.3")), .inputClosed, .inactive])
    try server.close()
  }

  @Test(arguments: [("--http1.1", "http/1.1"), ("--http2", "h2")])
  func curl(option: String, chosen: String) throws {
    let seen = SeenQueue()
    // What speaks HTTP is above; here the connection is what is asked for.
    let server = try LoopbackServer.echo(context(), seen)
    let client = try PeerProcess(
      [
        "curl", "-sv", option, "--cacert", "ca.pem", "--noproxy", "*", "--resolve",
        "a.example.test:\(server.port):127.0.0.1",
        "https://a.example.test:\(server.port)/",
      ], in: certificates.directory, input: "")
    let text = client.text()
    #expect(text.contains("SSL certificate verify ok"), "\(text)")
    #expect(text.contains("server accepted \(chosen)"), "\(text)")
    let first = seen.collect { if case .tls = $0 { true } else { false } }
    #expect(first == [.tls(.established(protocol: chosen, version: "TLSv1.3"))])
    try server.close()
  }

  @Test(arguments: ["TLSv1_2", "TLSv1_3"])
  func pythonSendsAndReceives(version: String) throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    let client = try python("echo", server.port, version)
    #expect(client.text() == "True\n")
    // It closes the socket, and says no close_notify.
    let end = seen.collect().suffix(3)
    #expect(end == [.tls(.truncated), .inputClosed, .inactive])
    try server.close()
  }

  @Test(arguments: ["TLSv1_2", "TLSv1_3"])
  func pythonHalfCloses(version: String) throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    let client = try python("half", server.port, version)
    #expect(client.text() == "True\n")
    let end = seen.collect().suffix(2)
    #expect(end == [.inputClosed, .inactive])
    try server.close()
  }

  @Test func pythonSendsByteByByte() throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    let client = try python("bytewise", server.port, "TLSv1_3")
    #expect(client.text() == "True\n")
    let first = seen.collect { if case .tls = $0 { true } else { false } }
    #expect(first == [.tls(.established(protocol: nil, version: "TLSv1.3"))])
    try server.close()
  }

  func python(_ mode: String, _ port: Int, _ version: String) throws -> PeerProcess {
    try PeerProcess(
      ["python3", "-c", PythonPeer.client, mode, "\(port)", version], in: certificates.directory, input: "")
  }

  @Test func clientThatTrustsNobody() throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context(), seen)
    let client = try PeerProcess(
      ["curl", "-s", "--noproxy", "*", "https://127.0.0.1:\(server.port)/"], in: certificates.directory, input: "")
    _ = client.text()
    #expect(client.status == 60)
    let all = seen.collect()
    // With TLS 1.3 a server is done before the client has looked at its certificate, or is told at once.
    #expect(
      all.contains(.tls(.failed(reason: "tlsv1 alert unknown ca", verifyError: nil))), "\(all)")
    #expect(all.last == .inactive)
    try server.close()
  }

  @Test func noProtocolInCommon() throws {
    let seen = SeenQueue()
    let server = try LoopbackServer.echo(context("leaf", ["h2"]), seen)
    let client = try PeerProcess(
      ["openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-alpn", "http/1.1"], in: certificates.directory,
      input: "")
    let text = client.text()
    #expect(text.contains("alert number 120"), "\(text)")
    let all = seen.collect()
    #expect(all == [.tls(.failed(reason: "no application protocol", verifyError: nil)), .inactive])
    try server.close()
  }

  @Test(arguments: TLSAlert.allCases)
  func refusal(alert: TLSAlert) throws {
    let server = try LoopbackServer { [Refusal(alert)] }
    let client = try PeerProcess(
      ["openssl", "s_client", "-connect", "127.0.0.1:\(server.port)"], in: certificates.directory, input: "")
    let text = client.text()
    #expect(text.contains("alert number \(alert.rawValue)"), "\(text)")
    try server.close()
  }

  @Test func contextsThatCannotBe() throws {
    let leaf = try certificates.bytes("leaf.pem")
    let key = try certificates.bytes("leaf.key")
    let other = try certificates.bytes("other.key")
    #expect(throws: TLSError.self) { try TLSContext.server(chain: [], key: key, protocols: []) }
    #expect(throws: TLSError.self) { try TLSContext.server(chain: leaf, key: [], protocols: []) }
    #expect(throws: TLSError.self) { try TLSContext.server(chain: leaf, key: other, protocols: []) }
    #expect(throws: TLSError.self) { try TLSContext.server(chain: Array(leaf.dropLast(40)), key: key, protocols: []) }
    #expect(throws: TLSError.self) { try TLSContext.server(chain: leaf, key: key, protocols: [""]) }
    #expect(throws: TLSError.self) { try TLSContext.client(extraTrust: Array("nothing".utf8)) }
    let client = try TLSContext.client()
    #expect(throws: TLSError.self) { try TLSHandler.client(context: client, serverName: "", protocols: []) }
    #expect(throws: TLSError.self) { try TLSHandler.client(context: client, serverName: "a\0b", protocols: []) }
  }
}

/// Refuses a connection by an alert after its ClientHello.
private final class Refusal: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let alert: TLSAlert
  private var parser = ClientHelloParser()

  init(_ alert: TLSAlert) { self.alert = alert }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .hello = parser.append(unwrapInboundIn(data)) else { return }
    context.writeAndFlush(wrapOutboundOut(TLSAlert.record(alert)), promise: nil)
    context.close(promise: nil)
  }
}
