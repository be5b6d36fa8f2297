import NIOCore

/// Tells from a connection's first bytes, in whatever pieces they come, whether it is TLS, and what its ClientHello asks for.
///
/// All bytes are kept in `received`, for the handler that afterwards speaks TLS must be fed them first. Each byte is looked at once, so a
/// client that sends single bytes costs no more than they do.
public struct ClientHelloParser: Sendable {
  public enum Result: Sendable, Equatable {
    case needMore
    /// The first bytes are no TLS record with a ClientHello in it: some other protocol.
    case notTLS
    case hello(serverName: String?, protocols: [String])
    /// It began as TLS, but is broken or larger than `maximumBytes`.
    case malformed
  }

  /// How much is read of a ClientHello, records' headers and all. Real ones have up to 2 KiB, with post-quantum keys and tickets 5 KiB.
  public static let maximumBytes = 64 << 10

  /// All that was given to `append`.
  public private(set) var received = ByteBuffer()
  /// The answer so far; it does not change once it is another than `needMore`.
  public private(set) var result = Result.needMore

  /// Where in `received` the next record begins.
  private var recordStart = 0
  /// What the records before `recordStart` carried.
  private var message: [UInt8] = []

  public init() {}

  @discardableResult
  public mutating func append(_ bytes: ByteBuffer) -> Result {
    received.writeImmutableBuffer(bytes)
    if result == .needMore { result = advance() }
    return result
  }

  private mutating func advance() -> Result {
    while true {
      guard let length = recordLength() else { return recordStart == 0 ? .notTLS : .malformed }
      guard let length, let body = received.getBytes(at: recordStart + 5, length: length) else {
        return received.readableBytes < Self.maximumBytes ? .needMore : .malformed
      }
      guard recordStart + 5 + length <= Self.maximumBytes else { return .malformed }
      message += body
      recordStart += 5 + length
      guard message.count >= 4 else { continue }
      let size = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
      guard size <= Self.maximumBytes else { return .malformed }
      guard message.count >= 4 + size else { continue }
      // Nothing may follow before the server has answered (early data, which comes at once, is in records of its own).
      guard message.count == 4 + size, let hello = ClientHello(body: Array(message.dropFirst(4))) else {
        return .malformed
      }
      return .hello(serverName: hello.serverName, protocols: hello.protocols)
    }
  }

  /// How long the record at `recordStart` is without its header.
  ///
  /// - Returns: `.some(nil)` while its header is not whole, nil if what is there of it is no handshake record.
  private func recordLength() -> Int?? {
    // Type handshake; version 3.x, of which x is meaningless (RFC 8446, section 5.1); at most 2^14 bytes, and never none.
    let header = received.viewBytes(
      at: recordStart, length: min(6, received.readableBytes - recordStart))!
    for (index, byte) in header.enumerated() {
      switch index {
      case 0 where byte != 22, 1 where byte != 3, 2 where byte > 4, 3 where byte > 0x40: return nil
      // The first message of a connection is a ClientHello.
      case 5 where recordStart == 0 && byte != 1: return nil
      default: continue
      }
    }
    guard header.count >= 5 else { return .some(nil) }
    let length = Int(header[header.startIndex + 3]) << 8 | Int(header[header.startIndex + 4])
    return (1...(1 << 14)).contains(length) ? .some(length) : nil
  }
}
