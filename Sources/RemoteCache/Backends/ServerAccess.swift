import NIOCore
import NIOHTTP1
import Skipping
import TLS

/// How a thread reaches the server: a connection that is made when it is needed, and kept.
final class ServerAccess {
  let address: CacheAddress
  private let headers: [(name: String, value: String)]
  private let group: any EventLoopGroup
  private let tls: TLSContext?
  private var connection: Connection?

  init(
    _ address: CacheAddress, headers: [(name: String, value: String)], _ group: any EventLoopGroup, _ tls: TLSContext?
  ) {
    self.address = address
    self.headers = headers
    self.group = group
    self.tls = tls
  }

  func head(_ method: HTTPMethod, _ path: String, _ fields: [(String, String)]) -> HTTPRequestHead {
    var all = HTTPHeaders(fields)
    all.replaceOrAdd(name: "host", value: address.authority)
    for header in headers { all.add(name: header.name, value: header.value) }
    return HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: all)
  }

  /// Makes a request. One that fails on a connection that was used before, without an answer, is made once more on another: servers close what was idle.
  /// - Parameters:
  ///   - isRepeatable: whether `body` can be called twice.
  ///   - body: makes it, and reads the answer to its end; what it leaves unread ends the connection.
  func exchange<Answer>(
    isRepeatable: Bool = true, _ body: (inout Exchange) throws(CacheFailure) -> Answer
  ) throws(CacheFailure) -> Answer {
    while true {
      let used: Connection
      if let connection, connection.isUsable { used = connection } else { used = try Connection(address, group, tls) }
      connection = used
      let isOld = used.isUsed
      var exchange = try used.begin()
      do throws(CacheFailure) {
        return try body(&exchange)
      } catch {
        used.settle()
        let isLost = isOld && isRepeatable && !used.isUsable && !error.isFinal && !error.isOfOne
        if !error.isOfOne {
          used.abandon(exchange)
          connection = nil
        }
        if !isLost { throw error }
      }
    }
  }
}
