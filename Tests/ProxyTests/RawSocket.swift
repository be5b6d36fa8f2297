import Glibc

/// A socket of TCP on loopback that waits, as a program's own would; and gives up after 20 s, as a test must.
final class RawSocket {
  let descriptor: Int32

  init(descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  convenience init(port: Int) {
    self.init(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    var address = Self.loopback(port)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    precondition(result == 0)
  }

  deinit { close(descriptor) }

  static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  func closeOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes so that the other side sees a reset.
  func setReset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  enum End { case open, ended, reset, timeout }

  private(set) var end = End.open

  /// Some bytes; none at the end.
  func receive(_ most: Int = 1 << 16) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: most)
    let count = recv(descriptor, &buffer, most, 0)
    if count == 0 { end = .ended }
    if count < 0 { end = errno == EAGAIN ? .timeout : .reset }
    return Array(buffer.prefix(max(0, count)))
  }

  func receiveAll() -> String {
    var result: [UInt8] = []
    while end == .open { result += receive() }
    return String(decoding: result, as: UTF8.self)
  }

  /// Up to and with some text.
  func receive(through text: String) -> String {
    var result: [UInt8] = []
    let wanted = Array(text.utf8)
    while end == .open, !result.suffix(wanted.count).elementsEqual(wanted) { result += receive(1) }
    return String(decoding: result, as: UTF8.self)
  }

  /// A number of bytes.
  func receive(exactly count: Int) -> String {
    var result: [UInt8] = []
    while end == .open, result.count < count { result += receive(count - result.count) }
    return String(decoding: result, as: UTF8.self)
  }
}
