import NIOCore

/// A request and its answer, as an event tells of them.
public struct HTTPExchange: Equatable, Sendable {
  public let method: String
  /// As it is recorded: without credentials.
  public let target: String
  /// 0 if there was no answer.
  public internal(set) var status = 0
  /// Of the body, without transfer coding.
  public internal(set) var requestBytes: UInt64 = 0
  public internal(set) var responseBytes: UInt64 = 0
  /// Whether the answer came to its end.
  public internal(set) var isComplete = false
  /// Why it was not let through, for the user; nil for what was, and for a wrong request.
  public internal(set) var refusal: String?
  /// When the request's head had come.
  let began = NIODeadline.now()
  /// When it had ended; nil if that is now.
  var ended: NIODeadline?

  init(_ head: HTTPHead, _ credentials: Credentials) {
    method = String(decoding: head.method, as: UTF8.self)
    target = String(decoding: credentials.hiding(inURL: head.target), as: UTF8.self)
  }
}
