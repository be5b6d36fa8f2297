import Glibc
import Network
import Synchronization
import SystemPackage

/// The requests and answers of a run, below `net/` of its trace.
///
/// An exchange is a directory `net/<domain>/requests/<n>`, n = 1, 2, … in the order in which the domain's requests came. While it is written
/// it is `.<n>`. What is there if the proxy ended in the middle stays `.<n>`, and nobody reads it.
///
/// | file | holds |
/// |---|---|
/// | `request` | the request line and fields as the guest sent them, a line feed after each; if there were fields after a chunked body, an empty line and those |
/// | `request-body` | the body without its transfer coding, its Content-Encoding kept; not there if empty |
/// | `response` | the final answer's status line and fields, in the same way; not there if none came |
/// | `response-body` | as `request-body` |
/// | `turns` | of HTTP/2, where the answer began before the request had ended: lines of bytes that the guest had said, a tab, bytes of the body that it was given then, and `end` if that was all (``ExchangeTurn``) |
/// | `meta` | lines of a key, a tab and a value: ``ExchangeMeta`` |
/// | `stream` | what followed an answer 101 on the connection, in the format of ``StreamPiece``; of WebSocket the guest's frames are without their masking keys. Until the end of the connection it is `.stream` |
///
/// The keys of `meta`: `scheme` (http, https), `port`, `connection`, `process`, `order`, `started` and `ended` (ns since 1970), `request-digest`
/// (SHA-256 of `request-body`, hexadecimal), `state` (`complete`, or `aborted` if the answer did not come to its end), `reset` (the code of the RST_STREAM
/// that ended a stream of HTTP/2, if one did).
///
/// Of HTTP/2 the first lines are `GET /path HTTP/2` and `HTTP/2 200`; `:authority` is the first field, `host`. That version is how a replay knows what a
/// domain's port has spoken, and so what it chooses by ALPN.
///
/// What was downloaded stands beside them under the path that it has in its URL, too (``RecordedPath``): a GET without a body, answered 200, or
/// 206 in parts that make a whole, without a content coding.
///
/// Values of Authorization, Proxy-Authorization, Cookie, Set-Cookie and of token-like parameters in queries are `digest:` and a keyed digest
/// (``Credentials``). Headers that the proxy adds are not there.
public final class ExchangeStore: Sendable {
  private struct State {
    var next: [Domain: UInt64] = [:]
  }

  private let directory: NetworkDirectory
  let credentials: Credentials
  private let downloads = Downloads()
  private let threads: RecordingThreads
  private let state = Mutex(State())
  /// Counts the exchanges of all domains.
  private let orders: SharedNumber

  /// - Parameters:
  ///   - directory: a trace's `net`.
  ///   - key: of the digests of credentials.
  ///   - threads: that write.
  public init(_ directory: NetworkDirectory, key: [UInt8], threads: RecordingThreads) {
    self.directory = directory
    self.threads = threads
    orders = SharedNumber()
    credentials = Credentials(key: key)
  }

  /// - Throws: what the file system says.
  func requests(of domain: Domain) throws(Errno) -> DirectoryHandle {
    let path = try directory.path(of: domain) + "/requests"
    if mkdir(path, 0o755) < 0, errno != EEXIST { throw Errno(rawValue: errno) }
    let requests = try DirectoryHandle(path)
    // Numbers go on after those of a proxy that ended before.
    let isKnown = state.withLock { $0.next[domain] != nil }
    if !isKnown {
      let last = try requests.lastNumber()
      state.withLock { if $0.next[domain] == nil { $0.next[domain] = UInt64(last) + 1 } }
    }
    return requests
  }

  /// What writes the exchanges of one connection.
  func queue() -> RecordingQueue { RecordingQueue(threads) }

  /// A new exchange, whose request's head has come.
  /// - Parameters:
  ///   - requests: what `requests(of:)` gave for the connection's domain.
  ///   - queue: the connection's.
  func begin(
    _ head: HTTPHead, of connection: HTTPConnection, in requests: DirectoryHandle, by queue: RecordingQueue
  ) -> ExchangeWriter {
    let (number, order) = state.withLock { state in
      let number = state.next[connection.domain] ?? 1
      state.next[connection.domain] = number + 1
      return (number, orders.next())
    }
    var meta = ExchangeMeta()
    meta.scheme = connection.scheme.rawValue
    meta.port = connection.port
    meta.connection = connection.number
    meta.process = connection.process
    meta.order = order
    let download = head.method.elementsEqual("GET".utf8) ? Download(downloads, of: connection.domain) : nil
    return ExchangeWriter(number, meta, head, credentials, download, in: requests, by: queue)
  }

  /// Waits until all is written. Nothing more comes.
  public func finish() {
    threads.finish()
    downloads.finish()
  }
}
