import NIOHTTP2

/// A stream of a guest's and the one of the same number upstream.
final class HTTP2Exchange {
  let stream: HTTP2StreamID
  let record: RelayedExchange
  /// The request as it goes upstream, until its stream is opened; nil from then on.
  var held: [HTTP2Frame.FramePayload]? = []

  /// DATA that is on its way to the guest, and what ends the stream after it.
  var inFlight = 0
  var lateReset: HTTP2ErrorCode?

  init(_ stream: HTTP2StreamID, _ record: RelayedExchange) {
    self.stream = stream
    self.record = record
  }
}
