import COpenSSL
import NIOCore

/// The two queues of ciphertext between OpenSSL and the channel: what came and is not decrypted, and what was encrypted and is not sent.
final class TransportQueues {
  var inbound = ByteBuffer()
  var outbound = ByteBuffer()
}

/// A BIO in memory over `TransportQueues`. OpenSSL's own (BIO_s_mem) would copy each record once more on both ways, and move what is left.
enum TransportBIO {
  /// - Returns: a BIO that does not retain the queues: they are to outlive it.
  static func make(_ queues: TransportQueues) -> OpaquePointer? {
    guard let method, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(queues).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }

  /// Never changed after it is made, and never freed.
  nonisolated(unsafe) private static let method: OpaquePointer? = {
    let sourceSink: Int32 = 0x0400
    guard let method = BIO_meth_new(BIO_get_new_index() | sourceSink, "ByteBuffer") else { return nil }
    BIO_meth_set_read(method) { bio, bytes, count in TransportBIO.read(bio, bytes, count) }
    BIO_meth_set_write(method) { bio, bytes, count in TransportBIO.write(bio, bytes, count) }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    return method
  }()

  private static func queues(_ bio: OpaquePointer?) -> TransportQueues {
    Unmanaged<TransportQueues>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
  }

  private static func read(_ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    let queues = queues(bio)
    let taken = min(Int(count), queues.inbound.readableBytes)
    guard taken > 0, let bytes else {
      // Nothing yet; the end of the transport is told by the handler, never by an end of file here.
      BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
      return -1
    }
    queues.inbound.readWithUnsafeReadableBytes { source in
      UnsafeMutableRawPointer(bytes).copyMemory(from: source.baseAddress!, byteCount: taken)
      return taken
    }
    return Int32(taken)
  }

  private static func write(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    guard count > 0, let bytes else { return 0 }
    queues(bio).outbound.writeBytes(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    return count
  }
}
