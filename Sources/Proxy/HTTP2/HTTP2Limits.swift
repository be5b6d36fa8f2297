import NIOCore
import NIOHTTP2

/// What the proxy lets its peers of HTTP/2 do.
enum HTTP2Limits {
  /// Bytes of a stream that may wait for the other side. To a guest there is no distance to speak of; to a server there may be 100 ms.
  private static let guestWindow = 256 << 10
  private static let upstreamWindow = 1 << 20
  /// Of all streams of a connection: so much memory is taken at most.
  static let connectionWindow = 16 << 20
  /// RFC 9113, 6.9.2: what it is before it is raised.
  static let initialConnectionWindow = 65_535

  /// Streams that a guest may have open.
  static let mostStreams = 1000
  /// RFC 9113, 6.5.2: a server that has not said otherwise has no limit, and none has less.
  static let firstStreams = 100

  /// Of RST_STREAM in 30 s: a client that gives up one request after another makes work without end otherwise (CVE-2023-44487).
  private static let mostResets = 1000
  /// Of PING, SETTINGS and PRIORITY in 30 s. Clients of gRPC measure by PING; browsers of some years ago have sent PRIORITY for each stream.
  private static let mostControlFrames = 5000
  private static let mostEmptyDataFrames = 8
  /// Streams that were reset a moment ago, on which something may come still.
  private static let mostRecentlyReset = 1000
  /// Frames that may wait for a peer that does not read.
  private static let mostBufferedControlFrames = 4096

  static func handler(
    _ mode: NIOHTTP2Handler.ParserMode, _ delegate: any NIOHTTP2FrameDelegate
  ) -> NIOHTTP2Handler {
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .initialWindowSize, value: mode == .server ? guestWindow : upstreamWindow),
      HTTP2Setting(parameter: .maxHeaderListSize, value: HTTPHead.longest),
      mode == .server
        ? HTTP2Setting(parameter: .maxConcurrentStreams, value: mostStreams)
        : HTTP2Setting(parameter: .enablePush, value: 0),
    ]
    connection.maximumSequentialEmptyDataFrames = mostEmptyDataFrames
    connection.maximumBufferedControlFrames = mostBufferedControlFrames
    connection.maximumRecentlyResetStreams = mostRecentlyReset
    connection.controlFrameRateLimit.maximumCount = mostControlFrames
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.streamResetFrameRateLimit.maximumCount = mostResets
    return NIOHTTP2Handler(
      mode: mode, frameDelegate: delegate, connectionConfiguration: connection, streamConfiguration: stream)
  }

  /// Of which half of a stream's window is given back at once.
  static func window(_ mode: NIOHTTP2Handler.ParserMode) -> Int { mode == .server ? guestWindow : upstreamWindow }
}
