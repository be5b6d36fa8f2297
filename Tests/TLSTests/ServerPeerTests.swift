import Foundation
import NIOCore
import Testing

@testable import TLS

/// The client's side, against servers of others.
@Suite struct ServerPeerTests {
  let certificates = try! TestCertificates()

  func trusting(_ name: String) throws -> TLSContext {
    try TLSContext.client(defaultTrust: false, extraTrust: certificates.bytes(name))
  }

  /// Starts `openssl s_server` for one connection.
  func opensslServer(_ name: String, _ options: [String]) throws -> (PeerProcess, port: Int) {
    let server = try PeerProcess(
      ["openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", "\(name).pem", "-key", "\(name).key"]
        + options, in: certificates.directory)
    let line = try server.line(beginning: "ACCEPT ")
    return (server, Int(line.split(separator: ":").last!)!)
  }

  func pythonServer(_ mode: String, _ version: String) throws -> (PeerProcess, port: Int) {
    let server = try PeerProcess(
      ["python3", "-c", PythonPeer.server, mode, "leaf.pem", "leaf.key", version], in: certificates.directory, input: ""
    )
    return (server, Int(try server.line(beginning: "PORT ").split(separator: " ")[1])!)
  }

  @Test(arguments: ["tls1_2", "tls1_3"], [["h2", "http/1.1"], ["http/1.1"], []])
  func opensslServerReverses(version: String, offered: [String]) throws {
    let (server, port) = try opensslServer("leaf", ["-\(version)", "-alpn", "h2,http/1.1", "-rev"])
    let client = try LoopbackClient(port: port, trusting("ca.pem"), protocols: offered)
    try client.send(ByteBuffer(string: "stressed\n"))
    let name = version == "tls1_2" ? "TLSv1.2" : "TLSv1.3"
    let first = client.seen.collect { if case .bytes = $0 { true } else { false } }
    #expect(
      first == [
        .tls(.established(protocol: offered.first, version: name)), .bytes(ByteBuffer(string: "desserts\n")),
      ])
    try client.channel.close().wait()
    _ = server.text()
  }

  struct Refused: Sendable {
    var certificate: String
    var trust = "ca.pem"
    var name = "localhost"
    var error: String
    /// What the server is told (RFC 8446, section 6).
    var alert: String
  }

  @Test(arguments: [
    Refused(certificate: "expired", error: "certificate has expired", alert: "alert certificate expired"),
    Refused(certificate: "lone", error: "self-signed certificate", alert: "alert unknown ca"),
    Refused(certificate: "other", error: "hostname mismatch", alert: "alert bad certificate"),
    Refused(certificate: "leaf", name: "elsewhere.test", error: "hostname mismatch", alert: "alert bad certificate"),
    Refused(certificate: "leaf", name: "a.b.example.test", error: "hostname mismatch", alert: "alert bad certificate"),
    Refused(certificate: "leaf", name: "127.0.0.2", error: "IP address mismatch", alert: "alert bad certificate"),
    Refused(
      certificate: "leaf", trust: "lone.pem", error: "unable to get local issuer certificate", alert: "alert unknown ca"
    ),
  ])
  func refused(_ refused: Refused) throws {
    let (server, port) = try opensslServer(refused.certificate, [])
    let client = try LoopbackClient(port: port, trusting(refused.trust), serverName: refused.name)
    let all = client.seen.collect { if case .tls(.established) = $0 { true } else { false } }
    #expect(
      all == [
        .tls(.failed(reason: "certificate verify failed", verifyError: refused.error)), .inactive,
      ])
    let text = server.text()
    #expect(text.contains(refused.alert), "\(text)")
  }

  @Test(arguments: [
    ("leaf", "ca.pem", "localhost"), ("leaf", "ca.pem", "localhost."), ("leaf", "ca.pem", "a.example.test"),
    ("leaf", "ca.pem", "127.0.0.1"), ("lone", "lone.pem", "localhost"), ("leaf", "leaf.pem", "LOCALHOST"),
  ])
  func trusted(certificate: String, trust: String, name: String) throws {
    let (server, port) = try opensslServer(certificate, [])
    let client = try LoopbackClient(port: port, trusting(trust), serverName: name)
    let first = client.seen.collect { if case .tls = $0 { true } else { false } }
    #expect(first == [.tls(.established(protocol: nil, version: "TLSv1.3"))])
    try client.channel.close().wait()
    _ = server.text()
  }

  @Test func serverOfOldVersions() throws {
    let (server, port) = try opensslServer("leaf", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
    let client = try LoopbackClient(port: port, trusting("ca.pem"))
    let all = client.seen.collect()
    #expect(all == [.tls(.failed(reason: "tlsv1 alert protocol version", verifyError: nil)), .inactive])
    _ = server.text()
  }

  @Test func clientCertificateIsAskedFor() throws {
    let (server, port) = try opensslServer("leaf", ["-Verify", "1", "-tls1_2"])
    let client = try LoopbackClient(port: port, trusting("ca.pem"))
    let all = client.seen.collect()
    #expect(all == [.tls(.failed(reason: "sslv3 alert handshake failure", verifyError: nil)), .inactive])
    _ = server.text()
  }

  @Test(arguments: ["TLSv1_2", "TLSv1_3"])
  func halfClose(version: String) throws {
    let (server, port) = try pythonServer("echo", version)
    let client = try LoopbackClient(port: port, trusting("ca.pem"), protocols: ["http/1.1"])
    let first = client.seen.collect { if case .tls = $0 { true } else { false } }
    #expect(first == [.tls(.established(protocol: "http/1.1", version: version.replacing("_", with: ".")))])
    let data = pattern(50 << 20)
    try client.send(data)
    try client.channel.close(mode: .output).wait()
    #expect(client.seen.collect() == [.bytes(data), .inputClosed, .inactive])
    #expect(server.text().hasSuffix("\n\(data.readableBytes)\n"))
  }

  @Test(arguments: ["TLSv1_2", "TLSv1_3"])
  func truncated(version: String) throws {
    let (server, port) = try pythonServer("truncate", version)
    let client = try LoopbackClient(port: port, trusting("ca.pem"))
    let all = client.seen.collect { $0 == .inputClosed }
    #expect(all.dropFirst() == [.bytes(ByteBuffer(string: "half of it")), .tls(.truncated), .inputClosed])
    try client.channel.close().wait()
    _ = server.text()
  }

  @Test func endDuringTheHandshake() throws {
    let server = try LoopbackServer { [Hangup()] }
    let client = try LoopbackClient(port: server.port, trusting("ca.pem"))
    let all = client.seen.collect()
    #expect(all == [.tls(.failed(reason: "the connection ended during the handshake", verifyError: nil)), .inactive])
    try server.close()
  }

  @Test func serverThatSpeaksNoTLS() throws {
    let server = try LoopbackServer { [Greeting()] }
    let client = try LoopbackClient(port: server.port, trusting("ca.pem"))
    let all = client.seen.collect()
    #expect(all == [.tls(.failed(reason: "wrong version number", verifyError: nil)), .inactive])
    try server.close()
  }

  /// The host's own store: nobody there issued the test's certificates.
  @Test func hostsTrust() throws {
    let (server, port) = try opensslServer("leaf", [])
    let client = try LoopbackClient(port: port, TLSContext.client())
    let all = client.seen.collect()
    #expect(
      all.first
        == .tls(.failed(reason: "certificate verify failed", verifyError: "unable to get local issuer certificate")))
    _ = server.text()
  }
}

private final class Hangup: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}

private final class Greeting: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "220 mail.example.test ready\r\n")), promise: nil)
  }
}
