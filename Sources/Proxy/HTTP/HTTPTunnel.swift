import NIOCore
import Network

/// A connection within another one, for which a CONNECT has asked (RFC 9110, 9.3.6).
struct HTTPTunnel {
  let target: Target
  /// What the two sides have sent of it before, and whether that was all.
  let guestBytes, upstreamBytes: ByteBuffer
  let hasGuestEnded, hasUpstreamEnded: Bool
  /// Told how many bytes the guest and the upstream have sent within it.
  let ended: (UInt64, UInt64) -> Void

  /// Where it leads.
  struct Target: Hashable, Sendable {
    let domain: Domain
    let port: UInt16
  }
}

/// Who lets guests make connections within their connections, and takes those over.
struct HTTPTunnels {
  /// Why the guest may not have one, as a sentence without its full stop; nil if it may.
  let refusal: (HTTPTunnel.Target) -> String?
  /// The channels are the tunnel's from then on.
  let begin: (HTTPTunnel) throws -> Void
}
