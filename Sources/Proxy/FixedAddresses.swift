import NIOCore
import NIOPosix
import Network

/// Addresses that are known, for NIO's way to try those of both families (RFC 8305).
struct FixedAddresses: Resolver, Sendable {
  let addresses: [IPAddress]
  let loop: any EventLoop

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { find(.ipv4, port) }
  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { find(.ipv6, port) }
  func cancelQueries() {}

  private func find(_ family: IPAddress.Family, _ port: Int) -> EventLoopFuture<[SocketAddress]> {
    let found = addresses.filter { $0.family == family }
    return loop.makeSucceededFuture(found.compactMap { try? SocketAddress(ipAddress: $0.description, port: port) })
  }
}
