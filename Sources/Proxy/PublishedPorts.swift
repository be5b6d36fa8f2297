import NIOCore
import NIOPosix
import Network
import SystemPackage

/// Servers of the guest's that are reached from the host.
struct PublishedPorts: Sendable {
  /// What has become of a connection from outside.
  typealias Joined = @Sendable (_ outside: any Channel, _ guest: any Channel, PublishedPort) -> Void

  let gate: Gate
  let group: MultiThreadedEventLoopGroup
  let threads: NIOThreadPool

  /// Waits until the host's port is open.
  /// - Throws: a message for the user where it cannot be.
  func open(_ port: PublishedPort, _ joined: @escaping Joined) throws(PublishingError) {
    do {
      _ = try ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.autoRead, value: false)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelInitializer { outside in
          do { try outside.pipeline.syncOperations.addHandlers([PatientClose(), HeldInput()]) } catch {
            return outside.eventLoop.makeFailedFuture(error)
          }
          let loop = outside.eventLoop
          let accepted = threads.runIfActive(eventLoop: loop) { try gate.connect(toGuest: port.guestPort) }
            .flatMap { Bootstrap.client(loop).withConnectedSocket($0.rawValue) }
          accepted.whenSuccess { joined(outside, $0, port) }
          // As a host answers at whose port nobody listens.
          accepted.whenFailure { _ in outside.reset() }
          return loop.makeSucceededVoidFuture()
        }
        .bind(host: "\(port.endpoint.address)", port: Int(port.endpoint.port)).wait()
    } catch {
      throw PublishingError(
        port: port, reason: (error as? IOError).map { "\(Errno(rawValue: $0.errnoCode))" } ?? "\(error)")
    }
  }
}

struct PublishingError: Error, CustomStringConvertible {
  let port: PublishedPort
  let reason: String

  var description: String { "cannot publish at \(port.endpoint): \(reason)" }
}

enum Bootstrap {
  /// For both ends of a connection: nothing is read before the other is there, and each direction ends by itself.
  static func client(_ loop: any EventLoop) -> ClientBootstrap {
    ClientBootstrap(group: loop)
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([PatientClose(), HeldInput()])
        }
      }
  }
}
