import Glibc
import Network
import Synchronization
import SystemPackage
import Tracing

/// The requests and answers of a run, below `net/` of its trace.
///
/// They are numbered n = 1, 2, … in the order in which the domain's requests came, and stand in `net/<domain>/requests`:
///
/// | file | holds |
/// |---|---|
/// | `log` | a record of each exchange that has ended (``ExchangeRecord``), with what the parts below are |
/// | `<n>.request-body`, `<n>.response-body` | a body of more than 16 KiB |
/// | `<n>.stream` | what followed an answer 101 on the connection, in the format of ``StreamPiece``; of WebSocket the guest's frames are without their masking keys. Until the end of the connection it is `.<n>.stream` |
///
/// | part of a record | holds |
/// |---|---|
/// | `request` | the request line and fields as the guest sent them, a line feed after each; if there were fields after a chunked body, an empty line and those |
/// | `request-body` | the body without its transfer coding, its Content-Encoding kept; not there if empty |
/// | `interim` | answers of status 1xx that came before the final one, but for 101, in the same way, with an empty line after each |
/// | `response` | the final answer's status line and fields, in the same way; not there if none came |
/// | `response-body` | as `request-body` |
/// | `turns` | of HTTP/2, where the answer began before the request had ended: lines of bytes that the guest had said, a tab, bytes of the body that it was given then, and `end` if that was all (``ExchangeTurn``) |
///
/// The keys of a record: `exchange` (n), `scheme` (http, https), `port`, `connection`, `process`, `order`, `started` and `ended` (ns since 1970), `request-digest`
/// (SHA-256 of the request's body, hexadecimal), `state` (`complete`, or `aborted` if the answer did not come to its end), `reset` (the code of the RST_STREAM
/// that ended a stream of HTTP/2, if one did), and for each part its bytes.
///
/// What is there of an exchange without a record is of one that had not ended when the proxy was killed, and nobody reads it.
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
  private struct Known {
    weak var requests: RequestsDirectory?
    let progress: RequestsDirectory.Progress
  }

  private let directory: NetworkDirectory
  let credentials: Credentials
  private let downloads = Downloads()
  private let threads: RecordingThreads
  /// What is open is open while a connection uses it.
  private let known = Mutex<[Domain: Known]>([:])
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
  func requests(of domain: Domain) throws(Errno) -> RequestsDirectory {
    try known.withLock { known throws(Errno) in
      if let open = known[domain]?.requests { return open }
      let requests = try RequestsDirectory(
        try directory.path(of: domain) + "/requests", after: known[domain]?.progress)
      known[domain] = Known(requests: requests, progress: requests.progress)
      return requests
    }
  }

  /// What writes the exchanges of one connection.
  func queue() -> RecordingQueue { RecordingQueue(threads) }

  /// A new exchange, whose request's head has come.
  /// - Parameters:
  ///   - requests: what `requests(of:)` gave for the connection's domain.
  ///   - queue: the connection's.
  func begin(
    _ head: HTTPHead, of connection: HTTPConnection, in requests: RequestsDirectory, by queue: RecordingQueue
  ) -> ExchangeWriter {
    var meta = ExchangeMeta()
    meta.scheme = connection.scheme.rawValue
    meta.port = connection.port
    meta.connection = connection.number
    meta.process = connection.process
    meta.order = orders.next()
    let download = head.method.elementsEqual("GET".utf8) ? Download(downloads, of: connection.domain) : nil
    return ExchangeWriter(requests.begin(), meta, head, credentials, download, in: requests, by: queue)
  }

  /// Waits until all is written. Nothing more comes.
  public func finish() {
    threads.finish()
    downloads.finish()
  }
}
