import Network
import Testing

@testable import Proxy

struct ProxiedRequestsTests {
  @Test(arguments: [
    ("example.org", 80, "GET /a?b HTTP/1.1", "GET http://example.org/a?b HTTP/1.1\r\n"),
    ("example.org", 8080, "GET / HTTP/1.0", "GET http://example.org:8080/ HTTP/1.0\r\n"),
    ("2001:db8::1", 8080, "GET / HTTP/1.1", "GET http://[2001:db8::1]:8080/ HTTP/1.1\r\n"),
    ("example.org", 80, "OPTIONS * HTTP/1.1", "OPTIONS http://example.org HTTP/1.1\r\n"),
    ("example.org", 80, "GET http://example.org/x HTTP/1.1", "GET http://example.org/x HTTP/1.1\r\n"),
  ])
  func targetsAreURLs(_ host: String, _ port: UInt16, _ line: String, _ result: String) throws {
    let head = try HTTPHead(parsing: Array((line + "\r\n\r\n").utf8), .request, allowsBareLineFeeds: false)
    let requests = ProxiedRequests(try UpstreamProxy("proxy:1"), to: try #require(Domain(host)), port: port)
    #expect(String(decoding: requests.startLine(head), as: UTF8.self) == result)
    #expect(requests.fields.isEmpty)
  }

  /// RFC 7617, 2
  @Test func whoAsksIsSaid() throws {
    let proxy = try UpstreamProxy("http://Aladdin:open%20sesame@proxy:1")
    #expect(proxy.authorization?.value == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
  }
}
